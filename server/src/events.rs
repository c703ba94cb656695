//! `wisptrail events`: the log, for people and for pipes.

mod filter;

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::Value;
use store::Location;
use uuid::Uuid;

use self::filter::filter;
use crate::{
    cli::{self, Place},
    control::{Answer, Connection, Filter, Request, shown},
    log::{Alone, Pages},
    settings,
};

/// How far before the end `tail` begins.
const RECENT: i64 = 10;

/// What to do with events.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Lists events, oldest first; JSON lines on a pipe, a table on a terminal.
    List(ListArgs),
    /// Shows one event whole.
    Show(ShowArgs),
    /// Lists the last events and goes on with what happens.
    Tail(ListArgs),
}

/// Which events.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// Kind of stream, or one stream as KIND/ID; the id with or without its hyphens.
    #[arg(long, value_name = "KIND[/ID]")]
    aggregate: Option<String>,
    /// Stored type such as `device.registered`; may be given several times.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Id of an organization.
    #[arg(long, value_name = "UUID")]
    organization: Option<Uuid>,
    /// Such as `user:<id>`, `device:<id>`, `system:<worker>`.
    #[arg(long)]
    actor: Option<String>,
    /// Recorded at or after this moment (RFC 3339).
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
    /// Recorded at or before this moment (RFC 3339).
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,
    /// Only after this position.
    #[arg(long, value_name = "POSITION")]
    after: Option<i64>,
    /// Only before this position.
    #[arg(long, value_name = "POSITION")]
    before: Option<i64>,
    /// At most so many.
    #[arg(long)]
    limit: Option<u64>,
}

/// Which event.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    place: Place,
    /// Its position.
    position: i64,
}

/// Runs the command.
pub async fn run(command: EventsCommand) -> anyhow::Result<ExitCode> {
    match command {
        EventsCommand::List(args) => list(args, false).await,
        EventsCommand::Tail(args) => list(args, true).await,
        EventsCommand::Show(args) => show(args).await,
    }
}

async fn list(args: ListArgs, follow: bool) -> anyhow::Result<ExitCode> {
    let filter = match filter(&args) {
        Ok(filter) => filter,
        // As for other arguments that make no sense.
        Err(wrong) => {
            cli::note(&wrong);
            return Ok(ExitCode::from(2));
        }
    };
    let settings = settings::load(&args.place, None, false)?.settings;
    let folder = &settings.data.folder;
    let (mut table, limit) = (Table::new(), args.limit);
    // The last few, then what happens.
    let recent = follow && args.after.is_none() && args.since.is_none();
    let start = |head: i64| if recent { (head - RECENT).max(0) } else { args.after.unwrap_or(0) };

    if let Some(mut connection) = Connection::ask(folder, &Request::Head).await? {
        let Some(Answer::Head(head)) = connection.next().await? else {
            bail!("the server's answer is not understood");
        };
        let request = Request::Events { filter, after: start(head), limit, follow };
        let Some(mut connection) = Connection::ask(folder, &request).await? else {
            bail!("the server hung up");
        };
        while let Some(answer) = connection.next().await? {
            let Answer::Event(event) = answer else { continue };
            if !table.row(&event)? {
                break;
            }
        }
        table.end();
        return Ok(ExitCode::SUCCESS);
    }
    let log = Alone::open(&settings).await?;
    if follow && matches!(log.location, Location::Sqlite { .. }) {
        bail!(
            "no server runs on {}: there is nothing to follow; `wisptrail events list` reads the log",
            folder.display()
        );
    }
    let mut pages = Pages::new(&log.store, filter.into(), start(log.store.head()), limit, follow);
    'pages: while let Some(events) = pages.next().await? {
        for event in &events {
            if !table.row(&shown(event))? {
                break 'pages;
            }
        }
    }
    log.store.close().await;
    table.end();
    Ok(ExitCode::SUCCESS)
}

async fn show(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    let filter = Filter { up_to: Some(args.position), ..Filter::default() };
    let (after, limit) = (args.position.saturating_sub(1), Some(1));
    let request = Request::Events { filter: filter.clone(), after, limit, follow: false };
    let found =
        if let Some(mut connection) = Connection::ask(&settings.data.folder, &request).await? {
            match connection.next().await? {
                Some(Answer::Event(event)) => Some(event),
                _ => None,
            }
        } else {
            let log = Alone::open(&settings).await?;
            let page = Pages::new(&log.store, filter.into(), after, limit, false).next().await?;
            log.store.close().await;
            page.and_then(|events| events.first().map(shown))
        };
    let Some(event) = found else {
        bail!("there is no event at position {}", args.position);
    };
    cli::print(&serde_json::to_string_pretty(&event)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Rows for a terminal, JSON lines for a pipe.
struct Table {
    terminal: bool,
    begun: bool,
}

impl Table {
    fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), begun: false }
    }

    /// False when nobody reads any more.
    fn row(&mut self, event: &Value) -> anyhow::Result<bool> {
        let first = !std::mem::replace(&mut self.begun, true);
        if !self.terminal {
            return cli::print_while_read(&event.to_string());
        }
        if first {
            cli::print(&columns(["POSITION", "RECORDED", "TYPE", "STREAM", "ACTOR"]))?;
        }
        cli::print_while_read(&line(event))
    }

    /// An empty answer may be a filter that was meant otherwise.
    fn end(&self) {
        if !self.begun {
            cli::note("no event fits");
        }
    }
}

fn columns([position, recorded, event_type, stream, actor]: [&str; 5]) -> String {
    format!("{position:>8}  {recorded:27}  {event_type:38}  {stream:32}  {actor}")
}

fn line(event: &Value) -> String {
    let text = |name: &str| match &event[name] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let stream = format!("{}/{}", text("aggregate_type"), shortened(&text("aggregate_id")));
    let (position, recorded) = (text("position"), text("recorded_at"));
    columns([&position, &recorded, &text("event_type"), &stream, &text("actor")])
}

/// Both ends of an id: those of one second begin alike.
fn shortened(id: &str) -> String {
    const END: usize = 8;
    let letters: Vec<char> = id.chars().collect();
    if letters.len() <= 2 * END {
        return id.to_owned();
    }
    let (first, last) = (&letters[..END], &letters[letters.len() - END..]);
    first.iter().chain(&['…']).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_tells_the_stream_with_its_kind() {
        let event = json!({
            "position": 7, "recorded_at": "2026-01-02T03:04:05.000000Z", "event_type": "device.registered",
            "aggregate_type": "device", "aggregate_id": "0190f0a0-0000-7000-8000-0123456789ab", "actor": null,
        });
        let row = line(&event);
        assert!(row.contains("  device.registered  ") && row.ends_with("  -"), "{row}");
        assert!(row.contains("  device/0190f0a0…456789ab  "), "{row}");
        assert_eq!(shortened("0123456789abcdef"), "0123456789abcdef");
    }
}
