//! All events of all aggregates, as read back from the log.

use cqrs_es::DomainEvent;
use serde::de::{DeserializeOwned, Error as _};
use uuid::Uuid;

use crate::{
    ClaimChange, Fact, OrganizationId, Retention,
    accounts::{
        LogInEvent, OrganizationEvent, PermissionGroupEvent, SecretReadingEvent, UserEvent,
    },
    configuration::{ConfigurationEvent, TemplateEvent},
    device::{DeviceEvent, GroupEvent},
    upcast,
    webhook::WebhookEvent,
};

/// A stored event that today's program cannot read.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// No decoder for this type and version.
    #[error("no decoder for {event_type} version {version}")]
    Unknown {
        /// As stored.
        event_type: String,
        /// As stored.
        version: String,
    },
    /// The payload is not what its type says.
    #[error("the payload of {event_type} is damaged")]
    Damaged {
        /// As stored.
        event_type: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
}

impl Undecodable {
    pub(crate) fn unknown(event_type: &str, version: &str) -> Self {
        Self::Unknown { event_type: event_type.to_owned(), version: version.to_owned() }
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($event:ty) = $aggregate:literal),+ $(,)?) => {
        /// Any event.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $variant($event),)+
            /// One whose payload was taken away: it was kept long enough, or its person was erased.
            Gone,
        }

        impl Event {
            /// Reads a payload. Types are looked up by their stored name, which starts with the aggregate's.
            pub fn decode(event_type: &str, version: &str, payload: &str) -> Result<Self, Undecodable> {
                if Self::understands(event_type, version) && crate::fact::is_gone(payload) {
                    return Ok(Self::Gone);
                }
                let payload = upcast::raised(event_type, version, payload)?;
                $(if <$event as Fact>::TYPES.contains(&event_type) {
                    return read(event_type, &payload).map(Self::$variant);
                })+
                Err(Undecodable::unknown(event_type, version))
            }

            /// Is there a decoder?
            pub fn understands(event_type: &str, version: &str) -> bool {
                upcast::was_written(event_type, version)
                    && [$(<$event as Fact>::TYPES),+].iter().any(|types| types.contains(&event_type))
            }

            /// What it does to claims.
            pub fn claims(&self, stream: Uuid) -> Vec<ClaimChange> {
                match self {
                    $(Self::$variant(event) => event.claims(stream),)+
                    Self::Gone => Vec::new(),
                }
            }

            /// Whose it is.
            pub fn organization(&self) -> Option<OrganizationId> {
                match self {
                    $(Self::$variant(event) => event.organization(),)+
                    Self::Gone => None,
                }
            }

            /// How long its payload is kept; none of one that is gone.
            pub fn retention(&self) -> Option<Retention> {
                match self {
                    $(Self::$variant(event) => Some(event.retention()),)+
                    Self::Gone => None,
                }
            }

            /// Its stored name; empty of one that is gone.
            pub fn event_type(&self) -> String {
                match self {
                    $(Self::$variant(event) => event.event_type(),)+
                    Self::Gone => String::new(),
                }
            }
        }

        /// The stored names of all events, by aggregate.
        pub fn event_types() -> Vec<(&'static str, &'static [&'static str])> {
            vec![$(($aggregate, <$event as Fact>::TYPES)),+]
        }

        /// The JSON Schema of every stored event, by aggregate.
        pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
            vec![$(($aggregate, schemars::schema_for!($event))),+]
        }
    };
}

events! {
    /// A configuration's.
    Configuration(ConfigurationEvent) = "configuration",
    /// A device's.
    Device(DeviceEvent) = "device",
    /// A device group's.
    Group(GroupEvent) = "device_group",
    /// A try to log in.
    LogIn(LogInEvent) = "log_in",
    /// An organization's.
    Organization(OrganizationEvent) = "organization",
    /// A permission group's.
    PermissionGroup(PermissionGroupEvent) = "permission_group",
    /// A reading of secrets.
    SecretReading(SecretReadingEvent) = "secret",
    /// A template's.
    Template(TemplateEvent) = "template",
    /// A user's.
    User(UserEvent) = "user",
    /// A webhook's.
    Webhook(WebhookEvent) = "webhook",
}

/// The payload names its variant, too; the two names must agree.
fn read<E>(event_type: &str, payload: &str) -> Result<E, Undecodable>
where
    E: DeserializeOwned + DomainEvent,
{
    serde_json::from_str(payload)
        .and_then(|event: E| {
            let named = event.event_type();
            if named == event_type {
                Ok(event)
            } else {
                Err(serde_json::Error::custom(format!("it is the payload of {named}")))
            }
        })
        .map_err(|source| Undecodable::Damaged { event_type: event_type.to_owned(), source })
}
