//! JSON text, and what of it a parsed value does not show any more.
//!
//! Values hold whole numbers of 64 bits (from −2⁶³ to 2⁶⁴ − 1) and floats. A parser that is given
//! more makes floats of them without a word, and of `-0`, which is the whole number 0 where
//! configurations come from. [`exact`] is asked before the parser; with it, and with a parser that
//! reads floats to the nearest one, a value is what its text says.
//!
//! ```
//! use wisptrail_netjson::json::{exact, repetitions};
//!
//! assert_eq!(exact(r#"{"a": -0, "b": "-0"}"#).unwrap(), r#"{"a":  0, "b": "-0"}"#);
//! let refused = exact(r#"{"a": [1, 18446744073709551616]}"#).unwrap_err();
//! assert_eq!((refused.pointer.as_str(), refused.offset), ("/a/1", 10));
//! assert_eq!(repetitions(r#"{"a": {"b": 1, "b": 2}}"#, 9)[0].pointer, "/a/b");
//! ```

mod walk;

use std::borrow::Cow;

use self::walk::{Item, Walk};

/// A whole number that does not fit into 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("whole numbers of more than 64 bits cannot be kept exactly (at \"#{pointer}\")")]
pub struct Inexact {
    /// Where it stands, a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Where its text begins, in bytes.
    pub offset: usize,
}

/// A member that an object states again; of several the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// Where it stands, a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Where the later name begins, in bytes.
    pub offset: usize,
}

/// The same text with every `-0` as ` 0`, so that all places keep their offsets. Text that is no
/// JSON stays as it is: the parser says what is wrong with it.
///
/// # Errors
///
/// The first whole number beyond 64 bits.
pub fn exact(text: &str) -> Result<Cow<'_, str>, Inexact> {
    if !is_suspect(text.as_bytes()) {
        return Ok(Cow::Borrowed(text));
    }
    let mut walk = Walk::new(text);
    let mut negative_zeros = Vec::new();
    while let Some((offset, item)) = walk.next_item() {
        match item {
            Item::Number("-0") => negative_zeros.push(offset),
            Item::Number(number) if is_beyond(number) => {
                return Err(Inexact { pointer: walk.pointer(), offset });
            }
            Item::Number(_) | Item::Name { .. } => {}
        }
    }
    if negative_zeros.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    let mut kept = String::with_capacity(text.len());
    let mut done = 0;
    for offset in negative_zeros {
        kept.push_str(&text[done..offset]);
        kept.push(' ');
        done = offset + 1;
    }
    kept.push_str(&text[done..]);
    Ok(Cow::Owned(kept))
}

/// Members that repeat an earlier one of the same object, in the order of the text, `limit` at most.
/// Text that is no JSON is looked through as far as it is.
pub fn repetitions(text: &str, limit: usize) -> Vec<Repetition> {
    let mut walk = Walk::new(text);
    let mut found = Vec::new();
    while found.len() < limit
        && let Some((offset, item)) = walk.next_item()
    {
        if matches!(item, Item::Name { again: true }) {
            found.push(Repetition { pointer: walk.pointer(), offset });
        }
    }
    found
}

/// Whether there is anything that looks like `-0` or like a number of 64 bits. Hardly any text has it.
fn is_suspect(text: &[u8]) -> bool {
    let (mut digits, mut before) = (0, 0);
    text.iter().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        let suspect = digits > 18 || (*byte == b'0' && before == b'-');
        before = *byte;
        suspect
    })
}

/// Whether a number's text is whole and fits into no integer.
fn is_beyond(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
        && number.parse::<i64>().is_err()
        && number.parse::<u64>().is_err()
}

#[cfg(test)]
mod tests;
