//! `ntp`: time servers, a section of `system`.

use super::section::{section, take_given};
use super::{Package, Source, package};
use crate::ValidationError;

pub(super) fn packages(source: Source<'_>) -> Result<Vec<Package>, ValidationError> {
    let mut options = source.object("ntp");
    if options.is_empty() {
        return Ok(Vec::new());
    }
    let name = take_given(&mut options, "id").unwrap_or_else(|| "ntp".into());
    Ok(package("system", vec![section("timeserver", name, options)]))
}
