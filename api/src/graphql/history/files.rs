//! How the files of two archives differ.

use app::{ContentsDiff, Opaque};
use async_graphql::{Enum, Object, SimpleObject};

/// How the files of two archives differ; equal files are left out.
#[derive(SimpleObject)]
#[graphql(name = "FilesDiff")]
pub(in crate::graphql) struct FilesDiff {
    /// By path.
    files: Vec<FileDiff>,
    /// Something was left out, because it is more than 10,000 lines of differences, 64 MiB or 10,000 files.
    cut: bool,
}

impl From<app::FilesDiff> for FilesDiff {
    fn from(diff: app::FilesDiff) -> Self {
        Self { files: diff.files.into_iter().map(FileDiff).collect(), cut: diff.cut }
    }
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "app::FileChange")]
enum FileChange {
    /// It is only in the second archive.
    Added,
    /// It is only in the first archive.
    Removed,
    /// It is in both.
    Changed,
}

/// What is said about contents that are not shown line by line.
#[derive(SimpleObject)]
struct OpaqueFile {
    /// In bytes.
    size: usize,
    /// 64 hexadecimal digits.
    sha256: String,
}

impl From<&Opaque> for OpaqueFile {
    fn from(opaque: &Opaque) -> Self {
        Self { size: opaque.size, sha256: opaque.sha256.clone() }
    }
}

/// A file that is not the same in both archives.
struct FileDiff(app::FileDiff);

impl FileDiff {
    fn opaque(&self) -> (Option<OpaqueFile>, Option<OpaqueFile>) {
        match &self.0.contents {
            ContentsDiff::Opaque { before, after } => {
                (before.as_ref().map(OpaqueFile::from), after.as_ref().map(OpaqueFile::from))
            }
            ContentsDiff::Same | ContentsDiff::Text { .. } => (None, None),
        }
    }
}

/// A file that is not the same in both archives.
#[Object]
impl FileDiff {
    /// As in the archive, such as `etc/config/network`.
    async fn path(&self) -> &str {
        &self.0.path
    }

    /// What became of it.
    async fn change(&self) -> FileChange {
        self.0.change.into()
    }

    /// Permission bits in the first archive, octal, such as `0644`; null where there is no such file.
    async fn mode_before(&self) -> Option<String> {
        self.0.modes.0.map(|mode| format!("{mode:04o}"))
    }

    /// Permission bits in the second archive.
    async fn mode_after(&self) -> Option<String> {
        self.0.modes.1.map(|mode| format!("{mode:04o}"))
    }

    /// The difference in the unified format, with three lines around each change; null where only permission bits differ, or
    /// the contents are not text, or more than 1 MiB or 10,000 lines of it.
    async fn unified(&self) -> Option<&str> {
        match &self.0.contents {
            ContentsDiff::Text { unified, .. } => Some(unified),
            ContentsDiff::Same | ContentsDiff::Opaque { .. } => None,
        }
    }

    /// Lines that are only in the second file.
    async fn added_lines(&self) -> usize {
        self.0.lines().0
    }

    /// Lines that are only in the first file.
    async fn removed_lines(&self) -> usize {
        self.0.lines().1
    }

    /// `unified` ends before the difference does.
    async fn cut(&self) -> bool {
        matches!(self.0.contents, ContentsDiff::Text { cut: true, .. })
    }

    /// The contents in the first archive, where they are not compared line by line.
    async fn opaque_before(&self) -> Option<OpaqueFile> {
        self.opaque().0
    }

    /// The contents in the second archive, where they are not compared line by line.
    async fn opaque_after(&self) -> Option<OpaqueFile> {
        self.opaque().1
    }
}
