//! The other side of a relay.

use serde_json::Value;
use wisptrail_tests::{EventStoreServer, NatsServer, Start};

/// A system that events are written into.
pub(crate) enum Peer {
    /// Debian's NATS server.
    Nats(NatsServer),
    /// What answers as EventStoreDB does.
    EventStore(EventStoreServer),
}

/// The stream of NATS, and what its subjects begin with.
pub(crate) const STREAM: &str = "wisptrail";

impl Peer {
    pub(crate) async fn nats() -> anyhow::Result<Self> {
        NatsServer::start().await.map(Self::Nats)
    }

    pub(crate) async fn eventstore() -> anyhow::Result<Self> {
        EventStoreServer::start().await.map(Self::EventStore)
    }

    /// As in settings, metrics and tables.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nats(_) => "nats",
            Self::EventStore(_) => "eventstore",
        }
    }

    /// A setting of this relay.
    pub(crate) fn set(&self, start: Start, setting: &str, value: &str) -> Start {
        let name = format!("WISPTRAIL_{}__{}", self.name(), setting).to_uppercase();
        start.set(&name, value)
    }

    /// A server that writes into it.
    pub(crate) fn start(&self, start: Start) -> Start {
        let (url, (user, password)) = match self {
            Self::Nats(server) => (server.url(), server.credentials()),
            Self::EventStore(server) => (server.url(), server.credentials()),
        };
        let start = self.set(start, "url", &url);
        let start = self.set(start, "user", user);
        let start = self.set(start, "password", password);
        self.set(start, "longest_retry", "500ms")
    }

    /// Every event that it has, in its order.
    pub(crate) async fn events(&self) -> anyhow::Result<Vec<Value>> {
        Ok(match self {
            Self::Nats(server) => {
                let all = server.messages(STREAM).await?;
                all.into_iter().map(|message| message.body).collect()
            }
            Self::EventStore(server) => {
                server.events().into_iter().map(|event| event.body).collect()
            }
        })
    }

    /// Is gone, in the middle of whatever it does.
    pub(crate) async fn down(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Nats(server) => server.down()?,
            Self::EventStore(server) => server.down().await,
        }
        Ok(())
    }

    /// Comes back with everything that it had.
    pub(crate) async fn up(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Nats(server) => server.up().await,
            Self::EventStore(server) => server.up().await,
        }
    }

    /// Somebody else writes where the relay will.
    pub(crate) async fn intrude(&self, group: &str) -> anyhow::Result<()> {
        match self {
            Self::Nats(server) => {
                let context = server.client().await?;
                let subject = format!("{STREAM}.intruder");
                context.publish(subject, "{}".into()).await?.await?;
            }
            Self::EventStore(server) => {
                server
                    .append(&format!("device_group-{group}"), serde_json::json!({ "no": "event" }));
            }
        }
        Ok(())
    }
}
