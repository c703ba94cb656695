//! What would become too much is refused before it is built.

use serde_json::{Map, Value, json};
use wisptrail_netjson::{Backend, Error, Input, Rendering, evaluate_vars, render};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn rendered(config: Value, templates: Vec<Value>, context: Value) -> Result<Rendering, Error> {
    let (config, context) = (object(config), object(context));
    let templates: Vec<_> = templates.into_iter().map(object).collect();
    let templates: Vec<_> = templates.iter().collect();
    let input = Input {
        config: &config,
        templates: &templates,
        context: &context,
        hostname: None,
        dsa: true,
    };
    render(Backend::OpenWrt, &input)
}

#[track_caller]
fn too_large(outcome: Result<Rendering, Error>) {
    match outcome {
        Err(error @ Error::TooLarge { .. }) => {
            assert!(error.to_string().contains("exceeds the limit of"), "{error}");
        }
        Err(other) => panic!("{other}"),
        Ok(rendering) => panic!("{} bytes of text", rendering.text().len()),
    }
}

const MEGABYTE: usize = 1 << 20;

#[test]
fn a_large_variable_used_often_is_not_put_in() {
    let context = json!({ "v": "x".repeat(MEGABYTE) });
    let in_one = "{{ v }}".repeat(10_000);
    too_large(rendered(json!({ "general": { "description": in_one } }), vec![], context.clone()));
    let in_many = vec!["{{ v }}"; 10_000];
    too_large(rendered(
        json!({ "custom": [{ "config_name": "t", "list": in_many }] }),
        vec![],
        context.clone(),
    ));
    let files: Vec<Value> = (0..1000)
        .map(|n| json!({ "path": format!("/etc/{n}"), "mode": "0644", "contents": "{{ v }}" }))
        .collect();
    too_large(rendered(json!({ "files": files }), vec![], context.clone()));
    let map = object(context);
    assert!(matches!(evaluate_vars(&json!(in_one), &map), Err(Error::TooLarge { .. })));
}

#[test]
fn layers_add_up() {
    let template = json!({ "general": { "description": "x".repeat(3 * MEGABYTE) } });
    too_large(rendered(json!({}), vec![template; 3], json!({})));
    let many: Vec<Value> = (0..60_000).map(|n| json!(n)).collect();
    let template = json!({ "custom": [{ "config_name": "t", "list": many }] });
    too_large(rendered(json!({}), vec![template; 2], json!({})));
}

#[test]
fn files_and_packages_of_their_own_add_up() {
    let contents = "x".repeat(MEGABYTE);
    let files: Vec<Value> = (0..20)
        .map(|n| json!({ "path": format!("/etc/{n}"), "mode": "0644", "contents": contents }))
        .collect();
    too_large(rendered(json!({ "files": files }), vec![], json!({})));
    let sections: Vec<Value> =
        (0..20).map(|_| json!({ "config_name": "t", "a": contents })).collect();
    too_large(rendered(json!({ "custom": sections }), vec![], json!({})));
}

#[test]
fn blocks_that_repeat_others_do_not_multiply() {
    // Every interface repeats the servers, every address the options of its interface.
    let servers: Vec<Value> = (0..2000).map(|n| json!(format!("2001:db8::{n:x}"))).collect();
    let interfaces: Vec<Value> = (0..2000)
        .map(|n| {
            json!({ "name": format!("e{n}"), "type": "ethernet", "addresses": [
            { "proto": "static", "family": "ipv4", "address": "10.0.0.1", "mask": 24 }] })
        })
        .collect();
    too_large(rendered(
        json!({ "dns_servers": servers, "interfaces": interfaces }),
        vec![],
        json!({}),
    ));
    let addresses = vec![json!({ "proto": "dhcp", "family": "ipv4" }); 3000];
    let interface = json!({ "name": "e", "type": "ethernet", "descr": "x".repeat(MEGABYTE), "addresses": addresses });
    let outcome = rendered(json!({ "interfaces": [interface] }), vec![], json!({}));
    assert!(outcome.is_err(), "addresses are unique, or too many");
}

#[test]
fn what_is_accepted_stays_bounded() {
    let contents = "x".repeat(7 * MEGABYTE);
    let file = json!({ "path": "/etc/large", "mode": "0644", "contents": contents });
    let rendering = rendered(json!({ "files": [file] }), vec![], json!({})).unwrap();
    assert!(rendering.text().len() < 8 * MEGABYTE);
    assert!(rendering.archive().bytes.len() < MEGABYTE);
}
