//! The tables of every version, in order. Files are never edited once released.

use sha2::{Digest, Sha256};

use crate::{Dialect, StoreError};

/// One step of the schema, for both databases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal,)+) => {
        &[$(Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        },)+]
    };
}

/// Sorted by number; the file is `migrations/{sqlite,postgres}/<name>.sql`.
pub(crate) const MIGRATIONS: &[Migration] = migrations! {
    1 "0001_log",
    2 "0002_keys",
    3 "0003_blobs",
    4 "0004_jobs",
    10 "0010_accounts",
    20 "0020_devices",
    30 "0030_configurations",
    50 "0050_edge",
    60 "0060_people",
    70 "0070_requests",
    85 "0085_tokens",
    86 "0086_log_ins",
    90 "0090_webhooks",
    92 "0092_expiry",
    93 "0093_relays",
    94 "0094_archives",
};

/// A step that the database has behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) number: i64,
    pub(crate) checksum: Vec<u8>,
}

impl Migration {
    pub(crate) fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    pub(crate) fn checksum(&self, dialect: Dialect) -> Vec<u8> {
        Sha256::digest(self.text(dialect)).to_vec()
    }
}

/// The steps that are still to be done. Refuses data of a newer program and data made by other files.
pub(crate) fn pending<'known>(
    known: &'known [Migration],
    applied: &[Applied],
    dialect: Dialect,
) -> Result<Vec<&'known Migration>, StoreError> {
    let newest = known.last().map_or(0, |migration| migration.number);
    for Applied { number, checksum } in applied {
        if *number > newest {
            let found = applied.iter().map(|applied| applied.number).max().unwrap_or(*number);
            return Err(StoreError::Newer { found, known: newest });
        }
        match known.iter().find(|migration| migration.number == *number) {
            Some(migration) if migration.checksum(dialect) == *checksum => {}
            Some(Migration { name, .. }) => {
                return Err(StoreError::Unusable(format!(
                    "the database was made with another text of migration {name} than this wisptrail has: start the wisptrail that made it"
                )));
            }
            None => {
                return Err(StoreError::Unusable(format!(
                    "the database was made with migration {number}, which this wisptrail does not have: start the wisptrail that made it"
                )));
            }
        }
    }
    let done = |migration: &&Migration| applied.iter().any(|done| done.number == migration.number);
    Ok(known.iter().filter(|migration| !done(migration)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Migration] = &[
        Migration { number: 1, name: "0001_one", sqlite: "a", postgres: "b" },
        Migration { number: 2, name: "0002_two", sqlite: "c", postgres: "d" },
    ];

    fn applied(number: i64, text: &str) -> Applied {
        Applied { number, checksum: Sha256::digest(text).to_vec() }
    }

    #[test]
    fn what_is_missing_is_pending() {
        let numbers = |applied: &[Applied]| {
            let pending = pending(KNOWN, applied, Dialect::Sqlite).unwrap();
            pending.iter().map(|migration| migration.number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&[]), [1, 2]);
        assert_eq!(numbers(&[applied(1, "a")]), [2]);
        assert_eq!(numbers(&[applied(2, "c")]), [1]);
        assert_eq!(numbers(&[applied(1, "a"), applied(2, "c")]), [] as [i64; 0]);
    }

    #[test]
    fn newer_data_is_refused_with_both_versions() {
        let error = pending(KNOWN, &[applied(1, "a"), applied(3, "x")], Dialect::Sqlite);
        assert!(matches!(error, Err(StoreError::Newer { found: 3, known: 2 })));
    }

    #[test]
    fn a_changed_file_is_refused() {
        let error = pending(KNOWN, &[applied(1, "another")], Dialect::Postgres).unwrap_err();
        assert!(error.to_string().contains("0001_one"), "{error}");
    }

    #[test]
    fn numbers_grow() {
        assert!(MIGRATIONS.is_sorted_by(|one, next| one.number < next.number));
        for migration in MIGRATIONS {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)));
        }
    }
}
