//! Devices that share merged templates get what each would get alone.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wisptrail_netjson::{Backend, Input, TemplateCache, TemplateHash, merge, render, render_over};

type Document = Map<String, Value>;

fn document(value: Value) -> Document {
    value.as_object().cloned().unwrap_or_default()
}

/// Layers of a valid configuration; several of them name the same blocks.
fn layer() -> impl Strategy<Value = Document> {
    let interface =
        (0..4_u8, any::<bool>(), prop::option::of(1000..1500_u32)).prop_map(|(n, dhcp, mtu)| {
            let mut interface = json!({"name": format!("eth{n}"), "type": "ethernet"});
            if dhcp {
                interface["addresses"] = json!([{"proto": "dhcp", "family": "ipv4"}]);
            }
            if let Some(mtu) = mtu {
                interface["mtu"] = mtu.into();
            }
            interface
        });
    let file = (0..3_u8, "[a-z{} ]{0,12}").prop_map(
        |(n, text)| json!({"path": format!("/etc/{n}"), "mode": "0644", "contents": text}),
    );
    let section = (0..3_u8, "[a-z' ]{0,8}").prop_map(
        |(n, text)| json!({"config_name": "x", "config_value": format!("s{n}"), "text": text}),
    );
    (vec(interface, 0..3), vec(file, 0..2), vec(section, 0..3), prop::option::of("[a-z]{2,8}"))
        .prop_map(|(mut interfaces, mut files, custom, host)| {
            interfaces.dedup_by(|a, b| a["name"] == b["name"]);
            files.dedup();
            let mut layer = json!({"interfaces": interfaces, "files": files, "custom": custom});
            if let Some(host) = host {
                layer["general"] = json!({"hostname": host, "description": "{{ a }}"});
            }
            document(layer)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_changes_no_byte(
        templates in vec(layer(), 0..4), configs in vec(layer(), 1..4), value in "[a-z {}]{0,6}",
    ) {
        let context = document(json!({"a": value}));
        let templates: Vec<&Document> = templates.iter().collect();
        let hashes: Vec<_> = templates.iter().copied().map(TemplateHash::of).collect();
        let cache = TemplateCache::new(1);
        for config in &configs {
            let input = |templates| Input { config, templates, context: &context, hostname: None, dsa: true };
            let alone = render(Backend::OpenWrt, &input(&templates));
            let shared = cache
                .merged(Backend::OpenWrt, &hashes, &templates)
                .and_then(|merged| render_over(Backend::OpenWrt, &merged, &input(&[])));
            match (alone, shared) {
                (Ok(alone), Ok(shared)) => {
                    prop_assert_eq!(&alone, &shared);
                    prop_assert_eq!(alone.archive(), shared.archive());
                    prop_assert_eq!(alone.checksum(), &alone.archive().md5);
                }
                (Err(alone), Err(shared)) => prop_assert_eq!(alone.to_string(), shared.to_string()),
                (alone, shared) => prop_assert!(false, "{:?}\n{:?}", alone, shared),
            }
        }
    }
}

/// Objects of which no list holds two elements with one key, and of which every list holds elements of
/// one kind: objects with a name, or texts.
fn keyed(depth: u32) -> BoxedStrategy<Document> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
        Just(Value::Null),
    ];
    let names = prop::collection::btree_set("[a-c]", 0..3);
    let inner = if depth == 0 { Just(Document::new()).boxed() } else { keyed(depth - 1) };
    let elements = (names, inner.clone()).prop_map(|(names, rest)| {
        names
            .into_iter()
            .map(|name| {
                let mut element = document(json!({"name": name}));
                element.extend(
                    rest.iter().filter(|(key, _)| *key == "o").map(|(k, v)| (k.clone(), v.clone())),
                );
                Value::Object(element)
            })
            .collect::<Vec<Value>>()
    });
    let scalars = vec(("[s-v]", scalar), 0..3);
    // A key holds values of one kind on every layer: what cannot be merged is another matter.
    (scalars, prop::option::of(elements), prop::option::of(inner))
        .prop_map(|(scalars, list, object)| {
            let mut map: Document = scalars.into_iter().collect();
            map.extend(list.map(|list| ("l".to_owned(), list.into())));
            map.extend(object.map(|object| ("o".to_owned(), object.into())));
            map
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn merging_keyed_lists_is_associative_and_idempotent(
        a in keyed(2), b in keyed(2), c in keyed(2),
    ) {
        let on = |under: &Document, over: &Document| merge(under, over, &["name"]).unwrap();
        prop_assert_eq!(on(&on(&a, &b), &c), on(&a, &on(&b, &c)));
        prop_assert_eq!(on(&a, &a), a);
    }
}

/// The archive is one that Debian's `tar` unpacks, names, modes and contents. Where there is no `tar`,
/// nothing is tried.
#[test]
fn tar_unpacks_the_archive() {
    let long = format!("/etc/{}/x", "very-long-name".repeat(9));
    let config = document(json!({
        "general": {"hostname": "router", "description": "ü"},
        "interfaces": [{"name": "eth0", "type": "ethernet"}],
        "files": [
            {"path": "/etc/one", "mode": "0600", "contents": "1\n"},
            {"path": long, "mode": "0755", "contents": "ü".repeat(3000)},
        ],
    }));
    let context = Document::new();
    let input =
        Input { config: &config, templates: &[], context: &context, hostname: None, dsa: true };
    let rendering = render(Backend::OpenWrt, &input).unwrap();
    let tar = |arguments: &[&str]| {
        let child = Command::new("tar")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else { return None };
        child.stdin.take().unwrap().write_all(&rendering.archive().bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        Some(String::from_utf8(output.stdout).unwrap())
    };
    let Some(names) = tar(&["-tzf", "-"]) else { return };
    let expected: Vec<&str> = rendering.files().iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names.lines().collect::<Vec<_>>(), expected);
    for file in rendering.files() {
        let contents = tar(&["-xzOf", "-", &file.path]).unwrap();
        assert_eq!(contents.as_bytes(), file.contents, "{}", file.path);
        let listed = tar(&["-tvzf", "-", &file.path]).unwrap();
        let mode = match file.mode {
            0o600 => "-rw-------",
            0o755 => "-rwxr-xr-x",
            _ => "-rw-r--r--",
        };
        assert!(listed.starts_with(mode), "{listed}");
    }
}
