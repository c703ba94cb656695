//! Erasing people: what is sealed for them, what stands for them, and what they did to be let in.
//!
//! Everything that the database has to forget is forgotten in the transaction of the event. A list outside of the database,
//! written before, keeps a backup from bringing them back.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{
    Event, OrganizationId, Permission, Sealed, UserId,
    accounts::{User, UserCommand, UserEvent},
};
use projections::{
    MailJob, SealedText,
    accounts::{self, Numbered, UserRow},
};
use secrecy::ExposeSecret as _;
use store::{Jobs, Keyring, Query, Recorded, Subject, args};
use tokio::sync::Mutex;
use tracing::instrument;

use super::{Accounts, MODEL, TokenUses, phone};
use crate::{
    By, Done, Failure, Refusal, Requests,
    sealing::Place,
    work::{Work, decide},
};

const STREAM: &str = "user";
/// Stands for what was sealed under a key that is destroyed.
const ERASED: &str = "[erased]";
/// What follows the log may order a mail so long after it was decided.
const FOLLOWED: Duration = Duration::from_secs(2);
/// How often readers may be in the way before the rest is left to a worker.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// What is known of a person, and would be erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonContents {
    /// Events of the account, whose contents are taken out of the log.
    pub events: u64,
    /// Tries to log in with the account, and with its names while they were nobody's.
    pub log_ins: u64,
    /// Listed e-mail addresses.
    pub email_addresses: u64,
    /// Tokens for a purpose.
    pub tokens: u64,
    /// Organizations that they belong to.
    pub memberships: u64,
}

