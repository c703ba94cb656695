//! Logging in. Every try is a fact, the good ones and the others.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use chrono::TimeDelta;
use domain::{
    LogInId, Sealed, UserId,
    accounts::{
        LinkPurpose, LogIn, LogInCommand, LogInMethod, LogInOutcome, LogInTried, User, UserCommand,
    },
};
use projections::accounts::{self, UserRow};
use tracing::instrument;

use super::{
    Accounts, authority, fields,
    guesses::{COUNTED, Pair, Seen, Ticket, UNDER_ATTACK, Verdict, judge},
    password::{self, Verified},
    phone,
};
use crate::{
    By, Failure, LinkKey, Peer, Refusal,
    sealing::Place,
    work::{Work, decide},
};

/// How long a try may wait for others that are being looked at.
const PATIENCE: Duration = Duration::from_secs(15);
/// Who logged in from somewhere within this time was there before.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// A try that is being looked at.
pub(super) struct Try {
    user: Option<UserId>,
    pair: Pair,
    from: Option<Peer>,
    method: LogInMethod,
    /// Others count it until its end is in the log.
    ticket: Option<Ticket>,
}

impl Accounts<'_> {
    /// The same as [`log_in_from`](Self::log_in_from) on the machine itself.
    pub async fn log_in(&self, login: &str, password: &str) -> Result<String, Failure> {
        self.log_in_from(login, password, None).await
    }

    /// Exchanges a user name, an e-mail address or a phone number and a password for the account's bearer token, which is the
    /// same every time until all tokens are ended.
    #[instrument(name = "user.log_in", skip_all)]
    pub async fn log_in_from(
        &self,
        login: &str,
        password: &str,
        from: Option<Peer>,
    ) -> Result<String, Failure> {
        let sealing = self.0.sealing();
        let names = self.user_names(login);
        let prefixes = &self.0.settings().accounts.phone_prefixes;
        let phones: Vec<String> =
            phone::spellings(login, prefixes).iter().map(|phone| sealing.phone(phone)).collect();
        let email = sealing.email(login);
        let found = accounts::by_login(self.0.store(), &phones, Some(&email), &names).await?;
        let known = found.as_ref().map(|user| user.id);
        let called = sealing.username(&phone::one_spelling(&fields::spelt(login), prefixes));
        let tried = self.admit(known, &called, from, LogInMethod::Password).await?;

        let hash = match &found {
            Some(user) => match &user.password {
                Some(sealed) => Some(sealing.open(Place::Password(user.id), sealed).await?),
                None => None,
            },
            None => None,
        };
        // Unknown accounts take as long as known ones.
        let verified = password::verify(self.0, password, hash).await?;
        let outcome = match &found {
            None => LogInOutcome::UnknownAccount,
            Some(_) if verified == Verified::No => LogInOutcome::WrongPassword,
            Some(user) if !self.works(user) => LogInOutcome::Inactive,
            Some(_) => LogInOutcome::Succeeded,
        };
        let Some(user) = found.filter(|_| outcome == LogInOutcome::Succeeded) else {
            self.note(tried, outcome).await?;
            return Err(Failure::Unauthenticated);
        };
        if verified == Verified::YesAnew {
            // Another log-in will do, too.
            if let Err(failure) = self.rehash(&user, password).await {
                tracing::warn!("a password stays under its old hash for now: {failure}");
            }
        }
        self.token_of(&user, &tried, None).await
    }

    /// Fingerprints of the user names that somebody who writes this may have: as it is written, which accounts from before names
    /// had one spelling may be called, and in that one.
    pub(super) fn user_names(&self, written: &str) -> Vec<String> {
        let spelt = fields::spelt(written);
        let other = (spelt != written).then(|| self.0.sealing().username(&spelt));
        std::iter::once(self.0.sealing().username(written)).chain(other).collect()
    }

    /// Exchanges a mailed link for the account's bearer token. Expired ones count like wrong passwords.
    #[instrument(name = "user.log_in_by_link", skip_all, fields(user.id = %key.user))]
    pub async fn log_in_by_link(
        &self,
        key: &LinkKey,
        from: Option<Peer>,
    ) -> Result<String, Failure> {
        let purpose = LinkPurpose::LogIn;
        let found = accounts::by_id(self.0.store(), key.user).await?;
        let known = found.as_ref().map(|user| user.id);
        let name = self.0.sealing().username(&key.user.to_string());
        let tried = self.admit(known, &name, from, LogInMethod::Link).await?;
        let opened = match self.reached(key, purpose).await {
            Ok(user) => {
                let token = self.token_of(&user, &tried, Some(self.use_link(key, purpose))).await;
                token.map_err(|failure| match failure {
                    Failure::Unauthenticated => Failure::Refused(Refusal::InvalidLink),
                    other => other,
                })
            }
            Err(failure) => Err(failure),
        };
        if let Err(Failure::Refused(Refusal::InvalidLink)) = &opened {
            let outcome = match &found {
                None => LogInOutcome::UnknownAccount,
                Some(user) if !self.works(user) => LogInOutcome::Inactive,
                Some(_) => LogInOutcome::WrongPassword,
            };
            self.note(tried, outcome).await?;
        }
        opened
    }

    /// The token of an account, which is valid from here on, and the fact that somebody logged in for it; what they logged in
    /// with happens together with that.
    async fn token_of(
        &self,
        user: &UserRow,
        tried: &Try,
        with: Option<UserCommand>,
    ) -> Result<String, Failure> {
        let sealing = self.0.sealing();
        let token = sealing.derived_token(user.id, user.epoch);
        let hash = sealing.token(&token);
        let is_new = accounts::by_token(self.0.store(), &hash).await?.is_none();
        let correlation_id = tried.from.and_then(|from| from.correlation_id);
        let by = By::new(authority(user), correlation_id);
        let fact = self.fact(tried, LogInOutcome::Succeeded, 1).await.map_err(gone)?;
        let issue = is_new.then_some(UserCommand::IssueToken(hash));
        let commands: Vec<UserCommand> = with.into_iter().chain(issue).collect();
        let decided: Result<(bool, _), Failure> = decide!(self.0, &by, work => {
            if commands.is_empty() {
                work.hold::<User>(user.id.as_uuid()).await?;
            } else {
                work.open::<User>(user.id.as_uuid()).await?;
            }
            // Tokens that were ended while the password was looked at stay so.
            let known = accounts::by_id(self.0.store(), user.id).await?;
            if !known.is_some_and(|known| known.epoch == user.epoch && self.works(&known)) {
                return Err(Failure::Unauthenticated);
            }
            if !commands.is_empty() {
                work.handle_all::<User>(user.id.as_uuid(), commands.clone()).await?;
            }
            let note = LogInCommand::Note(fact.clone());
            work.handle::<LogIn>(fact.log_in_id.as_uuid(), note).await
        });
        decided.map_err(gone)?;
        Ok(token)
    }

    /// Asks whether a password may be looked at, and waits where that is the answer. What is looked at ends with
    /// [`note`](Self::note).
    pub(super) async fn admit(
        &self,
        user: Option<UserId>,
        login: &str,
        from: Option<Peer>,
        method: LogInMethod,
    ) -> Result<Try, Failure> {
        let login = user.map_or_else(|| login.to_owned(), |user| user.to_string());
        let network = from.map(|from| self.0.sealing().network(network(from.address)));
        let pair = Pair { login, network: network.clone().unwrap_or_default() };
        let mut tried = Try { user, pair, from, method, ticket: None };
        // Somebody on the machine itself has other ways.
        if network.is_none() {
            return Ok(tried);
        }
        let ticket = self.0.guesses().enter(&tried.pair);
        let admitted = tokio::time::timeout(PATIENCE, self.turn(&tried.pair, &ticket)).await;
        match admitted.unwrap_or(Err(Failure::Unavailable))? {
            Verdict::Refused(after) => {
                drop(ticket);
                let now = self.0.world().now();
                let pair = tried.pair.clone();
                if let Some((tried, times)) = self.0.guesses().refused(&pair, tried, now) {
                    self.append(&tried, LogInOutcome::Limited, times).await?;
                }
                Err(Failure::Throttled(after))
            }
            verdict => {
                if let Verdict::Slowly(wait) = verdict {
                    tokio::time::sleep(wait).await;
                }
                tried.ticket = Some(ticket);
                Ok(tried)
            }
        }
    }

    /// What is to be done with a try, once nobody ahead of it decides that.
    async fn turn(&self, pair: &Pair, ticket: &Ticket) -> Result<Verdict, Failure> {
        let (store, settings) = (self.0.store(), &self.0.settings().accounts);
        loop {
            let now = self.0.world().now();
            let since =
                |window: Duration| now - TimeDelta::from_std(window).unwrap_or(TimeDelta::days(1));
            // Before the log: who ends in between is counted twice, and not left out.
            let ahead = ticket.ahead();
            let most = [settings.failures_per_account, COUNTED, settings.failures_per_address];
            let [of_pair, of_login, of_network] = accounts::failures(
                store,
                (&pair.login, since(settings.failures_window)),
                (Some(&pair.network), since(settings.failures_address_window)),
                most,
            )
            .await?;
            let was_here = of_login.count >= UNDER_ATTACK
                && accounts::was_here(store, &pair.login, Some(&pair.network), now - REMEMBERED)
                    .await?;
            let seen =
                Seen { pair: of_pair, login: of_login, network: of_network, ahead, was_here };
            match judge(&seen, settings, now) {
                Verdict::AfterOthers => ticket.fewer(&seen, settings).await,
                verdict => return Ok(verdict),
            }
        }
    }

    /// Writes down how a try ended.
    pub(super) async fn note(&self, tried: Try, outcome: LogInOutcome) -> Result<(), Failure> {
        let noted = self.append(&tried, outcome, 1).await;
        drop(tried.ticket);
        noted
    }

    async fn append(&self, tried: &Try, outcome: LogInOutcome, times: u32) -> Result<(), Failure> {
        let fact = match self.fact(tried, outcome, times).await {
            // Whoever was erased a moment ago leaves nothing behind.
            Err(Failure::NotFound(_)) => return Ok(()),
            fact => fact?,
        };
        let mut by = By::system("log_in");
        by.correlation_id = tried.from.and_then(|from| from.correlation_id);
        decide!(self.0, &by, work => {
            if let Some(user) = tried.user
                && !self.still_there(&mut work, user).await?
            {
                return Ok(false);
            }
            let note = LogInCommand::Note(fact.clone());
            work.handle::<LogIn>(fact.log_in_id.as_uuid(), note).await
        })?;
        Ok(())
    }

    /// Is there such an account, until the work is done? Otherwise it is decided again.
    async fn still_there(&self, work: &mut Work<'_>, user: UserId) -> Result<bool, Failure> {
        work.hold::<User>(user.as_uuid()).await?;
        Ok(accounts::is_there(self.0.store(), user).await?)
    }

    async fn fact(
        &self,
        tried: &Try,
        outcome: LogInOutcome,
        times: u32,
    ) -> Result<LogInTried, Failure> {
        let id = LogInId::from_uuid(self.0.new_id());
        let address = match tried.from {
            Some(from) => {
                let place = Place::LogInAddress(id, tried.user);
                let sealed = self.0.sealing().seal(place, &from.address.to_string()).await?;
                Some(Sealed { fingerprint: tried.pair.network.clone(), ..sealed })
            }
            None => None,
        };
        let login = tried.user.is_none().then(|| tried.pair.login.clone());
        let (user_id, method) = (tried.user, tried.method);
        Ok(LogInTried { log_in_id: id, user_id, login, outcome, method, address, times })
    }
}

/// Whose account was closed or erased a moment ago has none.
fn gone(failure: Failure) -> Failure {
    match failure {
        Failure::NotFound(_) => Failure::Unauthenticated,
        other => other,
    }
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_stands_for_its_network() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2::"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
