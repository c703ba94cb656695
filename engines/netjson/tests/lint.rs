//! Where the lint is silent, somebody else's reading of the text gives the planned sections.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wisptrail_netjson::uci::Setting;
use wisptrail_netjson::{Backend, Input, Rendering, render};

/// Options of a section by name, with the number of values of lists.
type Options = BTreeMap<String, usize>;
/// Type, name and options; sections without a name are told apart by their place.
type Sections = BTreeMap<(String, String), Options>;

/// Splits a file of UCI into commands of words, character by character.
fn commands(text: &str) -> Option<Vec<Vec<String>>> {
    let mut commands = Vec::new();
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut characters = text.chars().chain(['\n']).peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        '\0' => return None,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => match characters.next()? {
                            '\n' => {}
                            '\r' if characters.next_if_eq(&'\n').is_some() => {}
                            escaped => word.push(escaped),
                        },
                        '\0' => return None,
                        inner => word.push(inner),
                    }
                }
            }
            // A line that goes on is a word, even if nothing more of it comes.
            '\\' => {
                let word = word.get_or_insert_default();
                match characters.next()? {
                    '\n' => {}
                    '\r' if characters.next_if_eq(&'\n').is_some() => {}
                    escaped => word.push(escaped),
                }
            }
            // What follows depends on how much of the line was quoted; nothing planned has it.
            ';' | '\0' => return None,
            '\n' => {
                words.extend(word.take());
                if !words.is_empty() {
                    commands.push(std::mem::take(&mut words));
                }
            }
            '#' => while characters.next_if(|next| *next != '\n').is_some() {},
            white if white.is_ascii_whitespace() || white == '\x0b' => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    Some(commands)
}

/// What a device gets to know from a file; nothing if it does not accept it.
fn read(text: &str) -> Option<Sections> {
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let mut sections = Sections::new();
    let mut open = None;
    for (number, command) in commands(text)?.into_iter().enumerate() {
        let [word, first, rest @ ..] = &command[..] else { return None };
        if rest.len() > 1 {
            return None;
        }
        let second = rest.first().cloned().unwrap_or_default();
        match word.as_str() {
            "config" => {
                if first.is_empty()
                    || !first.bytes().all(|b| b.is_ascii_graphic())
                    || !is_name(&second)
                {
                    return None;
                }
                let name = if second.is_empty() { format!(" {number}") } else { second };
                if sections.keys().any(|(kind, known)| *known == name && kind != first) {
                    return None;
                }
                let place = (first.clone(), name);
                sections.entry(place.clone()).or_default();
                open = Some(place);
            }
            "option" | "list" => {
                if first.is_empty() || !is_name(first) {
                    return None;
                }
                let options = sections.get_mut(open.as_ref()?)?;
                if word == "list" {
                    *options.entry(first.clone()).or_default() += 1;
                } else if second.is_empty() {
                    options.remove(first);
                } else {
                    options.insert(first.clone(), 1);
                }
            }
            _ => return None,
        }
    }
    Some(sections)
}

/// The same from the plan.
fn planned(package: &wisptrail_netjson::uci::Package) -> Sections {
    let mut sections = Sections::new();
    for (number, section) in package.sections.iter().enumerate() {
        let name = section.name.clone().unwrap_or_else(|| format!(" {number}"));
        let options = sections.entry((section.kind.clone(), name)).or_default();
        for (option, entry) in section.options() {
            match &entry.setting {
                Setting::Option(_) => options.insert(option.to_owned(), 1),
                Setting::List(values) => {
                    let known = options.get(option).copied().unwrap_or_default();
                    options.insert(option.to_owned(), known + values.len())
                }
            };
        }
    }
    sections
}

/// Sections without a name in their order, as only that is comparable.
fn comparable(sections: Sections) -> Vec<((String, String), Options)> {
    let mut all: Vec<_> = sections.into_iter().collect();
    let number = |name: &str| name.trim_start().parse::<usize>().unwrap_or(0);
    all.sort_by_key(|((kind, name), _)| match name.strip_prefix(' ') {
        Some(_) => (1, number(name), String::new(), String::new()),
        None => (0, 0, kind.clone(), name.clone()),
    });
    for ((_, name), _) in &mut all {
        if name.starts_with(' ') {
            name.clear();
        }
    }
    all
}

fn rendered(config: &Value) -> Option<Rendering> {
    let input = Input {
        config: config.as_object()?,
        templates: &[],
        context: &Map::new(),
        hostname: None,
        dsa: true,
    };
    render(Backend::OpenWrt, &input).ok()
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z_]{1,4}",
        4 => prop::sample::select(vec!["'", "\n", " ", "\"", "\\", ";", "#", "\t", "-", "\r", "    "])
            .prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            "'\n\toption evil '1", "'\n\nconfig evil 'x", "\noption a 'b'", "\nlist x 'y'", "''",
            "'\n#", "package evil\n", "\n\n\n", " ; option evil 1 #",
        ])
        .prop_map(str::to_owned),
    ];
    vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

/// Mostly harmless, so that many configurations are silent.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z_]{1,6}".boxed(), 1 => hostile().boxed()]
}

fn config() -> impl Strategy<Value = Value> {
    let option = (
        piece(),
        prop_oneof![
            piece().prop_map(Value::from),
            vec(piece(), 0..3).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            (0..99).prop_map(Value::from),
        ],
    );
    let section = (piece(), prop::option::of(piece()), vec(option, 0..4)).prop_map(
        |(kind, name, options)| {
            let mut section = Map::from_iter([("config_name".to_owned(), Value::from(kind))]);
            section.extend(name.map(|name| ("config_value".to_owned(), name.into())));
            section.extend(options);
            Value::Object(section)
        },
    );
    (piece(), vec(section, 1..4), piece(), piece(), vec(piece(), 0..3)).prop_map(
        |(package, sections, description, led, names)| {
            json!({
                "general": {"hostname": "ap", "description": description},
                "led": [{"name": led, "sysfs": "x", "trigger": "none"}],
                "dns_servers": names,
                "interfaces": [{"name": "eth0", "type": "ethernet", "descr": description,
                    "addresses": [{"proto": "static", "family": "ipv4", "address": "10.0.0.1", "mask": 24}]}],
                package: sections,
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn where_nothing_is_found_the_plan_is_read(config in config()) {
        let Some(rendering) = rendered(&config) else { return Ok(()) };
        let findings = rendering.findings();
        let plan = rendering.planned();
        for package in &plan.packages {
            let path = format!("etc/config/{}", package.name);
            let file = rendering.files().iter().find(|file| file.path == path).unwrap();
            let text = std::str::from_utf8(&file.contents).unwrap();
            let read = read(text).map(comparable);
            let wanted = Some(comparable(planned(package)));
            if findings.iter().all(|finding| finding.package != package.name) {
                prop_assert_eq!(read, wanted, "{}", text);
            } else if findings.iter().all(|finding| !finding.adds()) {
                // What cannot be read brings nothing in.
                let extra = read.into_iter().flatten().find(|(place, options)| {
                    let known = wanted.iter().flatten().find(|(known, _)| known == place);
                    known.is_none_or(|(_, known)| options.keys().any(|key| !known.contains_key(key)))
                });
                prop_assert_eq!(extra, None, "{}", text);
            }
        }
    }
}
