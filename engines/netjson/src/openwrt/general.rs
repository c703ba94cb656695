//! `general`: the `system` section, and the prefix of unique local addresses in `network`.

use std::sync::LazyLock;

use serde_json::Value;

use super::section::{Options, rename, section};
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
    let name = options.remove("id").unwrap_or_else(|| "system".into());
    options.entry("hostname").or_insert_with(|| "OpenWRT".into());
    rename(&mut options, "timezone", "zonename");
    if let Some(zone) = options.get("zonename").and_then(Value::as_str)
        && let Some(posix) = TIMEZONES["forward"].get(zone)
    {
        options.insert("timezone".into(), posix.clone());
    }
    Some(section("system", name, options))
}

/// Even an empty prefix has its section; names are taken as they are.
fn globals(general: &mut Options) -> Option<Value> {
    let prefix = general.remove("ula_prefix")?;
    let name = general.remove("globals_id").unwrap_or_else(|| "globals".into());
    let options = Options::from_iter([("ula_prefix".to_owned(), prefix)]);
    Some(section("globals", name, options))
}
