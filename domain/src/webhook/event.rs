use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::WebhookSelection;
use crate::{ClaimChange, Fact, OrganizationId, Sealed, WebhookId, fact::stored_as};

/// What has happened to a webhook. Stored for ever: variants and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEvent {
    /// Events are delivered to an address from here on. *Public.*
    Created(Box<WebhookCreated>),
    /// It carries another name.
    Renamed {
        /// The owner; none is the whole installation.
        organization_id: Option<OrganizationId>,
        /// Before.
        from: String,
        /// From here on.
        to: String,
    },
    /// Events are delivered to another address. *Public.*
    UrlChanged {
        /// The owner; none is the whole installation.
        organization_id: Option<OrganizationId>,
        /// From here on; it may hold what only the receiver should know.
        url: String,
    },
    /// Other events are delivered. *Public.*
    SelectionChanged {
        /// The owner; none is the whole installation.
        organization_id: Option<OrganizationId>,
        /// From here on.
        selection: WebhookSelection,
    },
    /// Deliveries are signed with another secret. *Public.*
    SecretRotated {
        /// The owner; none is the whole installation.
        organization_id: Option<OrganizationId>,
        /// From here on.
        secret: Sealed,
        /// Until then the one before signs, too.
        previous_until: DateTime<Utc>,
    },
    /// Events wait until it is resumed. *Public.*
    Paused {
        /// The owner; none is the whole installation.
        organization_id: Option<OrganizationId>,
    },
    /// Events are delivered again, from where it stopped. *Public.*
    Resumed {
        /// The owner; none is the whole installation.
        organization_id: Option<OrganizationId>,
    },
    /// It was given up: for too long something could not be delivered. Events wait until somebody resumes it. *Public.*
    Disabled {
        /// The owner; none is the whole installation.
        organization_id: Option<OrganizationId>,
        /// Since when it could not be delivered.
        since: DateTime<Utc>,
        /// Why.
        why: WhyDisabled,
    },
    /// It does not exist any more. *Public.*
    Removed {
        /// The owner; none is the whole installation.
        organization_id: Option<OrganizationId>,
    },
}

stored_as! { WebhookEvent:
    Created => "webhook.created",
    Renamed => "webhook.renamed",
    UrlChanged => "webhook.url_changed",
    SelectionChanged => "webhook.selection_changed",
    SecretRotated => "webhook.secret_rotated",
    Paused => "webhook.paused",
    Resumed => "webhook.resumed",
    Disabled => "webhook.disabled",
    Removed => "webhook.removed",
}

/// Payload of [`WebhookEvent::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookCreated {
    /// Same as the stream's id.
    pub webhook_id: WebhookId,
    /// The owner; none is the whole installation.
    pub organization_id: Option<OrganizationId>,
    /// What people call it.
    pub name: String,
    /// Where events go; it may hold what only the receiver should know.
    pub url: String,
    /// Which events.
    pub selection: WebhookSelection,
    /// What deliveries are signed with.
    pub secret: Sealed,
}

/// Why a webhook was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyDisabled {
    /// An event could not be delivered for too long.
    Failing,
    /// The receiver said that it does not want any more (status 410).
    Gone,
}

impl WhyDisabled {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Failing, Self::Gone].into_iter().find(|one| one.as_str() == text)
    }
}

impl Fact for WebhookEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        Vec::new()
    }

    fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::Created(created) => created.organization_id,
            Self::Renamed { organization_id, .. }
            | Self::UrlChanged { organization_id, .. }
            | Self::SelectionChanged { organization_id, .. }
            | Self::SecretRotated { organization_id, .. }
            | Self::Paused { organization_id }
            | Self::Resumed { organization_id }
            | Self::Disabled { organization_id, .. }
            | Self::Removed { organization_id } => *organization_id,
        }
    }
}
