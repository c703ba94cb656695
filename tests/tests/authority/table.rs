//! The table of expected answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use anyhow::{Context, bail, ensure};

use crate::people::Person;

const TEXT: &str = include_str!("table.txt");

/// What can be asked of the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// A method and a path with holes.
    Http(String, String),
    /// A field of GraphQL's roots: `query`, `mutation` or `subscription`, and its name.
    Root(String, String),
    /// A field of an object that is asked for by itself.
    Field(String, String),
    /// A command of the control socket.
    Control(String),
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Whatever was asked for.
    Ok,
    /// The same, and exactly what belongs to the person's organizations.
    Own,
    /// Nothing is there.
    Null,
    /// A status.
    Status(u16),
    /// It cannot be asked.
    NotAsked,
}

/// One operation and how it is answered.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) operation: Operation,
    pub(crate) permissions: Vec<String>,
    pub(crate) use_cases: Vec<String>,
    /// With holes: a form, JSON, or arguments.
    pub(crate) input: String,
    pub(crate) expected: [Expected; Person::ALL.len()],
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) lines: Vec<Line>,
    /// Use cases that nobody asks for, and why.
    pub(crate) internal: BTreeMap<String, String>,
    /// Fields that are told with their object, by type.
    pub(crate) told: BTreeMap<String, BTreeSet<String>>,
}

impl Table {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut table = Self::default();
        let (mut group, mut expected) = ("", None);
        for text in TEXT.lines().map(str::trim) {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if let Some(name) = text.strip_prefix('[') {
                (group, expected) = (name.trim_end_matches(']'), None);
            } else if group == "use cases that nobody asks for" {
                let (name, reason) = text.split_once(": ").context("no reason")?;
                table.internal.insert(name.to_owned(), reason.to_owned());
            } else if group == "told with the object" {
                let (name, fields) = text.split_once(": ").context("no fields")?;
                let fields = fields.split_whitespace().map(str::to_owned).collect();
                table.told.insert(name.to_owned(), fields);
            } else if let Some(expected) = expected {
                table.lines.push(line(text, expected).with_context(|| text.to_owned())?);
            } else {
                expected = Some(answers(text).with_context(|| format!("[{group}] {text}"))?);
            }
        }
        Ok(table)
    }

    /// Every operation once.
    pub(crate) fn operations(&self) -> BTreeSet<Operation> {
        self.lines.iter().map(|line| line.operation.without_query()).collect()
    }

    /// Every use case that a line stands for.
    pub(crate) fn use_cases(&self) -> BTreeSet<&str> {
        self.lines.iter().flat_map(|line| line.use_cases.iter().map(String::as_str)).collect()
    }
}

fn answers(text: &str) -> anyhow::Result<[Expected; Person::ALL.len()]> {
    let words: Vec<Expected> = text
        .split_whitespace()
        .map(|word| {
            Ok(match word {
                "ok" => Expected::Ok,
                "own" => Expected::Own,
                "null" => Expected::Null,
                "-" => Expected::NotAsked,
                status => Expected::Status(status.parse().context("no answer")?),
            })
        })
        .collect::<anyhow::Result<_>>()?;
    let count = words.len();
    words
        .try_into()
        .map_err(|_| anyhow::anyhow!("{count} answers for {} people", Person::ALL.len()))
}

fn line(text: &str, expected: [Expected; Person::ALL.len()]) -> anyhow::Result<Line> {
    let mut parts = text.splitn(4, '|').map(str::trim);
    let mut part = || parts.next().unwrap_or_default();
    let (operation, permissions, use_cases, input) = (part(), part(), part(), part());
    let (kind, name) = operation.split_once(' ').context("no operation")?;
    let operation = match kind {
        "query" | "mutation" | "subscription" => Operation::Root(kind.into(), name.into()),
        "field" => {
            let (object, field) = name.split_once('.').context("no field")?;
            Operation::Field(object.into(), field.into())
        }
        "control" => Operation::Control(name.into()),
        method if method.chars().all(|c| c.is_ascii_uppercase()) => {
            Operation::Http(method.into(), name.into())
        }
        _ => bail!("no kind of operation"),
    };
    ensure!(!permissions.is_empty(), "no permissions, not even -");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let permissions = words(permissions).into_iter().filter(|word| word != "-").collect();
    let (use_cases, input) = (words(use_cases), input.to_owned());
    Ok(Line { operation, permissions, use_cases, input, expected })
}

/// What a hole may be filled with that belongs to an organization.
const HOLES: [&str; 10] = [
    "device",
    "idle",
    "group",
    "template",
    "organization",
    "user",
    "job",
    "heir",
    "webhook",
    "delivery",
];

impl Line {
    /// The objects that the operation is about.
    pub(crate) fn holes(&self) -> Vec<&'static str> {
        let text = self.to_string();
        let held = |hole: &&str| text.contains(&format!("{{{hole}}}"));
        HOLES.into_iter().filter(held).collect()
    }

    /// Is something else afterwards?
    pub(crate) fn changes(&self) -> bool {
        match &self.operation {
            Operation::Http(method, _) => !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS"),
            Operation::Root(kind, _) => kind == "mutation",
            Operation::Field(..) | Operation::Control(_) => false,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operation {
            Operation::Http(one, two) | Operation::Root(one, two) => write!(f, "{one} {two}")?,
            Operation::Field(object, field) => write!(f, "field {object}.{field}")?,
            Operation::Control(command) => write!(f, "control {command}")?,
        }
        write!(f, " {}", self.input)
    }
}

impl Operation {
    fn without_query(&self) -> Self {
        match self {
            Self::Http(method, path) => {
                let path = path.split('?').next().unwrap_or_default();
                Self::Http(method.clone(), shape(path))
            }
            other => other.clone(),
        }
    }
}

/// A path whose holes have no names.
pub(crate) fn shape(path: &str) -> String {
    let mut shaped = String::new();
    let mut inside = false;
    for next in path.chars() {
        inside = (inside || next == '{') && next != '}';
        if !inside || next == '{' {
            shaped.push(next);
        }
    }
    shaped
}
