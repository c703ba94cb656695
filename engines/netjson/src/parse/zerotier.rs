//! Networks of a `ZeroTier` controller: objects of JSON between blank lines.

use serde_json::{Map, Value};

use super::Read;
use super::section::integer;
use crate::{Error, Unreadable, json};

const INTEGERS: [&str; 4] = ["mtu", "multicastLimit", "remoteTraceLevel", "revision"];
const BOOLEANS: [&str; 2] = ["enableBroadcast", "private"];

/// The configuration that `text` states.
pub(super) fn read(text: &str) -> Result<Read, Error> {
    let text = without_comments(text);
    let mut networks = Vec::new();
    let mut line = 1;
    for block in text.split("\n\n") {
        if !block.trim().is_empty() {
            networks.extend(network(block, line)?.map(|network| (line, network)));
        }
        line += block.matches('\n').count() + 2;
    }
    Ok(Read::of("zerotier", networks))
}

/// Takes out what stands between `/*` and `*/`, or from `//` to the end of a line, even in texts.
/// Lines keep their numbers.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    let mut last = text.rfind("*/").unwrap_or(0);
    while let Some(start) = rest.find('/') {
        let (before, comment) = rest.split_at(start);
        kept.push_str(before);
        last = last.saturating_sub(start);
        let end = if comment.starts_with("//") {
            comment.find('\n').unwrap_or(comment.len())
        } else if let Some(inside) = comment.strip_prefix("/*").filter(|_| last >= 2) {
            // There is an end, so it is found.
            let end = 4 + inside.find("*/").unwrap_or(0);
            let breaks = comment[..end].matches('\n').count();
            // A line break inside does not part objects.
            kept.extend(std::iter::repeat_n(" \n", breaks));
            end
        } else {
            kept.push('/');
            1
        };
        last = last.saturating_sub(end);
        rest = &comment[end..];
    }
    kept + rest
}

/// One network; none where there is nothing in the object.
fn network(text: &str, line: usize) -> Result<Option<Map<String, Value>>, Unreadable> {
    let text = json::exact(text).map_err(|refused| {
        let breaks = text[..refused.offset].matches('\n').count();
        Unreadable::at(line + breaks, "a whole number of more than 64 bits cannot be kept exactly")
    })?;
    let network: Value = serde_json::from_str(&text).map_err(|error| {
        let at = line + error.line().saturating_sub(1);
        Unreadable::at(at, format!("no JSON: {:?} error", error.classify()))
    })?;
    match network {
        Value::Object(mut options) => {
            for (key, value) in &mut options {
                convert(key, value).ok_or_else(|| {
                    Unreadable::at(line, format!("{key:?} is no whole number of 64 bits"))
                })?;
            }
            Ok(Some(options).filter(|options| !options.is_empty()))
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

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[test]
    fn comments_end_where_they_say() {
        for (text, kept) in [
            ("a // b\nc", "a \nc"),
            ("a /* b\n\nc */ d", "a  \n \n d"),
            ("/*a*//*b*/c", "c"),
            ("a/b /* c", "a/b /* c"),
            ("/*/ a */b", "b"),
            ("/**/", ""),
            ("*/ /*", "*/ /*"),
            ("// /* \n x */ //", "\n x */ "),
        ] {
            assert_eq!(without_comments(text), kept, "{text:?}");
        }
        // An end that is never found is not looked for again and again.
        let open = "/* ".repeat(100_000);
        assert_eq!(without_comments(&open), open);
    }
}
