//! Networks of a `ZeroTier` controller: objects of JSON between blank lines.

use serde_json::{Map, Value};

use super::section::integer;
use crate::{Error, Unreadable};

const INTEGERS: [&str; 4] = ["mtu", "multicastLimit", "remoteTraceLevel", "revision"];
const BOOLEANS: [&str; 2] = ["enableBroadcast", "private"];

/// The configuration that `text` states.
pub(super) fn netjson(text: &str) -> Result<Map<String, Value>, Error> {
    let text = without_comments(text);
    let mut networks = Vec::new();
    let mut line = 1;
    for block in text.split("\n\n") {
        if !block.trim().is_empty() {
            networks.extend(network(block, line)?);
        }
        line += block.matches('\n').count() + 2;
    }
    let mut netjson = Map::new();
    if !networks.is_empty() {
        netjson.insert("zerotier".into(), Value::Array(networks));
    }
    Ok(netjson)
}

/// Takes out what stands between `/*` and `*/`, or from `//` to the end of a line, even in texts.
/// Lines keep their numbers.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('/') {
        let (before, comment) = rest.split_at(start);
        kept.push_str(before);
        let end = if comment.starts_with("//") {
            comment.find('\n').unwrap_or(comment.len())
        } else if let Some(end) = comment.strip_prefix("/*").and_then(|rest| rest.find("*/")) {
            // A line break inside does not part objects.
            let inside = &comment[..end + 4];
            kept.extend(std::iter::repeat_n(" \n", inside.matches('\n').count()));
            end + 4
        } else {
            kept.push('/');
            1
        };
        rest = &comment[end..];
    }
    kept + rest
}

/// One network; none where there is nothing in the object.
fn network(text: &str, line: usize) -> Result<Option<Value>, Unreadable> {
    let mut network: Value = serde_json::from_str(text).map_err(|error| {
        let at = line + error.line().saturating_sub(1);
        Unreadable::at(at, format!("no JSON: {:?} error", error.classify()))
    })?;
    match &mut network {
        Value::Object(options) => {
            for (key, value) in options.iter_mut() {
                convert(key, value)
                    .ok_or_else(|| Unreadable::at(line, format!("{key:?} is no whole number")))?;
            }
            Ok(Some(network)
                .filter(|network| network.as_object().is_some_and(|map| !map.is_empty())))
        }
        Value::Null | Value::Bool(false) => Ok(None),
        Value::Array(items) if items.is_empty() => Ok(None),
        _ => Err(Unreadable::at(line, "a network is an object")),
    }
}

/// Makes numbers and booleans of texts; none if that cannot be.
fn convert(key: &str, value: &mut Value) -> Option<()> {
    if value.is_boolean() {
        return Some(());
    }
    if BOOLEANS.contains(&key) {
        *value = (value == "1").into();
    } else if INTEGERS.contains(&key) {
        *value = match &*value {
            Value::String(text) => integer(text)?.into(),
            Value::Number(number) if number.is_f64() => whole(number.as_f64()?)?.into(),
            Value::Number(number) => number.clone().into(),
            _ => return None,
        };
    }
    Some(())
}

/// A float without its fraction.
fn whole(float: f64) -> Option<i64> {
    // Exact up to 2⁵³; beyond, texts of floats with exponents are no numbers of any network.
    let text = format!("{:.0}", float.trunc());
    text.parse().ok()
}
