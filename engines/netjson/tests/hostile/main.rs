//! Configurations that are meant to smuggle something in: where the lint says that nothing is added,
//! a device that reads on after errors finds only what was planned.

mod device;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wisptrail_netjson::uci::{self, Setting};
use wisptrail_netjson::{Backend, Input, Rendering, beyond, render};

use self::device::{Section, read};

/// Text made of what is special to somebody on the way.
fn hostile() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "'", "'", "'", "\"", "\\", "\n", "\n", "\r", "\r\n", "\t", " ", " ", "    ", ";", "#",
        "'\\''", "''", "\\\n", "\n\n\n", "=", ".", "-", "é", "\u{b}", "{{ a }}", "{{", "}}",
    ]);
    let word = prop::sample::select(vec![
        "config", "option", "list", "package", "c", "o", "l", "p", "evil", "t", "s", "k", "z", "1",
        "uci",
    ]);
    let line = prop::sample::select(vec![
        "'\n\toption evil '1",
        "'\n\nconfig evil 'x",
        "\noption evil 1",
        "\nconfig evil x\n",
        "' x option evil '1",
        "x!\nconfig c d\n",
        "\nlist evil 1\n#",
        " ; option evil 1 #",
        "'#",
        "#'",
        "\noption k ''\n",
        "\nconfig t s\n",
        "' '",
        "\npackage evil\n",
        "\noption",
        "\nconfig",
        "option evil ",
        "'\\\n",
    ]);
    let piece = prop_oneof![
        5 => special.prop_map(str::to_owned),
        4 => word.prop_map(str::to_owned),
        2 => line.prop_map(str::to_owned),
        1 => "[a-z]{1,3}",
    ];
    vec(piece, 1..7).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![5 => "[a-z]{1,4}( [a-z]{1,4})?".boxed(), 2 => hostile().boxed()]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![12 => "[a-z_]{1,3}".boxed(), 1 => hostile().boxed()]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        5 => text().prop_map(Value::from),
        2 => vec(text(), 0..3).prop_map(Value::from),
        1 => vec((name(), text()), 0..2)
            .prop_map(|map| map.into_iter().map(|(key, text)| (key, json!(text))).collect()),
        1 => Just(json!("{{ a }}{{ b }}")),
        1 => Just(json!("x{{ b }}")),
        1 => prop_oneof![any::<bool>().prop_map(Value::from), Just(Value::Null), Just(json!(7))],
    ]
}

fn config() -> impl Strategy<Value = Value> {
    let section = (name(), prop::option::of(name()), vec((name(), value()), 0..4)).prop_map(
        |(kind, name, options)| {
            let mut section = Map::from_iter([("config_name".to_owned(), Value::from(kind))]);
            section.extend(name.map(|name| ("config_value".to_owned(), name.into())));
            section.extend(options);
            Value::Object(section)
        },
    );
    let packages = vec((name(), vec(section, 1..4)), 1..3);
    (packages, text(), name(), text(), text(), any::<bool>()).prop_map(
        |(packages, description, led, ssid, key, blocks)| {
            let mut config = if blocks {
                json!({
                    "general": {"hostname": "ap", "description": description, "maintainer": ssid},
                    "led": [{"name": led, "sysfs": "x", "trigger": "none"}],
                    "interfaces": [{"name": "wlan0", "type": "wireless", "wireless": {
                        "radio": "radio0", "mode": "access_point", "ssid": "field", "x": ssid,
                        "encryption": {"protocol": "wpa2_personal", "key": format!("secret{key}")},
                    }, "dns": [description, key]}],
                    "files": [{"path": "/etc/config/other", "mode": "0644", "contents": key}],
                })
            } else {
                json!({})
            };
            for (name, sections) in packages {
                config[name] = Value::from(sections);
            }
            config
        },
    )
}

fn rendered(backend: Backend, config: &Value, context: &Value) -> Option<Rendering> {
    let (config, context) = (config.as_object()?, context.as_object()?);
    let input = Input { config, templates: &[], context, hostname: None, dsa: true };
    render(backend, &input).ok()
}

