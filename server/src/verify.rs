//! `wisptrail verify`: the chain of events, and the tables against what the events say.

use std::{fmt::Write as _, process::ExitCode, sync::Arc};

use anyhow::bail;
use store::{Interpreter, Location, Store, verify_projections};

use crate::{
    cli::{self, Place},
    control::{Answer, Connection, Request, Verified},
    log::Alone,
    settings,
};

/// Verifies beside a running server through its control socket, else by opening the log. Exit status 1 when something is wrong.
pub async fn run(place: Place) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&place, None, false)?.settings;
    let folder = settings.data.folder.clone();
    let verified = if let Some(mut connection) = Connection::ask(&folder, &Request::Verify).await? {
        match connection.next().await? {
            Some(Answer::Verified(verified)) => verified,
            _ => bail!("the server's answer is not understood"),
        }
    } else {
        let log = Alone::open(&settings).await?;
        let verified = verify(&log.store, &log.location).await;
        log.store.close().await;
        verified?
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
        hash: chain.hash,
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
    if verified.bad.is_none() {
        let chained = verified.head - verified.unchained;
        let _ = writeln!(text, "chain head: position {chained}, hash {}", verified.hash);
    }
    for (name, position, rows, wrong) in &verified.projections {
        if wrong.is_empty() {
            let _ = writeln!(
                text,
                "{name}: {rows} rows are what the events say at position {position}"
            );
        } else {
            let _ = writeln!(text, "{name}: DIFFERS from the events at position {position}");
            for line in wrong {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let mut verified = Verified { events: 3, head: 3, ..Verified::default() };
        verified.projections.push(("devices".to_owned(), 3, 1, Vec::new()));
        assert!(verified.is_sound());
        assert!(report(&verified).contains("devices: 1 rows"), "{}", report(&verified));

        verified.projections.push(("groups".to_owned(), 3, 1, vec!["name: a, not b".to_owned()]));
        assert!(!verified.is_sound());
        assert!(report(&verified).contains("groups: DIFFERS"), "{}", report(&verified));
        assert!(report(&verified).contains("  name: a, not b"), "{}", report(&verified));

        let broken = Verified { bad: Some((2, "changed".to_owned())), ..Verified::default() };
        assert!(!broken.is_sound());
        assert!(report(&broken).starts_with("chain: BROKEN at position 2: changed"));
    }
}
