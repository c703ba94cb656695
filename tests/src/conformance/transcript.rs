//! The files: one scenario each.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A scenario; starts from the fixture and nothing else.
#[derive(Clone, Debug, Deserialize)]
pub struct Transcript {
    /// As in the file's name.
    pub name: String,
    /// Switches that the server must be started with.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// In order.
    pub steps: Vec<Step>,
}

/// One thing after the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// A mail is waited for.
    Mail {
        /// To whom, and what is taken out of it.
        mail: Mail,
    },
    /// A request is sent.
    Exchange(Box<Exchange>),
}

/// A mail that the request before has caused.
#[derive(Clone, Debug, Deserialize)]
pub struct Mail {
    /// The recipient's address.
    pub(crate) to: String,
    /// Variable to the pattern whose first group is its value; all must match.
    pub(crate) capture: BTreeMap<String, String>,
}

/// A request and the answer that was recorded.
#[derive(Clone, Debug, Deserialize)]
pub struct Exchange {
    /// Present when the recorded answer is a defect: executed, not compared.
    #[serde(default)]
    pub(crate) quirk: Option<String>,
    pub(crate) request: Request,
    /// Variable to the place in the answer where its value is.
    #[serde(default)]
    pub(crate) capture: BTreeMap<String, String>,
    pub(crate) response: Response,
}

/// What is sent. Texts hold placeholders.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// A role of the fixture: with the token of whoever has it.
    #[serde(default, rename = "as")]
    pub(crate) actor: Option<String>,
    #[serde(default)]
    pub(crate) query: Map<String, Value>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) form: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) json: Option<Value>,
    #[serde(default)]
    pub(crate) raw_body: Option<String>,
}

/// What came back. Texts hold placeholders.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) body_kind: BodyKind,
    #[serde(default)]
    pub(crate) body: Value,
    /// Entries of the archive.
    #[serde(default)]
    pub(crate) tar: Vec<Value>,
    /// The first ten bytes of the archive.
    #[serde(default)]
    pub(crate) gzip_header_hex: Option<String>,
    /// The variable that holds the MD5 of the body.
    #[serde(default)]
    pub(crate) md5_equals: Option<String>,
    /// Members whose items may come in any order.
    #[serde(default)]
    pub(crate) unordered: Vec<String>,
}

/// How a body is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum BodyKind {
    /// Exactly.
    #[serde(rename = "text")]
    Text,
    /// As JSON; the answer may have more members.
    #[serde(rename = "json")]
    Json,
    /// By its entries.
    #[serde(rename = "tar.gz")]
    Archive,
    /// Not at all, and the headers neither.
    #[default]
    #[serde(rename = "html")]
    Html,
}

impl Transcript {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It is not a transcript.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is not a transcript", path.display()))
    }

    /// The environment variables that make a server for this scenario:
    /// `OPENWISP_CONTROLLER_NAME` is the setting `controller.name`.
    ///
    /// # Errors
    ///
    /// A switch of a kind that is not known.
    pub fn environment(&self) -> anyhow::Result<Vec<(String, String)>> {
        self.settings
            .iter()
            .map(|(name, value)| {
                let setting = name
                    .strip_prefix("OPENWISP_CONTROLLER_")
                    .with_context(|| format!("{}: unknown switch {name}", self.name))?;
                let value = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Ok((format!("WISPTRAIL_CONTROLLER__{setting}"), value))
            })
            .collect()
    }

    /// Whether any request goes below this path.
    pub fn asks(&self, path: &str) -> bool {
        self.exchanges().any(|exchange| exchange.request.path.starts_with(path))
    }

    /// The requests among the steps.
    pub(crate) fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.steps.iter().filter_map(|step| match step {
            Step::Exchange(exchange) => Some(&**exchange),
            Step::Mail { .. } => None,
        })
    }
}
