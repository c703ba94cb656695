//! Errors: the same place and the same words.

use serde_json::Value;
use wisptrail_netjson::Error;

use super::{Match, Outcome};

/// Whether `error` is the recorded one. Where the recorded engine broke down any refusal fits.
pub(super) fn same(error: &Error, expected: &Value) -> Outcome {
    if !expected["class"].as_str().unwrap().ends_with("ValidationError") {
        return Ok(Match::Refused);
    }
    let (Error::Invalid(error) | Error::InvalidSection { error, .. }) = error else {
        return Err(format!("{error:?} is no validation error"));
    };
    let steps: Vec<_> = expected["path"].as_array().unwrap().iter().map(step).collect();
    let path = format!("/{}", steps.join("/"));
    let message = expected["message"].as_str().unwrap();
    if error.path == path && (error.message == message || error.message == plain(message)) {
        return Ok(Match::Equal);
    }
    Err(format!("{}: {}\nexpected {path}: {message}", error.path, error.message))
}

fn step(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A message that begins with a value, ordered dictionaries written as others are.
fn plain(message: &str) -> String {
    let mut out = String::new();
    let rest = value(message, &mut out);
    out + rest
}

fn value<'a>(text: &'a str, out: &mut String) -> &'a str {
    let items = |mut rest: &'a str, end: &str, out: &mut String, pair: &str| {
        while !rest.starts_with(end) {
            if let Some(after) = rest.strip_prefix(", ") {
                out.push_str(", ");
                rest = after;
            }
            if pair == ", " {
                rest = value(rest.strip_prefix('(').unwrap(), out);
            } else {
                rest = value(rest, out);
            }
            if let Some(after) = rest.strip_prefix(pair).filter(|_| !pair.is_empty()) {
                out.push_str(": ");
                rest = value(after, out);
            }
            if pair == ", " {
                rest = rest.strip_prefix(')').unwrap();
            }
        }
        &rest[end.len()..]
    };
    if let Some(rest) = text.strip_prefix("OrderedDict([") {
        out.push('{');
        let rest = items(rest, "])", out, ", ");
        out.push('}');
        rest
    } else if let Some(rest) = text.strip_prefix('{') {
        out.push('{');
        let rest = items(rest, "}", out, ": ");
        out.push('}');
        rest
    } else if let Some(rest) = text.strip_prefix('[') {
        out.push('[');
        let rest = items(rest, "]", out, "");
        out.push(']');
        rest
    } else if let Some(quote @ ('\'' | '"')) = text.chars().next() {
        let end = 2 + text[1..].find(quote).unwrap();
        out.push_str(&text[..end]);
        &text[end..]
    } else {
        let end = text.find([',', ']', '}', ')', ' ']).unwrap_or(text.len());
        out.push_str(&text[..end]);
        &text[end..]
    }
}
