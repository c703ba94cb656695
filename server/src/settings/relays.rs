//! Rules between the settings of relays.

use std::path::Path;

use app::{EventsSelection, RelaySelection};
use domain::OrganizationId;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Eventstore, Settings};

/// Events that are read together.
const LARGEST_BATCH: u32 = 1000;

/// What a plain build says to whoever wants a relay to EventStoreDB.
#[cfg(not(feature = "eventstore"))]
pub const WITHOUT_EVENTSTORE: &str = "wants the relay to EventStoreDB, which this program was built without: build it with `--features eventstore`, or take a release package";

/// Section, name and what is wrong.
type Wrong = (&'static str, &'static str, String);

pub(super) fn check(settings: &Settings) -> Result<(), Wrong> {
    let (eventstore, nats) = (&settings.eventstore, &settings.nats);
    for (section, aggregates, types, batch) in [
        ("eventstore", &eventstore.aggregates, &eventstore.types, eventstore.batch),
        ("nats", &nats.aggregates, &nats.types, nats.batch),
    ] {
        if let Err(failure) = selection(&[], aggregates, &[]) {
            return Err((section, "aggregates", failure));
        }
        if let Err(failure) = selection(&[], &[], types) {
            return Err((section, "types", failure));
        }
        if batch > LARGEST_BATCH {
            return Err((section, "batch", format!("at most {LARGEST_BATCH} are possible")));
        }
    }
    if !eventstore.url.is_empty() {
        check_eventstore(eventstore)?;
    }
    if !nats.url.is_empty() {
        let wrong = |name| move |reason| ("nats", name, reason);
        wisptrail_nats::check_url(&nats.url).map_err(wrong("url"))?;
        wisptrail_nats::check_stream(&nats.stream).map_err(wrong("stream"))?;
        wisptrail_nats::check_prefix(&nats.subject_prefix).map_err(wrong("subject_prefix"))?;
        if nats.user.is_empty() && given(&nats.password, &nats.password_file) {
            return Err(wrong("user")("a password needs a user".to_owned()));
        }
        let ways = [
            !nats.user.is_empty(),
            given(&nats.token, &nats.token_file),
            !nats.credentials_file.as_os_str().is_empty(),
        ];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            let reason = "only one of user, token and credentials_file is possible";
            return Err(wrong("user")(reason.to_owned()));
        }
    }
    Ok(())
}

#[cfg(not(feature = "eventstore"))]
fn check_eventstore(_: &Eventstore) -> Result<(), Wrong> {
    Err(("eventstore", "url", WITHOUT_EVENTSTORE.to_owned()))
}

#[cfg(feature = "eventstore")]
fn check_eventstore(eventstore: &Eventstore) -> Result<(), Wrong> {
    let wrong = |name| move |reason| ("eventstore", name, reason);
    wisptrail_eventstore::check_url(&eventstore.url).map_err(wrong("url"))?;
    wisptrail_eventstore::check_prefix(&eventstore.stream_prefix)
        .map_err(wrong("stream_prefix"))?;
    if eventstore.user.is_empty() && given(&eventstore.password, &eventstore.password_file) {
        return Err(wrong("user")("a password needs a user".to_owned()));
    }
    Ok(())
}

fn given(secret: &SecretString, file: &Path) -> bool {
    !secret.expose_secret().is_empty() || !file.as_os_str().is_empty()
}

/// Names of the relays that are wanted.
pub fn wanted_relays(settings: &Settings) -> Vec<&'static str> {
    let all = [("eventstore", &settings.eventstore.url), ("nats", &settings.nats.url)];
    all.into_iter().filter(|(_, url)| !url.is_empty()).map(|(name, _)| name).collect()
}

/// Which events.
pub fn selection(
    organizations: &[OrganizationId],
    aggregates: &[String],
    types: &[String],
) -> Result<RelaySelection, String> {
    let selection = EventsSelection {
        aggregate_types: aggregates.to_vec(),
        types: types.to_vec(),
        organizations: (!organizations.is_empty()).then(|| organizations.to_vec()),
        ..EventsSelection::default()
    };
    RelaySelection::new(selection).map_err(|failure| failure.to_string())
}
