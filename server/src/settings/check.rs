//! Names that nobody knows and values that do not fit, with the place where they stand.

use anyhow::bail;

use super::{KEYS, Key, PREFIX};

/// Refuses sections and keys of a file that do not exist.
pub(super) fn file(text: &str, shown: &str) -> anyhow::Result<()> {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => bail!("{shown}: {error}"),
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

/// Refuses environment variables that look like settings and are none.
pub(super) fn environment<'a>(names: impl Iterator<Item = &'a String>) -> anyhow::Result<()> {
    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
    for name in names {
        if name.starts_with(PREFIX) && name.contains("__") && !known.contains(name) {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            bail!("environment: there is no setting `{name}`{}", nearest(name, &names));
        }
    }
    Ok(())
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

fn header_line(text: &str, section: &str) -> usize {
    let starts = |line: &str| {
        let line = line.trim().trim_start_matches('[').trim_start();
        line.strip_prefix(section)
            .is_some_and(|rest| rest.trim_start().starts_with([']', '.', '=', ' ']))
    };
    text.lines().position(starts).map_or(1, |line| line + 1)
}

fn nearest(name: &str, known: &[&str]) -> String {
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
    fn an_unknown_variable_is_told_with_the_nearest_one() {
        let error = environment(["WISPTRAIL_HTTP__LISTN".to_owned()].iter())
            .expect_err("unknown")
            .to_string();
        assert!(error.ends_with("did you mean `WISPTRAIL_HTTP__LISTEN`?"), "{error}");
        environment(["WISPTRAIL_ADMIN_TOKEN".to_owned()].iter()).expect("not a setting");
    }

    #[test]
    fn lines_are_found_inside_their_section() {
        let text = "[log]\nlevel = \"info\"\n[http]\nlisten = 1\n";
        assert_eq!(line_of(text, "http", "listen"), Some(4));
        assert_eq!(line_of(text, "http", "level"), None);
    }
}
