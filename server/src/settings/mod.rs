//! Settings: one tree, from defaults, `wisptrail.toml`, the environment, and flags, in this order.

mod check;
mod mail;
mod relays;
mod sections;
mod shown;
mod units;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use figment::{
    Figment,
    providers::{Format as _, Serialized, Toml},
    value::Value,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

pub(crate) use check::nearest;
#[cfg(not(feature = "eventstore"))]
pub use relays::WITHOUT_EVENTSTORE;
pub use relays::{selection, wanted_relays};
pub use sections::{
    Accounts, Archive, Audit, Controller, Data, Database, Durability, Events, Eventstore, Graphql,
    Http, KEYS, Key, Log, LogFormat, Mail, MailTls, Metrics, Nats, Rest, Retention, Security,
    Webhooks,
};
pub use shown::{defaults_text, effective_text, reference};
pub use units::{Duration, Size};

use crate::cli::Place;

/// Contents of events are kept so long at least.
const SHORTEST_RETENTION: std::time::Duration = std::time::Duration::from_hours(24);

/// What the names of our environment variables begin with.
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
    /// People and passwords.
    pub accounts: Accounts,
    /// Mail.
    pub mail: Mail,
    /// Agents and rendering.
    pub controller: Controller,
    /// GraphQL requests.
    pub graphql: Graphql,
    /// The description of REST.
    pub rest: Rest,
    /// Streams of events.
    pub events: Events,
    /// What is kept for a while only.
    pub retention: Retention,
    /// Archives of the log.
    pub archive: Archive,
    /// Signed checkpoints.
    pub audit: Audit,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// A relay to EventStoreDB.
    pub eventstore: Eventstore,
    /// A relay to NATS.
    pub nats: Nats,
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
    let sources = Sources {
        file: file(place)?,
        environment: environment()?,
        flags: flags(place, listen)?,
        demo,
    };
    sources.load()
}

/// Our part of the environment.
fn environment() -> anyhow::Result<BTreeMap<String, String>> {
    let mut environment = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        if name.starts_with(PREFIX) {
            let value = value.into_string();
            let value = value.map_err(|_| anyhow::anyhow!("environment: `{name}` is not UTF-8"))?;
            environment.insert(name, value);
        }
    }
    Ok(environment)
}

/// The file that was named, or the one of the working directory when there is one.
fn file(place: &Place) -> anyhow::Result<Option<(PathBuf, String)>> {
    let path = match &place.config {
        Some(path) => path.clone(),
        None => Path::new("wisptrail.toml").to_owned(),
    };
    if !path.exists() {
        let named = place.config.is_some();
        anyhow::ensure!(!named, "there is no file of settings at {}", path.display());
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some((path, text)))
}

/// Settings by name that were given as flags.
fn flags(
    place: &Place,
    listen: Option<SocketAddr>,
) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let mut flags = BTreeMap::new();
    if let Some(folder) = &place.data {
        let folder = folder.to_str().context("--data is not UTF-8")?;
        flags.insert("data.folder", folder.to_owned());
    }
    if let Some(url) = &place.database_url {
        flags.insert("database.url", url.expose_secret().to_owned());
    }
    if let Some(listen) = listen {
        flags.insert("http.listen", listen.to_string());
    }
    Ok(flags)
}

/// Where settings come from, weakest first.
#[derive(Default)]
struct Sources {
    demo: bool,
    file: Option<(PathBuf, String)>,
    environment: BTreeMap<String, String>,
    flags: BTreeMap<&'static str, String>,
}

