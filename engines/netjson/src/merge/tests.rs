use indexmap::IndexMap;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Identifiers, lists, owned_lists};
use crate::equality::{Booleans, canonical, equal};

/// One text per identity, as the rule is put.
fn identity(item: &Value, identifiers: Identifiers<'_>, nth: usize) -> String {
    let scalar = |value: &Value| match value {
        Value::Number(number) => canonical(number),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        other => other.to_string(),
    };
    let tuple = |parts: Vec<&Value>| {
        format!("tuple {:?}", parts.into_iter().map(scalar).collect::<Vec<_>>())
    };
    match item {
        Value::Object(map) if identifiers.vlans && map.get("type") == Some(&json!("8021q")) => {
            tuple(["type", "name", "vid"].iter().filter_map(|key| map.get(*key)).collect())
        }
        Value::Object(map) => match identifiers.keys.iter().find_map(|key| map.get(*key)) {
            Some(Value::Array(items)) => tuple(items.iter().collect()),
            Some(value) => format!("named {}", scalar(value)),
            None => format!("unique {nth}"),
        },
        Value::Array(_) => format!("unique {nth}"),
        Value::Number(number) if !number.as_i64().is_some_and(|n| (-5..=256).contains(&n)) => {
            format!("unique {nth}")
        }
        Value::String(text) if text.chars().count() > 1 || text > &"\u{ff}".to_owned() => {
            format!("unique {nth}")
        }
        small => format!("small {small}"),
    }
}

fn laid_over(under: &Value, over: &Value) -> Value {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            let mut merged = under.clone();
            for (key, value) in over {
                let value = under.get(key).map_or_else(|| value.clone(), |u| laid_over(u, value));
                merged.insert(key.clone(), value);
            }
            Value::Object(merged)
        }
        (Value::Array(under), Value::Array(over)) => {
            Value::Array(by_steps(under, over, Identifiers::NONE))
        }
        _ => over.clone(),
    }
}

/// Merging of lists, step by step.
fn by_steps(under: &[Value], over: &[Value], identifiers: Identifiers<'_>) -> Vec<Value> {
    let mut nth = 0;
    let mut keyed = |items: Vec<Value>| {
        let mut map = IndexMap::new();
        for item in items {
            nth += 1;
            map.insert(identity(&item, identifiers, nth), item);
        }
        map
    };
    let mut merged = keyed(under.to_vec());
    let known = |item: &&Value| !merged.values().any(|k| equal(k, item, Booleans::AreNumbers));
    let news = keyed(over.iter().filter(known).cloned().collect());
    for (key, item) in news {
        let item = merged.get(&key).map_or_else(|| item.clone(), |known| laid_over(known, &item));
        merged.insert(key, item);
    }
    merged.into_values().collect()
}

fn element() -> impl Strategy<Value = Value> {
    let scalar = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(1.0),
        json!(-0.0),
        json!(256),
        json!(257),
        json!(257.0),
        json!(""),
        json!("a"),
        json!("é"),
        json!("ab"),
        json!("abc"),
        json!([1]),
    ]);
    let option = prop::sample::select(vec![
        ("x", json!(1)),
        ("x", json!(2)),
        ("x", json!(1.0)),
        ("x", json!(true)),
        ("l", json!([1, 1])),
        ("l", json!(["ab", "cd"])),
        ("l", json!(["cd"])),
        ("o", json!({"l": [300]})),
        ("o", json!({"m": 2})),
    ]);
    let identifier = prop::sample::select(vec![
        ("name", json!("a")),
        ("name", json!("b")),
        ("name", json!("")),
        ("name", json!(null)),
        ("id", json!("a")),
        ("id", json!(1)),
        ("id", json!(true)),
        ("name", json!(["a", 1])),
        ("type", json!("8021q")),
        ("vid", json!(1)),
        ("vid", json!(1.0)),
    ]);
    let object = vec(prop_oneof![option, identifier], 0..4).prop_map(|options| {
        let mut object: Map<String, Value> =
            options.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        // No part of the identity of a VLAN may be a list.
        if object.contains_key("type") && object.get("name").is_some_and(Value::is_array) {
            object.remove("name");
        }
        Value::Object(object)
    });
    prop_oneof![2 => scalar, 3 => object]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn lists_merge_as_step_by_step(
        under in vec(element(), 0..8), over in vec(element(), 0..8), vlans in any::<bool>(),
    ) {
        let identifiers = Identifiers { keys: &["name", "id"], vlans };
        // A list and an object of one name cannot be merged, which the steps leave out.
        let mut merged = under.clone();
        lists(&mut merged, &over, identifiers).unwrap();
        prop_assert_eq!(&merged, &by_steps(&under, &over, identifiers));
        let mut owned = under;
        owned_lists(&mut owned, over, identifiers).unwrap();
        prop_assert_eq!(owned, merged);
    }
}

#[test]
fn an_object_identifies_nothing() {
    let mut under = vec![json!({"name": "a"})];
    let identifiers = Identifiers { keys: &["name"], vlans: false };
    assert!(lists(&mut under, &[json!({"name": {}})], identifiers).is_err());
    assert!(lists(&mut vec![json!({"name": [[]]})], &[], identifiers).is_err());
}
