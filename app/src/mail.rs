//! What is mailed: to whom, and what it says. How it travels is the business of the mail worker.

mod letters;
mod rates;

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    UserId,
    accounts::{IssuedLink, LinkPurpose, User, UserCommand},
};
use projections::{
    LogInNames, MailJob,
    accounts::{self, UserRow},
};
use secrecy::{ExposeSecret as _, SecretString};
use store::{Job, Jobs, NewJob};
use uuid::Uuid;

pub use letters::{Letters, LettersError};
pub(crate) use rates::LinkRates;

use crate::{App, By, Failure, LinkKey, Refusal, accounts::lifetime, work::decide};

/// Accounts of one page of reminders.
const PAGE: u32 = 500;
/// How long a reminder is worth sending.
const REMINDER: TimeDelta = TimeDelta::days(1);

/// Use cases of mail; see [`App::mails`].
pub struct Mails<'a>(pub(crate) &'a App);

/// What becomes of a mail that was ordered.
#[derive(Debug)]
pub enum Addressed {
    /// It is to be sent.
    To(Box<Addressee>),
    /// There is no such account, or it does not need the mail any more.
    Nobody,
    /// It would come too late to be of use.
    TooLate,
}

/// Somebody who is to get a mail. Shows only the account's id when printed.
pub struct Addressee {
    mail: MailJob,
    job: Uuid,
    user: UserId,
    name: String,
    language: String,
    expires_in: Option<i64>,
    webhook: Option<String>,
    address: SecretString,
}

impl Addressee {
    /// Where the mail goes.
    pub fn address(&self) -> &SecretString {
        &self.address
    }

    /// For counters: what kind of mail it is.
    pub fn kind(&self) -> &'static str {
        self.mail.name()
    }
}

impl fmt::Debug for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addressee").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A mail as it is sent. Shows nothing of its content when printed.
pub struct Letter {
    /// The same for every attempt to send it, and no other mail's, also of other installations.
    pub id: Uuid,
    /// When it was written.
    pub date: DateTime<Utc>,
    /// The name that it comes from.
    pub sender: String,
    /// Where it goes.
    pub to: SecretString,
    /// One line.
    pub subject: String,
    /// For every reader; has the link, which is a secret.
    pub text: SecretString,
    /// For most.
    pub html: Option<SecretString>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Mails<'_> {
    /// Who is to get the mail that a job orders, if anybody is.
    pub async fn addressee(&self, job: &Job) -> Result<Addressed, Failure> {
        let mail: MailJob =
            serde_json::from_str(&job.payload).map_err(|error| Failure::Broken(Box::new(error)))?;
        let worth = purpose(&mail).map_or(REMINDER, lifetime);
        if self.0.world().now() - job.created_at > worth {
            return Ok(Addressed::TooLate);
        }
        let store = self.0.store();
        let row = match &mail {
            MailJob::PasswordReset(names) | MailJob::LogIn(names) => self.named(names).await?,
            MailJob::Confirmation { user_id, .. }
            | MailJob::PasswordReminder { user_id }
            | MailJob::WebhookDisabled { user_id, .. } => accounts::by_id(store, *user_id).await?,
        };
        let Some(row) = row.filter(|row| self.0.accounts().works(row)) else {
            return Ok(Addressed::Nobody);
        };
        let address = match &mail {
            MailJob::Confirmation { address, .. } => {
                let listed = accounts::address_numbers(store, address).await?;
                let wanted = listed.filter(|it| it.user_id == row.id && !it.verified);
                match wanted {
                    Some(listed) => Some(self.0.accounts().opened_address(listed).await?.address),
                    None => None,
                }
            }
            MailJob::PasswordReset(_)
            | MailJob::LogIn(_)
            | MailJob::PasswordReminder { .. }
            | MailJob::WebhookDisabled { .. } => self.0.accounts().mail_address(&row).await?,
        };
        let Some(address) = address else { return Ok(Addressed::Nobody) };
        let expires_in = self.0.accounts().password_expires_in(&row);
        if matches!(mail, MailJob::PasswordReminder { .. }) && expires_in.is_none() {
            // Another one was chosen, or passwords do not expire any more.
            return Ok(Addressed::Nobody);
        }
        let mut webhook = None;
        if let MailJob::WebhookDisabled { webhook_id, .. } = &mail {
            let row = projections::webhook::by_id(store, crate::RULES, *webhook_id).await?;
            let Some(row) = row.filter(|row| row.disabled.is_some()) else {
                // Somebody has looked after it.
                return Ok(Addressed::Nobody);
            };
            webhook = Some(row.name);
        }
        Ok(Addressed::To(Box::new(Addressee {
            webhook,
            mail,
            job: job.id,
            user: row.id,
            name: self.0.accounts().called_name(&row).await?,
            language: row.language.clone(),
            expires_in,
            address: address.into(),
        })))
    }

    /// Whoever logs in with one of these names, or listed the address and proved to read its mail.
    async fn named(&self, names: &LogInNames) -> Result<Option<UserRow>, Failure> {
        let store = self.0.store();
        let found =
            accounts::by_login(store, &names.phones, Some(&names.email), &names.user_names())
                .await?;
        if found.is_some() {
            return Ok(found);
        }
        match accounts::address_numbers(store, &names.email).await?.filter(|it| it.verified) {
            Some(listed) => Ok(accounts::by_id(store, listed.user_id).await?),
            None => Ok(None),
        }
    }

