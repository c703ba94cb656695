//! How a device's scripts read a file: libuci where it is not strict, told again from what its
//! functions do to their buffer, and not from the reader of this crate.

use std::collections::BTreeMap;

/// A section in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Values by option; several are a list.
    pub(crate) options: BTreeMap<String, Vec<String>>,
}

/// A line that is left out.
struct Wrong;

/// What a file holds for those who read on after errors.
pub(crate) fn read(file: &[u8]) -> Vec<Section> {
    let mut device = Device { file, ..Device::default() };
    while !device.ended {
        device.at = 0;
        device.fetch(0);
        if device.here() != 0 {
            let _ = device.line();
        }
    }
    device.sections
}

#[derive(Default)]
struct Device<'a> {
    /// What is not fetched yet.
    file: &'a [u8],
    ended: bool,
    /// Lines that are worked on, ended by a zero; words are moved together in it.
    buffer: Vec<u8>,
    filled: usize,
    at: usize,
    sections: Vec<Section>,
    open: Option<usize>,
}

impl Device<'_> {
    fn here(&self) -> u8 {
        self.buffer[self.at]
    }

    fn text(&self, from: usize) -> String {
        let bytes = &self.buffer[from..];
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    /// Lets the next line follow at `from`. The buffer doubles from 32 bytes.
    fn fetch(&mut self, from: usize) {
        if self.buffer.is_empty() {
            self.buffer.resize(32, 0);
        }
        if from >= self.buffer.len() - 1 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let mut from = from;
        loop {
            self.buffer[from] = 0;
            let room = self.buffer.len() - from - 1;
            let line =
                self.file.iter().position(|byte| *byte == b'\n').map_or(usize::MAX, |at| at + 1);
            let taken = room.min(line).min(self.file.len());
            self.ended |= taken == self.file.len() && taken < room.min(line);
            let (part, rest) = self.file.split_at(taken);
            self.file = rest;
            self.buffer[from..from + taken].copy_from_slice(part);
            if taken > 0 {
                self.buffer[from + taken] = 0;
            }
            let length = part.iter().position(|byte| *byte == 0).unwrap_or(taken);
            if length == 0 {
                return;
            }
            from += length;
            self.filled = from;
            if self.buffer[from - 1] == b'\n' {
                return;
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }

    fn skip_white(&mut self) {
        while self.here() != 0 && is_white(self.here()) {
            self.at += 1;
        }
    }

    fn line(&mut self) -> Result<(), Wrong> {
        self.skip_white();
        loop {
            let mut begin = self.at;
            while matches!(self.buffer[begin], b' ' | b'\t') {
                begin += 1;
            }
            if self.buffer[begin] == 0 {
                return Ok(());
            }
            let mut end = begin;
            while !matches!(self.buffer[end], 0 | b' ' | b'\t') {
                end += 1;
            }
            self.buffer[end] = 0;
            let word = self.text(begin);
            if word.starts_with('#') {
                return Ok(());
            }
            let known = ["p", "package", "c", "config", "o", "option", "l", "list"];
            if !known.contains(&word.as_str()) {
                return Err(Wrong);
            }
            let option = word.starts_with(['o', 'l']);
            if option && self.open.is_none() || end + 1 > self.filled {
                return Err(Wrong);
            }
            self.at = end + 1;
            match &word[..1] {
                "p" => {
                    self.name(true, |byte| is_name(byte) || byte == b'-')?;
                    self.word()?;
                }
                "c" => {
                    let kind = self.name(true, |byte| byte.is_ascii_graphic())?;
                    let name = self.name(false, is_name)?;
                    self.word()?;
                    self.section(kind, name);
                }
                _ => {
                    let name = self.name(true, is_name)?;
                    let value = self.word()?;
                    self.word()?;
                    self.option(name, value, word.starts_with('l'));
                }
            }
        }
    }

    fn section(&mut self, kind: String, name: String) {
        let known = self.sections.iter().position(|it| it.name == name && !name.is_empty());
        let place = known.unwrap_or(self.sections.len());
        if place == self.sections.len() {
            self.sections.push(Section { name, ..Section::default() });
        }
        self.sections[place].kind = kind;
        self.open = Some(place);
    }

    fn option(&mut self, name: String, value: String, list: bool) {
        let Some(open) = self.open else { return };
        let options = &mut self.sections[open].options;
        if list {
            options.entry(name).or_default().push(value);
        } else if value.is_empty() {
            options.remove(&name);
        } else {
            options.insert(name, vec![value]);
        }
    }

    fn name(&mut self, required: bool, allowed: fn(u8) -> bool) -> Result<String, Wrong> {
        let name = self.word()?;
        let wrong = required && name.is_empty() || !name.bytes().all(allowed);
        if wrong { Err(Wrong) } else { Ok(name) }
    }

    /// One word, which is moved together where it begins.
    fn word(&mut self) -> Result<String, Wrong> {
        self.skip_white();
        let begin = self.at;
        let mut to = begin;
        if self.here() == b';' {
            self.buffer[begin] = 0;
            self.at += 1;
            return Ok(String::new());
        }
        let mut separated = false;
        loop {
            match self.here() {
                quote @ (b'\'' | b'"') => self.quoted(quote, &mut to)?,
                b'#' => {
                    self.buffer[self.at] = 0;
                    break;
                }
                0 => break,
                b';' => {
                    separated = true;
                    break;
                }
                b'\\' if !self.is_escaped() => {}
                _ => self.keep(&mut to),
            }
            if self.here() == 0 || is_white(self.here()) {
                break;
            }
        }
        if self.here() != 0 && !separated {
            self.at += 1;
        }
        self.buffer[to] = 0;
        Ok(self.text(begin))
    }

    fn quoted(&mut self, quote: u8, to: &mut usize) -> Result<(), Wrong> {
        self.at += 1;
        loop {
            match self.here() {
                0 => {
                    self.fetch(self.at);
                    if self.here() == 0 {
                        return Err(Wrong);
                    }
                }
                byte if byte == quote => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' if quote == b'"' && !self.is_escaped() => {}
                _ => self.keep(to),
            }
        }
    }

    fn keep(&mut self, to: &mut usize) {
        self.buffer[*to] = self.here();
        *to += 1;
        self.at += 1;
    }

    /// Goes behind a backslash: does what follows count as it is, or does the line go on?
    fn is_escaped(&mut self) -> bool {
        self.at += 1;
        let rest = &self.buffer[self.at..];
        let ends = matches!(rest, [0 | b'\n', ..] | [b'\r', b'\n', 0, ..]);
        if ends {
            self.fetch(self.at);
        }
        !ends
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
