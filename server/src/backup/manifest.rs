//! What a backup says of itself.

use std::{collections::BTreeSet, io::Read as _, path::Path};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::{Anchor, Sha256};

use super::{ANCHORS, LOG, cannot};

/// The file; without it a folder is no backup.
pub(crate) const FILE: &str = "manifest.json";
/// Raised when older programs would misunderstand a backup.
pub(super) const FORMAT: u32 = 1;
/// More is no manifest.
const LONGEST: u64 = 1 << 20;

/// Which kind of database a backup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Its files are in the backup.
    Sqlite,
    /// It is dumped by its own tools.
    Postgres,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// Version of the program that made it.
    pub(crate) program: String,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) database: Kind,
    /// Position of the last event.
    pub(crate) head: i64,
    /// The last event in the chain, with the hash that stands for the whole log up to it.
    pub(crate) chain: Option<Anchor>,
    /// Is the key beside it? It has no sum: the database knows whether it is the right one.
    pub(crate) master_key: bool,
    pub(crate) files: Vec<Listed>,
}

/// A file of the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// 64 hexadecimal digits.
    pub(crate) sha256: String,
}

impl Listed {
    pub(super) fn of(name: &str, bytes: &[u8]) -> Self {
        let sha256 = Sha256::of(bytes).to_string();
        Self { name: name.to_owned(), size: bytes.len() as u64, sha256 }
    }
}

/// Is it the name of a database of a data folder, and of nothing outside of it?
pub(super) fn is_database(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
    };
    name.strip_suffix(".db").is_some_and(plain)
}

impl Manifest {
    pub(super) fn text(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Reads the manifest of a backup.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let mut text = Vec::new();
        let read = std::fs::File::open(&path);
        match read.and_then(|file| file.take(LONGEST).read_to_end(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "{} is not a backup: there is no {FILE} in it (a folder that ends in .part is what an interrupted backup left)",
                folder.display()
            ),
            Err(error) => return Err(cannot("read", &path, error)),
        }
        Self::parse(&text).with_context(|| format!("cannot use {}", path.display()))
    }

    fn parse(text: &[u8]) -> anyhow::Result<Self> {
        const DAMAGED: &str = "the manifest is damaged: take another backup";
        let value: serde_json::Value = serde_json::from_slice(text).context(DAMAGED)?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format > u64::from(FORMAT) => bail!(
                "the backup is of format {format}, this program knows formats up to {FORMAT}: start a newer wisptrail"
            ),
            _ => {}
        }
        let manifest: Self = serde_json::from_value(value).context(DAMAGED)?;
        let mut seen = BTreeSet::new();
        for file in &manifest.files {
            if !(file.name == ANCHORS || is_database(&file.name))
                || !seen.insert(file.name.as_str())
            {
                bail!("{DAMAGED} (the file {:?} does not belong there)", file.name);
            }
        }
        if manifest.database == Kind::Sqlite && !seen.contains(LOG) {
            bail!("{DAMAGED} (there is no {LOG} in it)");
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(names: &[&str]) -> Manifest {
        Manifest {
            format: FORMAT,
            program: "0.1.0".to_owned(),
            made_at: DateTime::UNIX_EPOCH,
            database: Kind::Sqlite,
            head: 0,
            chain: None,
            master_key: true,
            files: names.iter().map(|name| Listed::of(name, b"")).collect(),
        }
    }

    fn refused(manifest: &Manifest) -> String {
        let text = manifest.text().expect("JSON");
        format!("{:#}", Manifest::parse(text.as_bytes()).expect_err("it is wrong"))
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let whole = manifest(&[LOG, "blobs.db", ANCHORS]);
        let text = whole.text().expect("JSON");
        assert_eq!(Manifest::parse(text.as_bytes()).expect("it is whole"), whole);
        assert!(
            format!("{:#}", Manifest::parse(&text.as_bytes()[..90]).expect_err("cut"))
                .contains("damaged")
        );
    }

    #[test]
    fn files_stay_in_their_folder() {
        for name in ["../x.db", "/etc/x.db", "a/b.db", ".db", "..db", "master.key", "lock", ""] {
            let said = refused(&manifest(&[LOG, name]));
            assert!(said.contains("does not belong"), "{name}: {said}");
        }
        assert!(refused(&manifest(&[LOG, LOG])).contains("does not belong"));
        assert!(refused(&manifest(&["blobs.db"])).contains(LOG));
    }

    #[test]
    fn a_newer_format_is_told() {
        let newer = Manifest { format: FORMAT + 1, ..manifest(&[LOG]) };
        assert!(refused(&newer).contains("newer wisptrail"));
    }
}
