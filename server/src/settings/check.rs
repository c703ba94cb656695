//! Names that nobody knows and values that do not fit, with the place where they stand.

use std::{collections::BTreeMap, ops::Range};

use anyhow::bail;

use super::{KEYS, Key, PREFIX};

/// Refuses sections and keys of a file that do not exist.
pub(super) fn file(text: &str, shown: &str) -> anyhow::Result<()> {
    let table: toml::Table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        // The line itself is not shown: it may hold a secret.
        Err(error) => bail!("{shown}:{}: {}", line_at(text, error.span()), error.message()),
    };
    for (section, value) in &table {
        let sections: Vec<&str> = KEYS.iter().map(|key| key.section).collect();
        if !sections.contains(&section.as_str()) {
            let line = header_line(text, section);
            bail!("{shown}:{line}: there is no section `{section}`{}", nearest(section, &sections));
        }
        let Some(keys) = value.as_table() else {
            bail!(
                "{shown}:{}: `{section}` is a section: write [{section}]",
                header_line(text, section)
            );
        };
        let known: Vec<&str> =
            KEYS.iter().filter(|key| key.section == section).map(|key| key.key).collect();
        for key in keys.keys() {
            if !known.contains(&key.as_str()) {
                let line = line_of(text, section, key).unwrap_or(1);
                bail!(
                    "{shown}:{line}: there is no setting `{section}.{key}`{}",
                    nearest(key, &known)
                );
            }
        }
    }
    Ok(())
}

/// Variables that are no settings, for operators.
const FURTHER: [&str; 4] = [
    "WISPTRAIL_ADMIN_PASSWORD",
    "WISPTRAIL_ADMIN_TOKEN",
    "WISPTRAIL_FLEET_SECRET",
    "WISPTRAIL_MASTER_KEY_FILE",
];

/// Refuses environment variables that look like ours and are none.
pub(super) fn environment(variables: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let settings: Vec<String> = KEYS.iter().map(Key::variable).collect();
    let known: Vec<&str> = settings.iter().map(String::as_str).chain(FURTHER).collect();
    for (name, value) in variables {
        let name = name.as_str();
        if !name.starts_with(PREFIX) || known.contains(&name) || is_of_others(name, value) {
            continue;
        }
        let what = if name.contains("__") { "setting" } else { "variable" };
        bail!("environment: there is no {what} `{name}`{}", nearest(name, &known));
    }
    Ok(())
}

/// Is it for the suite and the measurements, or one of those that container platforms make for a service of our name
/// (`WISPTRAIL_SERVICE_HOST`, `WISPTRAIL_PORT_8000_TCP=tcp://…`)?
fn is_of_others(name: &str, value: &str) -> bool {
    const OURS: [&str; 4] = [
        "WISPTRAIL_BENCH_CONSTANT",
        "WISPTRAIL_CONFORMANCE",
        "WISPTRAIL_KILL_WHERE",
        "WISPTRAIL_LONG",
    ];
    let address = || value.starts_with("tcp://") || value.starts_with("udp://");
    let port = name.strip_prefix("WISPTRAIL_PORT");
    OURS.contains(&name)
        || name.starts_with("WISPTRAIL_TEST_")
        || name == "WISPTRAIL_SERVICE_HOST"
        || name.starts_with("WISPTRAIL_SERVICE_PORT")
        || port.is_some_and(|rest| rest.is_empty() && address())
        || port
            .and_then(|rest| rest.strip_prefix('_'))
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// What is wrong with a filter of log lines. The filter itself takes every word for a part of the program.
pub(super) fn log_level(text: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let help = |word: &str| {
        let best = nearest(word, &LEVELS);
        format!("`{word}` is no level: there are {}{best}", LEVELS.join(", "))
    };
    if text.trim().is_empty() {
        return Err(format!("a level is needed: there are {}", LEVELS.join(", ")));
    }
    // Fields of spans, in brackets, may hold commas and equals signs of their own.
    if !text.contains('[') {
        for directive in text.split(',') {
            let (target, level) = match directive.split_once('=') {
                Some((target, level)) => (Some(target), level),
                None => (None, directive),
            };
            if !is_level(level) {
                return Err(help(level));
            }
            if target.is_some_and(str::is_empty) {
                return Err(format!("`{directive}` names nothing before its `=`"));
            }
        }
    }
    tracing_subscriber::EnvFilter::try_new(text).map(drop).map_err(|error| error.to_string())
}

/// What is wrong with the address of a database; the address, which has a password, is not repeated.
pub(super) fn database_url(url: &str) -> Result<(), String> {
    let known = ["postgres://", "postgresql://"];
    if known.iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(());
    }
    Err("an address starts with postgres:// or postgresql://; without one the embedded SQLite is used".to_owned())
}

/// A value that does not fit, with the place where it stands.
pub(super) fn wrong(error: &figment::Error, place: impl Fn(&Key) -> String) -> anyhow::Error {
    let path: Vec<&str> = error.path.iter().map(String::as_str).take(2).collect();
    let name = path.join(".");
    let Some(key) = KEYS.iter().find(|key| key.name() == name) else {
        return anyhow::anyhow!("settings: `{name}`: {}", error.kind);
    };
    // What does not fit is quoted in the reason.
    let reason =
        if key.secret { "the value does not fit".to_owned() } else { error.kind.to_string() };
    anyhow::anyhow!("{}: setting `{name}`: {reason}", place(key))
}