impl Sources {
    fn load(&self) -> anyhow::Result<Loaded> {
        let (shown, text) = self.text();
        check::file(text, &shown)?;
        check::environment(&self.environment)?;
        let mut figment =
            Figment::new().merge(Toml::string(&defaults_toml(self.demo))).merge(Toml::string(text));
        for key in KEYS {
            let name = key.name();
            if let Some(given) = self.environment.get(&key.variable()) {
                // What is text stays text, also where it looks like a number.
                let value = if key.is_text() {
                    Value::from(given.as_str())
                } else {
                    given.parse().unwrap_or_else(|never| match never {})
                };
                figment = figment.merge(Serialized::default(&name, value));
            }
            if let Some(given) = self.flags.get(name.as_str()) {
                figment = figment.merge(Serialized::default(&name, given));
            }
        }
        let settings: Settings = figment.extract().map_err(|error| {
            check::wrong(&error, |key| self.origin(key).unwrap_or_else(|| shown.clone()))
        })?;
        settings.check(|key| self.origin(key).unwrap_or_else(|| shown.clone()))?;

        let mut origins = BTreeMap::new();
        for key in KEYS {
            let origin = self.origin(key);
            let value = match figment.find_value(&key.name()) {
                Ok(_) if key.secret && origin.is_some() => "[redacted]".to_owned(),
                Ok(value) => serde_json::to_string(&value).unwrap_or_default(),
                Err(_) => String::new(),
            };
            origins.insert(key.name(), (value, origin.unwrap_or_else(|| "default".to_owned())));
        }
        Ok(Loaded { settings, origins })
    }

    fn text(&self) -> (String, &str) {
        match &self.file {
            Some((path, text)) => (path.display().to_string(), text),
            None => ("settings".to_owned(), ""),
        }
    }

    /// Flag, environment variable, or file and line; none is the default.
    fn origin(&self, key: &Key) -> Option<String> {
        let (shown, text) = self.text();
        if self.flags.contains_key(key.name().as_str()) {
            return Some("flag".to_owned());
        }
        if self.environment.contains_key(&key.variable()) {
            return Some(format!("environment {}", key.variable()));
        }
        check::line_of(text, key.section, key.key).map(|line| format!("{shown}:{line}"))
    }
}

impl Settings {
    /// What a type alone cannot say. `place` tells where a setting stands.
    fn check(&self, place: impl Fn(&Key) -> String) -> anyhow::Result<()> {
        let wrong = |section: &str, name: &str, reason: String| {
            let key = KEYS.iter().find(|key| key.section == section && key.key == name);
            let place = key.map(&place).unwrap_or_default();
            Err(anyhow::anyhow!("{place}: setting `{section}.{name}`: {reason}"))
        };
        if let Err(reason) = check::log_level(&self.log.level) {
            return wrong("log", "level", reason);
        }
        let url = self.database.url.expose_secret();
        if !url.is_empty()
            && let Err(reason) = check::database_url(url)
        {
            return wrong("database", "url", reason);
        }
        for (name, keep) in [("facts", self.retention.facts), ("sessions", self.retention.sessions)]
        {
            // Tables that are a little behind, and people who look, need them.
            if !keep.0.is_zero() && keep.0 < SHORTEST_RETENTION {
                return wrong("retention", name, "at least 1d is needed, or 0s".to_owned());
            }
        }
        for (section, name, fits, least) in self.leasts() {
            if !fits {
                return wrong(section, name, format!("at least {least} is needed"));
            }
        }
        for checked in [mail::check(self), relays::check(self)] {
            if let Err((section, name, reason)) = checked {
                return wrong(section, name, reason);
            }
        }
        for prefix in &self.accounts.phone_prefixes {
            let digits = prefix.strip_prefix('+').unwrap_or_default();
            if !(1..=6).contains(&digits.len()) || !digits.bytes().all(|it| it.is_ascii_digit()) {
                let reason = format!("`{prefix}` is no national prefix such as +39");
                return wrong("accounts", "phone_prefixes", reason);
            }
        }
        let backends = &self.controller.backends;
        if backends.is_empty() {
            return wrong("controller", "backends", "at least one is needed".to_owned());
        }
        for backend in backends {
            if !backend.parse().is_ok_and(netjson::Backend::configures_devices) {
                let reason = format!(
                    "there is no generator `{backend}` for devices; there are \
                     netjsonconfig.OpenWrt and netjsonconfig.OpenWisp"
                );
                return wrong("controller", "backends", reason);
            }
        }
        Ok(())
    }
}