impl Accounts<'_> {
    /// What would be erased with a person; refused as [`erase`](Self::erase) is.
    pub async fn erasable(&self, by: &By, id: UserId) -> Result<PersonContents, Failure> {
        let row = self.to_be_erased(by, id).await?;
        if row.as_ref().is_some_and(|row| !owned(row).is_empty()) {
            return Err(Failure::Refused(Refusal::IsOwner));
        }
        let store = self.0.store();
        self.other_superuser(row.as_ref()).await?;
        let names = self.names(id).await?;
        let (memberships, email_addresses) = match &row {
            Some(row) => (row.memberships.len(), accounts::addresses(store, id).await?.len()),
            None => (0, 0),
        };
        Ok(PersonContents {
            events: store.version(STREAM, &id.to_string()).await?.unsigned_abs(),
            log_ins: accounts::log_ins_left(store, id, &names.typed).await?,
            email_addresses: email_addresses as u64,
            tokens: accounts::tokens(store, id).await?.len() as u64,
            memberships: memberships as u64,
        })
    }

    /// Erases a person for ever: the account with all its tokens and places, what is sealed for them wherever it stands, their
    /// fingerprints, what they asked for, and their tries to log in. For those who may change the account as a whole and
    /// delete it. Refused for the owner of an organization, who hands it over first, and for the last one who may do
    /// everything. Those who may do everything erase also people whose account is closed.
    #[instrument(name = "user.erase", skip_all, fields(user.id = %id))]
    pub async fn erase(&self, by: &By, id: UserId) -> Result<Done, Failure> {
        let _turn = self.0.erasing().turn.lock().await;
        // What is refused anyway should not be on the list for a moment.
        self.erasable(by, id).await?;
        if self.0.read_only() {
            return Err(Failure::ReadOnly);
        }
        self.put_on_list(id)?;
        let erased = self.append_erasure(by, id, false).await;
        if erased.is_err() {
            self.0.world().drop_erasure(id.as_uuid()).map_err(unlisted)?;
        }
        let done = erased?;
        self.forgotten(id).await;
        self.order_nothing(id, done.position).await?;
        self.tidy().await;
        Ok(done)
    }

    /// Erases those of a list who are there: they came back with a backup, or their erasure was interrupted. How many there
    /// were.
    pub async fn erase_again(&self, listed: &[UserId]) -> Result<u64, Failure> {
        let by = By::system("erasures");
        let erased: BTreeSet<_> = self.0.store().erased_persons().await?.into_iter().collect();
        let mut again = 0;
        for id in listed.iter().filter(|id| !erased.contains(&id.as_uuid())) {
            if self.0.store().version(STREAM, &id.to_string()).await? > 0 {
                // What they owned when the backup was made, they had handed over since.
                let done = self.append_erasure(&by, *id, true).await?;
                self.forgotten(*id).await;
                self.order_nothing(*id, done.position).await?;
                again += 1;
            }
        }
        if again > 0 || !erased.is_empty() {
            self.tidy().await;
        }
        Ok(again)
    }

    /// Everybody who was erased.
    pub async fn erased(&self) -> Result<Vec<UserId>, Failure> {
        let persons = self.0.store().erased_persons().await?;
        Ok(persons.into_iter().map(UserId::from_uuid).collect())
    }

    /// Takes what was erased out of files, where something was in the way when it was erased. Is nothing left to do?
    pub async fn overwrite_erased(&self) -> Result<bool, Failure> {
        let untidy = &self.0.erasing().untidy;
        // What is erased from here on is not in this round.
        if !untidy.swap(false, Ordering::AcqRel) {
            return Ok(true);
        }
        let tidied = self.0.store().tidy().await;
        if !matches!(tidied, Ok(true)) {
            untidy.store(true, Ordering::Release);
        }
        Ok(tidied?)
    }

    /// Another process of the installation has erased somebody, or this one.
    pub(crate) async fn heard_of_erasure(&self, id: UserId) {
        self.forgotten(id).await;
        if let Err(failure) = self.put_on_list(id) {
            tracing::error!(
                error = &failure as &dyn std::error::Error,
                "who was erased could not be put on the list of erasures: the next start does it"
            );
        }
    }

    async fn append_erasure(&self, by: &By, id: UserId, again: bool) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            work.open::<User>(id.as_uuid()).await?;
            let mut commands = Vec::new();
            if again {
                let row = accounts::by_id(self.0.store(), id).await?;
                let owned = row.as_ref().map(owned).unwrap_or_default();
                commands.extend(owned.into_iter().map(UserCommand::GiveUpOwnership));
            } else {
                let row = self.to_be_erased(by, id).await?;
                if let Some(other) = self.other_superuser(row.as_ref()).await? {
                    // Two who may do everything do not erase each other.
                    work.hold::<User>(other.as_uuid()).await?;
                    if self.other_superuser(row.as_ref()).await? != Some(other) {
                        return Err(Failure::Busy);
                    }
                }
            }
            let last = accounts::last_number(self.0.store(), Numbered::EmailAddress).await?;
            commands.push(UserCommand::Erase { user_id: id, last_address_number: last });
            work.handle_all::<User>(id.as_uuid(), commands).await?;
            self.forget(&mut work, id).await
        })?;
        Ok(done)
    }

    /// In the transaction of the event.
    async fn forget(&self, work: &mut Work<'_>, id: UserId) -> Result<(), Failure> {
        let (stream, actor) = (id.to_string(), domain::Actor::User(id).to_string());
        let now = self.0.world().now();
        work.also(store::erasure(id.as_uuid(), (STREAM, &stream), &actor, now));
        let names = self.names(id).await?;
        work.also(accounts::without_log_ins(id, &names.typed));
        // What archives of the log say of tries with these names cannot be opened any more either.
        work.also(names.typed.iter().map(|name| Keyring::remove_op(Subject::of_name(name))));
        // Mails name people by ids, and by fingerprints of what somebody typed.
        let mails = names.fingerprints.iter().chain(&names.typed).chain([&stream]);
        work.also(mails.map(|about| Jobs::erase_op(MailJob::KIND, about)));
        work.also([TokenUses::without(id)]);
        work.also(Requests::without(id, now));
        Ok(())
    }

    /// Takes away what followers of the log have still ordered for the person.
    async fn order_nothing(&self, id: UserId, position: i64) -> Result<(), Failure> {
        let followers = self.0.followers();
        for follower in followers.iter() {
            // One that is failed has ordered nothing.
            followers.wait_for(follower.name(), position, FOLLOWED).await?;
        }
        self.0.store().execute(vec![Jobs::erase_op(MailJob::KIND, &id.to_string())]).await?;
        Ok(())
    }

    /// What this process keeps in memory.
    async fn forgotten(&self, id: UserId) {
        self.0.sealing().forget_erased().await;
        self.0.states().forget(STREAM, &id.to_string());
    }

    fn put_on_list(&self, id: UserId) -> Result<(), Failure> {
        self.0.world().keep_erasure(id.as_uuid()).map_err(unlisted)
    }

    /// What is in the way goes away within moments, but for exports and backups: the rest is a worker's.
    async fn tidy(&self) {
        self.0.erasing().untidy.store(true, Ordering::Release);
        for _ in 0..ATTEMPTS {
            match self.overwrite_erased().await {
                Ok(true) => return,
                Ok(false) => tokio::time::sleep(PAUSE).await,
                Err(failure) => {
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "what was erased is still in free space of the database's files"
                    );
                    return;
                }
            }
        }
    }

    /// The account; none of one that is closed, which only those see who may do everything.
    async fn to_be_erased(&self, by: &By, id: UserId) -> Result<Option<UserRow>, Failure> {
        if !by.authority.is_unlimited() {
            return self.account(by, id, Permission::DeleteUser).await.map(Some);
        }
        let row = accounts::by_id(self.0.store(), id).await?;
        if row.is_none() && !self.is_closed(id).await? {
            return Err(Failure::NotFound(MODEL));
        }
        Ok(row)
    }

    /// Was there an account, which was not erased?
    async fn is_closed(&self, id: UserId) -> Result<bool, Failure> {
        let query = Query::new(
            "SELECT event_type FROM events WHERE aggregate_type = 'user' AND aggregate_id = $1 ORDER BY sequence DESC LIMIT 1",
            args![id.to_string()],
        );
        let rows = self.0.store().fetch(query).await?;
        let last = rows.first().map(|row| row.text(0)).transpose()?;
        Ok(last.is_some_and(|last| last != "user.erased"))
    }

    /// Whoever may still do everything when one of those who may is gone; none of others.
    async fn other_superuser(&self, row: Option<&UserRow>) -> Result<Option<UserId>, Failure> {
        let Some(row) = row.filter(|row| row.superuser && row.active) else { return Ok(None) };
        let other = accounts::other_superuser(self.0.store(), row.id).await?;
        other.map(Some).ok_or(Failure::Refused(Refusal::LastSuperuser))
    }

    /// What the account is called, and was before.
    async fn names(&self, id: UserId) -> Result<Names, Failure> {
        // Links that were mailed are tried in the name of the id.
        let (mut names, mut fingerprints) = (BTreeSet::from([id.to_string()]), BTreeSet::new());
        let prefixes = &self.0.settings().accounts.phone_prefixes;
        for event in self.0.store().stream(STREAM, &id.to_string(), 0).await? {
            let decoded = Event::decode(&event.event_type, &event.event_version, &event.payload);
            let Ok(Event::User(event)) = decoded else { continue };
            for (place, sealed) in named(id, &event) {
                fingerprints.insert(sealed.fingerprint.clone());
                let sealed = SealedText::new(sealed.envelope.to_string());
                let name = match self.0.sealing().open(place, &sealed).await {
                    // Damaged: nobody can read it any more.
                    Err(Failure::Broken(_)) => continue,
                    name => name?,
                };
                if name.expose_secret() != ERASED {
                    names.extend(spelt(place, name.expose_secret(), prefixes));
                }
            }
        }
        let typed = names.iter().map(|name| self.0.sealing().username(name)).collect();
        Ok(Names { typed, fingerprints })
    }
}

