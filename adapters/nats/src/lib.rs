//! Writes the log into a stream of NATS `JetStream`.
//!
//! Everything goes into one stream, in the order of the log. A message says which number of the stream it has to come after
//! (`Nats-Expected-Last-Sequence`), so that nothing is there twice and nothing is missing in between, however often a message is
//! sent, and for as long as the last message of the stream is kept; and it has the id of its event (`Nats-Msg-Id`), by which the
//! server knows it again within its window in any case.

mod session;
mod subject;
mod trouble;

use std::{fmt, path::PathBuf, time::Duration};

use app::RelayedEvent;
use async_nats::{
    HeaderMap,
    header::{NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID},
    jetstream::stream::LastRawMessageErrorKind,
};
use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;
use uuid::Uuid;
use workers::{Appended, End, Relay, RelayError};

use self::session::Session;

/// How somebody proves who they are.
pub enum Credentials {
    /// Not at all.
    None,
    /// By name and password.
    User(String, SecretString),
    /// By a token.
    Token(SecretString),
    /// With what `nsc` makes: a token of its own kind and a key.
    File(PathBuf),
}

/// Where to, and how.
pub struct Config {
    /// Such as `nats://host:4222` or `tls://host:4222`, several with commas.
    pub url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// Certificates (PEM) that are trusted instead of those of the machine.
    pub certificates: Option<PathBuf>,
    /// The stream.
    pub stream: String,
    /// What subjects begin with.
    pub prefix: String,
    /// Is the stream made if it is missing?
    pub create: bool,
    /// For how long a stream that is made knows ids of messages.
    pub duplicate_window: Duration,
    /// The longest time that an answer takes.
    pub timeout: Duration,
}

/// What is wrong with an address; it is not repeated, since it may hold a password.
pub fn check_url(url: &str) -> Result<(), String> {
    let fits = url.split(',').all(|one| {
        let rest = one.trim().strip_prefix("nats://").or_else(|| one.trim().strip_prefix("tls://"));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['@', '/', '?', '#']))
            && one.trim().parse::<async_nats::ServerAddr>().is_ok()
    });
    let reason = "an address such as nats://host:4222 or tls://host:4222 is needed (several with commas), without user and password, which have settings of their own";
    if fits { Ok(()) } else { Err(reason.to_owned()) }
}

/// What is wrong with the beginning of subjects.
pub fn check_prefix(prefix: &str) -> Result<(), String> {
    let reason = "parts of letters, digits, `-` and `_` with dots between are needed, 100 characters at most";
    if subject::is_prefix(prefix) { Ok(()) } else { Err(reason.to_owned()) }
}

/// What is wrong with the name of a stream.
pub fn check_stream(name: &str) -> Result<(), String> {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    let fits = (1..=100).contains(&name.len()) && name.bytes().all(allowed);
    let reason = "letters, digits, `-` and `_` are needed, 100 at most";
    if fits { Ok(()) } else { Err(reason.to_owned()) }
}

/// Writes into a stream.
pub struct Nats {
    config: Config,
    session: Mutex<Option<Session>>,
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("stream", &self.config.stream).finish_non_exhaustive()
    }
}

/// What an event says of itself.
#[derive(Deserialize)]
struct Told {
    id: Uuid,
    position: String,
}

impl Nats {
    /// Nothing is connected yet.
    pub fn new(config: Config) -> Self {
        Self { config, session: Mutex::default() }
    }

    /// The session that there is, or a new one.
    async fn session(&self) -> Result<Session, RelayError> {
        let mut session = self.session.lock().await;
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let made = Session::open(&self.config).await?;
        *session = Some(made.clone());
        Ok(made)
    }

    /// After trouble everything begins with a new connection.
    async fn remembered<T>(&self, outcome: Result<T, RelayError>) -> Result<T, RelayError> {
        if let Err(error) = &outcome
            && !matches!(error, RelayError::Moved(_))
        {
            *self.session.lock().await = None;
        }
        outcome
    }

