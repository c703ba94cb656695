//! JSON, and what is wrong with it in the words and positions that clients of the reference know.

use app::{Inexact, exact_json};
use serde_json::Value;

/// Why there is no document.
#[derive(Debug, PartialEq)]
pub(super) enum Unparsed {
    /// A sentence that says where it stops being one.
    Complaint(String),
    /// It is one, and says something that could only be kept as something else.
    Inexact(Inexact),
}

/// A document.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Unparsed> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|error| Unparsed::Complaint(not_text(bytes, error)))?;
    let exact = exact_json(text).map_err(Unparsed::Inexact)?;
    read(&exact).map_err(Unparsed::Complaint)
}

fn read(text: &str) -> Result<Value, String> {
    if text.starts_with('\u{feff}') {
        return Err(Complaint::new("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0).show(&[]));
    }
    let parsed = serde_json::from_str(text).map_err(|error| {
        let characters: Vec<char> = text.chars().collect();
        let mut scanner = Scanner { text: &characters, depth: 0 };
        match scanner.document() {
            Err(complaint) => complaint.show(&characters),
            // Too deep, too large a number, half a surrogate pair: only our parser minds.
            Ok(()) => error.to_string(),
        }
    })?;
    if depth_of(text) > MOST_LEVELS {
        return Err(format!("nested too deeply: at most {MOST_LEVELS} levels"));
    }
    Ok(parsed)
}

/// Lists and objects inside each other.
const MOST_LEVELS: usize = 64;

/// How deep the lists and objects of a document go.
fn depth_of(document: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in document.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn not_text(bytes: &[u8], error: std::str::Utf8Error) -> String {
    let at = error.valid_up_to();
    let byte = bytes.get(at).copied().unwrap_or_default();
    let reason = match error.error_len() {
        None => "unexpected end of data",
        Some(_) if matches!(byte, 0xc2..=0xf4) => "invalid continuation byte",
        Some(_) => "invalid start byte",
    };
    format!("'utf-8' codec can't decode byte 0x{byte:02x} in position {at}: {reason}")
}

#[derive(Debug, PartialEq, Eq)]
struct Complaint {
    what: &'static str,
    /// In characters from the start.
    at: usize,
}

impl Complaint {
    fn new(what: &'static str, at: usize) -> Self {
        Self { what, at }
    }

    fn show(&self, text: &[char]) -> String {
        let before = &text[..self.at.min(text.len())];
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = self.at - before.iter().rposition(|c| *c == '\n').map_or(0, |at| at + 1) + 1;
        format!("{}: line {line} column {column} (char {})", self.what, self.at)
    }
}

/// Walks through a document that did not parse, to the place where it breaks.
struct Scanner<'a> {
    text: &'a [char],
    depth: u32,
}

/// Deeper documents are refused as such, wherever else they may be wrong.
const DEEPEST: u32 = 128;

type Scan = Result<usize, Complaint>;

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Complaint> {
        let start = self.blank(0);
        let end = self.value(start)?;
        if self.depth > DEEPEST {
            return Ok(());
        }
        let end = self.blank(end);
        if end == self.text.len() { Ok(()) } else { Err(Complaint::new("Extra data", end)) }
    }

    fn at(&self, at: usize) -> Option<char> {
        self.text.get(at).copied()
    }

    fn blank(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).count()
    }

    fn value(&mut self, at: usize) -> Scan {
        match self.at(at) {
            Some('"') => self.string(at),
            Some('{') => self.deeper(at, Self::object),
            Some('[') => self.deeper(at, Self::array),
            Some('n') => self.word(at, "null"),
            Some('t') => self.word(at, "true"),
            Some('f') => self.word(at, "false"),
            Some('-' | '0'..='9') => self.number(at),
            _ => Err(Complaint::new("Expecting value", at)),
        }
    }

    fn deeper(&mut self, at: usize, scan: fn(&mut Self, usize) -> Scan) -> Scan {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Ok(self.text.len());
        }
        let end = scan(self, at + 1)?;
        if self.depth <= DEEPEST {
            self.depth -= 1;
        }
        Ok(end)
    }

    fn object(&mut self, from: usize) -> Scan {
        let mut at = self.blank(from);
        if self.at(at) == Some('}') {
            return Ok(at + 1);
        }
        loop {
            if self.at(at) != Some('"') {
                let what = "Expecting property name enclosed in double quotes";
                return Err(Complaint::new(what, at));
            }
            at = self.string(at)?;
            at = self.blank(at);
            if self.at(at) != Some(':') {
                return Err(Complaint::new("Expecting ':' delimiter", at));
            }
            at = self.blank(at + 1);
            at = self.value(at)?;
            if self.depth > DEEPEST {
                return Ok(at);
            }
            at = self.blank(at);
            match self.at(at) {
                Some('}') => return Ok(at + 1),
                Some(',') => at = self.blank(at + 1),
                _ => return Err(Complaint::new("Expecting ',' delimiter", at)),
            }
        }
    }

    fn array(&mut self, from: usize) -> Scan {
        let mut at = self.blank(from);
        if self.at(at) == Some(']') {
            return Ok(at + 1);
        }
        loop {
            at = self.value(at)?;
            if self.depth > DEEPEST {
                return Ok(at);
            }
            at = self.blank(at);
            match self.at(at) {
                Some(']') => return Ok(at + 1),
                Some(',') => at = self.blank(at + 1),
                _ => return Err(Complaint::new("Expecting ',' delimiter", at)),
            }
        }
    }

    fn string(&self, start: usize) -> Scan {
        let mut at = start + 1;
        loop {
            match self.at(at) {
                Some('"') => return Ok(at + 1),
                Some('\\') => match self.at(at + 1) {
                    Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => at += 2,
                    Some('u') => {
                        let digits = self.text.get(at + 2..at + 6).unwrap_or_default();
                        if digits.len() < 4 || !digits.iter().all(char::is_ascii_hexdigit) {
                            return Err(Complaint::new("Invalid \\uXXXX escape", at + 1));
                        }
                        at += 6;
                    }
                    Some(_) => return Err(Complaint::new("Invalid \\escape", at)),
                    None => return Err(Complaint::new("Unterminated string starting at", start)),
                },
                Some(c) if c < ' ' => {
                    return Err(Complaint::new("Invalid control character at", at));
                }
                Some(_) => at += 1,
                None => return Err(Complaint::new("Unterminated string starting at", start)),
            }
        }
    }

    fn word(&self, at: usize, word: &str) -> Scan {
        let length = word.len();
        let found = self
            .text
            .get(at..at + length)
            .is_some_and(|part| part.iter().copied().eq(word.chars()));
        if found { Ok(at + length) } else { Err(Complaint::new("Expecting value", at)) }
    }

    fn number(&self, start: usize) -> Scan {
        let digits = |from: usize| {
            let rest = self.text.get(from..).unwrap_or_default();
            from + rest.iter().take_while(|c| c.is_ascii_digit()).count()
        };
        let whole = start + usize::from(self.at(start) == Some('-'));
        let mut end = match self.at(whole) {
            Some('0') => whole + 1,
            Some('1'..='9') => digits(whole),
            _ => return Err(Complaint::new("Expecting value", start)),
        };
        if self.at(end) == Some('.') && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if matches!(self.at(end), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.at(end + 1), Some('+' | '-')));
            let from = end + 1 + sign;
            if digits(from) > from {
                end = digits(from);
            }
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn complaint(text: &str) -> String {
        match parse(text.as_bytes()) {
            Err(Unparsed::Complaint(complaint)) => complaint,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn complaints_name_the_place() {
        for (text, expected) in [
            ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("[", "Expecting value: line 1 column 2 (char 1)"),
            ("nope", "Expecting value: line 1 column 1 (char 0)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("{\"a\": 1 \"b\"}", "Expecting ',' delimiter: line 1 column 9 (char 8)"),
            ("{\n \"a\": }", "Expecting value: line 2 column 7 (char 8)"),
            ("{} x", "Extra data: line 1 column 4 (char 3)"),
            ("\"abc", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            ("\"é\t\"", "Invalid control character at: line 1 column 3 (char 2)"),
            ("{\"a\": 01}", "Expecting ',' delimiter: line 1 column 8 (char 7)"),
        ] {
            assert_eq!(complaint(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_text_is_said_to_be_so() {
        let expected = "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte";
        let complaint = Unparsed::Complaint(expected.to_owned());
        assert_eq!(parse(b"\"\xff\""), Err(complaint));
    }

    #[test]
    fn numbers_are_kept_or_refused() {
        let value = parse(b"[-0, -0.0, 9223372036854775808, 0.1e-6, 1.5e300]").unwrap();
        assert_eq!(value.to_string(), "[0,-0.0,9223372036854775808,1e-7,1.5e+300]");
        let refused = parse(br#"{"config": {"a": [99999999999999999999]}}"#);
        assert!(matches!(refused, Err(Unparsed::Inexact(at)) if at.pointer == "/config/a/0"));
    }

    #[test]
    fn sixty_four_levels_are_fine() {
        let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(deep(64).as_bytes()).is_ok());
        assert_eq!(complaint(&deep(65)), "nested too deeply: at most 64 levels");
        let brackets = format!("[\"{}\\\"{}\"]", "[".repeat(90), "{".repeat(90));
        assert!(parse(brackets.as_bytes()).is_ok());
    }

    #[test]
    fn too_deep_is_an_error() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(complaint(&deep).contains("recursion limit"));
        let deep = format!("{}{}", "{\"a\":".repeat(5000), "}".repeat(5000));
        assert!(!complaint(&deep).is_empty());
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(parse(b"{\"a\": 1, \"a\": 2}").unwrap(), serde_json::json!({"a": 2}));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_are_complained_about(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn nearly_json_is_complained_about(text in "[\\[\\]{}\",:0-9a-z \\\\.eE+-]{0,40}") {
            if let Err(Unparsed::Complaint(complaint)) = parse(text.as_bytes()) {
                prop_assert!(!complaint.is_empty());
            }
        }
    }
}
