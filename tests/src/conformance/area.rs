//! Finds the recordings of an area and reports on them.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use futures::{StreamExt, stream};

use super::{Accepted, Difference, Outcome, Transcript};
use crate::{Fixture, environment};

/// Servers at a time.
const PARALLEL: usize = 4;

/// The recordings of one area, and the fixture they start from.
#[derive(Clone, Debug)]
pub struct Area {
    /// The folder's name.
    pub name: &'static str,
    /// Files in the order of their names; none where the area is absent.
    pub files: Vec<PathBuf>,
    /// The one beside the area, else the one of this crate.
    pub fixture: Fixture,
}

impl Area {
    /// The area below the folder that `WISPTRAIL_CONFORMANCE` names, else the one of this crate.
    ///
    /// # Errors
    ///
    /// The folder or the fixture cannot be read.
    pub fn find(name: &'static str) -> anyhow::Result<Self> {
        let root = environment::path("WISPTRAIL_CONFORMANCE")
            .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance"));
        let fixture = root.join("fixture.json");
        let fixture = if fixture.exists() { Fixture::read(&fixture)? } else { Fixture::own()? };
        Ok(Self { name, files: files(&root.join(name))?, fixture })
    }

    /// Says that there is nothing to be replayed; whether that is so.
    pub fn is_absent(&self) -> bool {
        if self.files.is_empty() {
            say(&format!("{}: absent", self.name));
        }
        self.files.is_empty()
    }
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries =
        folder.read_dir().with_context(|| format!("failed to read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    Ok(files)
}

/// How the scenarios of an area went on one database.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<String>,
    files: usize,
    passed: usize,
    steps: Steps,
    accepted: Accepted,
}

/// Steps of all scenarios.
#[derive(Debug, Default)]
struct Steps {
    equal: usize,
    compared: usize,
    executed: usize,
    skipped: usize,
    accepted: usize,
}

impl Report {
    /// With differences that are wanted.
    #[must_use]
    pub fn accepting(accepted: Accepted) -> Self {
        Self { accepted, ..Self::default() }
    }

    /// Plays scenarios, some at a time, and takes their outcomes.
    pub async fn play(
        &mut self,
        scenarios: Vec<(String, Transcript)>,
        scenario: impl AsyncFn(&Transcript) -> anyhow::Result<Outcome>,
    ) {
        let scenario = &scenario;
        let outcomes = stream::iter(scenarios)
            .map(async |(file, transcript)| (file, scenario(&transcript).await))
            .buffered(PARALLEL)
            .collect::<Vec<_>>()
            .await;
        for (file, outcome) in outcomes {
            self.add(&file, outcome);
        }
    }

    /// Takes the outcome of a scenario.
    fn add(&mut self, file: &str, outcome: anyhow::Result<Outcome>) {
        self.files += 1;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                self.lines.push(format!("{file}: {error:#}"));
                return;
            }
        };
        self.steps.compared += outcome.compared;
        self.steps.equal += outcome.compared - outcome.differences.len();
        self.steps.executed += outcome.executed;
        self.steps.skipped += outcome.skipped;
        let before = self.lines.len();
        for difference in &outcome.differences {
            let Difference { step, request, text } = difference;
            if self.accepted.takes(file, *step, request) {
                self.steps.accepted += 1;
            } else {
                self.lines.push(format!("{file} step {step} {request}: {text}"));
            }
        }
        self.lines.extend(self.accepted.stale(file));
        self.passed += usize::from(self.lines.len() == before);
    }

    /// Says which scenarios were left out, and why.
    pub fn left_out(&mut self, file: &str, why: &str) {
        say(&format!("{file} is left out: {why}"));
    }

    /// Ends with the line `<area>: N of M passed`, which counts scenarios.
    ///
    /// # Errors
    ///
    /// Not all of them passed; with every step that differs.
    pub fn finish(self, area: &Area, database: &str) -> anyhow::Result<()> {
        let Steps { equal, compared, executed, skipped, accepted } = self.steps;
        let mut lines = vec![format!("{} on {database}, one transcript per scenario", area.name)];
        lines.extend(self.lines.iter().map(|line| format!("  {line}")));
        lines.push(format!(
            "{}: {equal} of {compared} steps equal, {accepted} differences accepted; {executed} steps only executed, {skipped} skipped",
            area.name
        ));
        lines.push(format!("{}: {} of {} passed", area.name, self.passed, self.files));
        say(&lines.join("\n"));
        anyhow::ensure!(
            self.lines.is_empty(),
            "{} on {database}: {} of {} scenarios passed\n{}",
            area.name,
            self.passed,
            self.files,
            self.lines.join("\n")
        );
        Ok(())
    }
}

/// Past the capture of the test harness, which keeps to itself what a test that passes says.
fn say(text: &str) {
    // There is nobody else to tell.
    let _ = writeln!(io::stdout(), "{text}");
}
