//! From text to a document.
//!
//! Errors are noted and read over as libuci does where it is not strict: the rest of the lines taken
//! in is dropped. Two things are errors to a strict reader alone, and take effect here: what follows
//! a complete command on its line, and a section that takes the name of one of another type.

use std::collections::HashMap;

use indexmap::IndexMap;
use indexmap::map::Entry as Place;

use super::{Document, Entry, Package, Reason, Section, Setting, SyntaxError};

/// Reads `text`, which belongs to `package` until it says otherwise.
pub(super) fn read(text: &str, package: Option<&str>) -> (Document, Vec<SyntaxError>) {
    let mut builder = Builder::default();
    let errors = reading(text, package, &mut builder);
    (builder.document, errors)
}

/// Who is told what the commands of a text say, one after the other.
pub(super) trait Sink {
    /// A package begins; false where its name is taken.
    fn package(&mut self, name: String, line: usize) -> bool;
    /// A section begins or continues; false where its name is that of one of another type.
    fn section(&mut self, kind: String, name: Option<String>, line: usize) -> bool;
    /// An option has a value, or one more.
    fn option(&mut self, name: String, value: String, line: usize, list: bool);
}

/// Reads `text` from its beginning to its end, whatever is wrong with it.
pub(super) fn reading(text: &str, package: Option<&str>, sink: &mut impl Sink) -> Vec<SyntaxError> {
    let mut reader = Reader {
        lines: Lines { text: text.as_bytes(), position: 0, end: 0, line: 0 },
        single: package.is_some(),
        sink,
        open: package.map(|_| Open::Package),
        errors: Vec::new(),
    };
    if let Some(name) = package {
        reader.sink.package(name.to_owned(), 1);
    }
    while reader.lines.next_line() {
        if let Err(error) = reader.commands() {
            reader.errors.push(error);
            reader.lines.position = reader.lines.end;
        }
    }
    reader.errors
}

/// What there is to belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Package,
    Section,
}

struct Reader<'a, S> {
    lines: Lines<'a>,
    /// Whether the text is one package, whatever it announces.
    single: bool,
    sink: &'a mut S,
    open: Option<Open>,
    errors: Vec<SyntaxError>,
}

impl<S: Sink> Reader<'_, S> {
    /// The commands of one line, and of those that it continues on.
    fn commands(&mut self) -> Result<(), SyntaxError> {
        self.lines.skip_white();
        while let Some(word) = self.lines.command() {
            let line = self.lines.line;
            match word {
                [b'#', ..] => {
                    self.lines.finish();
                    return Ok(());
                }
                b"p" | b"package" => self.package(line)?,
                b"c" | b"config" => self.section(line)?,
                b"o" | b"option" => self.option(line, false)?,
                b"l" | b"list" => self.option(line, true)?,
                _ => return Err(SyntaxError { line, reason: Reason::UnknownCommand }),
            }
        }
        Ok(())
    }

    fn package(&mut self, line: usize) -> Result<(), SyntaxError> {
        let name = required(self.lines.argument()?, line)?;
        check(is_name(&name, true), line, Reason::Name)?;
        self.expect_end()?;
        if self.single {
            return Ok(());
        }
        check(self.sink.package(name, line), line, Reason::RepeatedPackage)?;
        self.open = Some(Open::Package);
        Ok(())
    }

    fn section(&mut self, line: usize) -> Result<(), SyntaxError> {
        check(self.open.is_some(), line, Reason::NoPackage)?;
        let kind = required(self.lines.argument()?, line)?;
        check(kind.bytes().all(|byte| byte.is_ascii_graphic()), line, Reason::Type)?;
        let name = Some(self.lines.argument()?).filter(|name| !name.is_empty());
        if let Some(name) = &name {
            check(is_name(name, false), line, Reason::Name)?;
        }
        self.expect_end()?;
        self.open = Some(Open::Section);
        if !self.sink.section(kind, name, line) {
            self.errors.push(SyntaxError { line, reason: Reason::TypeChanged });
        }
        Ok(())
    }

    fn option(&mut self, line: usize, list: bool) -> Result<(), SyntaxError> {
        check(self.open == Some(Open::Section), line, Reason::NoSection)?;
        let name = required(self.lines.argument()?, line)?;
        check(is_name(&name, false), line, Reason::Name)?;
        let value = self.lines.argument()?;
        self.expect_end()?;
        self.sink.option(name, value, line, list);
        Ok(())
    }

    /// Nothing but a separator or a comment should follow. One more word is left out, and what
    /// comes behind it is the next command.
    fn expect_end(&mut self) -> Result<(), SyntaxError> {
        let line = self.lines.line;
        if !self.lines.argument()?.is_empty() {
            self.errors.push(SyntaxError { line, reason: Reason::TooManyArguments });
        }
        Ok(())
    }
}

/// A document that grows.
#[derive(Default)]
struct Builder {
    document: Document,
    /// Places of the named sections of the last package.
    named: HashMap<String, usize>,
    /// Place of the section that options belong to, in the last package.
    open: usize,
}

impl Sink for Builder {
    fn package(&mut self, name: String, line: usize) -> bool {
        if self.document.package(&name).is_some() {
            return false;
        }
        self.document.packages.push(Package { name, line, sections: Vec::new() });
        self.named.clear();
        true
    }

    fn section(&mut self, kind: String, name: Option<String>, line: usize) -> bool {
        let Some(package) = self.document.packages.last_mut() else { return true };
        if let Some(known) = name.as_ref().and_then(|name| self.named.get(name)) {
            self.open = *known;
            let known = &mut package.sections[*known];
            let same = known.kind == kind;
            known.kind = kind;
            return same;
        }
        self.open = package.sections.len();
        if let Some(name) = &name {
            self.named.insert(name.clone(), self.open);
        }
        package.sections.push(Section { kind, name, line, options: IndexMap::new() });
        true
    }

