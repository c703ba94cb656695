use serde_json::{Map, Value, json};

use super::{Effect, Finding, Obstacle, beyond, lint, lint_variable};
use crate::uci::Reason;
use crate::{Backend, Input};

fn found(config: Value) -> Vec<Finding> {
    let Value::Object(config) = config else { panic!("an object") };
    let input =
        Input { config: &config, templates: &[], context: &Map::new(), hostname: None, dsa: true };
    lint(Backend::OpenWrt, &input).unwrap()
}

fn described(value: &str) -> Vec<Finding> {
    found(json!({"general": {"hostname": "ap", "description": value}}))
}

#[test]
fn a_value_that_brings_an_option_is_named_with_it() {
    let [finding] = &described("x'\n\toption evil '1")[..] else { panic!("one finding") };
    assert_eq!(finding.pointer.as_deref(), Some("/general/description"));
    assert_eq!(finding.package, "system");
    assert_eq!(finding.section.as_deref(), Some("system"));
    assert_eq!(finding.option.as_deref(), Some("description"));
    let Effect::Adds(extras) = &finding.effect else { panic!("{finding:?}") };
    assert_eq!(extras[0].option.as_deref(), Some("evil"));
    assert_eq!(extras[0].section, None);
    assert_eq!(
        finding.to_string(),
        "/general/description: a device reads more than this value: option \"evil\""
    );
}

#[test]
fn sections_and_their_options_are_named() {
    let [finding] = &described("x'\n\nconfig rule 'open'\n\toption target 'ACCEPT")[..] else {
        panic!("one finding")
    };
    let Effect::Adds(extras) = &finding.effect else { panic!("{finding:?}") };
    assert_eq!(extras[0].section, Some(("rule".to_owned(), Some("open".to_owned()))));
    assert_eq!(extras[1].option.as_deref(), Some("target"));
}

#[test]
fn quotes_that_change_no_structure_are_nothing() {
    for value in ["pass''word", "'quoted'", "it''s \"me\"", "a\nb", "a\noption evil 1\nb", "\\", ""]
    {
        assert_eq!(described(value), [], "{value:?}");
    }
}

#[test]
fn options_of_which_nothing_is_left_are_named() {
    for value in ["    ", "        "] {
        let [finding] = &described(value)[..] else { panic!("one finding") };
        assert_eq!(finding.effect, Effect::Breaks(Obstacle::Emptied));
        assert_eq!(
            finding.to_string(),
            "/general/description: a device does not get this option: nothing is left of the value"
        );
    }
    // White space is a value like any other, and items of lists may be empty.
    for value in [" ", "     ", "\t", "a    b"] {
        assert_eq!(described(value), [], "{value:?}");
    }
    assert_eq!(found(json!({"dhcp": [{"config_name": "dnsmasq", "server": ["    "]}]})), []);
}

#[test]
fn a_lone_quote_adds_nothing_but_a_device_cannot_read_the_package() {
    let [finding] = &described("it's")[..] else { panic!("one finding") };
    assert_eq!(finding.effect, Effect::Breaks(Obstacle::Unreadable(Reason::OpenQuote)));
    assert!(!finding.adds());
}

#[test]
fn lone_quotes_that_work_together_add() {
    let findings = found(json!({"general": {
        "hostname": "ap", "alpha": "it's", "beta": " ; option evil 1 #'", "gamma": "x",
    }}));
    let adding: Vec<_> = findings.iter().filter(|finding| finding.adds()).collect();
    assert!(!adding.is_empty(), "{findings:?}");
    assert!(adding.iter().any(|finding| finding.to_string().contains("evil")), "{adding:?}");
}

