//! The difference between two sets of files, file by file, as people read it: line by line, and what it says about sections and
//! options.

mod uci;

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest as _, Sha256};
use similar::{ChangeTag, TextDiff, TextDiffConfig};

pub use self::uci::{OptionDiff, PackageDiff, SectionDiff, UciDiff};
use crate::{File, Rendering};

/// Bytes of the largest file that is compared line by line.
const MAX_TEXT: usize = 1 << 20;
/// Lines of the longest file that is compared line by line, and of all differences together.
const MAX_LINES: usize = 10_000;
/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Afterwards a difference is still right, but may be longer than it had to be.
const PATIENCE: Duration = Duration::from_secs(2);

/// How two sets of files differ; equal files are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesDiff {
    /// By path.
    pub files: Vec<FileDiff>,
    /// Something was left out, because it is more than 10,000 lines of differences, 64 MiB or 10,000 files.
    pub cut: bool,
}

/// A file that is not the same in both sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// As in the archive, such as `etc/config/network`.
    pub path: String,
    /// What became of it.
    pub change: FileChange,
    /// Permission bits before and after; none where there is no such file.
    pub modes: (Option<u32>, Option<u32>),
    /// What differs inside.
    pub contents: ContentsDiff,
    /// What differs in a package of UCI; none for other files, and for equal ones.
    pub sections: Option<PackageDiff>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// It is only in the second set.
    Added,
    /// It is only in the first set.
    Removed,
    /// It is in both.
    Changed,
}

/// How the contents of a file differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentsDiff {
    /// Not at all: only the permission bits do.
    Same,
    /// Line by line.
    Text {
        /// In the unified format, with three lines around each change.
        unified: String,
        /// Lines that are only in the second file.
        added: usize,
        /// Lines that are only in the first file.
        removed: usize,
        /// The text ends before the difference does.
        cut: bool,
    },
    /// Not text, or more than 1 MiB or 10,000 lines of it.
    Opaque {
        /// In the first set.
        before: Option<Opaque>,
        /// In the second set.
        after: Option<Opaque>,
    },
}

/// What is said about contents that are not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    /// In bytes.
    pub size: usize,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

impl FilesDiff {
    /// Compares two renderings.
    pub fn between(before: &Rendering, after: &Rendering) -> Self {
        let files = |rendering: &Rendering| {
            let files = rendering.files().iter().cloned();
            files.map(|file| (file.path.clone(), file)).collect()
        };
        Self::of(files(before), files(after))
    }

    /// Compares two sets of files by their paths.
    pub fn of(mut before: BTreeMap<String, File>, mut after: BTreeMap<String, File>) -> Self {
        let mut diff = Self::default();
        let (mut lines, mut changes) = (MAX_LINES, uci::MAX_CHANGES);
        let mut paths: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let (old, new) = (before.remove(&path), after.remove(&path));
            let modes = (old.as_ref().map(|file| file.mode), new.as_ref().map(|file| file.mode));
            let old = old.map(|file| file.contents);
            let new = new.map(|file| file.contents);
            if modes.0 == modes.1 && old == new {
                continue;
            }
            let change = match modes {
                (None, _) => FileChange::Added,
                (_, None) => FileChange::Removed,
                _ => FileChange::Changed,
            };
            let contents = contents(&path, old.as_deref(), new.as_deref(), &mut lines);
            let sections = uci::of_file(&path, old.as_deref(), new.as_deref(), &mut changes);
            diff.cut |= matches!(contents, ContentsDiff::Text { cut: true, .. });
            diff.cut |= sections.as_ref().is_some_and(|package| package.cut);
            diff.files.push(FileDiff { path, change, modes, contents, sections });
        }
        diff
    }

    /// Does nothing differ?
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl FileDiff {
    /// Lines that are only in the second and only in the first file; none where lines are not compared.
    pub fn lines(&self) -> (usize, usize) {
        match self.contents {
            ContentsDiff::Text { added, removed, .. } => (added, removed),
            ContentsDiff::Same | ContentsDiff::Opaque { .. } => (0, 0),
        }
    }
}

fn contents(path: &str, old: Option<&[u8]>, new: Option<&[u8]>, lines: &mut usize) -> ContentsDiff {
    if old == new {
        return ContentsDiff::Same;
    }
    let (Some(before), Some(after)) = (text(old), text(new)) else {
        return ContentsDiff::Opaque { before: old.map(opaque), after: new.map(opaque) };
    };
    let diff: TextDiff<'_, '_, str> =
        TextDiffConfig::default().timeout(PATIENCE).diff_lines(before, after);
    let (mut added, mut removed) = (0, 0);
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => added += 1,
            ChangeTag::Delete => removed += 1,
            ChangeTag::Equal => {}
        }
    }
    let name = |side: &str, there: bool| {
        if there { format!("{side}/{path}") } else { "/dev/null".to_owned() }
    };
    let unified = diff
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&name("a", old.is_some()), &name("b", new.is_some()))
        .to_string();
    let whole = unified.lines().count();
    let cut = whole > *lines;
    let unified = if cut { unified.split_inclusive('\n').take(*lines).collect() } else { unified };
    *lines = lines.saturating_sub(whole);
    ContentsDiff::Text { unified, added, removed, cut }
}

/// The contents, where lines of them can be compared; no file has no lines.
fn text(contents: Option<&[u8]>) -> Option<&str> {
    let Some(contents) = contents else { return Some("") };
    if contents.len() > MAX_TEXT || contents.contains(&0) {
        return None;
    }
    let text = std::str::from_utf8(contents).ok()?;
    (text.lines().count() <= MAX_LINES).then_some(text)
}

fn opaque(contents: &[u8]) -> Opaque {
    Opaque { size: contents.len(), sha256: hex(&Sha256::digest(contents)) }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(crate::archive::digit).collect()
}

#[cfg(test)]
mod tests;
