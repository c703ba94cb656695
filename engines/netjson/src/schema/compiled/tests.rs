use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::unique;
use crate::Backend;
use crate::equality::{Booleans, Seen};
use crate::schema::{OPENVPN, OPENWRT, Schema, WIREGUARD, ZEROTIER, of, of_server};

/// Texts that the schema asks for, and others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "ethernet", "bridge", "8021q", "wireless", "wireguard", "vxlan", "eth0", "wlan0", "br-lan",
            "access_point", "station", "802.11s", "monitor", "adhoc", "radio0", "none", "wpa2_personal",
            "wpa_personal", "wep_open", "static", "dhcp", "ipv4", "ipv6", "10.0.0.1", "fd00::1", "UTC",
            "802.11n", "802.11ac", "802.11ax", "2g", "11g", "mac80211", "phy0", "0644", "a long enough key",
            "client", "tap0", "tun", "udp", "name", "", "x", "p2p", "server", "tcp-server", "10.8.0.0 255.255.255.0",
            "auto", "BF-CBC", "SHA256", "lz4", "infinite", "10.0.0.2/32", "9536600adf654321",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,20}",
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => text().prop_map(Value::from),
        2 => (-1..200_i64).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => prop_oneof![Just(Value::Null), Just(json!(1.0)), Just(json!(1e300)), Just(json!(0))],
    ]
}

