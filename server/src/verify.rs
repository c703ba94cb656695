//! `wisptrail verify`: the chain of events, and the tables against what the events say.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::bail;
use clap::Args;
use store::{Interpreter, Location, PublicKey, Store, verify_projections};

use crate::{
    audit::{self, Source},
    cli::{self, Place},
    control::{Answer, Connection, Request, Verified},
    log::Alone,
    serve::open,
    settings,
};

/// `wisptrail verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// A file of signed checkpoints that the chain has to agree with; may be given several times.
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// The public key that they have to be signed with, a file or the key itself; else that of this installation.
    #[arg(long, value_name = "KEY", requires = "checkpoints")]
    key: Option<String>,
}

/// Verifies beside a running server through its control socket, else by opening the log. Exit status 1 when something is wrong.
pub async fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    let given = args.key.as_deref().map(audit::public_key).transpose()?;
    for file in &args.checkpoints {
        anyhow::ensure!(file.exists(), "there are no checkpoints at {}", file.display());
    }
    let folder = settings.data.folder.as_path();
    let (verified, compared) =
        if let Some(mut connection) = Connection::ask(folder, &Request::Verify).await? {
            let Some(Answer::Verified(verified)) = connection.next().await? else {
                bail!("the server's answer is not understood");
            };
            let key = async || match audit::key_of_server(&settings).await? {
                Some(key) => Ok(key),
                None => bail!("the server is gone"),
            };
            (verified, compare(&args.checkpoints, given, key, &Source::Server(folder)).await?)
        } else {
            let log = Alone::open(&settings).await?;
            let outcome = async {
                let verified = verify(&log.store, &log.location).await?;
                let key = async || {
                    let keyring = open::keyring_alone(&settings, &log.store).await?;
                    Ok(keyring.signing_key().await?.public())
                };
                let source = Source::Log(&log.store);
                anyhow::Ok((verified, compare(&args.checkpoints, given, key, &source).await?))
            }
            .await;
            log.store.close().await;
            outcome?
        };
    let (said, agrees) = compared;
    cli::print(&(report(&verified) + &said))?;
    Ok(if verified.is_sound() && agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What files of checkpoints say, and whether the log agrees with all of them.
async fn compare(
    files: &[PathBuf],
    given: Option<PublicKey>,
    key: impl AsyncFnOnce() -> anyhow::Result<PublicKey>,
    source: &Source<'_>,
) -> anyhow::Result<(String, bool)> {
    let (mut said, mut agrees) = (String::new(), true);
    if files.is_empty() {
        return Ok((said, agrees));
    }
    let key = match given {
        Some(key) => key,
        None => key().await?,
    };
    for file in files {
        let compared = audit::compare(Path::new(file), Some(&key), source).await?;
        // Whoever asks for a comparison is not served by none.
        agrees &= compared.faults.is_empty() && !compared.is_empty();
        said.push_str(&compared.text());
    }
    Ok((said, agrees))
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
