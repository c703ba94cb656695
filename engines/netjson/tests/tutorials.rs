//! The configurations that newcomers build first: access points open and encrypted, roaming, a mesh, WPA Enterprise, a
//! captive portal. What they become is written out.

#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use wisptrail_netjson::{Backend, Input, Rendering, render};

fn rendered(config: Value, context: Value) -> Rendering {
    let (Value::Object(config), Value::Object(context)) = (config, context) else {
        panic!("objects");
    };
    let input =
        Input { config: &config, templates: &[], context: &context, hostname: None, dsa: true };
    let rendering = render(Backend::OpenWrt, &input).unwrap();
    assert_eq!(rendering.findings(), []);
    rendering
}

fn access_point(ssid: &str, encryption: Value, more: Value) -> Value {
    let mut wireless = json!({
        "radio": "radio0", "mode": "access_point", "ssid": ssid, "network": ["lan"], "encryption": encryption,
    });
    let (Value::Object(wireless_map), Value::Object(more)) = (&mut wireless, more) else {
        panic!("objects");
    };
    wireless_map.extend(more);
    json!({ "interfaces": [{ "name": "wlan0", "type": "wireless", "wireless": wireless }] })
}

fn text(config: Value) -> String {
    rendered(config, json!({})).text().to_owned()
}

#[test]
fn an_open_access_point() {
    let config = access_point("Guests", json!({ "protocol": "none" }), json!({ "hidden": false }));
    assert_eq!(
        text(config),
        "package wireless

config wifi-iface 'wifi_wlan0'
	option device 'radio0'
	option encryption 'none'
	option hidden '0'
	option ifname 'wlan0'
	option mode 'ap'
	option network 'lan'
	option ssid 'Guests'
"
    );
}

#[test]
fn an_encrypted_access_point() {
    let encryption = json!({
        "protocol": "wpa2_personal_mixed", "key": "a secret of nine", "cipher": "ccmp", "ieee80211w": "1",
    });
    assert_eq!(
        text(access_point("Home", encryption, json!({ "wmm": true }))),
        "package wireless

config wifi-iface 'wifi_wlan0'
	option device 'radio0'
	option encryption 'sae-mixed+ccmp'
	option ieee80211w '1'
	option ifname 'wlan0'
	option key 'a secret of nine'
	option mode 'ap'
	option network 'lan'
	option ssid 'Home'
	option wmm '1'
"
    );
}

#[test]
fn roaming_between_access_points() {
    let encryption =
        json!({ "protocol": "wpa2_personal", "key": "a secret of nine", "cipher": "auto" });
    let roaming = json!({
        "ieee80211r": true, "ft_over_ds": true, "ft_psk_generate_local": true, "rsn_preauth": false,
        "reassociation_deadline": 1000,
    });
    assert_eq!(
        text(access_point("Roam", encryption.clone(), roaming)),
        "package wireless

config wifi-iface 'wifi_wlan0'
	option device 'radio0'
	option encryption 'psk2'
	option ft_over_ds '1'
	option ft_psk_generate_local '1'
	option ieee80211r '1'
	option ifname 'wlan0'
	option key 'a secret of nine'
	option mode 'ap'
	option network 'lan'
	option reassociation_deadline '1000'
	option rsn_preauth '0'
	option ssid 'Roam'
"
    );
    // Switched off, its options are gone.
    let off = json!({ "ieee80211r": false, "ft_over_ds": true, "reassociation_deadline": 1000 });
    let text = text(access_point("Roam", encryption, off));
    assert!(!text.contains("ft_over_ds") && !text.contains("reassociation"), "{text}");
}

