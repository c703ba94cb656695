//! Mailed links: asking for them, and what opening them does.
//!
//! Whoever asks for a link without being signed in learns nothing: the request only orders a mail to the names that were given,
//! with the same one statement for names of nobody. Whether there is an account, the mail worker finds out.

use std::{fmt, net::IpAddr};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Permission, Problem, UserId,
    accounts::{LinkPurpose, User, UserCommand},
};
use projections::{
    LogInNames, MailJob,
    accounts::{self, UserRow},
};
use secrecy::{ExposeSecret as _, SecretString};
use store::{Jobs, NewJob};
use tracing::instrument;
use uuid::Uuid;

use super::{Accounts, addresses::ADDRESS, authority, phone};
use crate::{
    By, Done, Failure, Refusal, World,
    work::{Work, decide},
};

/// Characters of what somebody may log in with.
const LONGEST_NAME: usize = 254;
/// Random bytes of a link's token.
const TOKEN_BYTES: usize = 32;
/// One mail of a kind to one name in so many seconds.
const SLOT: i64 = 60;

/// What stands in a mailed link: whose it is, and its token.
#[derive(Clone)]
pub struct LinkKey {
    pub(crate) user: UserId,
    pub(crate) token: SecretString,
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkKey").field("user", &self.user).finish_non_exhaustive()
    }
}

impl LinkKey {
    /// Of two texts that stand apart: an account's id, with or without hyphens, and a token.
    pub fn new(user: &str, token: &str) -> Option<Self> {
        let user = UserId::from_uuid(Uuid::try_parse(user).ok()?);
        Some(Self { user, token: token.to_owned().into() })
    }

    /// `<32 hexadecimal digits>-<64 hexadecimal digits>`, as in links.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, token) = text.split_once('-')?;
        Self::new(user, token)
    }

    /// A fresh one.
    pub(crate) fn make(user: UserId, world: &dyn World) -> Self {
        Self { user, token: world.secret(TOKEN_BYTES).into() }
    }

    /// As in links.
    pub(crate) fn text(&self) -> SecretString {
        let user = self.user.as_uuid();
        format!("{}-{}", user.simple(), self.token.expose_secret()).into()
    }
}

/// How long a mailed link works, and how long it is worth sending.
pub(crate) fn lifetime(purpose: LinkPurpose) -> TimeDelta {
    match purpose {
        LinkPurpose::PasswordReset => TimeDelta::hours(1),
        LinkPurpose::Confirmation => TimeDelta::days(3),
        LinkPurpose::LogIn => TimeDelta::minutes(30),
    }
}

