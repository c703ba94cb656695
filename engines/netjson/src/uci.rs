//! UCI text as a system reads it: packages, sections, options and lists, with their lines.
//!
//! [`Document::read`] follows the rules of libuci's file reader, so that what it finds is what a
//! device would find: values in single quotes (nothing is special inside), in double quotes
//! (`\` takes the next character as it is) or in none, parts of one value next to each other
//! joined (`'it'\''s'`), values over several lines, `\` before a line end, `#` comments, `;`
//! between commands, the short commands `p`, `c`, `o` and `l`, sections without a name, and
//! sections of one name continued.
//!
//! ```
//! use wisptrail_netjson::uci::{Document, Setting};
//!
//! let text = "package system\n\nconfig system\n\toption hostname 'it'\\''s' # mine\n";
//! let document = Document::read(text)?;
//! let section = &document.package("system").unwrap().sections[0];
//! assert_eq!((section.kind.as_str(), &section.name, section.line), ("system", &None, 3));
//! let hostname = section.get("hostname").unwrap();
//! assert_eq!(hostname.setting, Setting::Option("it's".into()));
//! assert_eq!(hostname.line, 4);
//! # Ok::<(), wisptrail_netjson::uci::SyntaxError>(())
//! ```

mod error;
mod reader;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;

pub use self::error::{Reason, SyntaxError};

/// Packages of one text in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Each name once.
    pub packages: Vec<Package>,
}

/// What a file below `/etc/config` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Name of the file.
    pub name: String,
    /// Where it begins, counted from 1.
    pub line: usize,
    /// In order of first appearance.
    pub sections: Vec<Section>,
}

/// One `config` of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The type (`interface`, `wifi-device`, …).
    pub kind: String,
    /// Its name; sections without one are known by their position.
    pub name: Option<String>,
    /// Where it begins, counted from 1.
    pub line: usize,
    options: IndexMap<String, Entry>,
}

/// What a section says about one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value or values.
    pub setting: Setting,
    /// Where it is said last, counted from 1.
    pub line: usize,
}

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `option`; never empty, because an empty value unsets the option.
    Option(String),
    /// One or more `list` of the same name.
    List(Vec<String>),
}

impl Document {
    /// Reads text in which every package is announced (`package network`).
    ///
    /// # Errors
    ///
    /// The first thing that libuci refuses, with its line. A device ignores the whole package then.
    pub fn read(text: &str) -> Result<Self, SyntaxError> {
        strict(Self::read_leniently(text))
    }

    /// Reads a file below `/etc/config`, which belongs to the package `name` whatever it announces.
    ///
    /// # Errors
    ///
    /// See [`read`](Self::read).
    pub fn read_package(name: &str, text: &str) -> Result<Self, SyntaxError> {
        strict(reader::read(text, Some(name)))
    }

    /// Reads on after an error, at the next line, and returns all errors in their order.
    pub fn read_leniently(text: &str) -> (Self, Vec<SyntaxError>) {
        reader::read(text, None)
    }

    /// Reads a file below `/etc/config` on after errors, see
    /// [`read_leniently`](Self::read_leniently).
    pub fn read_package_leniently(name: &str, text: &str) -> (Self, Vec<SyntaxError>) {
        reader::read(text, Some(name))
    }

    /// The package called `name`.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

/// Reads a file below `/etc/config` on after errors, and says which options it unsets.
pub(crate) fn probe(name: &str, text: &str) -> (Document, Vec<SyntaxError>, Vec<String>) {
    let reader::Reading { document, errors, unset } = reader::reading(text, Some(name));
    (document, errors, unset)
}

fn strict((document, errors): (Document, Vec<SyntaxError>)) -> Result<Document, SyntaxError> {
    errors.into_iter().next().map_or(Ok(document), Err)
}

impl Package {
    /// The section called `name`.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name.as_deref() == Some(name))
    }
}

impl Section {
    /// A section that nothing was read for: it has no line.
    pub(crate) fn planned(kind: String, name: String) -> Self {
        let name = Some(name).filter(|name| !name.is_empty());
        Self { kind, name, line: 0, options: IndexMap::new() }
    }

    /// States an option; empty ones say nothing.
    pub(crate) fn plan(&mut self, option: &str, setting: Setting) {
        let silent = match &setting {
            Setting::Option(value) => value.is_empty(),
            Setting::List(values) => values.is_empty(),
        };
        if !silent {
            self.options.insert(option.to_owned(), Entry { setting, line: 0 });
        }
    }

    /// What is said about `name`.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.options.get(name)
    }

    /// Everything that is said, in order of first appearance.
    pub fn options(&self) -> impl ExactSizeIterator<Item = (&str, &Entry)> {
        self.options.iter().map(|(name, entry)| (name.as_str(), entry))
    }
}
