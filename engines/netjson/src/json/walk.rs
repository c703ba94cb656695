//! Going through a JSON text without making values of it.

use std::borrow::Cow;
use std::collections::HashSet;

/// Deeper text is not looked into; no parser here takes it.
const MAX_DEPTH: usize = 256;

/// What is met on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// The name of a member.
    Name {
        /// Whether the object has it already.
        again: bool,
    },
    /// The text of a number.
    Number(&'a str),
}

/// An object or list around a place, and which part of it the place is.
#[derive(Debug)]
enum Step<'a> {
    Object { name: Option<Cow<'a, str>>, names: HashSet<Cow<'a, str>> },
    List { index: usize },
}

/// A place in a text. What is no JSON ends the walk sooner or later; it never takes longer than the
/// text.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    text: &'a str,
    at: usize,
    steps: Vec<Step<'a>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, steps: Vec::new() }
    }

    /// Goes on to the next name or number, and tells where it begins.
    pub(super) fn next_item(&mut self) -> Option<(usize, Item<'a>)> {
        loop {
            let begin = self.at;
            let byte = *self.text.as_bytes().get(begin)?;
            self.at += 1;
            match byte {
                b'{' | b'[' if self.steps.len() == MAX_DEPTH => return None,
                b'{' => self.steps.push(Step::Object { name: None, names: HashSet::new() }),
                b'[' => self.steps.push(Step::List { index: 0 }),
                b'}' | b']' => drop(self.steps.pop()),
                b',' => match self.steps.last_mut() {
                    Some(Step::Object { name, .. }) => *name = None,
                    Some(Step::List { index }) => *index += 1,
                    None => return None,
                },
                b'"' => {
                    self.skip_text();
                    if let Some(Step::Object { name: name @ None, names }) = self.steps.last_mut() {
                        let stated = decoded(self.text.get(begin..self.at)?)?;
                        let again = !names.insert(stated.clone());
                        *name = Some(stated);
                        return Some((begin, Item::Name { again }));
                    }
                }
                b'-' | b'0'..=b'9' => {
                    let of_number = |byte: &u8| {
                        byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
                    };
                    let rest = &self.text.as_bytes()[self.at..];
                    self.at += rest.iter().take_while(|byte| of_number(byte)).count();
                    return Some((begin, Item::Number(&self.text[begin..self.at])));
                }
                _ => {}
            }
        }
    }

    /// Moves behind the quoted text that has begun.
    fn skip_text(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let mut escaped = false;
        let end = rest.iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        });
        self.at += end.map_or(rest.len(), |end| end + 1);
    }

    /// Where the last item stands, RFC 6901.
    pub(super) fn pointer(&self) -> String {
        self.steps.iter().fold(String::new(), |mut pointer, step| {
            pointer.push('/');
            match step {
                Step::Object { name, .. } => {
                    let name = name.as_deref().unwrap_or_default();
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                }
                Step::List { index } => pointer.push_str(&index.to_string()),
            }
            pointer
        })
    }
}

/// What a quoted text says; nothing if it is broken.
fn decoded(quoted: &str) -> Option<Cow<'_, str>> {
    if quoted.contains('\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    quoted.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed)
}
