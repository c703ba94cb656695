//! Packages that the configuration states itself: every list under a key that the schema does not
//! know.

use serde_json::Value;

use super::section::{Options, section, uci_name, word};
use super::{Package, Source, package};
use crate::{ValidationError, schema};

pub(super) fn packages(source: Source<'_>) -> Result<Vec<Package>, ValidationError> {
    let schema = schema::of(source.backend);
    let mut names: Vec<&String> = source.netjson.keys().filter(|key| !schema.knows(key)).collect();
    names.sort();
    let mut packages = Vec::new();
    for name in names {
        packages.extend(package(name, sections(name, source.list(name))?));
    }
    Ok(packages)
}

/// Elements that do not say what they are have no section and no number.
fn sections(package: &str, items: &[Value]) -> Result<Vec<Value>, ValidationError> {
    let mut sections = Vec::new();
    let options = items.iter().filter_map(Value::as_object);
    for options in options.filter(|options| options.contains_key("config_name")) {
        sections.push(section_of(package, sections.len() + 1, options.clone())?);
    }
    Ok(sections)
}

fn section_of(
    package: &str,
    number: usize,
    mut options: Options,
) -> Result<Value, ValidationError> {
    let kind = word(options.remove("config_name").as_ref());
    let name = match options.remove("config_value") {
        None => uci_name(&format!("{kind}_{number}")),
        Some(Value::String(name)) => uci_name(&name),
        Some(_) => {
            return Err(ValidationError::at(
                package,
                format!("\"config_value\" of section {number} is not a text."),
            ));
        }
    };
    Ok(section(kind, name, options))
}
