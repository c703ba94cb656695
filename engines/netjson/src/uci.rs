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

    /// Reads on after errors as libuci does where it is not strict, as for scripts on a device
    /// (`uci -S`, Lua): a wrong line is left out, and what is one word too long, or takes the name of
    /// a section of another type, counts all the same. Returns all errors in their order.
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

/// One thing that a file below `/etc/config` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// What follows is about this section.
    Section { kind: String, name: Option<String> },
    /// An option has this value, or one more; an empty one unsets it.
    Option { name: String, value: String, list: bool },
}

/// Calls `see` with what a file below `/etc/config` says one after the other, read on after errors.
pub(crate) fn commands(name: &str, text: &str, see: impl FnMut(Command)) -> Vec<SyntaxError> {
    struct Said<F>(F);
    impl<F: FnMut(Command)> reader::Sink for Said<F> {
        fn package(&mut self, _: String, _: usize) -> bool {
            true
        }

        fn section(&mut self, kind: String, name: Option<String>, _: usize) -> bool {
            (self.0)(Command::Section { kind, name });
            true
        }

        fn option(&mut self, name: String, value: String, _: usize, list: bool) {
            (self.0)(Command::Option { name, value, list });
        }
    }
    reader::reading(text, Some(name), &mut Said(see))
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
