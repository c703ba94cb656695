//! What holds for every input, sensible or not.

use std::io::Read as _;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wisptrail_netjson::{
    Backend, Input, Templates, evaluate_vars, merge, render, render_unvalidated, validate,
};

/// Keys and texts that lead into the converters rather than past them.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "name", "type", "id", "interfaces", "general", "files", "path", "mode", "contents",
            "addresses", "proto", "static", "family", "ipv4", "ipv6", "address", "mask", "10.0.0.1",
            "fd00::1", "gateway", "ethernet", "bridge", "8021q", "wireless", "wireguard", "vid",
            "bridge_members", "vlan_filtering", "vlan", "ports", "ifname", "routes", "device",
            "destination", "10.0.0.0/8", "radios", "protocol", "802.11n", "channel", "openvpn",
            "tls_auth", "dev", "ca", "zerotier", "networks", "config_name", "config_value", "0644",
            "/etc/x", "{{ a }}", "{{a}}{{b}}", "network", "br-lan", "eth0", "eth0.1", "dns_servers",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..300_u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(word(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    btree_map(word(), value(), 0..6).prop_map(|map| map.into_iter().collect())
}

/// Configurations that the schema accepts, so that converters and archive are reached.
fn config() -> impl Strategy<Value = Map<String, Value>> {
    let name = "[a-z][a-z0-9]{1,7}([.-][0-9])?";
    let address = prop_oneof![
        (0..=255_u8, 8..=32_u8).prop_map(|(last, mask)| json!({
            "proto": "static", "family": "ipv4", "address": format!("10.0.0.{last}"), "mask": mask,
            "gateway": "10.0.0.1"})),
        Just(json!({"proto": "dhcp", "family": "ipv4"})),
        (1..999_u16).prop_map(|n| json!({
            "proto": "static", "family": "ipv6", "address": format!("fd00::{n}"), "mask": 64})),
    ];
    let interface = (name, vec(address, 0..3), any::<bool>(), "\\PC{0,12}").prop_map(
        |(name, addresses, bridge, extra)| {
            let mut interface = json!({"name": name, "type": "ethernet", "x": extra});
            if bridge {
                interface["type"] = "bridge".into();
                interface["bridge_members"] = json!(["lan1", "lan2"]);
            }
            if addresses.len() < 2 || addresses[0] != addresses[1] {
                interface["addresses"] = json!(addresses.first().into_iter().collect::<Vec<_>>());
            }
            interface
        },
    );
    let file = ("/[a-zé]{1,4}", "\\PC{0,40}")
        .prop_map(|(path, contents)| (path.replace('é', "e"), contents));
    (vec(interface, 0..4), vec(file, 0..3), "\\PC{0,20}").prop_map(|(interfaces, files, text)| {
        let mut named = std::collections::BTreeMap::new();
        for interface in interfaces {
            named.insert(interface["name"].to_string(), interface);
        }
        let files: std::collections::BTreeMap<_, _> = files.into_iter().collect();
        let files: Vec<Value> = files
            .into_iter()
            .map(|(path, contents)| json!({"path": path, "mode": "0600", "contents": contents}))
            .collect();
        let config = json!({
            "general": {"hostname": "router", "description": text},
            "interfaces": named.into_values().collect::<Vec<_>>(),
            "files": files,
        });
        config.as_object().cloned().unwrap_or_default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_json_makes_it_panic(
        config in object(), template in object(), context in object(), dsa in any::<bool>(),
    ) {
        let input =
            Input { config: &config, templates: &[&template], context: &context, hostname: None, dsa };
        for backend in Backend::ALL {
            let unvalidated = render_unvalidated(backend, &Templates::default(), &input);
            if let Ok(rendering) = render(backend, &input) {
                let _ = (rendering.archive(), rendering.findings());
                prop_assert_eq!(unvalidated.as_ref().ok(), Some(&rendering));
            }
            if let Ok(rendering) = unvalidated {
                let _ = (rendering.archive(), rendering.findings());
            }
            let _ = validate(backend, &config);
        }
    }

    #[test]
    fn equal_inputs_give_equal_bytes(config in config(), dsa in any::<bool>()) {
        let context = Map::new();
        let input = Input { config: &config, templates: &[], context: &context, hostname: None, dsa };
        let first = render(Backend::OpenWrt, &input).unwrap();
        let second = render(Backend::OpenWrt, &input).unwrap();
        prop_assert_eq!(first.text(), second.text());
        prop_assert_eq!(first.archive(), second.archive());
    }

    #[test]
    fn archives_hold_every_byte_of_every_file(config in config(), dsa in any::<bool>()) {
        let context = Map::new();
        let input = Input { config: &config, templates: &[], context: &context, hostname: None, dsa };
        let rendering = render(Backend::OpenWrt, &input).unwrap();
        let archive = rendering.archive();
        let mut unpacked = tar::Archive::new(flate2::read::GzDecoder::new(&archive.bytes[..]));
        let mut members = Vec::new();
        for entry in unpacked.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let header = entry.header();
            prop_assert_eq!(
                (header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()),
                (0, 0, 0)
            );
            let mode = header.mode().unwrap();
            members.push(wisptrail_netjson::File { path, mode, contents });
        }
        prop_assert_eq!(members.as_slice(), rendering.files());
    }

    #[test]
    fn merging_with_nothing_changes_nothing(config in object()) {
        let nothing = Map::new();
        prop_assert_eq!(&merge(&nothing, &config, &["name"]).unwrap(), &config);
        prop_assert_eq!(&merge(&config, &nothing, &["name"]).unwrap(), &config);
    }

    #[test]
    fn the_upper_layer_decides_scalars(template in object(), config in object()) {
        if let Ok(merged) = merge(&template, &config, &["name"]) {
            for (key, value) in &config {
                if !value.is_object() && !value.is_array() {
                    prop_assert_eq!(&merged[key], value);
                }
            }
            prop_assert!(template.keys().all(|key| merged.contains_key(key)));
        }
    }

    #[test]
    fn unknown_variables_stay(data in value(), text in "\\PC{0,20}") {
        let context = Map::from_iter([("no_such_name_anywhere".to_owned(), json!(text))]);
        prop_assert_eq!(&evaluate_vars(&data, &context).unwrap(), &data);
    }
}

#[test]
fn variables_that_double_are_stopped() {
    let names: Vec<String> = (0..20).map(|n| format!("v{n}")).collect();
    let places: Vec<String> = names.iter().map(|name| format!("{{{{ {name} }}}}")).collect();
    let text = places.concat();
    let filling = "x".repeat(10_000);
    let context: Map<String, Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let next = format!("{{{{ v{} }}}}", n + 1);
            (name.clone(), json!(format!("{next}{filling}{next}")))
        })
        .collect();
    assert!(matches!(
        evaluate_vars(&json!(text), &context),
        Err(wisptrail_netjson::Error::TooLarge { .. })
    ));
}

#[test]
fn nesting_beyond_measure_is_refused() {
    let mut value = json!(1);
    for _ in 0..1000 {
        value = json!([value]);
    }
    let config = Map::from_iter([("x".to_owned(), value)]);
    let context = Map::new();
    let input = Input {
        config: &config,
        templates: &[&config],
        context: &context,
        hostname: None,
        dsa: true,
    };
    assert!(render(Backend::OpenWrt, &input).is_err());
    assert!(validate(Backend::OpenWrt, &config).is_err());
    assert!(merge(&config, &config, &[]).is_err());
}