impl Accounts<'_> {
    /// Orders a mail with a link to choose another password, to whoever logs in with this name, if anybody does.
    #[instrument(name = "user.request_password_reset", skip_all)]
    pub async fn request_password_reset(&self, name: &str, peer: IpAddr) -> Result<(), Failure> {
        self.request("reset", name, peer, MailJob::PasswordReset).await
    }

    /// Orders a mail with a link to log in, to whoever logs in with this name, if anybody does.
    #[instrument(name = "user.request_log_in_link", skip_all)]
    pub async fn request_log_in_link(&self, name: &str, peer: IpAddr) -> Result<(), Failure> {
        self.request("log_in", name, peer, MailJob::LogIn).await
    }

    async fn request(
        &self,
        kind: &str,
        name: &str,
        peer: IpAddr,
        mail: impl FnOnce(LogInNames) -> MailJob,
    ) -> Result<(), Failure> {
        if !self.0.asked().allow(peer) {
            return Err(Failure::RateLimited);
        }
        self.mail_works()?;
        if name.chars().count() > LONGEST_NAME {
            return Ok(());
        }
        let (sealing, now) = (self.0.sealing(), self.0.world().now());
        let name = name.trim();
        let prefixes = &self.0.settings().accounts.phone_prefixes;
        let names = LogInNames {
            phones: phone::spellings(name, prefixes).iter().map(|it| sealing.phone(it)).collect(),
            email: sealing.email(name),
            username: sealing.username(name),
            spelt: self.user_names(name).pop(),
        };
        let key = format!("mail:{kind}:{}:{}", names.username, slot(now));
        self.order(key, &mail(names), now).await
    }

    /// Mails another link to a listed address that is not verified; by the account itself, and by those who may change it.
    #[instrument(name = "user.resend_confirmation", skip_all, fields(user.id = %id))]
    pub async fn resend_confirmation(
        &self,
        by: &By,
        id: UserId,
        number: u32,
    ) -> Result<(), Failure> {
        if by.authority.is(id) {
            Self::not_narrow(by, id)?;
        } else {
            self.account(by, id, Permission::ChangeEmailAddress).await?;
        }
        let row = accounts::address(self.0.store(), id, number).await?;
        let row = row.ok_or(Failure::NotFound(ADDRESS))?;
        if row.verified {
            let rule = "is verified already".to_owned();
            return Err(Failure::field("email", Problem::Rule(rule)));
        }
        self.mail_works()?;
        let (address, now) = (self.opened_address(row).await?.address, self.0.world().now());
        let mail = MailJob::Confirmation { user_id: id, address: self.0.sealing().email(&address) };
        self.order(format!("mail:confirmation:{id}:{number}:{}", slot(now)), &mail, now).await
    }

    /// Is there anything that takes mails, and a base for links?
    fn mail_works(&self) -> Result<(), Failure> {
        let settings = self.0.settings();
        if settings.mail.enabled && settings.public_url.is_some() {
            return Ok(());
        }
        tracing::warn!("a mail was asked for, but {}", Refusal::NoMail);
        Err(Failure::Refused(Refusal::NoMail))
    }

    async fn order(&self, key: String, mail: &MailJob, now: DateTime<Utc>) -> Result<(), Failure> {
        let job = NewJob {
            kind: MailJob::KIND.to_owned(),
            key,
            organization_id: None,
            payload: mail.payload().map_err(|error| Failure::Broken(Box::new(error)))?,
            total: None,
            run_after: now,
            created_at: now,
        };
        self.0.store().execute(vec![Jobs::enqueue_op(job)]).await?;
        Ok(())
    }

    /// Lets another password be valid for whoever opened a link, and ends all tokens. `field` is what the caller knows the
    /// password by.
    #[instrument(name = "user.reset_password", skip_all, fields(user.id = %key.user))]
    pub async fn reset_password(
        &self,
        key: &LinkKey,
        new: SecretString,
        field: &'static str,
        correlation_id: Option<Uuid>,
    ) -> Result<Done, Failure> {
        let purpose = LinkPurpose::PasswordReset;
        let row = self.reached(key, purpose).await?;
        let by = By::new(authority(&row), correlation_id);
        let sealed = self.chosen_password(&by, &row, new, field).await?;
        let ((), done) = decide!(self.0, &by, work => {
            let commands = vec![
                self.use_link(key, purpose),
                UserCommand::ChangePassword(sealed.clone()),
                UserCommand::EndTokens,
            ];
            work.handle_all::<User>(key.user.as_uuid(), commands).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Verifies the address that a link was mailed to.
    #[instrument(name = "user.confirm_address", skip_all, fields(user.id = %key.user))]
    pub async fn confirm_address(
        &self,
        key: &LinkKey,
        correlation_id: Option<Uuid>,
    ) -> Result<Done, Failure> {
        let purpose = LinkPurpose::Confirmation;
        let row = self.reached(key, purpose).await?;
        let by = By::new(authority(&row), correlation_id);
        let ((), done) = decide!(self.0, &by, work => {
            work.handle::<User>(key.user.as_uuid(), self.use_link(key, purpose)).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Does a link of this purpose work?
    pub async fn link_works(&self, key: &LinkKey, purpose: LinkPurpose) -> Result<bool, Failure> {
        match self.reached(key, purpose).await {
            Ok(_) => Ok(true),
            Err(Failure::Refused(Refusal::InvalidLink)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The account of a link that works. Accounts that do not exist are told apart from wrong tokens by nothing.
    pub(super) async fn reached(
        &self,
        key: &LinkKey,
        purpose: LinkPurpose,
    ) -> Result<UserRow, Failure> {
        let invalid = || Failure::Refused(Refusal::InvalidLink);
        let by = By::system("links");
        let mut work = Work::new(self.0, &by);
        // Decided, and not appended: expensive work follows only for links that work.
        let decided = work.handle::<User>(key.user.as_uuid(), self.use_link(key, purpose)).await;
        let row = accounts::by_id(self.0.store(), key.user).await?;
        match decided {
            Ok(_) => row.filter(|row| self.works(row)).ok_or_else(invalid),
            Err(Failure::NotFound(_)) => Err(invalid()),
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn use_link(&self, key: &LinkKey, purpose: LinkPurpose) -> UserCommand {
        UserCommand::UseLink {
            purpose,
            token: self.0.sealing().link(key.token.expose_secret()),
            now: self.0.world().now(),
        }
    }
}

fn slot(now: DateTime<Utc>) -> i64 {
    now.timestamp() / SLOT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_id_and_a_token() {
        let id = "01936f1e00007000800000000000000a";
        let key = LinkKey::parse(&format!("{id}-5d41")).unwrap();
        assert_eq!(key.user.to_string(), "01936f1e-0000-7000-8000-00000000000a");
        assert_eq!(key.text().expose_secret(), format!("{id}-5d41"));
        assert!(!format!("{key:?}").contains("5d41"));
        for wrong in ["", "-", "zzzz-5d41", "01936f1e00007000800000000000000a"] {
            assert!(LinkKey::parse(wrong).is_none(), "{wrong}");
        }
    }
}