#[test]
fn a_mesh_on_a_bridge() {
    let config = json!({
        "interfaces": [
            { "type": "bridge", "name": "lan", "mtu": 1500, "disabled": false, "stp": true, "igmp_snooping": false,
              "bridge_members": ["lan", "mesh0", "wlan0"], "addresses": [{ "proto": "dhcp", "family": "ipv4" }] },
            { "type": "wireless", "name": "mesh0", "mtu": 1500, "disabled": false, "wireless": {
                "mode": "802.11s", "radio": "radio0", "ack_distance": 0, "rts_threshold": 0, "frag_threshold": 0,
                "mesh_id": "mast", "network": ["lan"],
                "encryption": { "protocol": "wpa2_personal", "key": "a secret of nine", "disabled": false,
                    "cipher": "auto", "ieee80211w": "0" } } },
        ],
        "files": [{ "path": "/etc/openwisp/pre-reload-hook", "mode": "0700", "contents": "#!/bin/sh\nexit 0\n" }],
    });
    assert_eq!(
        text(config),
        "package network

config device 'device_lan'
	option igmp_snooping '0'
	option mtu '1500'
	option name 'br-lan'
	list ports 'lan'
	list ports 'mesh0'
	list ports 'wlan0'
	option stp '1'
	option type 'bridge'

config interface 'lan'
	option device 'br-lan'
	option enabled '1'
	option proto 'dhcp'

config device 'device_mesh0'
	option mtu '1500'
	option name 'mesh0'

package wireless

config wifi-iface 'wifi_mesh0'
	option device 'radio0'
	option disabled '0'
	option encryption 'psk2'
	option ieee80211w '0'
	option ifname 'mesh0'
	option key 'a secret of nine'
	option mesh_id 'mast'
	option mode 'mesh'
	option network 'lan'

# ---------- files ---------- #

# path: /etc/openwisp/pre-reload-hook
# mode: 0700

#!/bin/sh
exit 0

"
    );
}

#[test]
fn wpa_enterprise_asks_a_server() {
    let config = json!({ "interfaces": [{
        "name": "wlan_eap", "type": "wireless", "mac": "{{ mac_address }}", "mtu": 1500, "disabled": false,
        "network": "", "autostart": true, "addresses": [],
        "wireless": { "network": ["lan"], "mode": "access_point", "radio": "radio0", "ssid": "Staff",
            "encryption": { "protocol": "wpa2_enterprise", "cipher": "auto", "key": "shared with the server",
                "server": "10.8.0.1", "port": 1812, "acct_server": "10.8.0.1", "acct_server_port": 1813 } },
    }] });
    let rendering = rendered(config, json!({ "mac_address": "02:00:00:00:00:01" }));
    let text = rendering.text();
    let (_, wireless) = text.split_once("package wireless\n\n").unwrap();
    assert_eq!(
        wireless,
        "config wifi-iface 'wifi_wlan_eap'
	option acct_port '1813'
	option acct_secret 'shared with the server'
	option acct_server '10.8.0.1'
	option auth_port '1812'
	option auth_secret 'shared with the server'
	option auth_server '10.8.0.1'
	option device 'radio0'
	option disabled '0'
	option encryption 'wpa2'
	option ifname 'wlan_eap'
	option key 'shared with the server'
	option macaddr '02:00:00:00:00:01'
	option mode 'ap'
	option network 'lan'
	option port '1812'
	option server '10.8.0.1'
	option ssid 'Staff'
"
    );
}

#[test]
fn a_captive_portal_has_a_package_of_its_own() {
    let mut config =
        access_point("Portal", json!({ "protocol": "none" }), json!({ "network": ["chilli"] }));
    config["chilli"] = json!([{
        "config_name": "chilli", "config_value": "portal", "interface": "wlan0", "tundev": "tun0",
        "radiusserver1": "10.8.0.1", "radiussecret": "{{ radius_secret }}", "uamserver": "https://portal.example/login",
        "uamallowed": ["portal.example", "10.8.0.0/24"], "disabled": false,
    }]);
    let rendering = rendered(config, json!({ "radius_secret": "of the portal" }));
    let paths: Vec<_> = rendering.files().iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["etc/config/wireless", "etc/config/chilli"]);
    assert!(rendering.text().contains("\toption network 'chilli'\n"));
    let contents = String::from_utf8(rendering.files()[1].contents.clone()).unwrap();
    assert_eq!(
        contents,
        "config chilli 'portal'
	option disabled '0'
	option interface 'wlan0'
	option radiussecret 'of the portal'
	option radiusserver1 '10.8.0.1'
	option tundev 'tun0'
	list uamallowed 'portal.example'
	list uamallowed '10.8.0.0/24'
	option uamserver 'https://portal.example/login'
"
    );
}