/// Names of an account as the tables have them.
struct Names {
    /// Fingerprints of what somebody may have typed for it, as tries to log in keep it where it was nobody's.
    typed: Vec<String>,
    /// Those that stand beside the sealed values.
    fingerprints: BTreeSet<String>,
}

fn owned(row: &UserRow) -> Vec<OrganizationId> {
    let owned = row.memberships.iter().filter(|one| one.membership.owner);
    owned.map(|one| one.membership.organization_id).collect()
}

fn unlisted(error: std::io::Error) -> Failure {
    Failure::Broken(format!("the list of erasures cannot be written: {error}").into())
}

/// What an account is called from an event on.
fn named(id: UserId, event: &UserEvent) -> Vec<(Place, &Sealed)> {
    let listed = |number| Place::ListedAddress(id, number);
    match event {
        UserEvent::Created(created) => {
            let addresses = created.addresses.iter();
            std::iter::once((Place::Username(id), &created.username))
                .chain(created.email.as_ref().map(|email| (Place::Email(id), email)))
                .chain(created.phone.as_ref().map(|phone| (Place::Phone(id), phone)))
                .chain(addresses.map(|one| (listed(one.number), &one.address)))
                .collect()
        }
        UserEvent::Renamed { username, .. } => vec![(Place::Username(id), username)],
        UserEvent::EmailChanged { email: Some(email), .. } => vec![(Place::Email(id), email)],
        UserEvent::PhoneChanged { phone: Some(phone), .. } => vec![(Place::Phone(id), phone)],
        UserEvent::EmailAddressAdded { address, .. } => {
            vec![(listed(address.number), &address.address)]
        }
        UserEvent::EmailAddressChanged { number, address, .. } => vec![(listed(*number), address)],
        _ => Vec::new(),
    }
}

/// What tries to log in say of whoever typed it, while it was nobody's.
fn spelt(place: Place, name: &str, prefixes: &[String]) -> Vec<String> {
    let mut spelt = vec![name.to_owned(), phone::one_spelling(name, prefixes)];
    if let Place::Phone(_) = place {
        spelt.extend(phone::bare(name));
    }
    spelt
}

/// What erasures of this process share.
#[derive(Debug, Default)]
pub(crate) struct Erasing {
    /// One at a time: whoever fails takes only the own one off the list.
    turn: Mutex<()>,
    /// Is something that was erased still in free space of files?
    untidy: AtomicBool,
}

/// Persons whose erasure is among events.
pub(crate) fn heard(events: &[Arc<Recorded>]) -> Vec<UserId> {
    let erased = events.iter().filter(|event| event.event_type == "user.erased");
    erased.filter_map(|event| event.aggregate_id.parse().ok()).map(UserId::from_uuid).collect()
}
