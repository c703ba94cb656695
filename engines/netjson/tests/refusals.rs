//! What the schema lets through and no device can use is refused, with the place that is wrong.

use serde_json::{Map, Value, json};
use wisptrail_netjson::{
    Backend, Error, Input, MAX_VIOLATIONS, render, violations, vpn_server_violations,
};

/// The refusal of `config`, as path and message; none if it renders.
fn refusal(config: &Value) -> Option<(String, String)> {
    let nothing = Map::new();
    let config = config.as_object().unwrap_or(&nothing);
    [true, false].into_iter().find_map(|dsa| {
        let input = Input { config, templates: &[], context: &nothing, hostname: None, dsa };
        match render(Backend::OpenWrt, &input) {
            Ok(_) => None,
            Err(Error::Invalid(error)) => Some((error.path, error.message)),
            Err(other) => Some((String::new(), other.to_string())),
        }
    })
}

#[test]
fn the_place_is_named() {
    let address = |mask: i32| json!({"proto": "static", "family": "ipv4", "address": "10.0.0.1", "mask": mask});
    for (config, place) in [
        (
            json!({"routes": [{"device": "eth0", "destination": "here", "next": "", "cost": 0}]}),
            "/routes/0/destination",
        ),
        (
            json!({"interfaces": [{"name": "br-lan", "type": "bridge", "bridge_members": ["eth0"],
                "vlan_filtering": [{"vlan": 1}, {"ports": []}]}]}),
            "/interfaces/0/vlan_filtering/1",
        ),
        (
            json!({"interfaces": [{"name": "eth0", "type": "ethernet", "addresses": [address(33)]}]}),
            "/interfaces/0/addresses/0/mask",
        ),
        (json!({"firewall": [{"config_name": "zone", "config_value": 5}]}), "/firewall"),
    ] {
        let found = refusal(&config);
        assert_eq!(found.as_ref().map(|(path, _)| path.as_str()), Some(place), "{found:?}");
    }
}

#[test]
fn radios_say_what_they_speak() {
    let radio = json!({"name": "radio0", "phy": "phy0", "driver": "mac80211", "channel": 1,
        "channel_width": 20});
    assert!(refusal(&json!({"radios": [radio]})).is_some());
    let radio = json!({"name": "radio0", "phy": "phy0", "driver": "mac80211", "channel": 0,
        "channel_width": 20, "protocol": "802.11n"});
    let found = refusal(&json!({"radios": [radio]}));
    assert_eq!(found.map(|(path, _)| path), Some("/".to_owned()));
}

#[test]
fn tunnels_may_have_no_addresses_yet() {
    let tunnel = json!({"name": "wg0", "type": "wireguard", "private_key": "k"});
    assert_eq!(refusal(&json!({"interfaces": [tunnel]})), None);
}

#[test]
fn all_errors_are_listed_and_the_nearest_alternative_explains_itself() {
    let config = json!({
        "interfaces": [{"name": "eth0", "type": "ethernet", "mtu": 5}],
        "routes": [{"device": "eth0"}],
        "files": [{"path": "/../a", "mode": "0644", "contents": ""}],
    });
    let found = violations(Backend::OpenWrt, config.as_object().unwrap());
    let places: Vec<_> = found.iter().map(|found| (found.pointer.as_str(), found.rule)).collect();
    let expected = [
        ("/interfaces/0", "oneOf"),
        ("/routes/0", "required"),
        ("/routes/0", "required"),
        ("/routes/0", "required"),
        ("/files/0/path", "path"),
    ];
    assert_eq!(places, expected);
    assert!(found[0].accepted.as_array().unwrap().contains(&json!("Network interface")));
    let [cause] = &found[0].causes[..] else { panic!("{:?}", found[0].causes) };
    assert_eq!((cause.pointer.as_str(), cause.rule), ("/interfaces/0/mtu", "minimum"));
    assert_eq!(cause.accepted, 68);

    let many: Vec<_> = (0..1000).map(|_| json!({})).collect();
    let config = json!({"led": many});
    assert_eq!(violations(Backend::OpenWrt, config.as_object().unwrap()).len(), MAX_VIOLATIONS);
}

#[test]
fn servers_of_networks_have_rules_of_their_own() {
    let config = json!({"wireguard": []});
    let config = config.as_object().unwrap();
    assert_eq!(violations(Backend::Wireguard, config), []);
    let found = vpn_server_violations(Backend::Wireguard, config);
    assert_eq!(found.first().map(|found| found.rule), Some("minItems"));
    assert_eq!(vpn_server_violations(Backend::OpenWrt, config), []);
}
