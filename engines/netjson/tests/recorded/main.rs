//! Odd configurations that the engine in the field accepts, or refuses, as it answered them: options under
//! names of others, values of other types, line ends. One case per line of `cases.jsonl`: `backend`, `config`
//! and perhaps `dsa`, `templates` and `context`; then `text` and the `md5` of the archive, or `path` and
//! `message` of the refusal.

use serde_json::{Map, Value};
use wisptrail_netjson::{Backend, Error, Input, render};

const CASES: &str = include_str!("cases.jsonl");

fn backend(name: &str) -> Backend {
    match name {
        "openwrt" => Backend::OpenWrt,
        "openwisp" => Backend::OpenWisp,
        "openvpn" => Backend::OpenVpn,
        "wireguard" => Backend::Wireguard,
        "vxlan_wireguard" => Backend::VxlanWireguard,
        "zerotier" => Backend::ZeroTier,
        other => panic!("{other} is no backend"),
    }
}

#[test]
fn what_was_recorded_is_answered_the_same() {
    let (mut rendered, mut refused) = (0, 0);
    for (number, line) in (1..).zip(CASES.lines()) {
        let case: Map<String, Value> = serde_json::from_str(line).unwrap();
        let text = |key: &str| case.get(key).and_then(Value::as_str);
        let object = |value: &Value| value.as_object().unwrap().clone();
        let backend = backend(text("backend").unwrap());
        let dsa = case.get("dsa").and_then(Value::as_bool).unwrap_or(backend.default_dsa());
        let (config, context) =
            (object(&case["config"]), case.get("context").map(object).unwrap_or_default());
        let templates = case.get("templates").and_then(Value::as_array).into_iter().flatten();
        let templates: Vec<&Map<String, Value>> =
            templates.map(|template| template.as_object().unwrap()).collect();
        let input = Input {
            config: &config,
            templates: &templates,
            context: &context,
            hostname: None,
            dsa,
        };
        match render(backend, &input) {
            Ok(rendering) => {
                assert_eq!(Some(rendering.text()), text("text"), "case {number}: {line}");
                if let Some(md5) = text("md5") {
                    assert_eq!(rendering.checksum(), md5, "case {number}: {line}");
                }
                rendered += 1;
            }
            Err(Error::Invalid(error)) => {
                let found = (Some(&*error.path), Some(&*error.message));
                assert_eq!(found, (text("path"), text("message")), "case {number}");
                refused += 1;
            }
            Err(error) => panic!("case {number}: {error}"),
        }
    }
    assert!(rendered > 50 && refused > 5, "{rendered} rendered, {refused} refused");
}