/// Whatever blanks and line ends the writer takes out or puts in.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What a device reads that nobody planned.
fn unplanned(plan: &uci::Package, read: &[Section]) -> Vec<String> {
    let mut found = Vec::new();
    for section in read {
        let named = || {
            let name = Some(section.name.as_str()).filter(|name| !name.is_empty());
            plan.sections.iter().filter(move |it| it.name.as_deref() == name)
        };
        if !named().any(|it| it.kind == section.kind) {
            found.push(format!("{section:?}"));
        }
        for (option, values) in &section.options {
            let planned = |it: &uci::Section| match it.get(option).map(|entry| &entry.setting) {
                // An option of its own for every section of that name.
                Some(Setting::Option(text)) => vec![text.clone()],
                Some(Setting::List(texts)) => texts.clone(),
                None => Vec::new(),
            };
            let planned: Vec<String> = named().flat_map(planned).collect();
            let is_planned = |value: &String| {
                planned.iter().any(|it| it.contains('\'') || dense(it) == dense(value))
            };
            if planned.is_empty() || !values.iter().all(is_planned) || values.len() > planned.len()
            {
                found.push(format!("{option} {values:?} in {:?} {:?}", section.kind, section.name));
            }
        }
    }
    found
}

fn files(rendering: &Rendering) -> impl Iterator<Item = (uci::Package, &[u8])> {
    let plan = rendering.planned();
    plan.packages.into_iter().filter_map(|package| {
        let paths = [format!("etc/config/{}", package.name), format!("uci/{}.conf", package.name)];
        let file = rendering.files().iter().find(|file| paths.contains(&file.path))?;
        Some((package, &file.contents[..]))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1200, ..ProptestConfig::default() })]

    #[test]
    fn where_nothing_is_added_only_the_plan_is_read(
        config in config(), a in text(), b in text(), older in any::<bool>(),
    ) {
        let backend = if older { Backend::OpenWisp } else { Backend::OpenWrt };
        let Some(rendering) = rendered(backend, &config, &json!({"a": a, "b": b})) else { return Ok(()) };
        let findings = rendering.findings();
        for (package, file) in files(&rendering) {
            let adds = findings.iter().any(|it| it.package == package.name && it.adds());
            let found = unplanned(&package, &read(file));
            prop_assert!(adds || found.is_empty(), "{found:?} in {:?}", String::from_utf8_lossy(file));
        }
        prop_assert!(beyond(&findings, &findings).is_empty());
    }

    #[test]
    fn a_device_reads_what_the_reader_reads(lines in vec(hostile(), 1..6)) {
        let file = format!("config t\n\toption a '{}'\n", lines.join("\n"));
        let (document, _) = uci::Document::read_package_leniently("p", &file);
        let known: Vec<Section> = document.packages[0].sections.iter().map(|section| Section {
            kind: section.kind.clone(),
            name: section.name.clone().unwrap_or_default(),
            options: section.options().map(|(name, entry)| (name.to_owned(), match &entry.setting {
                Setting::Option(text) => vec![text.clone()],
                Setting::List(texts) => texts.clone(),
            })).collect(),
        }).collect();
        prop_assert_eq!(known, read(file.as_bytes()), "{:?}", file);
    }
}

/// Most of what the strategy makes is worth looking at: much of it adds, and much does not.
#[test]
fn the_strategy_is_of_both_kinds() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut adding, mut silent, mut broken) = (0, 0, 0);
    for _ in 0..300 {
        let config = config().new_tree(&mut runner).map(|tree| tree.current()).unwrap();
        let Some(rendering) = rendered(Backend::OpenWrt, &config, &json!({"a": "'", "b": "x"}))
        else {
            continue;
        };
        let findings = rendering.findings();
        if findings.iter().any(wisptrail_netjson::Finding::adds) {
            adding += 1;
        } else if findings.is_empty() {
            silent += 1;
        } else {
            broken += 1;
        }
    }
    assert!(adding > 30 && silent > 30 && broken > 10, "{adding} {silent} {broken}");
}
