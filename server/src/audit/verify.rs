use std::{fmt::Write as _, fs::File, io::BufReader, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use store::{Against, Checkpoints, Signed, Verdict, check_evidence};

use super::public_key;
use crate::cli;

/// Erased people that are told one by one.
const MOST_EMPTIED: usize = 100;

/// `wisptrail audit verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// What `wisptrail audit export` or `wisptrail archive` wrote.
    file: PathBuf,
    /// The public key that it has to be signed with: a file, or the key itself.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A file of checkpoints that the chain has to agree with.
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
}

/// Exit status 1 when something is wrong, 2 when it could not be looked at.
pub(super) fn run(args: &VerifyArgs) -> ExitCode {
    look(args).unwrap_or_else(|error| {
        cli::note(&format!("wisptrail: {error:#}"));
        ExitCode::from(2)
    })
}

fn look(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let shown = args.file.display();
    let key = args.key.as_deref().map(public_key).transpose()?;
    let mut against = Against { key, checkpoints: Vec::new() };
    let mut told = Vec::new();
    let file = File::open(&args.file).with_context(|| format!("cannot read {shown}"))?;
    if let Some(path) = &args.checkpoints {
        let cannot = || format!("cannot read {}", path.display());
        anyhow::ensure!(path.exists(), "there are no checkpoints at {}", path.display());
        let mut checkpoints = Checkpoints::read(path).with_context(cannot)?;
        if let Some(key) = &key {
            checkpoints.check_signatures(key);
        }
        told.extend(checkpoints.faults.iter().map(|fault| format!("checkpoints: {fault}")));
        against.checkpoints = checkpoints.anchors();
    }
    let verdict = check_evidence(BufReader::with_capacity(256 << 10, file), &against)
        .with_context(|| format!("cannot read {shown}"))?;
    told.extend(verdict.faults.iter().map(ToString::to_string));
    if verdict.further > 0 {
        told.push(format!("and {} more", verdict.further));
    }
    let compared = args.checkpoints.is_some();
    cli::print(&report(&verdict, &told, compared))?;
    let proven = told.is_empty() && !(compared && verdict.checkpoints == 0);
    Ok(if proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(verdict: &Verdict, faults: &[String], compared: bool) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    for fault in faults {
        line(&format!("WRONG {fault}"));
    }
    if let Some(manifest) = &verdict.manifest {
        line(&format!(
            "positions {} to {} of a log of {}, as of {}",
            manifest.first,
            manifest.last,
            manifest.log_position,
            manifest.made_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        ));
        let (shown, withheld) = verdict.events;
        match manifest.organization {
            None => line(&format!("{shown} events")),
            Some(organization) => line(&format!(
                "{shown} events of organization {organization}, {withheld} of others as digests only"
            )),
        }
    }
    for emptied in verdict.emptied.iter().take(MOST_EMPTIED) {
        let Some(position) = emptied.erased_at else { continue };
        line(&format!(
            "erased: the contents of {} events of {} {} were taken away, as the event at position {position} says",
            emptied.events,
            emptied.aggregate_type.escape_debug(),
            emptied.aggregate_id.escape_debug()
        ));
    }
    if let Some(more) = verdict.emptied.len().checked_sub(MOST_EMPTIED).filter(|more| *more > 0) {
        line(&format!("erased: and those of {more} further people"));
    }
    if verdict.expired > 0 {
        let when = verdict.youngest_expired.map_or_else(String::new, |at| {
            let at = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            format!("; the youngest of them is of {at}: compare with what is agreed")
        });
        line(&format!(
            "expired: the contents of {} events were kept for a while only{when}",
            verdict.expired
        ));
    }
    if verdict.sealed > 0 {
        line(&format!(
            "sealed: the contents of {} events can be opened by the installation alone, until it erases whom they are about",
            verdict.sealed
        ));
    }
    if compared {
        let last = verdict.manifest.as_ref().map(|manifest| manifest.last);
        let mut said = match verdict.checkpoints {
            0 => "checkpoints: none lies in it".to_owned(),
            1 => "checkpoints: 1 lies in it".to_owned(),
            count => format!("checkpoints: {count} lie in it"),
        };
        match verdict.agreed {
            Some(agreed) if last == Some(agreed) => {}
            Some(agreed) => {
                let _ = write!(said, "; what is behind {agreed} was compared with none");
            }
            None => said.push_str("; nothing was compared"),
        }
        if let Some(beyond) = verdict.beyond.filter(|_| verdict.agreed != last) {
            let _ = write!(said, ": the next one is at {beyond}, ask for an archive up to there");
        }
        line(&said);
    }
    match verdict.signed {
        Signed::No => line("not signed: nobody vouches for it"),
        Signed::AsAsked(key) => line(&format!("signed with the key {}, as asked", key.id())),
        Signed::BySomebody(key) => line(&format!(
            "signed with the key {}, which proves nothing until it is compared: give the one that you know with --key",
            key.id()
        )),
        Signed::Wrongly => {}
    }
    line(match faults.is_empty() {
        true if compared && verdict.checkpoints == 0 => {
            "NOT proven: it fits together, and no checkpoint could be compared"
        }
        true => "OK: this is what was written",
        false => "NOT what was written",
    });
    text
}
