//! Where variables stand in a text.

use std::sync::LazyLock;

use regex::Regex;

use crate::literal::is_white;

/// `{{ name }}` in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// Of the first brace, in bytes.
    pub(super) start: usize,
    /// After the last brace.
    pub(super) end: usize,
    /// May be empty.
    pub(super) name: &'a str,
}

/// Letters and digits beyond ASCII.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\p{L}\p{N}]$").expect("a constant pattern"));

/// All places, first to last; they do not overlap.
pub(super) fn places(text: &str) -> impl Iterator<Item = Place<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text[from..].find("{{")?;
            if let Some(place) = at(text, start) {
                from = place.end;
                return Some(place);
            }
            // The next one may begin with the second brace.
            from = start + 1;
        }
    })
}

/// The variable whose first brace is at `start`.
fn at(text: &str, start: usize) -> Option<Place<'_>> {
    let inside = text[start + 2..].trim_start_matches(is_white);
    let after = inside.trim_start_matches(is_word);
    let name = &inside[..inside.len() - after.len()];
    let rest = after.trim_start_matches(is_white).strip_prefix("}}")?;
    Some(Place { start, end: text.len() - rest.len(), name })
}

fn is_word(character: char) -> bool {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => true,
        '\0'..='\x7f' => false,
        other => WORD.is_match(other.encode_utf8(&mut [0; 4])),
    }
}
