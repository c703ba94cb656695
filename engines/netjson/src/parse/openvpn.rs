//! Configuration files of OpenVPN.
//!
//! One option per line, `-` read as `_`. Comments, quotes and files inside the file are not known:
//! they become options that render as they were. A client names its servers on lines of one name, of
//! which only one would be left; clients are therefore refused.

use serde_json::Value;

use super::Read;
use super::lines::blocks;
use super::loss::Losses;
use super::openwrt::openvpn;
use super::section::{Budget, Section, short};
use crate::literal::is_white;
use crate::{Error, Unreadable};

/// What begins the text of each instance; its name follows.
pub(super) const HEAD: &str = "# openvpn config:";

/// The configuration that `text` states.
pub(super) fn read(text: &str, losses: &mut Losses) -> Result<Read, Error> {
    let mut budget = Budget::default();
    let mut tunnels = Vec::new();
    for block in blocks(text, 1, HEAD) {
        let mut lines = block.text.split('\n').zip(block.line..);
        let name = lines.next().map_or("", |(name, _)| name);
        let mut section = Section::new(String::new(), name.to_owned(), block.line);
        section.set("name", name.into(), block.line);
        for (text, line) in lines {
            let text = text.trim_matches(is_white);
            if text.is_empty() {
                continue;
            }
            budget.spend(1)?;
            let (key, value) = option(text);
            if section.options.contains_key(&key) {
                let what = format!("option {:?}, which is stated again", short(&key));
                losses.add(section.line_of(&key), what);
            }
            section.set(&key, value, line);
        }
        section.sort();
        if section.options.contains_key("remote") {
            return Err(section.wrong("remote", "cannot be parsed").into());
        }
        tunnel(&mut section)?;
        tunnels.push((section.line, section.options));
    }
    Ok(Read::of("openvpn", tunnels))
}

/// An option without a value is switched on.
fn option(text: &str) -> (String, Value) {
    let end = text.find(is_white).unwrap_or(text.len());
    let (key, value) = text.split_at(end);
    let value = value.strip_prefix(' ').unwrap_or(value);
    (key.replace('-', "_"), if value.is_empty() { true.into() } else { value.into() })
}

fn tunnel(section: &mut Section) -> Result<(), Unreadable> {
    if section.options.get("server_bridge") == Some(&Value::Bool(true)) {
        section.options.insert("server_bridge".into(), "".into());
    }
    section.convert(openvpn::TYPES)?;
    openvpn::convert_ciphers(section)
}
