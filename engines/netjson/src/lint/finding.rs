//! What is said about a value.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::uci;

/// Longest name that is told, in characters.
const NAME: usize = 100;
/// Extras that a sentence names.
const NAMED: usize = 5;
/// Extras of one value or package that are kept.
const MAX_EXTRAS: usize = 50;

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
    /// The value is nothing but runs of four spaces, which are not written, and an empty value sets no
    /// option.
    #[error("nothing is left of the value")]
    Emptied,
}

/// A section or an option that a value brings in. Neither: nobody knows what, because of a zero
/// character.
#[derive(Clone, PartialEq, Eq, Hash)]
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
    /// What devices make of a zero character depends on lengths that nobody should count on.
    pub(super) const ZERO: Self = Self { section: None, option: None, value: 0 };

    pub(super) fn section(kind: &str, name: Option<&str>) -> Self {
        Self { section: Some((cut(kind), name.map(cut))), option: None, value: 0 }
    }

    pub(super) fn option(
        section: Option<(&str, Option<&str>)>,
        option: &str,
        value: &str,
        list: bool,
    ) -> Self {
        let mut hasher = DefaultHasher::new();
        (value, list).hash(&mut hasher);
        Self { value: hasher.finish(), ..Self::misplaced(section, option) }
    }

    /// An option with its value in a section that it was not meant for.
    pub(super) fn misplaced(section: Option<(&str, Option<&str>)>, option: &str) -> Self {
        let section = section.map(|(kind, name)| (cut(kind), name.map(cut)));
        Self { section, option: Some(cut(option)), value: 0 }
    }

    /// The same, whatever its place is called: of the section that `own` is the name of, where it
    /// says none itself.
    pub(super) fn told<'a>(&'a self, own: Option<&'a str>) -> Told<'a> {
        let name = match &self.section {
            Some((_, name)) => name.as_deref(),
            None => own,
        };
        let kind = match (&self.option, &self.section) {
            (None, Some((kind, _))) => Some(kind.as_str()),
            _ => None,
        };
        (kind, name.unwrap_or_default(), self.option.as_deref(), self.value)
    }
}

/// Extras of one value or package, of which not too many are kept.
#[derive(Default)]
pub(super) struct Extras {
    told: Vec<Extra>,
    /// Of those that are not.
    beyond: Option<DefaultHasher>,
}

impl Extras {
    pub(super) fn push(&mut self, extra: Extra) {
        if self.told.len() < MAX_EXTRAS {
            self.told.push(extra);
        } else {
            extra.hash(self.beyond.get_or_insert_default());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// The first ones; the last of them differs where those that are left out differ.
    pub(super) fn into_told(mut self) -> Vec<Extra> {
        if let (Some(beyond), Some(last)) = (self.beyond, self.told.last_mut()) {
            last.value ^= beyond.finish();
        }
        self.told
    }
}

/// What is the same about extras that different findings tell: type where it is a section, name of
/// the section, option, value.
pub(super) type Told<'a> = (Option<&'a str>, &'a str, Option<&'a str>, u64);

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
            None => f.write_str("what follows a zero character"),
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

    pub(super) fn told(&self) -> impl Iterator<Item = (&str, Told<'_>)> {
        let extras = match &self.effect {
            Effect::Adds(extras) => &extras[..],
            Effect::Breaks(_) => &[],
        };
        let own = self.section.as_deref();
        extras.iter().map(move |extra| (self.package.as_str(), extra.told(own)))
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
            Effect::Breaks(obstacle @ Obstacle::Emptied) => {
                format!("a device does not get this option: {obstacle}")
            }
            Effect::Breaks(obstacle) => {
                format!("a device cannot read package {:?}: {obstacle}", cut(&self.package))
            }
        }
    }
}

/// Those of `after` that bring in something that none of `before` brings into the same section of
/// the same package.
pub fn beyond<'a>(before: &[Finding], after: &'a [Finding]) -> Vec<&'a Finding> {
    let known: HashSet<_> = before.iter().flat_map(Finding::told).collect();
    after.iter().filter(|finding| finding.told().any(|extra| !known.contains(&extra))).collect()
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
