//! Packages as they are meant, before anybody reads their text.

use serde_json::Value;

use crate::literal;
use crate::openwrt::Package;
use crate::uci::{self, Section, Setting};

/// What a device reads if every value says nothing but what it is.
pub(crate) fn package(package: &Package) -> uci::Package {
    let sections = package.sections.iter().filter_map(Value::as_object).map(|options| {
        let word = |key| options.get(key).map(literal::text).unwrap_or_default();
        let mut section = Section::planned(word(".type"), word(".name"));
        for (key, value) in options.iter().filter(|(key, _)| !key.starts_with('.')) {
            if let Some(setting) = setting(value) {
                section.plan(key, setting);
            }
        }
        section
    });
    uci::Package { name: package.name.clone(), line: 0, sections: sections.collect() }
}

/// How the writer states a value; nothing if it leaves it out. Runs of four spaces do not survive.
pub(crate) fn setting(value: &Value) -> Option<Setting> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(Setting::Option(u8::from(*flag).to_string())),
        Value::String(_) | Value::Number(_) => {
            Some(Setting::Option(literal::text(value).replace("    ", "")))
        }
        Value::Array(items) => Some(Setting::List(items.iter().map(literal::text).collect())),
        Value::Object(map) => Some(Setting::List(map.keys().cloned().collect())),
    }
}
