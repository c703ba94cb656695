//! `general`: the `system` section, and the prefix of unique local addresses in `network`.

use std::sync::LazyLock;

use serde_json::Value;

use super::section::{Options, rename, section, take_given};
use super::{Package, Source, package};

/// POSIX TZ strings by name of time zone, as devices of the fleet know them.
static TIMEZONES: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/timezones.json"))
        .expect("the embedded zones are JSON")
});

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    let mut general = source.object("general");
    let globals = globals(&mut general);
    let mut packages = package("system", system(general).into_iter().collect());
    packages.extend(package("network", globals.into_iter().collect()));
    packages
}

fn system(mut options: Options) -> Option<Value> {
    if options.is_empty() {
        return None;
    }
    let name = take_given(&mut options, "id").unwrap_or_else(|| "system".into());
    options.entry("hostname").or_insert_with(|| "OpenWRT".into());
    rename(&mut options, "timezone", "zonename");
    if let Some(zone) = options.get("zonename").and_then(Value::as_str)
        && let Some(posix) = TIMEZONES["forward"].get(zone)
    {
        options.insert("timezone".into(), posix.clone());
    }
    Some(section("system", name, options))
}

fn globals(general: &mut Options) -> Option<Value> {
    let prefix = take_given(general, "ula_prefix")?;
    let name = take_given(general, "globals_id").unwrap_or_else(|| "globals".into());
    let options = Options::from_iter([("ula_prefix".to_owned(), prefix)]);
    Some(section("globals", name, options))
}
