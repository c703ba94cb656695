//! `wisptrail doctor`: everything that may go wrong. Without a server it opens the data as a server would, which brings
//! an older database up to date (after a copy); nothing else is changed.

mod place;
mod report;

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use store::{Keyring, Location};

pub(crate) use self::report::Report;
use crate::{
    audit::{self, Source},
    cli::{self, Place},
    control::{Answer, Connection, Request, States},
    log::Alone,
    serve::open,
    settings::{self, Settings},
    world,
};

/// Events that a following projection may be behind before it is worth a word.
const LAG: i64 = 10_000;
/// What clocks may differ by.
const DRIFT: TimeDelta = TimeDelta::seconds(2);

/// Looks, prints, and fails where something is broken.
pub(crate) async fn run(place: Place) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    match settings::load(&place, None, false) {
        Err(error) => {
            report.fail("settings", &format!("{error:#}"), "correct the setting that is named");
        }
        Ok(loaded) => {
            report.ok("settings", "all are known and make sense");
            look(&mut report, &loaded.settings).await?;
        }
    }
    cli::print(&report.to_string())?;
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(report: &mut Report, settings: &Settings) -> anyhow::Result<()> {
    let folder = settings.data.folder.as_path();
    let embedded = matches!(open::location(settings)?, Location::Sqlite { .. });
    if embedded && !folder.join("wisptrail.db").exists() {
        let remedy = "start `wisptrail serve` once, or give another folder with --data";
        report.fail("data", &format!("there is no data in {}", folder.display()), remedy);
        return Ok(());
    }
    let key_file = open::master_key_file(settings).unwrap_or_else(|| folder.join("master.key"));
    if folder.exists() {
        place::look(report, folder);
    }
    place::secret(report, &key_file);
    let running = Connection::ask(folder, &Request::Projections).await?;
    let states = if let Some(mut connection) = running {
        report.ok("server", "is running and answers");
        report.ok("master key", "fits: the server could not run without");
        let Some(Answer::Projections(states)) = connection.next().await? else {
            anyhow::bail!("the server's answer is not understood");
        };
        let key = async || {
            let key = audit::key_of_server(settings).await?;
            key.context("the server is gone")
        };
        audit::look(report, settings, &Source::Server(folder), key).await;
        states
    } else {
        report.ok("server", "is not running; its data was opened for this look");
        match alone(report, settings, &key_file).await {
            Ok(states) => states,
            Err(error) => {
                report.fail("database", &format!("{error:#}"), "see what the message says");
                return Ok(());
            }
        }
    };
    clock(report, states.newest_at, world::now());
    tables(report, &states);
    relays(report, &states, &settings::wanted_relays(settings));
    Ok(())
}

/// Without a server: the log is opened as a server would.
async fn alone(
    report: &mut Report,
    settings: &Settings,
    key_file: &Path,
) -> anyhow::Result<States> {
    let log = Alone::open(settings).await?;
    report.ok("database", "opens, and is of this version");
    let states = States::of(&log.store, world::now()).await.context("the tables cannot be read");
    key(report, key_file, &log).await;
    let signing = async || {
        let keyring = open::keyring_alone(settings, &log.store).await?;
        Ok(keyring.signing_key().await?.public())
    };
    audit::look(report, settings, &Source::Log(&log.store), signing).await;
    log.store.close().await;
    states
}

async fn key(report: &mut Report, path: &Path, log: &Alone) {
    const REMEDY: &str = "put the key that the data was first started with in its place: sealed values and archives cannot be opened without";
    let read = match crate::data_folder::read_master_key(path) {
        Ok(key) => key,
        Err(error) => return report.fail("master key", &format!("{error:#}"), REMEDY),
    };
    match Keyring::fits(&log.store, &read).await {
        Ok(Some(true)) => report.ok("master key", "fits the database"),
        Ok(Some(false)) => {
            report.fail("master key", &format!("{} is not the database's", path.display()), REMEDY);
        }
        Ok(None) => report.ok("master key", "the database is bound to none yet"),
        Err(error) => report.fail("master key", &error.to_string(), REMEDY),
    }
}

