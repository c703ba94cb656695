//! Filling all tables again, as operators do.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use wisptrail_tests::{Finished, Home};

/// Nothing takes longer.
const LONGEST: Duration = Duration::from_mins(5);
const PAUSE: Duration = Duration::from_secs(2);

/// `wisptrail projections rebuild --all`, beside the program or without it.
pub(crate) async fn all(home: &Home) -> anyhow::Result<Finished> {
    run(home, &["projections", "rebuild", "--all"]).await
}

/// The same to its end. On PostgreSQL nobody knows of one that died until it has not moved for a minute.
pub(crate) async fn until_done(home: &Home) -> anyhow::Result<()> {
    let until = Instant::now() + LONGEST;
    loop {
        let finished = all(home).await?;
        let waits = finished.stderr.contains("is being rebuilt by somebody else");
        if !waits || Instant::now() > until {
            return finished.success().map(drop);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Any command on the data of a home.
pub(crate) async fn run(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    let mut command = tokio::process::Command::from(home.command());
    command.args(arguments).arg("--data").arg(home.data());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(LONGEST, command.output());
    let output = output.await.with_context(|| format!("{arguments:?} does not end"))??;
    Ok(Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
