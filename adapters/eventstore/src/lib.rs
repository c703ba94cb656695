//! Writes the log into EventStoreDB (or `KurrentDB`, its later name): a stream per aggregate, called
//! `<prefix><aggregate>-<id>`, so that `$by_category` makes a category of each kind of aggregate.
//!
//! What is appended says which revision it comes after, and has the id of its event: whatever is sent twice is there once.

mod address;
mod cryptography;
mod trouble;

use std::{fmt, path::PathBuf, time::Duration};

use app::RelayedEvent;
use async_trait::async_trait;
use bytes::Bytes;
use eventstore::{
    AppendToStreamOptions, Client, Credentials, EventData, ExpectedRevision, ReadStreamOptions,
    StreamPosition,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{sync::Mutex, task::JoinSet};
use uuid::Uuid;
use workers::{Appended, End, Relay, RelayError};

pub use address::{check_prefix, check_url};
pub use cryptography::choose as choose_cryptography;

/// Where to, and how.
pub struct Config {
    /// A connection string such as `esdb://host:2113`, without user and password.
    pub url: String,
    /// Name and password.
    pub credentials: Option<(String, SecretString)>,
    /// Certificates (PEM) that are trusted instead of those of the machine.
    pub certificates: Option<PathBuf>,
    /// What names of streams begin with.
    pub prefix: String,
    /// The longest time that an answer takes.
    pub timeout: Duration,
}

/// Writes into streams.
pub struct EventStore {
    config: Config,
    client: Mutex<Option<Client>>,
}

impl fmt::Debug for EventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStore").field("prefix", &self.config.prefix).finish_non_exhaustive()
    }
}

/// What an event says of itself.
#[derive(Deserialize)]
struct Told {
    id: Uuid,
    position: String,
}

/// What `$by_correlation_id` looks for.
#[derive(Serialize)]
struct Metadata {
    #[serde(rename = "$correlationId", skip_serializing_if = "Option::is_none")]
    correlation: Option<Uuid>,
    #[serde(rename = "$causationId", skip_serializing_if = "Option::is_none")]
    causation: Option<String>,
}

impl EventStore {
    /// Nothing is connected yet. [`choose_cryptography`] has to be called before, once for the process.
    pub fn new(config: Config) -> Self {
        Self { config, client: Mutex::default() }
    }

    /// The client that there is, or a new one.
    async fn client(&self) -> Result<Client, RelayError> {
        let mut client = self.client.lock().await;
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let text = address::connection_string(&self.config);
        let unusable = || RelayError::Unreachable("eventstore.url cannot be used".to_owned());
        let settings = text.parse().map_err(|_| unusable())?;
        let made = Client::new(settings).map_err(|_| unusable())?;
        *client = Some(made.clone());
        Ok(made)
    }

    /// Asks, on a task of its own: the library panics where an answer lacks what the protocol says.
    async fn ask<T: Send + 'static>(
        &self,
        asked: impl Future<Output = eventstore::Result<T>> + Send + 'static,
    ) -> Result<eventstore::Result<T>, RelayError> {
        let mut asking = JoinSet::new();
        asking.spawn(asked);
        let answer = asking.join_next().await.and_then(Result::ok);
        let not_understood = "the answer of EventStoreDB is not understood".to_owned();
        let answer = answer.ok_or(RelayError::Unreachable(not_understood))?;
        if answer.as_ref().is_err_and(trouble::ends_the_client) {
            *self.client.lock().await = None;
        }
        Ok(answer)
    }

    fn credentials(&self) -> Option<Credentials> {
        let (user, password) = self.config.credentials.as_ref()?;
        let password = Bytes::copy_from_slice(password.expose_secret().as_bytes());
        Some(Credentials::new(Bytes::copy_from_slice(user.as_bytes()), password))
    }
}

/// An event as it is appended.
fn data(event: &RelayedEvent) -> Result<EventData, RelayError> {
    let live = &event.event;
    let broken = |_| RelayError::Refused(format!("the event at {} is no JSON", live.position));
    let body: &RawValue = serde_json::from_slice(&event.body).map_err(broken)?;
    let causation = live.causation.as_deref().and_then(|cause| cause.strip_prefix("event:"));
    let metadata =
        Metadata { correlation: live.correlation_id, causation: causation.map(str::to_owned) };
    let data = EventData::json(&live.event_type, &body).map_err(broken)?.id(live.event_id);
    data.metadata_as_json(&metadata).map_err(broken)
}

#[async_trait]
impl Relay for EventStore {
    fn name(&self) -> &'static str {
        "eventstore"
    }

    fn target(&self) -> String {
        format!("{} {}", self.config.url, self.config.prefix)
    }

    fn only_lane(&self) -> Option<String> {
        None
    }

    fn lane(&self, event: &RelayedEvent) -> String {
        address::stream(&self.config.prefix, &event.event)
    }

    async fn end(&self, lane: &str) -> Result<End, RelayError> {
        let client = self.client().await?;
        let options = ReadStreamOptions::default()
            .position(StreamPosition::End)
            .backwards()
            .max_count(1)
            .deadline(self.config.timeout);
        let options = match self.credentials() {
            Some(credentials) => options.authenticated(credentials),
            None => options,
        };
        let name = lane.to_owned();
        let last = self.ask(async move { client.read_stream(name, &options).await?.next().await });
        let last = match last.await? {
            Ok(Some(event)) => event,
            Ok(None) | Err(eventstore::Error::ResourceNotFound) => return Ok(End::Empty),
            Err(error) => return Err(trouble::of_reading(&error, lane)),
        };
        let Some(event) = last.event else { return Ok(End::Foreign) };
        let told = serde_json::from_slice::<Told>(&event.data).ok();
        let position =
            told.filter(|told| told.id == event.id).and_then(|told| told.position.parse().ok());
        Ok(position.map_or(End::Foreign, |position| End::Event {
            mark: event.revision,
            position,
            id: event.id,
        }))
    }

    async fn append(
        &self,
        lane: &str,
        after: Option<u64>,
        events: &[RelayedEvent],
    ) -> Result<Appended, RelayError> {
        let client = self.client().await?;
        let expected = after.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        let options = AppendToStreamOptions::default()
            .expected_revision(expected)
            .deadline(self.config.timeout);
        let options = match self.credentials() {
            Some(credentials) => options.authenticated(credentials),
            None => options,
        };
        let proposed = events.iter().map(data).collect::<Result<Vec<_>, _>>()?;
        let name = lane.to_owned();
        let asked = async move { client.append_to_stream(name, &options, proposed).await };
        match self.ask(asked).await? {
            Ok(written) => {
                Ok(Appended { taken: events.len(), mark: written.next_expected_version })
            }
            Err(error) => Err(trouble::of_appending(&error, lane, events)),
        }
    }

    fn patience(&self) -> Duration {
        // Finding a node, and its answer.
        self.config.timeout * 3
    }
}