    fn option(&mut self, name: String, value: String, line: usize, list: bool) {
        let package = self.document.packages.last_mut();
        let Some(section) = package.and_then(|it| it.sections.get_mut(self.open)) else { return };
        match section.options.entry(name) {
            Place::Occupied(place) if !list && value.is_empty() => {
                place.shift_remove();
            }
            Place::Occupied(mut place) => {
                let entry = place.get_mut();
                entry.line = line;
                match &mut entry.setting {
                    Setting::List(values) if list => values.push(value),
                    Setting::Option(first) if list => {
                        entry.setting = Setting::List(vec![std::mem::take(first), value]);
                    }
                    _ => entry.setting = Setting::Option(value),
                }
            }
            Place::Vacant(place) if list => {
                place.insert(Entry { setting: Setting::List(vec![value]), line });
            }
            Place::Vacant(place) if !value.is_empty() => {
                place.insert(Entry { setting: Setting::Option(value), line });
            }
            Place::Vacant(_) => {}
        }
    }
}

fn check(holds: bool, line: usize, reason: Reason) -> Result<(), SyntaxError> {
    if holds { Ok(()) } else { Err(SyntaxError { line, reason }) }
}

fn required(argument: String, line: usize) -> Result<String, SyntaxError> {
    check(!argument.is_empty(), line, Reason::Incomplete).map(|()| argument)
}

fn is_name(name: &str, package: bool) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(|byte| allowed(byte) || (package && byte == b'-'))
}

/// Text of which commands see one line, or several where quotes or a backslash join them.
struct Lines<'a> {
    text: &'a [u8],
    position: usize,
    /// Behind the line end of the last line that was joined.
    end: usize,
    /// Number of that line.
    line: usize,
}

impl<'a> Lines<'a> {
    /// Moves on to the next line; false at the end of the text.
    fn next_line(&mut self) -> bool {
        self.position = self.end;
        self.join()
    }

    /// Takes one more line in; false at the end of the text.
    fn join(&mut self) -> bool {
        let rest = &self.text[self.end..];
        if rest.is_empty() {
            return false;
        }
        self.end += rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        self.line += 1;
        true
    }

    fn finish(&mut self) {
        self.position = self.end;
    }

    /// The next byte of the lines taken in.
    fn peek(&self) -> Option<u8> {
        self.text[..self.end].get(self.position).copied()
    }

    fn skip_white(&mut self) {
        while self.peek().is_some_and(is_white) {
            self.position += 1;
        }
    }

    /// The word that says what to do, and moves behind it; none at the end of the line.
    fn command(&mut self) -> Option<&'a [u8]> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let rest = &self.text[self.position..self.end];
        let rest = &rest[rest.iter().take_while(|byte| blank(byte)).count()..];
        let length = rest.iter().position(blank).unwrap_or(rest.len());
        self.position = self.end - rest.len() + length;
        (length > 0).then_some(&rest[..length])
    }

    /// The next argument; empty if there is none.
    fn argument(&mut self) -> Result<String, SyntaxError> {
        self.skip_white();
        if self.peek() == Some(b';') {
            self.position += 1;
            return Ok(String::new());
        }
        let begin = self.position;
        let mut value = Vec::new();
        loop {
            match self.peek() {
                None => break,
                Some(b'\'') => self.quoted(b'\'', &mut value)?,
                Some(b'"') => self.quoted(b'"', &mut value)?,
                Some(b'#') => {
                    self.finish();
                    break;
                }
                Some(b';') => {
                    // A value that is not shortened by quotes ends in place of the separator, and
                    // nothing behind it is read.
                    if self.position - begin == value.len() {
                        self.finish();
                    }
                    break;
                }
                Some(b'\\') => self.escaped(&mut value)?,
                Some(byte) => self.keep(byte, &mut value)?,
            }
            match self.peek() {
                Some(byte) if is_white(byte) => {
                    self.position += 1;
                    break;
                }
                None => break,
                Some(_) => {}
            }
        }
        // Quotes and backslashes are whole characters, so what is left is text.
        Ok(String::from_utf8_lossy(&value).into_owned())
    }

    /// Takes what stands between two `quote`s, over as many lines as it takes.
    fn quoted(&mut self, quote: u8, value: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let begin = self.line;
        self.position += 1;
        loop {
            match self.peek() {
                None if !self.join() => {
                    return Err(SyntaxError { line: begin, reason: Reason::OpenQuote });
                }
                None => {}
                Some(byte) if byte == quote => {
                    self.position += 1;
                    return Ok(());
                }
                Some(b'\\') if quote == b'"' => self.escaped(value)?,
                Some(byte) => self.keep(byte, value)?,
            }
        }
    }

    /// Takes the character after a backslash as it is; a line end is left out, and the next line
    /// belongs to the value.
    fn escaped(&mut self, value: &mut Vec<u8>) -> Result<(), SyntaxError> {
        self.position += 1;
        match &self.text[self.position..self.end] {
            [] | b"\n" | b"\r\n" => {
                self.finish();
                self.join();
                Ok(())
            }
            [byte, ..] => self.keep(*byte, value),
        }
    }

    fn keep(&mut self, byte: u8, value: &mut Vec<u8>) -> Result<(), SyntaxError> {
        check(byte != 0, self.line, Reason::Zero)?;
        value.push(byte);
        self.position += 1;
        Ok(())
    }
}

fn is_white(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}
