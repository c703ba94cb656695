//! The `wisptrail` program beside the tests.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use anyhow::Context;

use crate::server::Home;

/// `<target>/<profile>/wisptrail`, built when it is missing.
///
/// # Panics
///
/// It is missing and cannot be built.
pub(crate) fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let test = env::current_exe().expect("a test is a program");
        let profile = test.ancestors().nth(2).expect("tests are in <target>/<profile>/deps");
        let program = profile.join("wisptrail");
        if !program.exists() {
            build(profile);
        }
        assert!(
            program.exists(),
            "{} is missing; build it first: cargo build -p wisptrail-server, or run ./test",
            program.display()
        );
        program
    })
}

fn build(profile: &Path) {
    let target = profile.parent().expect("a profile has its folder in the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--package", "wisptrail-server", "--features", "eventstore"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    // Whether it worked is seen from the program.
    let _ = cargo.status();
}

/// What a command that ran to its end has said.
#[derive(Debug)]
pub struct Finished {
    /// The exit status; -1 after a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output, if the command ended well.
    ///
    /// # Errors
    ///
    /// It did not; with everything it said.
    pub fn success(self) -> anyhow::Result<String> {
        anyhow::ensure!(
            self.code == 0,
            "exit status {}\n{}{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self.stdout)
    }
}

/// Runs `wisptrail` with these arguments in this home and waits until it ends; it is stopped after
/// a minute.
///
/// # Errors
///
/// It cannot be started or does not end.
pub async fn program(home: &Home, arguments: &[&str]) -> anyhow::Result<Finished> {
    let mut command = tokio::process::Command::from(home.command());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    let running = command.output();
    let Output { status, stdout, stderr } =
        tokio::time::timeout(std::time::Duration::from_mins(1), running)
            .await
            .with_context(|| format!("`wisptrail {}` does not end", arguments.join(" ")))?
            .with_context(|| format!("failed to start {}", path().display()))?;
    Ok(Finished {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}
