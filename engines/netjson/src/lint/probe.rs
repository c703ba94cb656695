//! Reading one piece back, where nothing else is special.

use serde_json::{Map, Value, json};

use super::finding::{Extra, Extras, Obstacle};
use super::token::{Piece, Token};
use crate::openwrt::{self, Package, Style};
use crate::render;
use crate::uci::{self, Command};

/// What a piece is read as.
pub(super) enum Verdict {
    /// Itself, but for quotes that join.
    Plain {
        /// The value of the option, as it is read.
        value: String,
    },
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
        Piece::Value { list: false, .. } if is_emptied(text) => Verdict::Breaks(Obstacle::Emptied),
        Piece::Value { list, .. } => value(text, *list),
    }
}

/// Whether nothing is left of `text` where it is written.
pub(super) fn is_emptied(text: &str) -> bool {
    !text.is_empty() && text.len().is_multiple_of(4) && text.bytes().all(|byte| byte == b' ')
}

pub(super) fn value(text: &str, list: bool) -> Verdict {
    if !text.contains(['\'', '\0']) {
        return Verdict::Plain { value: openwrt::clean(text.to_owned()) };
    }
    // There may be very many; what is around a value is the same in every style.
    let command = if list { "list" } else { "option" };
    let lines = format!(
        "config t 's'\n\t{command} k '{text}'\n\nconfig {FOLLOWER} '{FOLLOWER}'\n\toption {FOLLOWER} '{FOLLOWER}'\n"
    );
    Probe { value: text, list, ..NEUTRAL }.verdict_of(&openwrt::clean(lines))
}

impl Probe<'_> {
    fn verdict(&self) -> Verdict {
        self.verdict_of(&self.text())
    }

    fn verdict_of(&self, text: &str) -> Verdict {
        let pieces = [self.package, self.kind, self.name, self.option, self.value];
        if pieces.iter().any(|piece| piece.contains('\0')) {
            return Verdict::Adds(vec![Extra::ZERO]);
        }
        let mut reading = Reading::of(self);
        let errors = uci::commands("p", text, |command| reading.command(command));
        if !reading.extras.is_empty() {
            return Verdict::Adds(reading.extras.into_told());
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        match errors.first() {
            Some(error) => Verdict::Breaks(Obstacle::Unreadable(error.reason)),
            None if self.package.is_empty() || !self.package.bytes().all(is_name) => {
                Verdict::Breaks(Obstacle::Unreadable(uci::Reason::Name))
            }
            // Nothing but quotes is nothing.
            None if reading.seen == [true; 4] && (self.list || !reading.value.is_empty()) => {
                Verdict::Plain { value: reading.value }
            }
            None => Verdict::Breaks(Obstacle::Swallowed),
        }
    }

    /// The file as the writer makes it.
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
        render::package_file(&package, self.style)
    }
}

/// What was read of a probe so far.
struct Reading<'a> {
    probe: &'a Probe<'a>,
    /// Section, option, the section that follows, its option: was it read as planned?
    seen: [bool; 4],
    /// Whether what is read next belongs to the section.
    own: bool,
    kind: String,
    name: Option<String>,
    /// Of the option.
    value: String,
    extras: Extras,
}

impl<'a> Reading<'a> {
    fn of(probe: &'a Probe<'a>) -> Self {
        Self {
            probe,
            seen: [false; 4],
            own: false,
            kind: String::new(),
            name: None,
            value: String::new(),
            extras: Extras::default(),
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Section { kind, name } => self.section(kind, name),
            Command::Option { name, value, list } => self.option(&name, value, list),
        }
    }

    fn section(&mut self, kind: String, name: Option<String>) {
        let is = |a: &str, b: &str| kind == a && name.as_deref().unwrap_or_default() == b;
        self.own = !self.seen[0] && !self.seen[2] && is(self.probe.kind, self.probe.name);
        if self.own {
            self.seen[0] = true;
        } else if !self.seen[2] && is(FOLLOWER, FOLLOWER) {
            self.seen[2] = true;
        } else {
            self.extras.push(Extra::section(&kind, name.as_deref()));
        }
        (self.kind, self.name) = (kind, name);
    }

    fn option(&mut self, name: &str, value: String, list: bool) {
        let Probe { option, list: listed, .. } = *self.probe;
        let follows = !self.own && self.name.as_deref() == Some(FOLLOWER);
        if self.own && !self.seen[1] && (name, list) == (option, listed) {
            self.seen[1] = true;
            self.value = value;
        } else if follows && !self.seen[3] && name == FOLLOWER && value == FOLLOWER {
            self.seen[3] = true;
        } else {
            let section = (!self.own).then_some((self.kind.as_str(), self.name.as_deref()));
            self.extras.push(Extra::option(section, name, &value, list));
        }
    }
}
