//! How long one rendering takes.

use serde_json::{Map, Value, json};
use wisptrail_netjson::{Backend, Input, render};

fn main() {
    divan::main();
}

/// Interfaces of a router with some VLANs, and a file.
fn config(vlans: u32) -> Map<String, Value> {
    let mut interfaces = vec![json!({
        "name": "br-lan", "type": "bridge", "bridge_members": ["lan1", "lan2"],
        "addresses": [{"proto": "static", "family": "ipv4", "address": "192.168.1.1", "mask": 24}]
    })];
    interfaces.extend((1..=vlans).map(|vid| {
        json!({"name": "eth0", "type": "8021q", "vid": vid,
            "addresses": [{"proto": "dhcp", "family": "ipv4"}]})
    }));
    let config = json!({
        "general": {"hostname": "{{ name }}", "timezone": "UTC"},
        "interfaces": interfaces,
        "files": [{"path": "/etc/banner", "mode": "0644", "contents": "{{ name }}\n"}]
    });
    match config {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[divan::bench(args = [1, 10, 100])]
fn device(bencher: divan::Bencher<'_, '_>, vlans: u32) {
    let config = config(vlans);
    let context = Map::from_iter([("name".to_owned(), json!("router-1"))]);
    let template = Map::from_iter([("ntp".to_owned(), json!({"enabled": true}))]);
    bencher.bench(|| {
        let input = Input {
            config: &config,
            templates: &[&template],
            context: &context,
            hostname: None,
            dsa: true,
        };
        render(Backend::OpenWrt, &input).map(|rendering| rendering.archive())
    });
}
