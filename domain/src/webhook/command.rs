use chrono::{DateTime, Utc};

use super::{WebhookSelection, WhyDisabled};
use crate::{OrganizationId, Sealed, WebhookId};

/// What can be asked of a webhook.
#[derive(Clone, Debug, PartialEq)]
pub enum WebhookCommand {
    /// Make one.
    Create(CreateWebhook),
    /// Give it another name, at most 64 characters.
    Rename(String),
    /// Deliver to another address, which was checked.
    ChangeUrl(String),
    /// Deliver other events.
    ChangeSelection(WebhookSelection),
    /// Sign with another secret; the one before signs, too, until then.
    RotateSecret {
        /// From here on.
        secret: Sealed,
        /// The one before is forgotten then.
        previous_until: DateTime<Utc>,
    },
    /// Keep events until it is resumed.
    Pause,
    /// Deliver again, from where it stopped.
    Resume,
    /// Give it up: nothing could be delivered.
    Disable {
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        why: WhyDisabled,
    },
    /// Let it not exist any more.
    Remove,
}

/// The facts of a new webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateWebhook {
    /// Chosen by the caller.
    pub id: WebhookId,
    /// The owner; none is the whole installation.
    pub organization_id: Option<OrganizationId>,
    /// 1–64 characters.
    pub name: String,
    /// Where events go; was checked.
    pub url: String,
    /// Which events.
    pub selection: WebhookSelection,
    /// What deliveries are signed with.
    pub secret: Sealed,
}
