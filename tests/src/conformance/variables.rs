//! Placeholders: what they match, what they stand for, where their values come from.

use std::collections::{BTreeMap, BTreeSet};

use md5::{Digest, Md5};
use regex::{Captures, Regex};
use serde_json::{Map, Value};

use super::transcript::{Exchange, Transcript};
use crate::{Fixture, note_secret};

const UUID: &str = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

/// The values that a scenario has so far.
#[derive(Clone, Debug)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    /// Those that are numbers in requests.
    numbers: BTreeSet<String>,
    placeholder: Regex,
}

impl Variables {
    /// Organizations and secrets of the fixture, and the device keys that nothing captures:
    /// derived from the request that registers them, as agents do.
    pub(super) fn new(fixture: &Fixture, transcript: &Transcript) -> anyhow::Result<Self> {
        let mut values = BTreeMap::new();
        for organization in &fixture.organizations {
            values.insert(format!("org.{}", organization.slug), organization.id.clone());
            values.insert(
                format!("secret.{}", organization.slug),
                organization.shared_secret.clone(),
            );
        }
        let placeholder = Regex::new(r"\$\{([^}]+)\}")?;
        let mut variables = Self { values, numbers: BTreeSet::new(), placeholder };
        let by_hardware = transcript
            .settings
            .get("OPENWISP_CONTROLLER_HARDWARE_ID_ENABLED")
            .is_some_and(|value| value == &Value::Bool(true));
        let captured: BTreeSet<&String> =
            transcript.exchanges().flat_map(|step| step.capture.keys()).collect();
        for step in transcript.exchanges() {
            if let Some(key) = variables.derived_key(step, by_hardware) {
                for name in variables.key_names(step) {
                    if !captured.contains(&name) && !variables.values.contains_key(&name) {
                        note_secret(&key);
                        variables.values.insert(name, key.clone());
                    }
                }
            }
        }
        Ok(variables)
    }

    /// The key of the device that this step makes.
    fn derived_key(&self, step: &Exchange, by_hardware: bool) -> Option<String> {
        let empty = Map::new();
        let form = step.request.form.as_ref().unwrap_or(&empty);
        let text = |object: &Map<String, Value>, name: &str| {
            object
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let (basis, secret) = if let (Some(secret), Some(mac_address)) =
            (text(form, "secret"), text(form, "mac_address"))
        {
            let basis = if by_hardware {
                text(form, "hardware_id").unwrap_or_default()
            } else {
                mac_address.to_uppercase()
            };
            (basis, secret.strip_prefix("${")?.strip_suffix('}')?.to_owned())
        } else {
            let body = step.request.json.as_ref()?.as_object()?;
            let organization = text(body, "organization")?;
            let slug = organization.strip_prefix("${org.")?.strip_suffix('}')?.to_owned();
            (text(body, "mac_address")?.to_uppercase(), format!("secret.{slug}"))
        };
        let secret = self.values.get(&secret)?;
        Some(hex::encode(Md5::digest(format!("{basis}+{secret}"))))
    }

    /// The variables of keys that this step mentions or implies by capturing an id.
    fn key_names(&self, step: &Exchange) -> BTreeSet<String> {
        let request = &step.request;
        let mut texts = vec![request.path.clone()];
        texts.extend(request.raw_body.clone());
        texts.extend(request.headers.values().cloned());
        texts.push(Value::Object(request.query.clone()).to_string());
        texts.extend(request.form.clone().map(|form| Value::Object(form).to_string()));
        texts.extend(request.json.as_ref().map(Value::to_string));
        let mut names: BTreeSet<String> = self
            .placeholder
            .captures_iter(&texts.join("\n"))
            .map(|found| found[1].to_owned())
            .filter(|name| name.strip_suffix(".key").is_some())
            .collect();
        let ids = step.capture.keys().filter_map(|name| name.strip_suffix(".id"));
        names.extend(ids.map(|device| format!("{device}.key")));
        names
    }

    /// A variable's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Takes a captured value, and with an id its other spelling.
    pub(super) fn learn(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
        self.numbers.remove(name);
        if name.strip_suffix(".key").is_some() || name.starts_with("token") {
            note_secret(value);
        }
        if is(value, "[0-9a-f]{32}") && name.strip_suffix(".id").is_some() {
            let dashed = [&value[..8], &value[8..12], &value[12..16], &value[16..20], &value[20..]];
            self.values.insert(format!("{name}.dashed"), dashed.join("-"));
        } else if is(value, UUID) {
            let plain =
                name.strip_suffix(".dashed").map_or_else(|| format!("{name}.hex"), str::to_owned);
            self.values.insert(plain, value.replace('-', ""));
        }
    }

    /// The same for a number, which stays one where a whole text of a request stands for it.
    pub(super) fn learn_number(&mut self, name: &str, value: &str) {
        self.learn(name, value);
        self.numbers.insert(name.to_owned());
    }

    /// Whether a text is one placeholder and nothing else; its name.
    pub(super) fn placeholder<'a>(&self, text: &'a str) -> Option<&'a str> {
        let found = self.placeholder.captures(text)?;
        (found.get(0)?.as_str() == text).then(|| found.get(1).map(|name| name.as_str()))?
    }

    fn number(&self, text: &str) -> Option<Value> {
        let name = self.placeholder(text).filter(|name| self.numbers.contains(*name))?;
        self.values.get(name)?.parse().ok().map(Value::Number)
    }

    /// Puts values into the text of a request; unknown placeholders stay.
    pub(super) fn fill(&self, text: &str) -> String {
        let value = |found: &Captures<'_>| {
            self.values.get(&found[1]).map_or_else(|| found[0].to_owned(), Clone::clone)
        };
        self.placeholder.replace_all(text, value).into_owned()
    }

    /// The same for every text inside of a JSON value.
    pub(super) fn fill_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                self.number(text).unwrap_or_else(|| Value::String(self.fill(text)))
            }
            Value::Array(items) => items.iter().map(|item| self.fill_json(item)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (self.fill(name), self.fill_json(value)))
                .collect(),
            other => other.clone(),
        }
    }

    /// Whether a text is the recorded one; a placeholder without a value matches anything that is
    /// not empty.
    pub(super) fn matches(&self, recorded: &str, text: &str) -> bool {
        let mut pattern = String::new();
        let mut rest = 0;
        for found in self.placeholder.captures_iter(recorded) {
            let (Some(whole), name) = (found.get(0), &found[1]) else { continue };
            pattern.push_str(&regex::escape(&recorded[rest..whole.start()]));
            pattern.push_str(&self.pattern(name));
            rest = whole.end();
        }
        pattern.push_str(&regex::escape(&recorded[rest..]));
        is(text, &pattern)
    }

    fn pattern(&self, name: &str) -> String {
        if name == "any" {
            return r"[\s\S]*".to_owned();
        }
        match name.strip_prefix("any:") {
            Some("int") => r"\d+".to_owned(),
            Some("uuid") => UUID.to_owned(),
            Some("uuidhex" | "md5") => "[0-9a-f]{32}".to_owned(),
            Some("datetime") => r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)".to_owned(),
            Some("base64key") => "[A-Za-z0-9+/]{43}=".to_owned(),
            Some(kind) if kind.starts_with("pem") => {
                r"-----BEGIN [^-]+-----[\s\S]+?-----END [^-]+-----(\\n|\n)?".to_owned()
            }
            _ => {
                self.values.get(name).map_or_else(|| ".+?".to_owned(), |value| regex::escape(value))
            }
        }
    }
}