impl Settings {
    /// Settings with which nothing could be served when they are too small: whether each is large enough, and for what.
    fn leasts(&self) -> [(&'static str, &'static str, bool, &'static str); 26] {
        const SHORTEST: std::time::Duration = std::time::Duration::from_millis(100);
        let (http, graphql, controller) = (&self.http, &self.graphql, &self.controller);
        [
            ("http", "max_connections", http.max_connections >= 1, "1"),
            // A registration with all its fields.
            ("http", "body_limit", http.body_limit.0 >= 4096, "4KiB"),
            ("http", "request_timeout", http.request_timeout.0 >= SHORTEST, "100ms"),
            ("http", "header_timeout", http.header_timeout.0 >= SHORTEST, "100ms"),
            ("accounts", "shortest_password", self.accounts.shortest_password >= 1, "1"),
            ("mail", "smtp_timeout", self.mail.smtp_timeout.0 >= SHORTEST, "100ms"),
            ("mail", "requests_per_hour", self.mail.requests_per_hour >= 1, "1"),
            ("graphql", "max_depth", graphql.max_depth >= 1, "1"),
            ("graphql", "max_complexity", graphql.max_complexity >= 1, "1"),
            ("graphql", "slow_client", graphql.slow_client.0 >= SHORTEST, "100ms"),
            ("graphql", "keep_alive", graphql.keep_alive.0 >= SHORTEST, "100ms"),
            ("events", "slow_client", self.events.slow_client.0 >= SHORTEST, "100ms"),
            ("events", "heartbeat", self.events.heartbeat.0 >= SHORTEST, "100ms"),
            ("webhooks", "parallel", self.webhooks.parallel >= 1, "1"),
            ("webhooks", "timeout", self.webhooks.timeout.0 >= SHORTEST, "100ms"),
            ("webhooks", "first_retry", self.webhooks.first_retry.0 >= SHORTEST, "100ms"),
            ("webhooks", "longest_retry", self.webhooks.longest_retry.0 >= SHORTEST, "100ms"),
            ("eventstore", "batch", self.eventstore.batch >= 1, "1"),
            ("eventstore", "timeout", self.eventstore.timeout.0 >= SHORTEST, "100ms"),
            ("eventstore", "longest_retry", self.eventstore.longest_retry.0 >= SHORTEST, "100ms"),
            ("nats", "batch", self.nats.batch >= 1, "1"),
            ("nats", "timeout", self.nats.timeout.0 >= SHORTEST, "100ms"),
            ("nats", "longest_retry", self.nats.longest_retry.0 >= SHORTEST, "100ms"),
            (
                "controller",
                "registrations_per_minute",
                controller.registrations_per_minute >= 1,
                "1",
            ),
            ("controller", "registration_burst", controller.registration_burst >= 1, "1"),
            ("controller", "operations_per_account", controller.operations_per_account >= 1, "1"),
        ]
    }
}

/// The defaults as figment reads them.
fn defaults_toml(demo: bool) -> String {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            let _ = writeln!(text, "[{section}]");
        }
        let default = match (key.section, key.key) {
            ("data", "folder") if demo => "\"wisptrail-demo\"",
            _ => key.default,
        };
        let _ = writeln!(text, "{} = {default}", key.key);
    }
    text
}

/// A secret that stands in the settings or in a file that they name.
pub fn secret_or_file(
    name: &str,
    secret: &SecretString,
    file: Option<&Path>,
) -> anyhow::Result<Option<SecretString>> {
    match file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {name}_file {}", path.display()))?;
            let text = text.trim();
            anyhow::ensure!(!text.is_empty(), "{name}_file {} is empty", path.display());
            Ok(Some(text.to_owned().into()))
        }
        None if secret.expose_secret().is_empty() => Ok(None),
        None => Ok(Some(secret.clone())),
    }
}

/// Is it the address of a database that we can use? Empty is not.
pub fn check_database_url(url: &SecretString) -> anyhow::Result<()> {
    check::database_url(url.expose_secret()).map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests;
