//! The difference between two archives, file by file, as people read it.

mod unpack;

use std::{collections::BTreeSet, time::Duration};

use similar::{ChangeTag, TextDiff, TextDiffConfig};

use self::unpack::Unpacked;
pub(crate) use self::unpack::{File, unpack};
use crate::Failure;

/// Bytes of the largest file that is compared line by line.
const MAX_TEXT: usize = 1 << 20;
/// Lines of the longest file that is compared line by line, and of all differences together.
const MAX_LINES: usize = 10_000;
/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Afterwards a difference is still right, but may be longer than it had to be.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the files of two archives differ; equal files are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesDiff {
    /// By path.
    pub files: Vec<FileDiff>,
    /// Something was left out, because it is more than 10,000 lines of differences, 64 MiB or 10,000 files.
    pub cut: bool,
}

/// A file that is not the same in both archives.
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
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// It is only in the second archive.
    Added,
    /// It is only in the first archive.
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
        /// In the first archive.
        before: Option<Opaque>,
        /// In the second archive.
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

/// An archive that cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[error("the archive cannot be unpacked")]
pub struct Malformed(#[from] std::io::Error);

impl FilesDiff {
    /// Compares two gzipped tars; none has no files. Equal bytes are not looked into.
    pub fn between(before: Option<&[u8]>, after: Option<&[u8]>) -> Result<Self, Malformed> {
        if before == after {
            return Ok(Self::default());
        }
        let files =
            |archive: Option<&[u8]>| archive.map_or_else(|| Ok(Unpacked::default()), unpack);
        let (mut before, mut after) = (files(before)?, files(after)?);
        let mut diff = Self { files: Vec::new(), cut: before.cut || after.cut };
        let mut lines = MAX_LINES;
        let paths: BTreeSet<String> =
            before.files.keys().chain(after.files.keys()).cloned().collect();
        for path in paths {
            let (old, new) = (before.files.remove(&path), after.files.remove(&path));
            if old == new {
                continue;
            }
            let change = match (&old, &new) {
                (None, _) => FileChange::Added,
                (_, None) => FileChange::Removed,
                _ => FileChange::Changed,
            };
            let modes = (old.as_ref().map(|file| file.mode), new.as_ref().map(|file| file.mode));
            let old = old.map(|file| file.contents);
            let new = new.map(|file| file.contents);
            let contents = contents(&path, old.as_deref(), new.as_deref(), &mut lines);
            diff.cut |= matches!(contents, ContentsDiff::Text { cut: true, .. });
            diff.files.push(FileDiff { path, change, modes, contents });
        }
        Ok(diff)
    }

    /// Does nothing differ?
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The same, away from the threads that serve requests.
    pub(crate) async fn computed(
        before: Option<bytes::Bytes>,
        after: Option<bytes::Bytes>,
    ) -> Result<Self, Failure> {
        if before == after {
            return Ok(Self::default());
        }
        tokio::task::spawn_blocking(move || Self::between(before.as_deref(), after.as_deref()))
            .await
            .map_err(|error| Failure::Broken(Box::new(error)))?
            .map_err(|error| Failure::Broken(Box::new(error)))
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
    Opaque { size: contents.len(), sha256: store::Sha256::of(contents).to_string() }
}

#[cfg(test)]
mod tests;
