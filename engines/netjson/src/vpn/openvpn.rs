//! `openvpn`: clients and servers in the words of OpenVPN's own configuration files.

use serde_json::{Map, Value};

use super::{Document, unindented};
use crate::literal;
use crate::openwrt::openvpn::normalized;

/// Options that count even if they are zero or empty.
const KEPT: [&str; 2] = ["script_security", "remote"];

pub(super) fn document(instance: &Map<String, Value>) -> Document {
    let name = instance.get("name").map(literal::text).unwrap_or_default();
    let mut options =
        normalized(instance.clone(), |key, value| !KEPT.contains(&key) && is_zero(value));
    options.remove("name");
    options.sort_keys();
    let mut body = String::new();
    for (key, value) in &options {
        write_option(&mut body, &key.replace('_', "-"), value);
    }
    body.push('\n');
    Document {
        path: format!("{name}.conf"),
        header: unindented(&format!("# openvpn config: {name}")),
        body: unindented(&body),
    }
}

/// False, zero and empty texts say what an absent option says.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
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
