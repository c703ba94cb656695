//! Mails that follow from one event: a job each, in the transaction of the follower's checkpoint.

use domain::{
    Event, UserId, WebhookId,
    accounts::{EmailAddress, UserEvent},
    webhook::WebhookEvent,
};
use serde::{Deserialize, Serialize};
use store::{Fault, Jobs, Mode, NewJob, Op, Projection, Recorded};

use crate::catalogue;

/// A mail that is to be sent. Says whom it concerns by ids and fingerprints: addresses stand nowhere in clear.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "snake_case")]
pub enum MailJob {
    /// To whoever logs in with one of these, if anybody does: a link to choose another password.
    PasswordReset(LogInNames),
    /// To whoever logs in with one of these, if anybody does: a link to log in.
    LogIn(LogInNames),
    /// To a listed address: a link that proves that somebody reads its mail.
    Confirmation {
        /// Whose it is.
        user_id: UserId,
        /// Fingerprint of the address.
        address: String,
    },
    /// To an account whose password expires soon.
    PasswordReminder {
        /// The account.
        user_id: UserId,
    },
    /// To somebody who may change a webhook: it was given up.
    WebhookDisabled {
        /// The account.
        user_id: UserId,
        /// The webhook.
        webhook_id: WebhookId,
    },
}

/// Order to tell those concerned that a webhook was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookNotice {
    /// Of the event.
    pub position: i64,
    /// Which webhook.
    pub webhook_id: WebhookId,
}

impl WebhookNotice {
    /// Which worker takes it.
    pub const KIND: &'static str = "webhooks.notice";
}

/// Fingerprints of what somebody may log in with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInNames {
    /// In the spellings that may be meant.
    pub phones: Vec<String>,
    /// As an e-mail address.
    pub email: String,
    /// As a user name.
    pub username: String,
    /// As a user name in the one spelling that equivalent ones have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spelt: Option<String>,
}

impl LogInNames {
    /// As user names.
    pub fn user_names(&self) -> Vec<String> {
        let spelt = self.spelt.iter().filter(|spelt| **spelt != self.username);
        std::iter::once(&self.username).chain(spelt).cloned().collect()
    }
}

impl MailJob {
    /// Which worker takes it, whatever the mail.
    pub const KIND: &'static str = "mail";

    /// As the table keeps it.
    pub fn payload(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// For logs and counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PasswordReset(_) => "password_reset",
            Self::LogIn(_) => "log_in",
            Self::Confirmation { .. } => "confirmation",
            Self::PasswordReminder { .. } => "password_reminder",
            Self::WebhookDisabled { .. } => "webhook_disabled",
        }
    }
}

impl std::fmt::Debug for MailJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MailJob").field(&self.name()).finish()
    }
}

/// Orders mails to addresses that nobody has proved to read, and about webhooks that were given up; owns no tables, because what was mailed is not mailed again by a
/// rebuild.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mails;

impl Projection for Mails {
    fn name(&self) -> &'static str {
        "mails.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Following
    }

    fn tables(&self) -> &'static [&'static str] {
        &[]
    }

    fn wants(&self, event_type: &str) -> bool {
        [
            "user.created",
            "user.email_address_added",
            "user.email_address_changed",
            "webhook.disabled",
        ]
        .contains(&event_type)
    }

    fn apply(&self, recorded: &Recorded) -> Result<Vec<Op>, Fault> {
        let event = catalogue::decode(recorded)?;
        if let Event::Webhook(WebhookEvent::Disabled { .. }) = &*event {
            return notice(self.name(), recorded).map(|op| vec![op]);
        }
        let Event::User(event) = &*event else { return Ok(Vec::new()) };
        let user_id = UserId::from_uuid(catalogue::stream(recorded)?);
        unproved(event)
            .into_iter()
            .enumerate()
            .map(|(place, address)| {
                let job = MailJob::Confirmation { user_id, address };
                Ok(Jobs::enqueue_op(NewJob {
                    kind: MailJob::KIND.to_owned(),
                    key: format!("{}:{}:{place}", self.name(), recorded.position),
                    organization_id: None,
                    payload: job.payload().map_err(|error| Fault(error.to_string()))?,
                    total: None,
                    run_after: recorded.recorded_at,
                    created_at: recorded.recorded_at,
                }))
            })
            .collect()
    }
}

/// Who is told is decided when they are: that takes tables.
fn notice(follower: &str, recorded: &Recorded) -> Result<Op, Fault> {
    let webhook_id = WebhookId::from_uuid(catalogue::stream(recorded)?);
    let notice = WebhookNotice { position: recorded.position, webhook_id };
    Ok(Jobs::enqueue_op(NewJob {
        kind: WebhookNotice::KIND.to_owned(),
        key: format!("{follower}:{}", recorded.position),
        organization_id: recorded.organization_id,
        payload: serde_json::to_string(&notice).map_err(|error| Fault(error.to_string()))?,
        total: None,
        run_after: recorded.recorded_at,
        created_at: recorded.recorded_at,
    }))
}

/// Fingerprints of the addresses that came with an event and that nobody has proved to read.
fn unproved(event: &UserEvent) -> Vec<String> {
    let of =
        |address: &EmailAddress| (!address.verified).then(|| address.address.fingerprint.clone());
    match event {
        UserEvent::Created(created) => created.addresses.iter().filter_map(of).collect(),
        UserEvent::EmailAddressAdded { address, .. } => of(address).into_iter().collect(),
        UserEvent::EmailAddressChanged { address, .. } => vec![address.fingerprint.clone()],
        _ => Vec::new(),
    }
}