/// The line on which a key of a section stands, from 1.
pub(super) fn line_of(text: &str, section: &str, key: &str) -> Option<usize> {
    let mut present = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            header.trim().clone_into(&mut present);
        }
        let name = line.split('=').next().unwrap_or_default().trim().trim_matches('"');
        let dotted = format!("{section}.{key}");
        let inside = present == section && name == key;
        let below = present == dotted || present.starts_with(&format!("{dotted}."));
        let full =
            present.is_empty() && (name == dotted || name.starts_with(&format!("{dotted}.")));
        if inside || below || full {
            return Some(number);
        }
    }
    None
}

/// The line of a place in the text, from 1.
fn line_at(text: &str, place: Option<Range<usize>>) -> usize {
    let before = place.and_then(|place| text.get(..place.start)).unwrap_or_default();
    before.matches('\n').count() + 1
}

fn header_line(text: &str, section: &str) -> usize {
    let starts = |line: &str| {
        let line = line.trim().trim_start_matches('[').trim_start();
        line.strip_prefix(section)
            .is_some_and(|rest| rest.trim_start().starts_with([']', '.', '=', ' ']))
    };
    text.lines().position(starts).map_or(1, |line| line + 1)
}

/// `; did you mean …?` with the most similar name.
pub(crate) fn nearest(name: &str, known: &[&str]) -> String {
    let best = known.iter().min_by_key(|candidate| strsim::damerau_levenshtein(name, candidate));
    best.map(|best| format!("; did you mean `{best}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_with_its_line_and_the_nearest_one() {
        let error = file("[http]\n\nlisten = \"127.0.0.1:1\"\nbody_limits = \"1MiB\"\n", "w.toml");
        let error = error.expect_err("unknown").to_string();
        assert!(error.starts_with("w.toml:4: "), "{error}");
        assert!(error.ends_with("did you mean `body_limit`?"), "{error}");
        let error = file("[htp]\n", "w.toml").expect_err("unknown").to_string();
        assert_eq!(error, "w.toml:1: there is no section `htp`; did you mean `http`?");
    }

    #[test]
    fn an_error_of_syntax_is_told_with_its_line_and_without_its_text() {
        let error = file("[database]\n\nurl = \"hidden-word\n", "w.toml").expect_err("no quote");
        let error = error.to_string();
        assert!(error.starts_with("w.toml:3: "), "{error}");
        assert!(!error.contains("hidden-word"), "{error}");
        let error = file("[http]\nlisten = 1\nlisten = 2\n", "w.toml").expect_err("twice");
        assert!(error.to_string().starts_with("w.toml:3: "), "{error}");
    }

    fn variable(name: &str, value: &str) -> Result<(), String> {
        let variables = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        environment(&variables).map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_variable_is_told_with_the_nearest_one() {
        for (name, meant) in [
            ("WISPTRAIL_HTTP__LISTN", "WISPTRAIL_HTTP__LISTEN"),
            ("WISPTRAIL_HTTP_LISTEN", "WISPTRAIL_HTTP__LISTEN"),
            ("WISPTRAIL_ADMIN_TOKN", "WISPTRAIL_ADMIN_TOKEN"),
            ("WISPTRAIL_MASTERKEY_FILE", "WISPTRAIL_MASTER_KEY_FILE"),
        ] {
            let said = variable(name, "hidden-word").expect_err("unknown");
            assert!(said.contains(&format!("`{name}`")), "{said}");
            assert!(said.ends_with(&format!("; did you mean `{meant}`?")), "{said}");
            assert!(!said.contains("hidden-word"), "{said}");
        }
    }

    #[test]
    fn variables_with_other_purposes_are_let_be() {
        for name in FURTHER.into_iter().chain([
            "WISPTRAIL_TEST_POSTGRES",
            "WISPTRAIL_LONG",
            "WISPTRAIL_SERVICE_HOST",
            "WISPTRAIL_SERVICE_PORT_HTTP",
            "WISPTRAIL_PORT_8000_TCP_ADDR",
            "OTHER_HTTP_LISTEN",
        ]) {
            variable(name, "1").expect("not ours to judge");
        }
        variable("WISPTRAIL_PORT", "tcp://10.0.0.1:8000").expect("of a container platform");
        variable("WISPTRAIL_PORT", "8000").expect_err("meant for http.listen");
    }

    #[test]
    fn a_filter_of_log_lines_has_levels_that_exist() {
        for right in ["info", "WARN", "info,access=warn", "off,access=trace", "[request]=debug"] {
            assert_eq!(log_level(right), Ok(()), "{right}");
        }
        let said = log_level("debg").expect_err("no level");
        assert!(said.ends_with("did you mean `debug`?"), "{said}");
        for wrong in [
            "",
            "verbose",
            "info,access=loud",
            "info,=warn",
            "info, warn",
            "info,",
            "a=b=c",
            "[request",
        ] {
            log_level(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn a_database_is_postgresql() {
        assert_eq!(database_url("postgres://user@host/name"), Ok(()));
        assert_eq!(database_url("postgresql://user@host/name"), Ok(()));
        let said = database_url("mysql://user:hidden-word@host/name").expect_err("no");
        assert!(!said.contains("hidden-word"), "{said}");
    }

    #[test]
    fn lines_are_found_inside_their_section() {
        let text = "[log]\nlevel = \"info\"\n[http]\nlisten = 1\n";
        assert_eq!(line_of(text, "http", "listen"), Some(4));
        assert_eq!(line_of(text, "http", "level"), None);
    }
}
