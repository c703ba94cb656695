//! Files, or standard input, with their names for messages.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use serde_json::{Map, Value};

use super::{Trouble, position};

/// Bytes of the largest file that is read.
const MAX_BYTES: u64 = 32 << 20;

/// Repeated names of one file that are told.
const REPETITIONS: usize = 20;

/// What was read, and from where.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    file_name: Option<String>,
    /// Without a mark of UTF-8.
    bytes: Vec<u8>,
    /// What it holds, if it is NetJSON.
    pub(super) object: Map<String, Value>,
}

impl Source {
    /// Any bytes.
    pub(super) fn bytes(path: &Path) -> Result<Self, Trouble> {
        let is_standard = path.as_os_str() == "-";
        let name = if is_standard { "<stdin>".to_owned() } else { path.display().to_string() };
        let mut bytes = Vec::new();
        let read = if is_standard {
            stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
        } else {
            File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        };
        read.map_err(|error| Trouble::unusable(format!("{name}: {error}")))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(Trouble::unusable(format!("{name}: is larger than 32 MiB")));
        }
        // Editors put it there, and it says nothing.
        if bytes.starts_with("\u{feff}".as_bytes()) {
            bytes.drain(.."\u{feff}".len());
        }
        let file_name = path.file_name().filter(|_| !is_standard).and_then(|name| name.to_str());
        let file_name = file_name.map(str::to_owned);
        Ok(Self { name, file_name, bytes, object: Map::new() })
    }

    /// A JSON object.
    pub(super) fn json(path: &Path) -> Result<Self, Trouble> {
        let mut source = Self::bytes(path)?;
        let text = source.utf8()?;
        let exact = netjson::json::exact(text).map_err(|refused| {
            let (line, column) = position::of(&source.bytes, refused.offset);
            Trouble::objection(format!("{}:{line}:{column}: {refused}", source.name))
        })?;
        let value = serde_json::from_str(&exact).map_err(|error| {
            let (line, column) = (error.line().max(1), error.column().max(1));
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or(&said);
            Trouble::unusable(format!("{}:{line}:{column}: no JSON: {said}", source.name))
        })?;
        let Value::Object(object) = value else {
            let (line, column) = source.locate(&[]);
            let name = &source.name;
            return Err(Trouble::unusable(format!("{name}:{line}:{column}: is no JSON object")));
        };
        source.object = object;
        Ok(source)
    }

    fn utf8(&self) -> Result<&str, Trouble> {
        let name = &self.name;
        if self.bytes.starts_with(&[0xff, 0xfe]) || self.bytes.starts_with(&[0xfe, 0xff]) {
            let message = "the text is UTF-16: save it as UTF-8";
            return Err(Trouble::unusable(format!("{name}:1:1: {message}")));
        }
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let (line, column) = position::of(&self.bytes, error.valid_up_to());
            Trouble::unusable(format!("{name}:{line}:{column}: no UTF-8 text"))
        })
    }

    /// Names that an object states again, with their places.
    pub(super) fn repetitions(&self) -> impl Iterator<Item = String> {
        let found = self.text().map(|text| netjson::json::repetitions(text, REPETITIONS));
        found.into_iter().flatten().map(|found| {
            let (line, column) = position::of(&self.bytes, found.offset);
            let (name, pointer) = (&self.name, found.pointer);
            format!(
                "{name}:{line}:{column}: \"#{pointer}\" is stated again: only the last one counts"
            )
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The last part of the file's path; none where it has no file.
    pub(super) fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    pub(super) fn contents(&self) -> &[u8] {
        &self.bytes
    }

    /// The contents, if they are text.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|text| !text.contains('\0'))
    }

    /// Line and column of the value at a path, or of the innermost one around it.
    pub(super) fn locate(&self, steps: &[String]) -> (usize, usize) {
        position::locate(&self.bytes, steps)
    }
}
