//! `ntp`: time servers, a section of `system`.

use super::section::section;
use super::{Package, Source, package};

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    let mut options = source.object("ntp");
    if options.is_empty() {
        return Vec::new();
    }
    let name = options.remove("id").unwrap_or_else(|| "ntp".into());
    package("system", vec![section("timeserver", name, options)])
}
