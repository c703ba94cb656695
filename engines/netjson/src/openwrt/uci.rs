//! The text of packages.
//!
//! Values are written as they are: devices in service rely on quotes passing through in Wi-Fi
//! keys. The clean-up at the end runs over values, too.

use serde_json::{Map, Value};

use super::Package;
use crate::literal;

/// The packages one after another.
pub(crate) fn text(packages: &[Package]) -> String {
    let mut text = String::new();
    for package in packages {
        text.push_str("package ");
        text.push_str(&package.name);
        text.push_str("\n\n");
        for section in package.sections.iter().filter_map(Value::as_object) {
            write_section(&mut text, section);
        }
    }
    clean(&text)
}

fn write_section(text: &mut String, section: &Map<String, Value>) {
    let word = |key| section.get(key).map(literal::text).unwrap_or_default();
    text.extend(["config ", &word(".type"), " '", &word(".name"), "'\n"]);
    for (key, value) in section {
        if !key.starts_with('.') {
            write_option(text, key, value);
        }
    }
    text.push('\n');
}

fn write_option(text: &mut String, key: &str, value: &Value) {
    let mut line = |kind: &str, value: &str| {
        for part in ["\t", kind, " ", key, " '", value, "'\n"] {
            text.push_str(part);
        }
    };
    match value {
        Value::Null => {}
        Value::String(value) if value.is_empty() => {}
        Value::Bool(flag) => line("option", if *flag { "1" } else { "0" }),
        Value::Array(items) => items.iter().for_each(|item| line("list", &literal::text(item))),
        Value::Object(map) => map.keys().for_each(|item| line("list", item)),
        Value::String(_) | Value::Number(_) => line("option", &literal::text(value)),
    }
}

/// Removes runs of four spaces, indents what looks like an option, and thins out blank lines.
fn clean(text: &str) -> String {
    let mut text = text
        .replace("    ", "")
        .replace("\noption", "\n\toption")
        .replace("\nlist", "\n\tlist")
        .replace("\n\n\n", "\n\n");
    if text.ends_with("\n\n") {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Package, text};

    #[test]
    fn options_print_by_their_kind() {
        let sections = vec![json!({
            ".name": "x", ".type": "t", "empty": "", "flag": false, "float": 2.0, "items": ["a", 1, null],
            "keys": {"k": 1}, "none": null, "quote": "it's", "wide": "a    b", "zero": 0
        })];
        assert_eq!(
            text(&[Package { name: "p".into(), sections }]),
            "package p\n\nconfig t 'x'\n\toption flag '0'\n\toption float '2.0'\n\tlist items 'a'\n\tlist \
             items '1'\n\tlist items 'None'\n\tlist keys 'k'\n\toption quote 'it's'\n\toption wide \
             'ab'\n\toption zero '0'\n"
        );
        assert_eq!(text(&[]), "");
    }
}
