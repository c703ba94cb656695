//! Reading one piece back, where nothing else is special.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::finding::{Extra, Obstacle};
use super::token::{Piece, Token};
use crate::openwrt::{self, Package, Style};
use crate::uci::{self, Section, Setting};

/// Extras of one value that are told.
const MAX_EXTRAS: usize = 50;

/// What a piece is read as.
pub(super) enum Verdict {
    /// Itself.
    Plain,
    /// More than itself.
    Adds(Vec<Extra>),
    /// Nothing more, but something is lost.
    Breaks(Obstacle),
}

/// Names that stand for everything that is not looked at.
struct Probe<'a> {
    package: &'a str,
    kind: &'a str,
    name: &'a str,
    option: &'a str,
    value: &'a str,
    list: bool,
    style: Style,
}

const NEUTRAL: Probe<'static> = Probe {
    package: "p",
    kind: "t",
    name: "s",
    option: "k",
    value: "v",
    list: false,
    style: Style::Bare,
};
/// Follows, so that what is swallowed is missed.
const FOLLOWER: &str = "z";

pub(super) fn token(token: &Token<'_>, style: Style) -> Verdict {
    let text = token.text();
    let neutral = Probe { style, ..NEUTRAL };
    match &token.piece {
        Piece::PackageName(_) => Probe { package: text, ..neutral }.verdict(),
        Piece::Type(_) => Probe { kind: text, ..neutral }.verdict(),
        Piece::SectionName(_) => Probe { name: text, ..neutral }.verdict(),
        Piece::OptionName(_) => Probe { option: text, ..neutral }.verdict(),
        Piece::Value { list, .. } => value(text, *list, style),
    }
}

pub(super) fn value(text: &str, list: bool, style: Style) -> Verdict {
    if !text.contains(['\'', '\0']) {
        return Verdict::Plain;
    }
    Probe { value: text, list, style, ..NEUTRAL }.verdict()
}

impl Probe<'_> {
    fn verdict(&self) -> Verdict {
        let (read, errors, unset) = uci::probe("p", &self.text());
        let sections = read.packages.first().map_or(&[][..], |package| &package.sections);
        let (mut extras, mut own, mut follower) = (Vec::new(), false, false);
        for section in sections {
            let is = |kind: &str, name: &str| {
                same(&section.kind, kind) && same(section.name.as_deref().unwrap_or_default(), name)
            };
            if is(FOLLOWER, FOLLOWER) {
                follower = section.get(FOLLOWER).is_some();
                extras.extend(others(section, FOLLOWER, 1, true));
            } else if !own && is(self.kind, self.name) {
                own = section.options().any(|(option, _)| same(option, self.option));
                extras.extend(others(section, self.option, 1, false));
            } else {
                extras.push(Extra::section(&section.kind, section.name.as_deref()));
                extras.extend(others(section, "", 0, true));
            }
        }
        // An empty option takes one away that stands before it.
        let emptied =
            |option: &String| Extra::option(None, option, &Setting::Option(String::new()));
        let empty = usize::from(!own && unset.first().is_some_and(|it| same(it, self.option)));
        extras.extend(unset.iter().skip(empty).map(emptied));
        extras.truncate(MAX_EXTRAS);
        if !extras.is_empty() {
            return Verdict::Adds(extras);
        }
        match errors.first() {
            Some(error) => Verdict::Breaks(Obstacle::Unreadable(error.reason)),
            // Names are read as they are, or not at all.
            None if self.is_name_changed(sections) => {
                Verdict::Breaks(Obstacle::Unreadable(uci::Reason::Name))
            }
            None if own && follower => Verdict::Plain,
            None => Verdict::Breaks(Obstacle::Swallowed),
        }
    }

    /// The text as the writer makes it, without the line that names the package.
    fn text(&self) -> String {
        let value = if self.list { json!([self.value]) } else { json!(self.value) };
        let option = Map::from_iter([(self.option.to_owned(), value)]);
        let section = |kind: &str, name: &str, options: Map<String, Value>| {
            let mut section =
                Map::from_iter([(".name".to_owned(), name.into()), (".type".into(), kind.into())]);
            section.extend(options);
            Value::Object(section)
        };
        let follower = Map::from_iter([(FOLLOWER.to_owned(), json!(FOLLOWER))]);
        let sections =
            vec![section(self.kind, self.name, option), section(FOLLOWER, FOLLOWER, follower)];
        let package = Package { name: self.package.to_owned(), sections };
        openwrt::body(&package, self.style)
    }

    fn is_name_changed(&self, sections: &[Section]) -> bool {
        let package = self
            .package
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let Some(section) = sections.first() else { return false };
        let name = section.name.as_deref().unwrap_or_default();
        let option = section.options().next().map_or(self.option, |(option, _)| option);
        !package
            || self.package.is_empty()
            || (section.kind.as_str(), name, option) != (self.kind, self.name, self.option)
    }
}

/// Whether a word was read as planned, but for the quotes that it lost.
fn same(read: &str, planned: &str) -> bool {
    read == planned || read == planned.replace(['\'', '"', '\\'], "")
}

/// Options of `section` but the first `values` values of `planned`.
fn others<'a>(
    section: &'a Section,
    planned: &'a str,
    values: usize,
    named: bool,
) -> impl Iterator<Item = Extra> + 'a {
    let place = named.then_some((section.kind.as_str(), section.name.as_deref()));
    section.options().filter_map(move |(option, entry)| {
        let expected = same(option, planned)
            && match &entry.setting {
                Setting::Option(_) => entry.line == section.line + 1 || named,
                Setting::List(items) => items.len() <= values,
            };
        if expected { None } else { Some(Extra::option(place, option, &entry.setting)) }
    })
}

/// What `read` has beyond the plan.
pub(super) fn beyond(planned: &uci::Package, read: Option<&uci::Package>) -> Vec<Extra> {
    let mut known: HashMap<(&str, &str), HashSet<&str>> = HashMap::new();
    for section in &planned.sections {
        let name = section.name.as_deref().unwrap_or_default();
        let options = known.entry((section.kind.as_str(), name)).or_default();
        options.extend(section.options().map(|(option, _)| option));
    }
    let mut extras = Vec::new();
    for section in read.map_or(&[][..], |package| &package.sections) {
        let place = (section.kind.as_str(), section.name.as_deref());
        let options = known.get(&(place.0, place.1.unwrap_or_default()));
        if options.is_none() {
            extras.push(Extra::section(place.0, place.1));
        }
        let extra = section
            .options()
            .filter(|(option, _)| options.is_none_or(|options| !options.contains(option)))
            .map(|(option, entry)| Extra::option(Some(place), option, &entry.setting));
        extras.extend(extra);
        if extras.len() >= MAX_EXTRAS {
            break;
        }
    }
    extras.truncate(MAX_EXTRAS);
    extras
}
