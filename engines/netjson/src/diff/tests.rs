use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{FileChange, FilesDiff, UciDiff};
use crate::uci::{Document, Setting};
use crate::{Backend, File, Input, Rendering, render};

fn rendered(config: Value) -> Rendering {
    let Value::Object(config) = config else { panic!("an object") };
    let context = Map::new();
    let input =
        Input { config: &config, templates: &[], context: &context, hostname: None, dsa: true };
    render(Backend::OpenWrt, &input).unwrap()
}

#[test]
fn options_lists_and_sections_are_told_by_name() {
    let before = rendered(json!({
        "general": {"hostname": "one"},
        "ntp": {"enabled": true, "server": ["a.example", "b.example"]},
        "led": [{"name": "lan", "sysfs": "x", "trigger": "none"}],
    }));
    let after = rendered(json!({
        "general": {"hostname": "two", "maintainer": "me"},
        "ntp": {"enabled": true, "server": ["a.example", "c.example"]},
        "dhcp": [{"config_name": "dnsmasq", "config_value": "main", "port": 53}],
    }));
    let diff = UciDiff::between(&before, &after);
    let names: Vec<_> = diff.packages.iter().map(|it| (it.name.as_str(), it.change)).collect();
    assert_eq!(names, [("system", FileChange::Changed), ("dhcp", FileChange::Added)]);
    let sections: Vec<_> =
        diff.packages[0].sections.iter().map(|it| (it.name.as_str(), it.change)).collect();
    assert_eq!(
        sections,
        [
            ("system", FileChange::Changed),
            ("ntp", FileChange::Changed),
            ("led_lan", FileChange::Removed)
        ]
    );
    let system = &diff.packages[0].sections[0].options;
    assert_eq!(system[0].name, "hostname");
    assert_eq!(system[0].before, Some(Setting::Option("one".into())));
    assert_eq!(system[0].after, Some(Setting::Option("two".into())));
    assert_eq!((system[1].name.as_str(), system[1].change()), ("maintainer", FileChange::Added));
    let [server] = &diff.packages[0].sections[1].options[..] else { panic!("one option") };
    let list = |names: [&str; 2]| Some(Setting::List(names.map(str::to_owned).to_vec()));
    assert_eq!(server.before, list(["a.example", "b.example"]));
    assert_eq!(server.after, list(["a.example", "c.example"]));
    assert!(UciDiff::between(&after, &after).is_empty());

    // The files say the same.
    let files = FilesDiff::between(&before, &after);
    let told: Vec<_> = files.files.iter().filter_map(|file| file.sections.clone()).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[1], diff.packages[0]);
    assert_eq!(told[0], diff.packages[1]);
}

#[test]
fn sections_without_a_name_are_told_by_their_position() {
    let read = |text: &str| Document::read_package("firewall", text).unwrap();
    let before = read("config rule\n\toption a '1'\nconfig rule\n\toption a '2'\n");
    let after = read("config rule\n\toption a '1'\nconfig rule\n\toption a '3'\n");
    let diff = UciDiff::of(&before, &after);
    assert_eq!(diff.packages[0].sections.len(), 1);
    assert_eq!(diff.packages[0].sections[0].name, "@rule[1]");
}

#[test]
fn other_files_have_no_sections_and_what_is_too_much_is_cut() {
    let file = |path: &str, text: &str| {
        let contents = text.to_owned().into_bytes();
        BTreeMap::from([(path.to_owned(), File { path: path.to_owned(), mode: 0o644, contents })])
    };
    let diff = FilesDiff::of(file("etc/a", "a\n"), file("etc/a", "b\n"));
    assert_eq!(diff.files[0].sections, None);
    let sections = (0..6000).map(|n| format!("config t s{n}\n\toption a 'b'\n"));
    let many = sections.collect::<Vec<_>>().concat();
    let diff = FilesDiff::of(BTreeMap::new(), file("etc/config/x", &many));
    let package = diff.files[0].sections.as_ref().unwrap();
    assert!(package.cut && diff.cut);
    assert_eq!(package.sections.len(), 5000);
}
