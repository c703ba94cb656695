//! `zerotier`: networks as their controller stores them.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::Document;
use crate::literal;

pub(super) fn document(network: &Map<String, Value>) -> Document {
    let mut network = network.clone();
    network.remove("client_options");
    let id = network.get("nwid").map(literal::text).unwrap_or_default();
    let text = format!(
        "// zerotier controller config: {id}.json\n\n{}\n\n",
        json(&Value::Object(network))
    );
    // The extension ends the name wherever it stands.
    Document::new(id.split(".json").next().unwrap_or_default(), ".json", text)
}

/// `value` as JSON with sorted keys, four spaces per level, and only ASCII: what is special in HTML
/// is escaped, too.
fn json(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn write(out: &mut String, value: &Value, level: usize) {
    match value {
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
        Value::Number(_) => out.push_str(&literal::text(value)),
        Value::String(text) => write_text(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                start(out, index, level + 1);
                write(out, item, level + 1);
            }
            indent(out, level);
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                start(out, index, level + 1);
                write_text(out, key);
                out.push_str(": ");
                write(out, item, level + 1);
            }
            indent(out, level);
            out.push('}');
        }
    }
}

fn start(out: &mut String, index: usize, level: usize) {
    if index > 0 {
        out.push(',');
    }
    indent(out, level);
}

fn indent(out: &mut String, level: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("    ", level));
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\'' => write_escapes(out, character),
            ' '..='~' => out.push(character),
            other => write_escapes(out, other),
        }
    }
    out.push('"');
}

fn write_escapes(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}
