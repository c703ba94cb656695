//! How the files of two archives differ.

use app::{ContentsDiff, Opaque, Setting};
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

    /// What a configuration package (`etc/config/…`) says otherwise, section by section; null for other files. Differences
    /// beyond 10,000 sections and options are left out.
    async fn sections(&self) -> Option<Vec<SectionDiff<'_>>> {
        let package = self.0.sections.as_ref()?;
        Some(package.sections.iter().map(SectionDiff).collect())
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

/// A section of a configuration package that is not the same in both archives.
struct SectionDiff<'a>(&'a app::SectionDiff);

/// A section of a configuration package that is not the same in both archives.
#[Object]
impl SectionDiff<'_> {
    /// Its type, such as `interface`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Its name; sections without one are known by type and position, such as `@rule[0]`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What became of it.
    async fn change(&self) -> FileChange {
        self.0.change.into()
    }

    /// Its options that came, went or changed.
    async fn options(&self) -> Vec<OptionDiff<'_>> {
        self.0.options.iter().map(OptionDiff).collect()
    }
}

/// An option that is not the same in both archives.
struct OptionDiff<'a>(&'a app::OptionDiff);

/// An option that is not the same in both archives.
#[Object]
impl OptionDiff<'_> {
    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What became of it.
    async fn change(&self) -> FileChange {
        self.0.change().into()
    }

    /// Its value in the first archive, or the values of a list; null where it is not there.
    async fn before(&self) -> Option<&[String]> {
        self.0.before.as_ref().map(values)
    }

    /// Its value in the second archive.
    async fn after(&self) -> Option<&[String]> {
        self.0.after.as_ref().map(values)
    }

    /// Is it a list, on the side where it is there last?
    async fn is_list(&self) -> bool {
        matches!(self.0.after.as_ref().or(self.0.before.as_ref()), Some(Setting::List(_)))
    }
}

fn values(setting: &Setting) -> &[String] {
    match setting {
        Setting::Option(value) => std::slice::from_ref(value),
        Setting::List(values) => values,
    }
}
