//! The recorded agent protocol, replayed against the real program.

use std::{collections::BTreeMap, path::Path};

use wisptrail_tests::{
    Database, Server, Start,
    conformance::{Area, Clients, Outcome, Report, Rules, Transcript, replay},
    on_each_database,
};

on_each_database!(agent_protocol);

/// Scenarios that ask for what this server does not have yet.
const LATER: [(&str, &str); 4] = [
    ("/controller/vpn/", "VPN servers"),
    ("/api/v1/controller/vpn/", "VPN servers"),
    ("/api/v1/ipam/", "address management"),
    ("/api/v1/monitoring/", "monitoring"),
];

async fn agent_protocol(database: Database) -> anyhow::Result<()> {
    let area = Area::find("agent-protocol")?;
    if area.is_absent() {
        return Ok(());
    }
    let mut report = Report::default();
    let mut scenarios = Vec::new();
    for path in &area.files {
        let transcript = Transcript::read(path)?;
        match LATER.iter().find(|(later, _)| transcript.asks(later)) {
            Some((_, what)) => report.left_out(&name(path), &format!("it needs {what}")),
            None => scenarios.push((name(path), transcript)),
        }
    }
    report.play(scenarios, async |transcript| scenario(transcript, &area, &database).await).await;
    report.finish(&area, database.name())
}

/// A scenario has a server of its own: it starts from the fixture and nothing else.
async fn scenario(
    transcript: &Transcript,
    area: &Area,
    database: &Database,
) -> anyhow::Result<Outcome> {
    let start = Start {
        fixture: Some(area.fixture.clone()),
        settings: transcript.environment()?,
        ..Start::default()
    };
    let server = Server::start(database, start).await?;
    let roles = BTreeMap::from([("admin".to_owned(), server.admin())]);
    let clients = Clients { anonymous: server.client(), roles, mails: None };
    let outcome = replay(transcript, &clients, &area.fixture, &[], Rules::AGENTS).await?;
    server.stop().await?;
    Ok(outcome)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