/// Whether the whole text matches.
fn is(text: &str, pattern: &str) -> bool {
    Regex::new(&format!(r"\A(?:{pattern})\z")).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(transcript: Value) -> Variables {
        let transcript = serde_json::from_value(transcript).expect("a transcript");
        Variables::new(&Fixture::own().expect("a fixture"), &transcript).expect("variables")
    }

    fn nothing() -> Variables {
        variables(serde_json::json!({ "name": "x", "steps": [] }))
    }

    #[test]
    fn an_id_is_known_in_both_spellings() {
        let mut variables = nothing();
        variables.learn("dev.id", "81bef2da01b449309656cbc642ec7b1c");
        assert_eq!(variables.fill("/${dev.id.dashed}/"), "/81bef2da-01b4-4930-9656-cbc642ec7b1c/");
        variables.learn("tpl", "81bef2da-01b4-4930-9656-cbc642ec7b1c");
        assert_eq!(variables.get("tpl.hex"), Some("81bef2da01b449309656cbc642ec7b1c"));
        variables.learn("pre.id.dashed", "91bef2da-01b4-4930-9656-cbc642ec7b1c");
        assert_eq!(variables.get("pre.id"), Some("91bef2da01b449309656cbc642ec7b1c"));
    }

    #[test]
    fn placeholders_match_their_kind_only() {
        let mut variables = nothing();
        assert!(variables.matches("at ${any:datetime}.", "at 2026-11-21T01:02:03.000004Z."));
        assert!(!variables.matches("at ${any:datetime}.", "at noon."));
        assert!(variables.matches("${sum}", "anything"));
        assert!(!variables.matches("${sum}", ""));
        variables.learn("sum", "a+b");
        assert!(variables.matches("${sum}", "a+b"));
        assert!(!variables.matches("${sum}", "aab"));
        assert!(!variables.matches("${sum}", "a+b\n"));
    }

    #[test]
    fn numbers_stay_numbers() {
        let mut variables = nothing();
        variables.learn_number("group", "12");
        let filled = variables.fill_json(&serde_json::json!(["${group}", "no ${group}"]));
        assert_eq!(filled, serde_json::json!([12, "no 12"]));
    }

    #[test]
    fn a_key_that_nothing_captures_is_the_one_that_agents_compute() {
        let variables = variables(serde_json::json!({ "name": "x", "steps": [{
            "request": { "method": "POST", "path": "/controller/register/", "form": {
                "secret": "${secret.alpha}", "mac_address": "02:00:00:00:00:0a", "key": "${dev.key}",
            } },
            "response": { "status": 201 },
        }] }));
        let key = hex::encode(Md5::digest("02:00:00:00:00:0A+alphasharedsecret0123456789abcde"));
        assert_eq!(variables.get("dev.key"), Some(key.as_str()));
    }
}
