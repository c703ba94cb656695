//! Settings: one tree, from defaults, `wisptrail.toml`, the environment, and flags, in this order.

mod check;
mod sections;
mod units;

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use anyhow::Context as _;
use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use secrecy::SecretString;
use serde::Deserialize;

pub use sections::{
    Controller, Data, Database, Durability, Http, KEYS, Key, Log, LogFormat, Metrics, Security,
};
pub use units::{Duration, Size};

use crate::cli::Place;

/// Environment variables with other purposes than settings.
pub const PREFIX: &str = "WISPTRAIL_";

/// Everything that an operator decides at start.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Requests.
    pub http: Http,
    /// Files.
    pub data: Data,
    /// Tables and the log.
    pub database: Database,
    /// Keys.
    pub security: Security,
    /// Agents and rendering.
    pub controller: Controller,
    /// What the program says about itself.
    pub log: Log,
    /// Counters.
    pub metrics: Metrics,
}

/// Settings with where each comes from.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// `section.key` to value (secrets redacted) and origin.
    pub origins: BTreeMap<String, (String, String)>,
}

/// Reads all sources. A name that nobody knows is an error that says where it stands and what it may have meant.
pub fn load(place: &Place, listen: Option<SocketAddr>, demo: bool) -> anyhow::Result<Loaded> {
    let file = match &place.config {
        Some(path) => {
            anyhow::ensure!(path.exists(), "there is no file of settings at {}", path.display());
            Some(path.clone())
        }
        None => Some(Path::new("wisptrail.toml").to_owned()).filter(|path| path.exists()),
    };
    let text = match &file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => String::new(),
    };
    let shown = file.as_deref().unwrap_or(Path::new("wisptrail.toml")).display().to_string();
    check::file(&text, &shown)?;
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    check::environment(&environment)?;

    let mut figment = Figment::new()
        .merge(Toml::string(&defaults_toml(demo)))
        .merge(Toml::string(&text))
        .merge(Env::prefixed(PREFIX).filter(|name| name.as_str().contains("__")).split("__"));
    // A secret is text, also where it looks like a number.
    for key in KEYS.iter().filter(|key| key.secret) {
        if let Some((_, value)) = environment.iter().find(|(name, _)| *name == key.variable()) {
            figment = figment.merge(Serialized::default(&key.name(), value));
        }
    }
    let mut flags: Vec<&str> = Vec::new();
    if let Some(folder) = &place.data {
        figment = figment.merge(Serialized::default("data.folder", folder));
        flags.push("data.folder");
    }
    if let Some(url) = &place.database_url {
        figment = figment.merge(Serialized::default("database.url", url));
        flags.push("database.url");
    }
    if let Some(listen) = listen {
        figment = figment.merge(Serialized::default("http.listen", listen.to_string()));
        flags.push("http.listen");
    }
    let settings: Settings =
        figment.extract().map_err(|error| check::wrong(&error, &text, &shown))?;

    let mut origins = BTreeMap::new();
    for key in KEYS {
        let name = key.name();
        let variable = key.variable();
        let origin = if flags.contains(&name.as_str()) {
            "flag".to_owned()
        } else if environment.iter().any(|(given, _)| *given == variable) {
            format!("environment {variable}")
        } else if let Some(line) = check::line_of(&text, key.section, key.key) {
            format!("{shown}:{line}")
        } else {
            "default".to_owned()
        };
        let value = match figment.find_value(&name) {
            Ok(_) if key.secret && origin != "default" => "[redacted]".to_owned(),
            Ok(value) => serde_json::to_string(&value).unwrap_or_default(),
            Err(_) => String::new(),
        };
        origins.insert(name, (value, origin));
    }
    Ok(Loaded { settings, origins })
}

/// The defaults as figment reads them.
fn defaults_toml(demo: bool) -> String {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            text.push_str(&format!("[{section}]\n"));
        }
        let default = match (key.section, key.key) {
            ("data", "folder") if demo => "\"wisptrail-demo\"",
            _ => key.default,
        };
        text.push_str(&format!("{} = {default}\n", key.key));
    }
    text
}

/// The file of settings with all defaults and what they mean.
pub fn defaults_text() -> String {
    let mut text = String::from(
        "# Settings of wisptrail, all at their defaults. Each may also be given in the environment, such as\n\
         # WISPTRAIL_HTTP__LISTEN for http.listen. Durations are written 30s, sizes 4MiB.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        for line in key.doc.lines() {
            text.push_str(&format!("# {}\n", line.trim()));
        }
        text.push_str(&format!("{} = {}\n", key.key, key.default));
    }
    text
}

/// The reference of settings, as Markdown; `cargo xtask gen` writes it to `docs/settings.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# Settings\n\nGenerated by `cargo xtask gen` from the program; do not edit.\n\n\
         Sources, each over the ones before: defaults, `wisptrail.toml` (or `--config`), environment variables, flags.\n\
         `wisptrail settings` prints the values in force and where each comes from.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            text.push_str(&format!(
                "\n## {section}\n\n| setting | environment | default | meaning |\n| --- | --- | --- | --- |\n"
            ));
        }
        let doc = key.doc.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        text.push_str(&format!(
            "| `{}` | `{}` | `{}` | {doc} |\n",
            key.name(),
            key.variable(),
            key.default
        ));
    }
    text
}

/// The settings in force, one a line.
pub fn effective_text(loaded: &Loaded) -> String {
    let width = loaded.origins.keys().map(String::len).max().unwrap_or(0);
    loaded
        .origins
        .iter()
        .map(|(name, (value, origin))| format!("{name:width$} = {value}  # {origin}\n"))
        .collect()
}

/// A secret that stands in the settings or in a file that they name.
pub fn secret_or_file(
    name: &str,
    secret: &SecretString,
    file: Option<&Path>,
) -> anyhow::Result<Option<SecretString>> {
    use secrecy::ExposeSecret as _;

    match file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {name}_file {}", path.display()))?;
            Ok(Some(text.trim().to_owned().into()))
        }
        None if secret.expose_secret().is_empty() => Ok(None),
        None => Ok(Some(secret.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_file_of_settings() {
        let settings: Settings = Figment::new()
            .merge(Toml::string(&defaults_toml(false)))
            .extract()
            .expect("the defaults are complete and of the right types");
        assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8000");
        let printed: Settings = Figment::new()
            .merge(Toml::string(&defaults_text()))
            .extract()
            .expect("what --defaults prints can be read");
        assert_eq!(printed.http.request_timeout.0, settings.http.request_timeout.0);
    }
}
