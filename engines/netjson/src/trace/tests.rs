use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::merge;

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

fn told(layers: &[Value]) -> Vec<(String, Value, usize)> {
    let layers: Vec<_> = layers.iter().cloned().map(map).collect();
    let layers: Vec<_> = layers.iter().collect();
    let parts = trace(Backend::OpenWrt, &layers).unwrap();
    parts.into_iter().map(|part| (part.pointer, part.written, part.layer)).collect()
}

#[test]
fn the_upper_layer_has_what_both_say_and_lists_grow() {
    let found = told(&[
        json!({ "general": { "timezone": "UTC", "hostname": "a" }, "dns_servers": ["10.0.0.1", "10.0.0.2"] }),
        json!({ "general": { "hostname": "a" }, "dns_servers": ["10.0.0.2", "10.0.0.3"] }),
    ]);
    let part = |pointer: &str, value: Value, layer| (pointer.to_owned(), value, layer);
    assert_eq!(
        found,
        [
            part("/general/timezone", json!("UTC"), 0),
            part("/general/hostname", json!("a"), 1),
            part("/dns_servers/0", json!("10.0.0.1"), 0),
            part("/dns_servers/1", json!("10.0.0.2"), 0),
            part("/dns_servers/2", json!("10.0.0.3"), 1),
        ]
    );
}

#[test]
fn named_elements_are_taken_apart_and_others_are_whole() {
    let found = told(&[
        json!({ "interfaces": [{ "name": "eth0", "type": "ethernet", "mtu": 1500,
            "addresses": [{ "proto": "dhcp", "family": "ipv4" }] }] }),
        json!({ "interfaces": [{ "name": "eth0", "mtu": 1400, "addresses": [{ "proto": "static" }] }] }),
    ]);
    let layer = |pointer: &str| found.iter().find(|it| it.0 == pointer).map(|it| it.2);
    assert_eq!(layer("/interfaces/0/type"), Some(0));
    assert_eq!(layer("/interfaces/0/mtu"), Some(1));
    assert_eq!(layer("/interfaces/0/addresses/0"), Some(0));
    assert_eq!(layer("/interfaces/0/addresses/1"), Some(1));
    assert_eq!(layer("/interfaces/0/addresses/0/proto"), None);
}

#[test]
fn parts_are_found_again_wherever_they_stand() {
    let layer = map(
        json!({ "interfaces": [{ "name": "a", "mtu": 1 }, { "name": "b", "mtu": 2 }], "dns_search": ["x.example"] }),
    );
    let parts = trace(Backend::OpenWrt, &[&layer]).unwrap();
    let earlier =
        map(json!({ "interfaces": [{ "name": "b", "mtu": 2 }, { "name": "a", "mtu": 9 }] }));
    let held: Vec<_> =
        parts.iter().filter(|part| part.is_in(&earlier)).map(|part| &*part.pointer).collect();
    assert_eq!(held, ["/interfaces/0/name", "/interfaces/1/name", "/interfaces/1/mtu"]);
    assert!(parts.iter().all(|part| part.is_in(&layer)));
}

#[test]
fn variables_are_named_once() {
    let layer = map(
        json!({ "files": [{ "path": "/a", "contents": "{{ a }} {{b}} {{ a }} { c }", "mode": "0644" }] }),
    );
    let parts = trace(Backend::OpenWrt, &[&layer]).unwrap();
    let named: Vec<_> = parts.iter().flat_map(Part::variables).collect();
    assert_eq!(named, ["a", "b"]);
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3_i32).prop_map(Value::from),
        "[ab]".prop_map(Value::from),
        "[ab]{2}".prop_map(Value::from)
    ]
}

fn layer() -> impl Strategy<Value = Map<String, Value>> {
    let element =
        (proptest::option::of("[xy]"), proptest::collection::btree_map("[mn]", value(), 0..3))
            .prop_map(|(name, options)| {
                let mut element: Map<String, Value> = options.into_iter().collect();
                element.extend(name.map(|name| ("name".to_owned(), name.into())));
                Value::Object(element)
            });
    let list = proptest::collection::vec(prop_oneof![element, value()], 0..4);
    let general = proptest::collection::btree_map("[pq]", value(), 0..3);
    (general, list.clone(), list).prop_map(|(general, one, other)| {
        map(json!({ "general": general, "interfaces": one, "dns_servers": other }))
    })
}

proptest! {
    #[test]
    fn tracing_changes_nothing_and_every_part_is_in_its_layer(layers in proptest::collection::vec(layer(), 1..4)) {
        let mut merged = layers[0].clone();
        for layer in &layers[1..] {
            merge::objects(&mut merged, layer, identifiers(Backend::OpenWrt, layer)).unwrap();
        }
        let merged = Value::Object(merged);
        let all: Vec<_> = layers.iter().collect();
        for part in trace(Backend::OpenWrt, &all).unwrap() {
            prop_assert_eq!(merged.pointer(&part.pointer), Some(&part.written));
            prop_assert!(part.is_in(&layers[part.layer]), "{:?}", part);
        }
    }

    /// What gives way or follows is what the trace of both together does not have of that layer any more.
    #[test]
    fn what_gives_way_is_not_of_its_layer_any_more(under in layer(), over in layer()) {
        let both = trace(Backend::OpenWrt, &[&under, &over]).unwrap();
        let stays = |part: &Part, layer: usize| both.iter().any(|it| {
            it.layer == layer && it.address == part.address && it.written == part.written
        });
        for part in trace(Backend::OpenWrt, &[&under]).unwrap() {
            let gives_way = part.gives_way_to(&over);
            prop_assert!(!(gives_way && stays(&part, 0)), "{:?}", part);
            if part.pointer.starts_with("/general") {
                prop_assert_eq!(gives_way, !stays(&part, 0), "{:?}", part);
            }
        }
        for part in trace(Backend::OpenWrt, &[&over]).unwrap() {
            prop_assert!(!(part.follows(&under) && stays(&part, 1)), "{:?}", part);
        }
    }
}
