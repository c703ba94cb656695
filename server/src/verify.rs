//! `wisptrail verify`: the chain of events, and the tables against what the events say.

use std::{process::ExitCode, sync::Arc};

use anyhow::bail;
use store::{Interpreter, Location, Store, verify_projections};

use crate::{
    cli::{self, Place},
    control::{Answer, Connection, Request, Verified},
    data_folder::DataFolder,
    serve::open,
    settings,
};

/// Verifies beside a running server through its control socket, else by opening the log. Exit status 1 when something is wrong.
pub async fn run(place: Place) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&place, None, false)?.settings;
    let folder = settings.data.folder.clone();
    let verified = match Connection::ask(&folder, &Request::Verify).await? {
        Some(mut connection) => match connection.next().await? {
            Some(Answer::Verified(verified)) => verified,
            _ => bail!("the server's answer is not understood"),
        },
        None => {
            let location = open::location(&settings)?;
            if let Location::Sqlite { folder } = &location
                && !folder.join("wisptrail.db").exists()
            {
                bail!("there is no data in {}: give the data folder with --data", folder.display());
            }
            let _lock = DataFolder::open(&folder)?;
            let store = open::open_store(&settings).await?;
            let verified = verify(&store, &location).await;
            store.close().await;
            verified?
        }
    };
    cli::print(&report(&verified))?;
    Ok(if verified.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks the chain from the first event, then every projection against a rebuild.
pub(crate) async fn verify(store: &Store, location: &Location) -> anyhow::Result<Verified> {
    let chain = store.verify_chain(None, |_| {}).await?;
    let interpreter: Arc<dyn Interpreter> = Arc::new(projections::Catalogue);
    let reports =
        verify_projections(location, &projections::all(), &interpreter, |_, _| {}).await?;
    Ok(Verified {
        events: chain.events,
        foreign: chain.foreign,
        unchained: chain.unchained,
        head: chain.head,
        bad: chain.first_bad.map(|bad| (bad.position, bad.reason)),
        projections: reports
            .into_iter()
            .map(|report| {
                let fault = report.fault.map(|(at, fault)| format!("position {at}: {fault}"));
                let wrong = report.differences.iter().map(ToString::to_string).chain(fault);
                (report.name.to_owned(), report.position, report.rows, wrong.collect())
            })
            .collect(),
    })
}

fn report(verified: &Verified) -> String {
    let mut text = match &verified.bad {
        None => format!(
            "chain: {} events up to position {} fit together ({} of other programs, {} not in the chain yet)\n",
            verified.events, verified.head, verified.foreign, verified.unchained
        ),
        Some((position, reason)) => format!("chain: BROKEN at position {position}: {reason}\n"),
    };
    for (name, position, rows, wrong) in &verified.projections {
        if wrong.is_empty() {
            text.push_str(&format!(
                "{name}: {rows} rows are what the events say at position {position}\n"
            ));
        } else {
            text.push_str(&format!("{name}: DIFFERS from the events at position {position}\n"));
            for line in wrong {
                text.push_str(&format!("  {line}\n"));
            }
        }
    }
    text
}
