//! `led`: lights, sections of `system`.

use serde_json::Value;

use super::section::{Options, section, take_given, text};
use super::{Package, Source, package};

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    package("system", source.objects("led").cloned().map(led).collect())
}

fn led(mut options: Options) -> Value {
    let name = take_given(&mut options, "id")
        .unwrap_or_else(|| format!("led_{}", text(&options, "name").to_lowercase()).into());
    section("led", name, options)
}