/// Objects that come near the blocks of a configuration: their keys, with any value.
fn block() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "name",
        "type",
        "mtu",
        "mac",
        "network",
        "autostart",
        "disabled",
        "addresses",
        "bridge_members",
        "vid",
        "ssid",
        "mode",
        "radio",
        "encryption",
        "protocol",
        "key",
        "cipher",
        "proto",
        "family",
        "address",
        "mask",
        "gateway",
        "wireless",
        "channel",
        "channel_width",
        "phy",
        "driver",
        "band",
        "hwmode",
        "device",
        "destination",
        "next",
        "cost",
        "path",
        "contents",
        "private_key",
        "vtep",
        "port",
        "server",
        "enabled",
        "hostname",
        "timezone",
        "dev",
        "ca",
        "cert",
        "remote",
        "host",
        "server_bridge",
        "tls_server",
        "tls_client",
        "dh",
        "data_ciphers",
        "cipher",
        "optional",
        "status",
        "verb",
        "peers",
        "public_key",
        "allowed_ips",
        "endpoint_port",
        "dns",
        "save_config",
        "vni",
        "nwid",
        "ipAssignmentPools",
        "ipRangeStart",
        "routes",
        "target",
        "via",
        "v6AssignMode",
        "zt",
        "private",
        "tags",
    ]);
    let leaf = scalar().boxed();
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..8).prop_map(Value::from),
            4 => btree_map(key.clone(), inner, 0..8).prop_map(|map| {
                Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

fn client() -> Value {
    json!({
        "name": "masts", "mode": "p2p", "proto": "udp", "dev": "tun0", "dev_type": "tun", "tls_client": true,
        "remote": [{"host": "vpn.example.org", "port": 1194}], "resolv_retry": "infinite", "verb": 3,
        "data_ciphers": [{"cipher": "AES-256-GCM", "optional": false}], "status": "/var/run/status 10",
    })
}

fn server() -> Value {
    json!({
        "name": "masts", "mode": "server", "proto": "tcp-server", "dev": "tun0", "tls_server": true,
        "server": "10.8.0.0 255.255.255.0", "dh": "dh.pem", "ca": "ca.pem", "cert": "c.pem", "key": "k.pem",
    })
}

fn bridged() -> Value {
    json!({"name": "lan", "mode": "server", "proto": "udp", "dev": "tap0", "tls_server": true, "server_bridge": ""})
}

fn tunnel() -> Value {
    json!({
        "name": "wg0", "port": 51820, "private_key": "k", "address": "10.0.0.1/24", "dns": ["1.1.1.1"],
        "peers": [{"public_key": "p", "allowed_ips": "10.0.0.2/32", "endpoint_port": 51820}],
    })
}

fn network() -> Value {
    json!({
        "name": "masts", "nwid": "9536600adf654321", "creationTime": 1.5, "mtu": 2800, "private": true,
        "ipAssignmentPools": [{"ipRangeStart": "10.0.0.1", "ipRangeEnd": "10.0.0.9"}],
        "routes": [{"target": "10.0.0.0/8", "via": ""}], "v6AssignMode": {"zt": true, "6plane": false},
    })
}

/// All schemas that there are.
fn schemas() -> Vec<&'static Schema> {
    Backend::ALL
        .into_iter()
        .flat_map(|backend| [Some(of(backend)), of_server(backend)])
        .flatten()
        .collect()
}

/// A block that fits its schema, with some of its values replaced or left out.
fn bent() -> impl Strategy<Value = (&'static str, Value)> {
    let good = prop::sample::select(vec![
        (
            "interfaces",
            json!({"name": "eth0", "type": "ethernet", "mtu": 1500, "addresses": [
            {"proto": "static", "family": "ipv4", "address": "10.0.0.1", "mask": 24}]}),
        ),
        (
            "interfaces",
            json!({"name": "wlan0", "type": "wireless", "wireless": {
            "radio": "radio0", "mode": "access_point", "ssid": "x",
            "encryption": {"protocol": "wpa2_personal", "key": "a long enough key"}}}),
        ),
        ("interfaces", json!({"name": "br-lan", "type": "bridge", "bridge_members": ["a0", "b0"]})),
        ("interfaces", json!({"name": "eth0", "type": "8021q", "vid": 7})),
        (
            "radios",
            json!({"name": "radio0", "phy": "phy0", "driver": "mac80211",
            "protocol": "802.11ac", "channel": 36, "channel_width": 80}),
        ),
        ("routes", json!({"device": "eth0", "destination": "10.0.0.0/8", "next": "", "cost": 1})),
        ("files", json!({"path": "/etc/x", "mode": "0644", "contents": "x"})),
        ("openvpn", client()),
        ("openvpn", server()),
        ("openvpn", bridged()),
        ("wireguard", tunnel()),
        ("vxlan", json!({"name": "vxlan0", "vni": 7})),
        ("vxlan", json!({"name": "vxlan0", "vni": ""})),
        ("zerotier", network()),
    ]);
    let changes = vec((any::<prop::sample::Index>(), prop::option::of(block())), 0..3);
    (good, changes).prop_map(|((list, mut block), changes)| {
        for (index, change) in changes {
            bend(&mut block, index.index(64), change);
        }
        (list, block)
    })
}

/// Replaces or removes the `nth` value inside of `value`, counting as long as there are some.
fn bend(value: &mut Value, nth: usize, change: Option<Value>) {
    let Value::Object(map) = value else { return };
    let keys: Vec<String> = map.keys().cloned().collect();
    if keys.is_empty() {
        return;
    }
    let key = &keys[nth % keys.len()];
    let deeper = nth / keys.len();
    match (map.get_mut(key), change) {
        (Some(inner @ Value::Object(_)), change) if deeper % 2 == 1 => {
            bend(inner, deeper / 2, change);
        }
        (Some(Value::Array(items)), change) if deeper % 2 == 1 && !items.is_empty() => {
            bend(&mut items[0], deeper / 2, change);
        }
        (Some(inner), Some(change)) => *inner = change,
        (_, _) => {
            map.remove(key);
        }
    }
}

/// The walk through the schema as it is written.
fn walked(schema: &Schema, config: &Value) -> bool {
    schema.is_valid(config, &schema.root)
}

fn compiled(schema: &Schema, config: &Value) -> bool {
    config.as_object().is_some_and(|map| schema.compiled.accepts(map))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_verdict_is_that_of_the_walk(blocks in vec(bent(), 1..3), any_block in block()) {
        let mut config = json!({});
        for (list, block) in &blocks {
            config[list] = json!([block, block.clone(), any_block]);
            for schema in schemas() {
                let one = json!({*list: [block]});
                prop_assert_eq!(compiled(schema, &one), walked(schema, &one), "{}", one);
                let other = json!({*list: [any_block]});
                prop_assert_eq!(compiled(schema, &other), walked(schema, &other), "{}", other);
            }
        }
        for schema in schemas() {
            prop_assert_eq!(compiled(schema, &config), walked(schema, &config), "{}", config);
        }
    }

    #[test]
    fn repetitions_are_found_whatever_they_are(items in vec(block(), 0..30), again in any::<bool>()) {
        let mut items = items;
        if again && let Some(first) = items.first().cloned() {
            items.push(first);
        }
        let mut seen = Seen::new(Booleans::Apart);
        prop_assert_eq!(unique::all_differ(&items), items.iter().all(|item| seen.insert(item)));
    }
}

#[test]
fn equal_numbers_repeat_and_booleans_are_none() {
    let filling = (10..20).map(Value::from);
    for (pair, differ) in [
        ([json!(1), json!(1.0)], false),
        ([json!(0), json!(-0.0)], false),
        ([json!(1), json!(true)], true),
        ([json!({"a": 1, "b": [2]}), json!({"b": [2.0], "a": 1})], false),
    ] {
        assert_eq!(unique::all_differ(&pair), differ, "{pair:?}");
        let many: Vec<Value> = filling.clone().chain(pair.clone()).collect();
        assert_eq!(unique::all_differ(&many), differ, "{pair:?}");
    }
}

#[test]
fn valid_blocks_are_accepted() {
    // So that the comparison above is not one of refusals alone.
    for config in [
        json!({"interfaces": [{"name": "eth0", "type": "ethernet"}], "custom": [{"config_name": "x"}]}),
        json!({"general": {"hostname": "router", "timezone": "UTC"}, "dns_servers": ["1.1.1.1"]}),
    ] {
        assert!(compiled(&OPENWRT, &config), "{config}");
    }
    assert!(!compiled(&OPENWRT, &json!({"interfaces": [{"name": "eth0", "type": "bridge"}]})));
    for (schema, list, block) in [
        (&*OPENVPN, "openvpn", client()),
        (&*OPENVPN, "openvpn", server()),
        (&*OPENVPN, "openvpn", bridged()),
        (&*OPENWRT, "openvpn", client()),
        (&*WIREGUARD, "wireguard", tunnel()),
        (of(Backend::VxlanWireguard), "wireguard", tunnel()),
        (&*ZEROTIER, "zerotier", network()),
    ] {
        assert!(compiled(schema, &json!({list: [block]})), "{block}");
        assert!(!compiled(schema, &json!({list: [{}]})), "{list}");
    }
}
