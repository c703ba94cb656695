//! The pieces of a package's text that come from a configuration.

use serde_json::{Map, Value};

use super::probe::is_emptied;
use crate::openwrt::Package;
use crate::uci::Setting;
use crate::{literal, planned};

/// One piece, and what surrounds it.
pub(super) struct Token<'a> {
    pub(super) piece: Piece<'a>,
    /// The section that it belongs to.
    section: Option<&'a Map<String, Value>>,
}

/// What a piece is.
pub(super) enum Piece<'a> {
    PackageName(&'a str),
    Type(String),
    SectionName(String),
    OptionName(&'a str),
    /// Of an option, or an item of a list.
    Value {
        option: &'a str,
        text: String,
        list: bool,
    },
}

impl Token<'_> {
    pub(super) fn text(&self) -> &str {
        match &self.piece {
            Piece::PackageName(text) | Piece::OptionName(text) => text,
            Piece::Type(text) | Piece::SectionName(text) | Piece::Value { text, .. } => text,
        }
    }

    pub(super) fn is_value(&self) -> bool {
        matches!(self.piece, Piece::Value { .. })
    }

    pub(super) fn section_name(&self) -> Option<String> {
        self.section?.get(".name").map(literal::text)
    }

    pub(super) fn option_name(&self) -> Option<String> {
        match &self.piece {
            Piece::OptionName(name) | Piece::Value { option: name, .. } => Some((*name).to_owned()),
            Piece::PackageName(_) | Piece::Type(_) | Piece::SectionName(_) => None,
        }
    }
}

/// Calls `see` with every piece that holds a character with which it may be more than it is.
pub(super) fn each_suspicious<'a>(package: &'a Package, mut see: impl FnMut(Token<'a>)) {
    let is_package = |byte: u8| is_name(byte) || byte == b'-';
    if package.name.is_empty() || !package.name.bytes().all(is_package) {
        see(Token { piece: Piece::PackageName(&package.name), section: None });
    }
    for section in package.sections.iter().filter_map(Value::as_object) {
        let mut see = |piece| see(Token { piece, section: Some(section) });
        let word = |key| section.get(key).map(literal::text).unwrap_or_default();
        let (kind, name) = (word(".type"), word(".name"));
        let is_type = |byte: u8| byte.is_ascii_graphic() && !b"'\"#;\\".contains(&byte);
        if kind.is_empty() || !kind.bytes().all(is_type) {
            see(Piece::Type(kind));
        }
        if !name.bytes().all(is_name) {
            see(Piece::SectionName(name));
        }
        for (option, value) in section.iter().filter(|(key, _)| !key.starts_with('.')) {
            if matches!(value, Value::Null) || value.as_str() == Some("") {
                continue;
            }
            if option.is_empty() || !option.bytes().all(is_name) {
                see(Piece::OptionName(option));
            }
            let mut value_of = |text: &str, list: bool| {
                if text.contains(['\'', '\0']) || (!list && is_emptied(text)) {
                    see(Piece::Value { option, text: text.to_owned(), list });
                }
            };
            match value {
                Value::String(text) => value_of(text, false),
                Value::Array(_) | Value::Object(_) => {
                    if let Some(Setting::List(items)) = planned::setting(value) {
                        for item in items {
                            value_of(&item, true);
                        }
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
