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

/// What is wrong with `interfaces`, as places; the same whether it is checked or rendered.
fn filtering(interfaces: &Value) -> Vec<String> {
    let (config, nothing) = (json!({ "interfaces": interfaces }), Map::new());
    let config = config.as_object().expect("an object");
    let found = violations(Backend::OpenWrt, config);
    let input = Input { config, templates: &[], context: &nothing, hostname: None, dsa: true };
    match render(Backend::OpenWrt, &input) {
        Ok(_) => assert_eq!(found, []),
        Err(Error::Invalid(error)) => assert_eq!(error, found[0].error),
        Err(other) => panic!("{other}"),
    }
    // Before OpenWrt 21 it says nothing.
    assert!(render(Backend::OpenWrt, &Input { dsa: false, ..input }).is_ok());
    assert!(found.iter().all(|found| found.rule == "vlan_filtering"), "{found:?}");
    found.into_iter().map(|found| found.pointer).collect()
}

#[test]
fn vlans_that_no_device_can_filter_are_refused() {
    let wifi = |filtering: Value| {
        json!({"name": "wlan0", "type": "wireless", "vlan_filtering": filtering, "wireless": {
            "radio": "radio0", "mode": "access_point", "ssid": "mast"}})
    };
    let vlans = json!([{"vlan": 1, "ports": [{"ifname": "lan1", "tagging": "t"}]}, {"vlan": 2}]);
    let lan = json!({"name": "lan", "type": "ethernet"});
    // Nothing stands before its VLANs.
    assert_eq!(filtering(&json!([wifi(vlans.clone())])), ["/interfaces/0/vlan_filtering"]);
    assert_eq!(filtering(&json!([wifi(vlans.clone()), lan])), ["/interfaces/0/vlan_filtering"]);
    let mut first = lan.clone();
    first["vlan_filtering"] = vlans.clone();
    assert_eq!(filtering(&json!([first])), ["/interfaces/0/vlan_filtering"]);
    first["mtu"] = 1400.into();
    assert!(filtering(&json!([first])).is_empty());
    assert!(filtering(&json!([lan, wifi(vlans.clone())])).is_empty());
    for (nothing, fine) in [
        (json!([]), true),
        (json!(""), true),
        (json!({}), true),
        (json!(null), false),
        (json!(false), false),
        (json!(1), false),
        (json!("1"), false),
        (json!({"vlan": 1}), false),
    ] {
        assert_eq!(filtering(&json!([lan, wifi(nothing)])).is_empty(), fine);
    }
    for (vlan, place) in [
        (json!({"ports": []}), "/1"),
        (json!({"vlan": 3, "ports": null}), "/1/ports"),
        (json!({"vlan": 3, "ports": [{"ifname": "a"}, {}]}), "/1/ports/1"),
        (json!(7), "/1"),
    ] {
        let found = filtering(&json!([lan, wifi(json!([{"vlan": 1}, vlan]))]));
        assert_eq!(found, [format!("/interfaces/1/vlan_filtering{place}")]);
    }
    let vlan = json!({"name": "lan", "type": "8021q", "vid": 7, "vlan_filtering": vlans});
    assert_eq!(filtering(&json!([vlan])), ["/interfaces/0/vlan_filtering"]);
    let bridge = json!({"name": "br-lan", "type": "bridge", "bridge_members": ["lan1"],
        "vlan_filtering": [{"vlan": 1}, {"ports": []}]});
    assert_eq!(filtering(&json!([bridge])), ["/interfaces/0/vlan_filtering/1"]);
}

#[test]
fn vlans_of_other_devices_than_bridges_have_their_sections() {
    let config = json!({"interfaces": [
        {"name": "lan", "type": "ethernet", "network": "home", "mtu": 1400, "vlan_filtering": [
            {"vlan": 7, "ports": [{"ifname": "lan1", "tagging": "t", "primary_vid": true}]}]},
        {"name": "lan.7", "type": "ethernet", "network": "guests", "mtu": 1300},
    ]});
    let nothing = Map::new();
    let config = config.as_object().unwrap();
    let input = Input { config, templates: &[], context: &nothing, hostname: None, dsa: true };
    assert_eq!(
        render(Backend::OpenWrt, &input).unwrap().text(),
        "package network\n\n\
         config device 'device_home'\n\toption mtu '1400'\n\toption name 'lan'\n\n\
         config bridge-vlan 'vlan_home_7'\n\toption device 'lan'\n\tlist ports 'lan1:t*'\n\
         \toption vlan '7'\n\n\
         config interface 'home_7'\n\toption device 'lan.7'\n\toption proto 'none'\n\n\
         config interface 'home'\n\toption device 'lan'\n\toption proto 'none'\n\n\
         config interface 'guests'\n\toption device 'lan.7'\n\toption proto 'none'\n"
    );
}

#[test]
fn errors_of_the_whole_have_a_place_all_the_same() {
    let radio = |band: &str| {
        json!({"name": "radio0", "phy": "phy0", "driver": "mac80211", "channel": 0,
        "channel_width": 20, "protocol": "802.11n", (band): "2g"})
    };
    let port = json!({"ifname": "lan1", "tagging": "u", "primary_vid": true});
    let bridge = json!({"name": "br-lan", "type": "bridge", "bridge_members": ["lan1"],
        "vlan_filtering": [{"vlan": 1, "ports": [port]}, {"vlan": 2, "ports": [port]}]});
    let config = json!({"radios": [radio("band"), radio("x")], "interfaces": [bridge]});
    let found = violations(Backend::OpenWrt, config.as_object().unwrap());
    let whole = found.iter().filter(|found| found.error.path == "/");
    let places: Vec<_> = whole.map(|found| (&*found.pointer, found.rule)).collect();
    assert_eq!(
        places,
        [
            ("/radios/1/channel", "channel"),
            ("/interfaces/0/vlan_filtering/1/ports/0", "primary_vid")
        ]
    );
}

#[test]
fn packages_whose_file_would_be_a_folder_are_refused() {
    for name in ["", ".", "..", "a/", "a/.", "a/../b", "../../etc/passwd", "/"] {
        let config = json!({ name: [{"config_name": "t", "o": "1"}] });
        let found = refusal(&config);
        assert!(found.is_some_and(|(_, message)| message.contains("path")), "{name:?}");
    }
    assert_eq!(refusal(&json!({ "a/b": [{"config_name": "t", "o": "1"}] })), None);
}
