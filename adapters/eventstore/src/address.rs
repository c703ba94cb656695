//! Where to: the server, and names of streams.

use std::fmt::Write as _;

use app::LiveEvent;
use eventstore::ClientSettings;

use crate::Config;

/// What connection strings begin with, and what the library calls it.
const SCHEMES: [(&str, &str); 6] = [
    ("esdb://", "esdb://"),
    ("esdb+discover://", "esdb+discover://"),
    ("kurrentdb://", "esdb://"),
    ("kurrentdb+discover://", "esdb+discover://"),
    ("kurrent://", "esdb://"),
    ("kurrent+discover://", "esdb+discover://"),
];

/// What is wrong with a connection string; it is not repeated, since it may hold a password.
pub fn check_url(url: &str) -> Result<(), String> {
    let fits = known(url)
        .is_some_and(|known| !known.contains('@') && known.parse::<ClientSettings>().is_ok());
    let reason = "a connection string such as esdb://host:2113 or esdb://host:2113?tls=false is needed, without user and password, which have settings of their own";
    if fits { Ok(()) } else { Err(reason.to_owned()) }
}

/// What is wrong with the beginning of names of streams. Everything before the first `-` is the category.
pub fn check_prefix(prefix: &str) -> Result<(), String> {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'.';
    let fits = prefix.len() <= 100 && prefix.bytes().all(allowed);
    let reason =
        "letters, digits, `_` and `.` are possible, 100 at most; a `-` would end the category";
    if fits { Ok(()) } else { Err(reason.to_owned()) }
}

/// The connection string as the library knows it.
fn known(url: &str) -> Option<String> {
    SCHEMES.iter().find_map(|(ours, theirs)| Some(format!("{theirs}{}", url.strip_prefix(ours)?)))
}

pub(crate) fn connection_string(config: &Config) -> String {
    let mut text = known(&config.url).unwrap_or_default();
    if let Some(path) = &config.certificates {
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str("tlsCaFile=");
        for byte in path.as_os_str().as_encoded_bytes() {
            if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
                text.push((*byte).into());
            } else {
                // Writing into text cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// The stream of an event. Names of aggregates have no `-`, which would end the category; what other programs wrote may be
/// called anything.
pub(crate) fn stream(prefix: &str, event: &LiveEvent) -> String {
    format!("{prefix}{}-{}", event.aggregate_type.replace('-', "_"), event.aggregate_id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_connection_string_has_no_password() {
        for right in [
            "esdb://host",
            "esdb://host:2113?tls=false",
            "esdb://a:1,b:2,c:3",
            "kurrentdb://host:2113?tls=true",
            "kurrentdb+discover://cluster.example.org",
        ] {
            assert_eq!(check_url(right), Ok(()), "{right}");
        }
        for wrong in
            ["", "host", "http://host", "esdb://user:word@host", "esdb://", "esdb://host?tls=maybe"]
        {
            let said = check_url(wrong).expect_err(wrong);
            assert!(!said.contains("word@"), "{said}");
        }
    }

    #[test]
    fn certificates_are_part_of_the_connection_string() {
        let config = |url: &str| Config {
            url: url.to_owned(),
            credentials: None,
            certificates: Some("/etc/a b/ca.pem".into()),
            prefix: String::new(),
            timeout: Duration::from_secs(1),
        };
        for (url, text) in [
            ("kurrentdb://h", "esdb://h?tlsCaFile=/etc/a%20b/ca.pem"),
            ("esdb://h?tls=true", "esdb://h?tls=true&tlsCaFile=/etc/a%20b/ca.pem"),
        ] {
            let made = connection_string(&config(url));
            assert_eq!(made, text);
            let settings: ClientSettings = made.parse().expect("a connection string");
            assert_eq!(settings.tls_ca_file().map(String::as_str), Some("/etc/a b/ca.pem"));
        }
    }

    #[test]
    fn a_prefix_ends_no_category() {
        for right in ["", "wisptrail_", "north.wisptrail_"] {
            assert_eq!(check_prefix(right), Ok(()), "{right}");
        }
        for wrong in ["wisptrail-", "$all", "a b", &"a".repeat(101)] {
            assert!(check_prefix(wrong).is_err(), "{wrong}");
        }
    }
}
