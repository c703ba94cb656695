//! Relays as the settings say.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use app::{App, RelaySelection};
use secrecy::SecretString;
use wisptrail_nats::Nats;
use workers::{Owner, Relay, RelayEvents, RelayRules};

use crate::settings::{self, Eventstore, Settings};

/// A relay that was not started yet.
pub(super) struct Wanted {
    relay: Arc<dyn Relay>,
    rules: RelayRules,
}

impl Wanted {
    /// The worker that writes for it.
    pub(super) fn worker(self, app: &App, owner: &Owner) -> RelayEvents {
        RelayEvents::new(app.clone(), owner.clone(), self.relay, self.rules)
    }
}

/// Chooses the cryptography of TLS for the process, and reads what relays need: before anything uses TLS, and before anything is
/// written. Nothing is connected yet.
pub(super) async fn wanted(settings: &Settings, read_only: bool) -> anyhow::Result<Vec<Wanted>> {
    let mut wanted = Vec::new();
    let given = &settings.eventstore;
    if !given.url.is_empty() && !read_only {
        wanted.push(eventstore(given).await?);
    } else {
        crate::choose_cryptography();
    }
    if !settings.nats.url.is_empty() && !read_only {
        wanted.push(nats(settings)?);
    }
    Ok(wanted)
}

#[cfg(not(feature = "eventstore"))]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
async fn eventstore(_: &Eventstore) -> anyhow::Result<Wanted> {
    anyhow::bail!("eventstore.url {}", settings::WITHOUT_EVENTSTORE)
}

#[cfg(feature = "eventstore")]
async fn eventstore(given: &Eventstore) -> anyhow::Result<Wanted> {
    // Its library brings a cryptography of its own, and wants to be first.
    let chosen = wisptrail_eventstore::choose_cryptography().await;
    chosen.map_err(|reason| anyhow!("EventStoreDB cannot be spoken to: {reason}"))?;
    let password = secret("eventstore.password", &given.password, &given.password_file)?;
    let user = Some(given.user.clone()).filter(|user| !user.is_empty());
    let certificates = path(&given.certificate_file);
    readable("eventstore.certificate_file", certificates)?;
    let relay = wisptrail_eventstore::EventStore::new(wisptrail_eventstore::Config {
        url: given.url.clone(),
        credentials: user.map(|user| (user, password.unwrap_or_default())),
        certificates: certificates.map(Path::to_owned),
        prefix: given.stream_prefix.clone(),
        timeout: given.timeout.0,
    });
    let selection = settings::selection(&given.organizations, &given.aggregates, &given.types);
    let rules = rules(selection, given.history, given.batch, given.longest_retry.0)?;
    Ok(Wanted { relay: Arc::new(relay), rules })
}

fn nats(settings: &Settings) -> anyhow::Result<Wanted> {
    use wisptrail_nats::Credentials;
    let given = &settings.nats;
    let password = secret("nats.password", &given.password, &given.password_file)?;
    let token = secret("nats.token", &given.token, &given.token_file)?;
    let file = path(&given.credentials_file);
    readable("nats.credentials_file", file)?;
    let certificates = path(&given.certificate_file);
    readable("nats.certificate_file", certificates)?;
    let credentials = match (given.user.as_str(), token, file) {
        ("", None, None) => Credentials::None,
        ("", Some(token), _) => Credentials::Token(token),
        ("", None, Some(file)) => Credentials::File(file.to_owned()),
        (user, ..) => Credentials::User(user.to_owned(), password.unwrap_or_default()),
    };
    let relay = Nats::new(wisptrail_nats::Config {
        url: given.url.clone(),
        credentials,
        certificates: certificates.map(Path::to_owned),
        stream: given.stream.clone(),
        prefix: given.subject_prefix.clone(),
        create: given.create_stream,
        duplicate_window: given.duplicate_window.0,
        timeout: given.timeout.0,
    });
    let selection = settings::selection(&given.organizations, &given.aggregates, &given.types);
    let rules = rules(selection, given.history, given.batch, given.longest_retry.0)?;
    Ok(Wanted { relay: Arc::new(relay), rules })
}

fn rules(
    selection: Result<RelaySelection, String>,
    history: bool,
    batch: u32,
    longest_retry: Duration,
) -> anyhow::Result<RelayRules> {
    let selection = selection.map_err(|reason| anyhow!("{reason}"))?;
    Ok(RelayRules { selection, history, batch, longest_retry })
}

fn secret(name: &str, secret: &SecretString, file: &Path) -> anyhow::Result<Option<SecretString>> {
    settings::secret_or_file(name, secret, path(file))
}

/// None where the setting is empty.
fn path(setting: &Path) -> Option<&Path> {
    Some(setting).filter(|path| !path.as_os_str().is_empty())
}

fn readable(name: &str, file: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = file else { return Ok(()) };
    let read = std::fs::read(path).map(drop);
    read.with_context(|| format!("cannot read {name} {}", path.display()))
}
