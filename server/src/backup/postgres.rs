//! Commands for a database that has its own tools.

use std::{borrow::Cow, path::Path};

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

/// Parameters of an address that PostgreSQL's tools know too, by both names.
const KNOWN: &[(&str, &str)] = &[
    ("host", "host"),
    ("hostaddr", "hostaddr"),
    ("port", "port"),
    ("user", "user"),
    ("dbname", "dbname"),
    ("sslmode", "sslmode"),
    ("ssl-mode", "sslmode"),
    ("sslrootcert", "sslrootcert"),
    ("ssl-root-cert", "sslrootcert"),
    ("ssl-ca", "sslrootcert"),
    ("sslcert", "sslcert"),
    ("ssl-cert", "sslcert"),
    ("sslkey", "sslkey"),
    ("ssl-key", "sslkey"),
];

/// Copies the whole database into a file.
pub(super) fn dump_command(url: &SecretString, to: &Path) -> String {
    let file = to.to_string_lossy();
    format!("pg_dump --format=custom --no-owner --file={} {}", quoted(&file), database(url))
}

/// Loads such a file into an empty database, all or nothing.
pub(crate) fn restore_command(url: &SecretString, from: &Path) -> String {
    let file = from.to_string_lossy();
    format!(
        "pg_restore --no-owner --single-transaction --exit-on-error {} {}",
        database(url),
        quoted(&file)
    )
}

/// The address without its password.
fn database(url: &SecretString) -> String {
    let Ok(mut address) = Url::parse(url.expose_secret()) else {
        return "--dbname=ADDRESS".to_owned();
    };
    let pairs: Vec<(&str, String)> = address
        .query_pairs()
        .filter_map(|(name, value)| {
            let known = KNOWN.iter().find(|(ours, _)| *ours == name)?;
            Some((known.1, value.into_owned()))
        })
        .collect();
    address.set_query(None);
    if !pairs.is_empty() {
        address.query_pairs_mut().extend_pairs(pairs);
    }
    // Fails only where there can be no password.
    let _ = address.set_password(None);
    format!("--dbname={}", quoted(address.as_str()))
}

/// As a shell takes it for one word.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:@%+=,".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(url: &str) -> String {
        dump_command(&url.to_owned().into(), Path::new("/backup/database.dump"))
    }

    #[test]
    fn commands_are_ready_and_have_no_password() {
        assert_eq!(
            dump("postgres://wisptrail:hunter2%27@db.example:5433/fleet"),
            "pg_dump --format=custom --no-owner --file=/backup/database.dump --dbname=postgres://wisptrail@db.example:5433/fleet"
        );
        let more = dump(
            "postgres://wisptrail@db/fleet?password=hunter2&ssl-mode=require&statement-cache-capacity=5",
        );
        assert!(
            more.ends_with("--dbname='postgres://wisptrail@db/fleet?sslmode=require'"),
            "{more}"
        );
        let odd = dump("postgres://us er:hunter2@/fleet name?host=/var/run/it's");
        assert!(!odd.contains("hunter2"), "{odd}");
    }

    #[test]
    fn words_stay_words() {
        assert_eq!(quoted("/var/backups/a-1"), "/var/backups/a-1");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
