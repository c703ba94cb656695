//! What every stored event can tell about itself.

use cqrs_es::DomainEvent;
use uuid::Uuid;

use crate::{ClaimChange, OrganizationId};

/// How long the payload of an event is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Decisions and facts.
    Forever,
    /// 365 days: notifications, login audit.
    Year,
    /// As configured: accounting sessions, connection attempts.
    Configured,
}

/// An event that the log can keep.
pub trait Fact: DomainEvent {
    /// All stored type names of this aggregate, such as `device.registered`.
    const TYPES: &'static [&'static str];

    /// What happens to claims, in order. `stream` is the id of the aggregate.
    fn claims(&self, stream: Uuid) -> Vec<ClaimChange>;

    /// The organization it belongs to from here on.
    fn organization(&self) -> Option<OrganizationId>;

    /// How long its payload is kept.
    fn retention(&self) -> Retention {
        Retention::Forever
    }
}

/// Is it what stands in the place of a payload that was taken away?
pub fn is_gone(payload: &str) -> bool {
    matches!(payload, r#"{"$scavenged":true}"# | r#"{"$erased":true}"#)
}

/// Gives an event enum its stored names: `stored_as! { DeviceEvent: Registered(..) => "device.registered", … }`.
macro_rules! stored_as {
    ($event:ident: $($variant:ident => $name:literal),+ $(,)?) => {
        impl $event {
            /// All stored type names.
            pub(crate) const STORED: &'static [&'static str] = &[$($name),+];
        }

        impl ::cqrs_es::DomainEvent for $event {
            fn event_type(&self) -> String {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
                .to_owned()
            }

            fn event_version(&self) -> String {
                $crate::upcast::newest(&::cqrs_es::DomainEvent::event_type(self)).to_string()
            }
        }
    };
}
pub(crate) use stored_as;

/// The part of cqrs-es that is the same for every aggregate with a pure `decide`.
macro_rules! aggregate {
    ($aggregate:ident, $type:literal, $command:ty, $event:ty, $error:ty) => {
        impl ::cqrs_es::Aggregate for $aggregate {
            const TYPE: &'static str = $type;
            type Command = $command;
            type Event = $event;
            type Error = $error;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                (): &(),
                sink: &::cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                for event in self.decide(command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                self.evolve(event);
            }
        }
    };
}
pub(crate) use aggregate;
