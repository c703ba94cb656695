//! Configurations of three sizes, made by rule so that every engine can be given the same ones.

use std::fmt;

use serde_json::{Map, Value, json};
use wisptrail_netjson::Input;

/// A `NetJSON` object.
pub(crate) type Document = Map<String, Value>;

/// What one rendering takes.
pub(crate) struct Case {
    /// What it is called in results.
    pub(crate) name: &'static str,
    /// The device's own.
    pub(crate) config: Document,
    /// First to last.
    pub(crate) templates: Vec<Document>,
    /// Variables.
    pub(crate) context: Document,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Case {
    /// For the engine.
    pub(crate) fn input<'a>(&'a self, templates: &'a [&'a Document]) -> Input<'a> {
        Input { config: &self.config, templates, context: &self.context, hostname: None, dsa: true }
    }

    /// The templates, as [`input`](Self::input) takes them.
    pub(crate) fn templates(&self) -> Vec<&Document> {
        self.templates.iter().collect()
    }
}

/// All three.
pub(crate) fn all() -> [Case; 3] {
    [small(), medium(), large()]
}

/// Three interfaces.
pub(crate) fn small() -> Case {
    Case {
        name: "small",
        config: document(json!({
            "general": {"hostname": "{{ name }}", "timezone": "Europe/Rome"},
            "interfaces": [lan(&["lan1", "lan2"]), wan(), access_point(0)],
        })),
        templates: Vec::new(),
        context: document(json!({"name": "router-1", "lan_ip": "192.168.1.1", "ssid_0": "field"})),
    }
}

/// Twenty blocks and one template.
pub(crate) fn medium() -> Case {
    let vlans = (10..14).map(vlan);
    let interfaces: Vec<Value> = [lan(&["lan1", "lan2", "lan3"]), wan()]
        .into_iter()
        .chain(vlans)
        .chain((0..2).map(access_point))
        .collect();
    Case {
        name: "medium",
        config: document(json!({
            "general": {"hostname": "{{ name }}", "timezone": "Europe/Rome"},
            "interfaces": interfaces,
            "routes": [route(0), route(1)],
            "dns_servers": ["1.1.1.1", "9.9.9.9"],
            "dns_search": ["lan"],
            "files": [file(0), file(1)],
            "firewall": [zone(0), zone(1)],
        })),
        templates: vec![document(json!({
            "radios": [radio(0), radio(1)],
            "ntp": {"enabled": true, "enable_server": false, "server": ["0.pool.ntp.org", "1.pool.ntp.org"]},
            "led": [led(0)],
        }))],
        context: context(8),
    }
}

/// Two hundred blocks, eight templates, a hundred variables.
pub(crate) fn large() -> Case {
    let template = |n: u32| {
        document(json!({
            "interfaces": (0..6).map(|k| vlan(100 + 6 * n + k)).collect::<Vec<_>>(),
            "routes": (0..4).map(|k| route(4 * n + k)).collect::<Vec<_>>(),
            "files": [file(2 * n), file(2 * n + 1)],
            "firewall": (0..4).map(|k| zone(4 * n + k)).collect::<Vec<_>>(),
            "led": [led(n)],
        }))
    };
    let interfaces: Vec<Value> = [lan(&["lan1", "lan2", "lan3", "lan4"]), wan()]
        .into_iter()
        .chain((0..8).map(access_point))
        .chain((200..240).map(vlan))
        .collect();
    Case {
        name: "large",
        config: document(json!({
            "general": {"hostname": "{{ name }}", "timezone": "Europe/Rome"},
            "interfaces": interfaces,
            "radios": [radio(0), radio(1)],
            "routes": (40..46).map(route).collect::<Vec<_>>(),
            "dns_servers": ["1.1.1.1", "9.9.9.9"],
            "files": [file(40)],
            "ntp": {"enabled": true, "server": ["0.pool.ntp.org", "1.pool.ntp.org"]},
        })),
        templates: (0..8).map(template).collect(),
        context: context(100),
    }
}

/// `count` variables, all of them used by some block of a large configuration.
fn context(count: u32) -> Document {
    let mut context = document(json!({"name": "router-1", "lan_ip": "192.168.1.1"}));
    for n in 0.. {
        for (key, value) in [
            (format!("ssid_{n}"), format!("field {n}")),
            (format!("key_{n}"), format!("a long secret {n}")),
            (format!("gateway_{n}"), format!("10.{n}.0.1")),
            (format!("text_{n}"), format!("Welcome to mast {n}.")),
        ] {
            if context.len() >= count as usize {
                return context;
            }
            context.insert(key, value.into());
        }
    }
    context
}

fn lan(members: &[&str]) -> Value {
    json!({
        "name": "br-lan", "type": "bridge", "network": "lan", "stp": true, "bridge_members": members,
        "addresses": [{"proto": "static", "family": "ipv4", "address": "{{ lan_ip }}", "mask": 24}],
    })
}

fn wan() -> Value {
    json!({
        "name": "eth0", "type": "ethernet", "network": "wan", "mtu": 1500, "autostart": true,
        "addresses": [
            {"proto": "dhcp", "family": "ipv4"},
            {"proto": "static", "family": "ipv6", "address": "fd00::10", "mask": 64, "gateway": "fd00::1"},
        ],
    })
}

fn vlan(vid: u32) -> Value {
    json!({
        "name": "eth1", "type": "8021q", "vid": vid, "mtu": 1400,
        "addresses": [{"proto": "static", "family": "ipv4", "address": format!("10.{vid}.0.2"), "mask": 24}],
    })
}

fn access_point(n: u32) -> Value {
    json!({
        "name": format!("wlan{n}"), "type": "wireless",
        "wireless": {
            "radio": format!("radio{}", n % 2), "mode": "access_point", "ssid": format!("{{{{ ssid_{n} }}}}"),
            "network": ["lan"],
            "encryption": {"protocol": "wpa2_personal", "cipher": "ccmp", "key": "a shared secret"},
        },
    })
}

fn radio(n: u32) -> Value {
    json!({
        "name": format!("radio{n}"), "phy": format!("phy{n}"), "driver": "mac80211", "protocol": "802.11ac",
        "channel": 36 + 4 * n, "channel_width": 80, "tx_power": 17, "country": "IT",
    })
}

fn route(n: u32) -> Value {
    json!({
        "device": "wan", "destination": format!("172.16.{n}.0/24"), "next": "192.168.1.254", "cost": n,
    })
}

fn led(n: u32) -> Value {
    json!({"name": format!("LED {n}"), "sysfs": format!("board:green:led{n}"), "trigger": "netdev", "dev": "eth0"})
}

fn file(n: u32) -> Value {
    let lines: Vec<String> =
        (0..20).map(|line| format!("{{{{ text_{n} }}}} Line {line} of {n}.\n")).collect();
    json!({"path": format!("/etc/notes/{n}"), "mode": "0644", "contents": lines.concat()})
}

fn zone(n: u32) -> Value {
    json!({
        "config_name": "zone", "config_value": format!("zone_{n}"), "name": format!("zone{n}"), "input": "ACCEPT",
        "output": "ACCEPT", "forward": "REJECT", "network": ["lan", "wan"], "masq": true,
    })
}

fn document(value: Value) -> Document {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