    /// Writes the mail. A link in it works from here on, so this comes when the mail is about to leave.
    pub async fn write(&self, addressee: &Addressee) -> Result<Letter, Failure> {
        let base = self.0.settings().public_url.as_deref();
        let base = base.ok_or(Failure::Refused(Refusal::NoMail))?;
        let (link, minutes) = match purpose(&addressee.mail) {
            Some(purpose) => {
                let key = self.issue(addressee, purpose).await?;
                let path = match purpose {
                    LinkPurpose::PasswordReset => "password/reset/key",
                    LinkPurpose::Confirmation => "confirm-email",
                    LinkPurpose::LogIn => "log-in/key",
                };
                let link = format!("{base}/accounts/{path}/{}/", key.text().expose_secret());
                (link, lifetime(purpose).num_minutes())
            }
            None if addressee.webhook.is_some() => (format!("{base}/graphql"), 0),
            None => (format!("{base}/accounts/password/reset/"), 0),
        };
        let words = BTreeMap::from([
            ("name", addressee.name.clone()),
            ("days", addressee.expires_in.unwrap_or(minutes / (24 * 60)).to_string()),
            ("hours", (minutes / 60).to_string()),
            ("minutes", minutes.to_string()),
            ("webhook", addressee.webhook.clone().unwrap_or_default()),
        ]);
        let letters = self.0.letters();
        let written = letters
            .write(addressee.mail.name(), &addressee.language, &words, &link)
            .map_err(|error| Failure::Broken(Box::new(error)))?;
        Ok(Letter {
            id: self.0.sealing().message(addressee.job),
            date: self.0.world().now(),
            sender: self.0.settings().mail.name.clone(),
            to: addressee.address.clone(),
            subject: written.subject,
            text: written.text,
            html: written.html,
        })
    }

    async fn issue(&self, to: &Addressee, purpose: LinkPurpose) -> Result<LinkKey, Failure> {
        let (sealing, world) = (self.0.sealing(), self.0.world());
        let key = LinkKey::make(to.user, world);
        let link = IssuedLink {
            purpose,
            token: sealing.link(key.token.expose_secret()),
            address: sealing.email(to.address.expose_secret()),
            expires_at: world.now() + lifetime(purpose),
        };
        let by = By { causation: Some(format!("job:{}", to.job)), ..By::system("mail") };
        decide!(self.0, &by, work => {
            work.handle::<User>(to.user.as_uuid(), UserCommand::IssueLink(link.clone())).await
        })?;
        Ok(key)
    }

    /// Orders reminders to the accounts whose passwords expire soon, each once for each password, and says how many.
    pub async fn remind(&self) -> Result<u64, Failure> {
        let settings = &self.0.settings().accounts;
        if !self.0.settings().mail.enabled || settings.password_reminder_days == 0 {
            return Ok(0);
        }
        let now = self.0.world().now();
        let mut ordered = 0;
        for (staff, days) in [(false, settings.password_days), (true, settings.staff_password_days)]
        {
            if days == 0 {
                continue;
            }
            // Of passwords that are this old, all have expired; of younger ones than this, none expires soon.
            let Some(oldest) = now.checked_sub_signed(TimeDelta::days(days.into())) else {
                continue;
            };
            let ahead = TimeDelta::days(settings.password_reminder_days.into());
            let youngest = oldest.checked_add_signed(ahead).unwrap_or(now);
            let mut after = None;
            loop {
                let store = self.0.store();
                let aged =
                    accounts::aged_passwords(store, staff, oldest..youngest, after, PAGE).await?;
                let Some(last) = aged.last().copied() else { break };
                let ops = aged.iter().map(|(id, since)| reminder(*id, *since, now));
                ordered += store.execute(ops.collect::<Result<_, _>>()?).await?.iter().sum::<u64>();
                after = Some(last);
                if aged.len() < PAGE as usize {
                    break;
                }
            }
        }
        Ok(ordered)
    }
}

fn reminder(
    user_id: UserId,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<store::Op, Failure> {
    let mail = MailJob::PasswordReminder { user_id };
    Ok(Jobs::enqueue_op(NewJob {
        kind: MailJob::KIND.to_owned(),
        key: format!("mail:reminder:{user_id}:{}", since.timestamp_micros()),
        organization_id: None,
        payload: mail.payload().map_err(|error| Failure::Broken(Box::new(error)))?,
        total: None,
        run_after: now,
        created_at: now,
    }))
}

/// What the link in a mail is for.
fn purpose(mail: &MailJob) -> Option<LinkPurpose> {
    match mail {
        MailJob::PasswordReset(_) => Some(LinkPurpose::PasswordReset),
        MailJob::LogIn(_) => Some(LinkPurpose::LogIn),
        MailJob::Confirmation { .. } => Some(LinkPurpose::Confirmation),
        MailJob::PasswordReminder { .. } | MailJob::WebhookDisabled { .. } => None,
    }
}