#[test]
fn names_types_and_items_of_lists_are_values_too() {
    let evil = "x'\n\toption evil '1";
    for (config, pointer) in [
        (json!({"dhcp": [{"config_name": "dnsmasq", "server": ["a", evil]}]}), "/dhcp/0/server/1"),
        (
            json!({"dhcp": [{"config_name": "dnsmasq\n\toption evil", "a": "b"}]}),
            "/dhcp/0/config_name",
        ),
        (
            json!({"dhcp": [{"config_name": "dnsmasq", "config_value": evil}]}),
            "/dhcp/0/config_value",
        ),
        (
            json!({"dhcp": [{"config_name": "dnsmasq", "a 1\n\toption evil": "b"}]}),
            "/dhcp/0/a 1\n\toption evil",
        ),
        (
            json!({"dhcp\n\nconfig evil 'x'\n\toption y '1'\n\n": [{"config_name": "dnsmasq", "a": "b"}]}),
            "/dhcp\n\nconfig evil 'x'\n\toption y '1'\n\n",
        ),
    ] {
        let findings = found(config);
        assert!(findings[0].adds(), "{pointer:?}: {findings:?}");
        assert_eq!(findings[0].pointer.as_deref(), Some(pointer));
        assert!(format!("{findings:?}").contains("evil"), "{findings:?}");
    }
}

#[test]
fn equal_values_are_told_apart() {
    let evil = "x'\n\toption evil '1";
    let findings = found(json!({"interfaces": [
        {"name": "eth0", "type": "ethernet", "descr": evil},
        {"name": "eth1", "type": "ethernet", "descr": evil},
    ]}));
    let pointers: Vec<_> = findings.iter().filter_map(|it| it.pointer.as_deref()).collect();
    assert_eq!(pointers, ["/interfaces/0/descr", "/interfaces/1/descr"]);
    assert_eq!(beyond(&findings[..1], &findings), [&findings[1]]);
}

#[test]
fn other_values_of_one_extra_are_other_findings() {
    let one = described("x'\n\toption evil '1");
    assert!(beyond(&one, &described("y'\n\toption evil '1")).is_empty());
    assert_eq!(beyond(&one, &described("x'\n\toption evil '2")).len(), 1);
    assert!(beyond(&one, &[]).is_empty());
    // Less than before is nothing new, more is.
    let two = described("x'\n\toption evil '1'\n\toption other '1");
    assert!(beyond(&two, &one).is_empty());
    assert_eq!(beyond(&one, &two).len(), 1);
}

#[test]
fn secrets_are_not_repeated() {
    let said = format!("{:?}", described("hunter2'\n\toption evil 'hunter2"));
    assert!(said.contains("evil") && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_name_taken_by_another_type_makes_a_package_unreadable() {
    let findings = found(json!({"dhcp": [
        {"config_name": "dnsmasq", "config_value": "x"},
        {"config_name": "host", "config_value": "x"},
    ]}));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].effect, Effect::Breaks(Obstacle::Unreadable(Reason::TypeChanged)));
}

#[test]
fn a_variable_is_looked_at_as_if_it_were_an_option() {
    assert!(lint_variable(&json!("-----BEGIN KEY-----\nabc\n-----END KEY-----\n")).is_empty());
    assert!(lint_variable(&json!("it's")).is_empty());
    assert!(lint_variable(&json!(["a", "b"])).is_empty());
    assert_eq!(lint_variable(&json!("x'\n\toption evil '1")).len(), 1);
}

#[test]
fn taking_an_option_away_is_no_less_than_adding_one() {
    let findings = described("x'\n\toption hostname '");
    assert_eq!(findings.len(), 1);
    assert!(findings[0].adds() && findings[0].to_string().contains("hostname"), "{findings:?}");
}

#[test]
fn the_older_firmware_has_types_in_quotes() {
    let config = json!({"dhcp": [{"config_name": "t'\n\toption evil '1", "a": "b"}]});
    let input = Input {
        config: config.as_object().unwrap(),
        templates: &[],
        context: &Map::new(),
        hostname: None,
        dsa: false,
    };
    let findings = lint(Backend::OpenWisp, &input).unwrap();
    assert!(findings.iter().all(Finding::adds), "{findings:?}");
    assert!(findings.iter().any(|it| it.to_string().contains("evil")), "{findings:?}");
}

#[test]
fn findings_are_bounded() {
    let sections: Vec<Value> = (0..500)
        .map(
            |n| json!({"config_name": "t", "config_value": format!("s{n}"), "a": "x'\noption b 'c"}),
        )
        .collect();
    assert_eq!(found(json!({"dhcp": sections})).len(), super::MAX_FINDINGS);
}