    async fn read_end(&self) -> Result<End, RelayError> {
        let Session { stream, .. } = self.session().await?;
        let info = stream.get_info().await.map_err(|error| trouble::of_request(&error))?;
        let mark = info.state.last_sequence;
        if mark == 0 {
            return Ok(End::Empty);
        }
        if info.state.messages == 0 {
            return Ok(End::Gone(mark));
        }
        let message = match stream.get_raw_message(mark).await {
            Ok(message) => message,
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => return Ok(End::Gone(mark)),
                LastRawMessageErrorKind::JetStream(refusal) => {
                    return Err(trouble::of_code(&refusal));
                }
                _ => return Err(trouble::of_request(&error)),
            },
        };
        let told = serde_json::from_slice::<Told>(&message.payload).ok();
        let ours = told.and_then(|told| Some((told.position.parse().ok()?, told.id)));
        Ok(ours.map_or(End::Foreign, |(position, id)| End::Event { mark, position, id }))
    }

    async fn publish(&self, after: u64, events: &[RelayedEvent]) -> Result<Appended, RelayError> {
        let Session { context, .. } = self.session().await?;
        let mut asked = Vec::with_capacity(events.len());
        for (number, event) in (0..).zip(events) {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_MESSAGE_ID, event.event.event_id.to_string());
            headers.insert(NATS_EXPECTED_STREAM, self.config.stream.as_str());
            headers.insert(NATS_EXPECTED_LAST_SEQUENCE, (after + number).to_string());
            headers.insert("content-type", "application/cloudevents+json; charset=utf-8");
            let subject = subject::subject(&self.config.prefix, &event.event);
            let sent = context.publish_with_headers(subject, headers, event.body.clone()).await;
            let failed = sent.is_err();
            asked.push(sent);
            if failed {
                break;
            }
        }
        let (mut taken, mut mark) = (0, after);
        for (asked, event) in asked.into_iter().zip(events) {
            let acknowledged = match asked {
                Ok(asked) => asked.await,
                Err(error) => Err(error),
            };
            match acknowledged {
                Ok(acknowledged) => {
                    taken += 1;
                    if acknowledged.duplicate {
                        // It is there already, so what follows it stands elsewhere than was said.
                        break;
                    }
                    mark = acknowledged.sequence;
                }
                // What is behind it was refused, too; why is told at the next attempt.
                Err(_) if taken > 0 => break,
                Err(error) => return Err(trouble::of_publishing(&error, event)),
            }
        }
        Ok(Appended { taken, mark })
    }
}

#[async_trait]
impl Relay for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn target(&self) -> String {
        format!("{} {} {}", self.config.url, self.config.stream, self.config.prefix)
    }

    fn only_lane(&self) -> Option<String> {
        Some(format!("the stream {}", self.config.stream))
    }

    fn lane(&self, _event: &RelayedEvent) -> String {
        format!("the stream {}", self.config.stream)
    }

    async fn end(&self, _lane: &str) -> Result<End, RelayError> {
        let end = self.read_end().await;
        self.remembered(end).await
    }

    async fn append(
        &self,
        _lane: &str,
        after: Option<u64>,
        events: &[RelayedEvent],
    ) -> Result<Appended, RelayError> {
        let appended = self.publish(after.unwrap_or(0), events).await;
        self.remembered(appended).await
    }

    fn patience(&self) -> Duration {
        // A new connection, and its first answers.
        self.config.timeout * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_password() {
        for right in ["nats://host", "nats://host:4222", "tls://a:1,tls://b:2", "nats://[::1]:4222"]
        {
            assert_eq!(check_url(right), Ok(()), "{right}");
        }
        for wrong in ["", "host", "http://host", "nats://", "nats://user:word@host", "nats://a,"] {
            let said = check_url(wrong).expect_err(wrong);
            assert!(!said.contains("word@"), "{said}");
        }
    }

    #[test]
    fn a_stream_has_a_name() {
        for right in ["wisptrail", "A-1_b"] {
            assert_eq!(check_stream(right), Ok(()), "{right}");
        }
        for wrong in ["", "a.b", "a b", "a*", "a>", "a/b"] {
            assert!(check_stream(wrong).is_err(), "{wrong}");
        }
    }
}