/// Times of events never decrease; a clock that was set back lets them stand still.
fn clock(report: &mut Report, newest: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    match newest {
        Some(newest) if newest > now + DRIFT => {
            let ahead = (newest - now).num_seconds();
            report.warn(
                "clock",
                &format!("is {ahead} s behind the newest event: it was set back"),
                "set it right (NTP); until then new events carry the time of the newest one",
            );
        }
        _ => report.ok("clock", "is not behind the newest event"),
    }
}

fn tables(report: &mut Report, states: &States) {
    for it in &states.projections {
        let what = format!("projection {}", it.name);
        match (&it.error, it.state.as_str()) {
            (Some((error, position)), _) => report.fail(
                &what,
                &format!("stopped at position {position}: {error}"),
                &format!(
                    "`wisptrail projections rebuild {}`; if that fails, report the event",
                    it.name
                ),
            ),
            (None, "paused") => {
                report.warn(&what, &format!("is paused, {} events behind", it.lag), "let it go on");
            }
            _ if it.lag > LAG => report.warn(
                &what,
                &format!("is {} events behind", it.lag),
                "wait; if it does not catch up, look for errors in the server's log",
            ),
            _ => report.ok(&what, &format!("is at position {} of {}", it.position, states.head)),
        }
    }
}

/// Those that the settings want.
fn relays(report: &mut Report, states: &States, wanted: &[&str]) {
    for it in states.relays.iter().filter(|it| wanted.contains(&it.name.as_str())) {
        let what = format!("relay {}", it.name);
        let behind = format!("{} events are not written yet", it.lag);
        match (it.state.as_str(), &it.error) {
            ("working", _) | (_, None) => {
                report.ok(&what, &format!("is at position {} of {}", it.position, states.head));
            }
            ("unreachable", Some(error)) => report.warn(
                &what,
                &format!("{error}; {behind}"),
                "is it running, and can this machine reach it? It is tried again all the time",
            ),
            (_, Some(error)) => report.fail(
                &what,
                &format!("{error}; {behind}"),
                "do what the message says (docs/relays.md); it is tried again all the time",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{report::Finding, *};
    use crate::control::{ProjectionShown, RelayShown};

    fn levels(look: impl FnOnce(&mut Report)) -> Vec<Finding> {
        let mut report = Report::default();
        look(&mut report);
        report.findings
    }

    #[test]
    fn a_clock_that_was_set_back_is_told() {
        let now = DateTime::from_timestamp(1_800_000_000, 0);
        let (Some(now), later) = (now, TimeDelta::minutes(5)) else { panic!("a moment") };
        let told = levels(|report| clock(report, Some(now + later), now));
        assert!(told[0].to_string().contains("300 s behind"), "{}", told[0]);
        assert!(levels(|report| clock(report, None, now))[0].is_ok());
    }

    #[test]
    fn a_relay_that_is_wanted_and_cannot_write_is_told() {
        let shown = |name: &str, state: &str, error: Option<&str>| RelayShown {
            name: name.to_owned(),
            position: 7,
            lag: 3,
            lag_seconds: 60,
            state: state.to_owned(),
            error: error.map(str::to_owned),
        };
        let states = States {
            head: 10,
            relays: vec![
                shown("eventstore", "foreign", Some("somebody else writes there")),
                shown("nats", "working", None),
            ],
            ..States::default()
        };
        let told = levels(|report| relays(report, &states, &["eventstore", "nats"]));
        assert!(told[0].to_string().contains("3 events are not written yet"), "{}", told[0]);
        assert!(!told[0].is_ok() && told[1].is_ok());
        assert!(levels(|report| relays(report, &states, &[])).is_empty());
    }

    #[test]
    fn a_stopped_projection_is_a_failure_with_a_remedy() {
        let stopped = ProjectionShown {
            name: "accounts.v1".to_owned(),
            mode: "inline".to_owned(),
            generation: 1,
            position: 7,
            lag: 3,
            state: "failed".to_owned(),
            error: Some(("no such column".to_owned(), 8)),
            rebuilding: None,
        };
        let states =
            States { head: 10, newest_at: None, projections: vec![stopped], relays: Vec::new() };
        let told = levels(|report| tables(report, &states));
        assert!(!told[0].is_ok());
        assert!(told[0].to_string().contains("projections rebuild accounts.v1"), "{}", told[0]);
    }
}
