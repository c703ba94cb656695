//! `wireguard_peers`: the other ends of WireGuard tunnels, sections of `network`.

use serde_json::Value;

use super::section::{Options, filled, section, text};
use super::{Package, Source, package};

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    let peers = source.objects("wireguard_peers").cloned().enumerate();
    package("network", peers.map(|(index, peer)| section_of(index, peer)).collect())
}

/// Numbers count over all interfaces.
fn section_of(index: usize, mut options: Options) -> Value {
    let interface = text(&options, "interface").replace('-', "_");
    options.remove("interface");
    if filled(&options, "endpoint_host").is_none() {
        options.remove("endpoint_port");
    }
    let name = match index {
        0 => format!("wgpeer_{interface}"),
        _ => format!("wgpeer_{interface}_{}", index + 1),
    };
    section(format!("wireguard_{interface}"), name, options)
}
