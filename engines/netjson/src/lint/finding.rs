//! What is said about a value.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::uci;

/// Longest name that is told, in characters.
const NAME: usize = 100;
/// Extras that a sentence names.
const NAMED: usize = 5;

/// A value that a device reads as other sections or options than planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where the value stands in the merged configuration, as a JSON pointer (RFC 6901); for names
    /// of options and packages, the member. None where it was put together from several.
    pub pointer: Option<String>,
    /// The package that it is written to.
    pub package: String,
    /// The section, as planned; none for names of packages.
    pub section: Option<String>,
    /// The option, as planned; none for types and names.
    pub option: Option<String>,
    /// What comes of it.
    pub effect: Effect,
}

/// What comes of a value that is read as more than it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Sections or options that nobody planned.
    Adds(Vec<Extra>),
    /// Nothing is added, but planned sections or options are lost: a device ignores a package that
    /// it cannot read.
    Breaks(Obstacle),
}

/// Why planned sections or options are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The package cannot be read.
    #[error("{0}")]
    Unreadable(uci::Reason),
    /// The value swallows what follows it.
    #[error("it swallows what follows")]
    Swallowed,
}

/// A section or an option that a value brings in.
#[derive(Clone, PartialEq, Eq)]
pub struct Extra {
    /// Type and name of the section; no name where it has none. None where it is the section that
    /// the value belongs to.
    pub section: Option<(String, Option<String>)>,
    /// The option; none for the section itself.
    pub option: Option<String>,
    /// Tells equal extras apart without repeating what may be secret.
    value: u64,
}

impl Extra {
    pub(super) fn section(kind: &str, name: Option<&str>) -> Self {
        Self { section: Some((cut(kind), name.map(cut))), option: None, value: 0 }
    }

    pub(super) fn option(
        section: Option<(&str, Option<&str>)>,
        option: &str,
        setting: &uci::Setting,
    ) -> Self {
        let mut hasher = DefaultHasher::new();
        match setting {
            uci::Setting::Option(value) => value.hash(&mut hasher),
            uci::Setting::List(values) => values.hash(&mut hasher),
        }
        Self {
            section: section.map(|(kind, name)| (cut(kind), name.map(cut))),
            option: Some(cut(option)),
            value: hasher.finish(),
        }
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = |f: &mut fmt::Formatter<'_>| match &self.section {
            Some((kind, Some(name))) => write!(f, "section {name:?} of type {kind:?}"),
            Some((kind, None)) => write!(f, "a section of type {kind:?}"),
            None => f.write_str("its section"),
        };
        match &self.option {
            Some(option) if self.section.is_none() => write!(f, "option {option:?}"),
            Some(option) => {
                write!(f, "option {option:?} of ")?;
                section(f)
            }
            None => section(f),
        }
    }
}

impl Finding {
    /// Does it bring in what nobody planned?
    pub fn adds(&self) -> bool {
        matches!(self.effect, Effect::Adds(_))
    }

    /// Do both values bring in the same at the same place?
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.package, &self.section, &self.option, &self.effect)
            == (&other.package, &other.section, &other.option, &other.effect)
    }

    /// Where the value stands: the pointer, or its place in the text.
    pub fn place(&self) -> String {
        if let Some(pointer) = &self.pointer {
            return cut(pointer);
        }
        let names = [Some(&self.package), self.section.as_ref(), self.option.as_ref()];
        let names: Vec<String> = names.into_iter().flatten().map(|name| cut(name)).collect();
        names.join(".")
    }

    /// What comes of it, in words that do not repeat the value.
    pub fn message(&self) -> String {
        match &self.effect {
            Effect::Adds(extras) => {
                let named: Vec<String> =
                    extras.iter().take(NAMED).map(ToString::to_string).collect();
                let more = extras.len().saturating_sub(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("a device reads more than this value: {}{more}", named.join(", "))
            }
            Effect::Breaks(obstacle) => {
                format!("a device cannot read package {:?}: {obstacle}", cut(&self.package))
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message())
    }
}

fn cut(name: &str) -> String {
    if name.chars().nth(NAME).is_none() {
        return name.to_owned();
    }
    name.chars().take(NAME).chain(['…']).collect()
}
