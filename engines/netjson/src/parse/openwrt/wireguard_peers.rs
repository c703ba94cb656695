//! Sections `wireguard_…` of `network`: `wireguard_peers`.

use super::{Source, Types};
use crate::Unreadable;

const TYPES: Types = Types {
    integers: &["endpoint_port", "persistent_keepalive"],
    booleans: &["route_allowed_ips"],
};

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let mut peers = Vec::new();
    for mut section in source.take("network", |kind| kind.starts_with("wireguard_")) {
        section.convert(TYPES)?;
        let interface = section.kind.trim_start_matches("wireguard_");
        section.options.insert("interface".into(), interface.into());
        peers.push((section.line, section.options));
    }
    source.state("wireguard_peers", peers);
    Ok(())
}
