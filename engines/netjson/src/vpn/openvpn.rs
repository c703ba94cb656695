//! `openvpn`: clients and servers in the words of OpenVPN's own configuration files.

use serde_json::{Map, Value};

use super::{Document, unindented};
use crate::equality::is_zero;
use crate::literal;
use crate::openwrt::openvpn::normalized;

/// Options that count even if they are zero or empty.
const KEPT: [&str; 2] = ["script_security", "remote"];

pub(super) fn document(instance: &Map<String, Value>) -> Document {
    let name = instance.get("name").map(literal::text).unwrap_or_default();
    let mut options =
        normalized(instance.clone(), |key, value| !KEPT.contains(&key) && says_nothing(value));
    options.remove("name");
    options.sort_keys();
    let mut body = String::new();
    for (key, value) in &options {
        write_option(&mut body, &key.replace('_', "-"), value);
    }
    let text = unindented(&format!("# openvpn config: {name}\n\n{body}\n"));
    Document::new(&name, ".conf", text)
}

/// False, zero and empty texts say what an absent option says.
fn says_nothing(value: &Value) -> bool {
    is_zero(value) || value.as_str() == Some("")
}

fn write_option(body: &mut String, key: &str, value: &Value) {
    let mut line = |value: &str| body.extend([key, " ", value, "\n"]);
    match value {
        Value::Null | Value::Bool(false) => {}
        Value::Bool(true) => body.extend([key, "\n"]),
        Value::Number(_) | Value::String(_) => line(&literal::text(value)),
        Value::Array(items) => items.iter().for_each(|item| line(&literal::text(item))),
        Value::Object(map) => map.keys().for_each(|item| line(item)),
    }
}
