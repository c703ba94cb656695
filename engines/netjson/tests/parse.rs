//! What holds for everything that is parsed, sensible or not.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wisptrail_netjson::uci::Document;
use wisptrail_netjson::{Backend, Error, Input, Native, Rendering, parse, render};

fn rendering(config: &Map<String, Value>, dsa: bool) -> Rendering {
    let context = Map::new();
    let input = Input { config, templates: &[], context: &context, hostname: None, dsa };
    render(Backend::OpenWrt, &input).unwrap()
}

/// Lines that lead into the converters rather than past them.
fn line() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        "interface",
        "device",
        "bridge-vlan",
        "globals",
        "route",
        "route6",
        "rule",
        "rule6",
        "switch",
        "switch_vlan",
        "wireguard_wg0",
        "system",
        "timeserver",
        "led",
        "wifi-device",
        "wifi-iface",
        "openvpn",
        "zerotier",
        "network",
        "zone",
        "#",
    ]);
    let key = prop::sample::select(vec![
        "name",
        "type",
        "device",
        "ifname",
        "ports",
        "proto",
        "ipaddr",
        "ip6addr",
        "netmask",
        "gateway",
        "ip6gw",
        "dns",
        "dns_search",
        "vlan",
        "vid",
        "vlan_filtering",
        "mtu",
        "macaddr",
        "auto",
        "enabled",
        "disabled",
        "addresses",
        "listen_port",
        "private_key",
        "peeraddr",
        "pincode",
        "interface",
        "target",
        "metric",
        "reset",
        "hostname",
        "zonename",
        "timezone",
        "ula_prefix",
        "htmode",
        "channel",
        "band",
        "hwmode",
        "mode",
        "ssid",
        "network",
        "encryption",
        "key",
        "key1",
        "auth_server",
        "auth_port",
        "wps_pin",
        "join",
        "id",
        "remote",
        "data_ciphers",
        "server_bridge",
        "tls_cipher",
        "allowed_ips",
        "public_key",
        "config_name",
        ".name",
        "stp",
        "bridge_empty",
        "hash_max",
        "txpower",
        "rts",
        "sysfs",
        "trigger",
    ]);
    let value = prop_oneof![
        6 => prop::sample::select(vec![
            "", "0", "1", "x", "lan", "eth0", "br-lan", "br-lan.1", "eth0.1", "bridge", "8021q",
            "static", "dhcp", "none", "pppoe", "wireguard", "vxlan", "modemmanager", "10.0.0.1",
            "10.0.0.1/8", "255.0.0.0", "fd00::1/64", "lan1:u*", ":", "HT20", "NONE", "HT40+", "auto",
            "36", "ap", "sta", "psk2+ccmp", "wpa2", "wep-open", "none", "mac80211", "radio0", "UTC",
            "CET-1", "a.b 1194 udp", "AES-256-GCM:?AES-128-CBC", "9536600adf654321", "server", "tun0",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let name = prop::sample::select(vec!["", "lan", "device_lan", "wifi_wlan0", "a b", "br_lan"]);
    let quote = prop::sample::select(vec!["'", "\"", "", "  "]);
    let package =
        prop::sample::select(vec!["network", "system", "wireless", "openvpn", "zerotier", "p"]);
    prop_oneof![
        2 => package.prop_map(|name| format!("package {name}\n")),
        5 => (kind, name).prop_map(|(kind, name)| format!("config {kind} '{name}'\n")),
        12 => (any::<bool>(), key, quote, value).prop_map(|(list, key, quote, value)| {
            let word = if list { "list" } else { "option" };
            format!("\t{word} {key} {quote}{value}{quote}\n")
        }),
        1 => prop::sample::select(vec![
            "# openvpn config: x\n\ndev tun0\nmode server\nproto udp\n", "server-bridge\n", "port 1 \n",
            "\n\n{\"name\": \"a\", \"mtu\": 1e300}\n\n", "// c\n", "/* c\n\n", "*/", "{\"name\": ", "[[",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    (any::<bool>(), vec(line(), 0..40)).prop_map(|(network, lines)| {
        let head = if network { "package network\n\n" } else { "" };
        format!("{head}{}", lines.concat())
    })
}

fn packed(files: &[(String, Vec<u8>)], compress: bool) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, contents) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        tar.append_data(&mut header, path, &contents[..]).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    if !compress {
        return tar;
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar).unwrap();
    gzip.finish().unwrap()
}

/// No quotes, no line ends, no runs of white space.
fn value() -> impl Strategy<Value = String> {
    "[A-Za-z0-9/_.:#;$-]{1,8}( [A-Za-z0-9#.-]{1,6})?"
}

fn address() -> impl Strategy<Value = Value> {
    prop_oneof![
        (any::<u32>(), 8..=32_u8, option::of(any::<u32>())).prop_map(|(bits, mask, gateway)| {
            let address = std::net::Ipv4Addr::from(bits).to_string();
            let mut address =
                json!({"proto": "static", "family": "ipv4", "address": address, "mask": mask});
            if let Some(gateway) = gateway {
                address["gateway"] = std::net::Ipv4Addr::from(gateway).to_string().into();
            }
            address
        }),
        (1..0xffff_u16, 8..=128_u8, any::<bool>()).prop_map(|(last, mask, gateway)| {
            let mut address = json!({
                "proto": "static", "family": "ipv6", "address": format!("fd00::{last:x}"), "mask": mask,
            });
            if gateway {
                address["gateway"] = "fd00::1".into();
            }
            address
        }),
        any::<bool>().prop_map(|sixth| {
            json!({"proto": "dhcp", "family": if sixth { "ipv6" } else { "ipv4" }})
        }),
    ]
}

fn put(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[key] = value.into();
    }
}

fn mac() -> impl Strategy<Value = String> {
    "02(:[0-9a-f]{2}){5}"
}

/// Options that all interfaces may have.
fn interface() -> impl Strategy<Value = Value> {
    let flags = (option::of(any::<bool>()), option::of(any::<bool>()));
    let texts =
        (option::of("[a-z]{1,5}([._-][a-z0-9]{1,3})?"), option::of(mac()), option::of(value()));
    (option::of(address()), flags, texts, option::of(68..1501_u16)).prop_map(
        |(address, (disabled, autostart), (network, mac, metric), mtu)| {
            let mut interface = json!({});
            put(&mut interface, "addresses", address.map(|address| json!([address])));
            put(&mut interface, "disabled", disabled);
            put(&mut interface, "autostart", autostart);
            put(&mut interface, "network", network);
            put(&mut interface, "mac", mac);
            put(&mut interface, "metric", metric);
            put(&mut interface, "mtu", mtu);
            interface
        },
    )
}

fn ethernet() -> impl Strategy<Value = Value> {
    (interface(), option::of(any::<bool>())).prop_map(|(mut interface, promisc)| {
        interface["type"] = "ethernet".into();
        put(&mut interface, "promisc", promisc);
        interface
    })
}

fn bridge() -> impl Strategy<Value = Value> {
    let members = prop::sample::subsequence(vec!["lan1", "lan2", "wlan0", "wlan1", "eth0.3"], 0..5);
    let numbers = btree_map(
        prop::sample::select(vec![
            "query_interval",
            "query_response_interval",
            "last_member_interval",
            "hash_max",
            "robustness",
            "priority",
            "ageing_time",
            "max_age",
            "forward_delay",
            "hello_time",
        ]),
        10..=10_u8,
        0..4,
    );
    let flags = (option::of(any::<bool>()), option::of(any::<bool>()), option::of(any::<bool>()));
    (interface(), members, numbers, flags).prop_map(
        |(mut interface, members, numbers, (stp, snooping, querier))| {
            interface["type"] = "bridge".into();
            interface["bridge_members"] = members.into();
            for (key, number) in numbers {
                interface[key] = number.into();
            }
            put(&mut interface, "stp", stp);
            put(&mut interface, "igmp_snooping", snooping);
            put(&mut interface, "multicast_querier", querier);
            interface
        },
    )
}

fn encryption() -> impl Strategy<Value = Value> {
    let key = "[A-Za-z0-9#]{8,20}";
    prop_oneof![
        Just(json!({"protocol": "none"})),
        (
            prop::sample::select(vec!["wpa_personal", "wpa2_personal", "wpa_personal_mixed"]),
            key,
            option::of(prop::sample::select(vec!["auto", "ccmp", "tkip", "tkip+ccmp"]))
        )
            .prop_map(|(protocol, key, cipher)| {
                let mut encryption = json!({"protocol": protocol, "key": key});
                put(&mut encryption, "cipher", cipher);
                encryption
            }),
        key.prop_map(|key| json!({
            "protocol": "wpa3_personal", "key": key, "cipher": "ccmp", "ieee80211w": "2"})),
        (
            prop::sample::select(vec!["wpa2_enterprise", "wpa_enterprise"]),
            key,
            option::of(1..9999_u16)
        )
            .prop_map(|(protocol, key, port)| {
                let mut encryption =
                    json!({"protocol": protocol, "key": key, "server": "10.0.0.9"});
                put(&mut encryption, "port", port);
                put(&mut encryption, "acct_server_port", port);
                encryption
            }),
        "[A-Za-z0-9]{5,13}".prop_map(|key| json!({"protocol": "wep_open", "key": key})),
    ]
}

fn wireless() -> impl Strategy<Value = Value> {
    let flags = (option::of(any::<bool>()), option::of(any::<bool>()), option::of(any::<bool>()));
    let rest = (
        option::of(prop::sample::subsequence(vec!["lan", "guest", "wan"], 0..3)),
        option::of(0..2000_u16),
        option::of(mac()),
    );
    let addressed = (interface(), address()).prop_map(|(mut interface, address)| {
        // Without one it would be listed after those that have one.
        interface["addresses"] = json!([address]);
        interface
    });
    (addressed, value(), option::of(encryption()), flags, rest).prop_map(
        |(mut interface, ssid, encryption, (hidden, isolate, fast), (network, rts, maclist))| {
            let mut wireless = json!({"radio": "radio0", "mode": "access_point", "ssid": ssid});
            put(&mut wireless, "encryption", encryption);
            put(&mut wireless, "hidden", hidden);
            put(&mut wireless, "isolate", isolate);
            put(&mut wireless, "ieee80211r", fast);
            put(&mut wireless, "network", network);
            put(&mut wireless, "rts_threshold", rts);
            put(&mut wireless, "maclist", maclist.map(|mac| json!([mac])));
            interface["type"] = "wireless".into();
            interface["wireless"] = wireless;
            interface
        },
    )
}

fn radio() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec![
        ("802.11n", 6, 20, Some("2g")),
        ("802.11n", 36, 40, None),
        ("802.11n", 0, 40, Some("5g")),
        ("802.11ac", 44, 80, None),
        ("802.11ac", 0, 160, None),
        ("802.11ac", 149, 20, None),
        ("802.11ax", 37, 80, Some("6g")),
        ("802.11ax", 141, 20, None),
        ("802.11ax", 36, 20, Some("5g")),
        ("802.11ax", 1, 20, Some("2g")),
        ("802.11ax", 13, 160, None),
        ("802.11b", 0, 20, None),
        ("802.11b", 11, 20, None),
        ("802.11g", 0, 20, None),
        ("802.11g", 3, 20, Some("2g")),
        ("802.11a", 0, 20, None),
        ("802.11a", 177, 20, None),
        ("802.11ad", 2, 80, None),
        ("802.11ad", 17, 20, None),
        ("802.11ad", 27, 160, Some("60g")),
    ]);
    let driver = prop::sample::select(vec!["mac80211", "atheros", "ath5k", "ath9k", "broadcom"]);
    let rest = (option::of(1..30_u8), option::of(any::<bool>()), option::of(value()));
    (kinds, option::of(driver), rest).prop_map(
        |((protocol, channel, width, band), driver, (power, disabled, path))| {
            let mut radio =
                json!({"protocol": protocol, "channel": channel, "channel_width": width});
            put(&mut radio, "driver", driver);
            put(&mut radio, "band", band);
            put(&mut radio, "tx_power", power);
            put(&mut radio, "disabled", disabled);
            put(&mut radio, "path", path);
            radio
        },
    )
}

/// A list in which every element has a name of its own.
fn named(names: &[&str], elements: Vec<Value>) -> Value {
    let list = names.iter().zip(elements).map(|(name, mut element)| {
        element["name"] = (*name).into();
        element
    });
    list.collect()
}

/// Configurations of the blocks that can be read back as they were written.
fn config() -> impl Strategy<Value = Map<String, Value>> {
    let interfaces = (vec(ethernet(), 0..3), vec(bridge(), 0..3), vec(wireless(), 0..3));
    let route =
        (0..4_u8, option::of(value()), prop::sample::select(vec!["10.1.0.0/16", "fd01::/64"]))
            .prop_map(|(cost, source, destination)| {
                let mut route = json!({
                "device": "eth0", "destination": destination, "next": "10.0.0.1", "cost": cost});
                put(&mut route, "source", source);
                route
            });
    let ntp = (option::of(any::<bool>()), option::of(vec("[a-z]{2,5}[.]org", 1..3)));
    let led = (value(), option::of(any::<bool>()), option::of(0..99_u8));
    let rest = (
        vec(radio(), 0..3),
        btree_map("[a-z]{1,4}_r", route, 0..3),
        option::of(ntp),
        vec(led, 0..2),
    );
    (interfaces, rest).prop_map(|((ethernet, bridges, wireless), (radios, routes, ntp, leds))| {
        let mut interfaces = Vec::new();
        for list in [
            named(&["eth0", "eth1.2", "en-3"], ethernet),
            named(&["br-lan", "guest", "br-x.1"], bridges),
            named(&["wlan0", "wlan1", "wlan0-1"], wireless),
        ] {
            interfaces.extend(list.as_array().unwrap().iter().cloned());
        }
        // Sections of one name would become one.
        for (number, interface) in interfaces.iter_mut().enumerate() {
            if let Some(network) = interface["network"].as_str() {
                interface["network"] = format!("{network}{number}").into();
            }
        }
        let routes: Value = routes
            .into_iter()
            .map(|(name, mut route)| {
                route["name"] = name.into();
                route
            })
            .collect();
        let leds: Vec<Value> = leds
            .into_iter()
            .enumerate()
            .map(|(number, (text, default, interval))| {
                let mut led =
                    json!({"name": format!("LED{number}"), "sysfs": text, "trigger": "none"});
                put(&mut led, "default", default);
                put(&mut led, "interval", interval);
                led
            })
            .collect();
        let mut config = json!({
            "interfaces": interfaces, "radios": named(&["radio0", "radio1"], radios),
            "routes": routes, "led": leds,
        });
        if let Some((enabled, server)) = ntp {
            config["ntp"] = json!({});
            put(&mut config["ntp"], "enabled", enabled);
            put(&mut config["ntp"], "server", server);
        }
        config.as_object().unwrap().clone()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in text(), dsa in any::<bool>()) {
        for backend in Backend::ALL {
            if let Ok(parsed) = parse(backend, Native::Text(&text), dsa) {
                let context = Map::new();
                let config = parsed.netjson();
                let input =
                    Input { config, templates: &[], context: &context, hostname: None, dsa };
                let _ = render(backend, &input);
            }
        }
        let (document, _) = Document::read_leniently(&text);
        let _ = parse(Backend::OpenWrt, Native::Document(&document), dsa);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in vec(any::<u8>(), 0..2000),
        texts in vec(text(), 1..4),
        cut in any::<prop::sample::Index>(),
        compress in any::<bool>(),
    ) {
        let mut files: Vec<_> = texts
            .into_iter()
            .enumerate()
            .map(|(number, text)| (format!("etc/config/p{number}"), text.into_bytes()))
            .collect();
        let copies: Vec<_> = files
            .iter()
            .flat_map(|(path, text)| [".conf", ".json"].map(|end| (format!("{path}{end}"), text.clone())))
            .collect();
        files.extend(copies);
        files.push(("etc/config/raw".into(), bytes.clone()));
        let archive = packed(&files, compress);
        for backend in Backend::ALL {
            for native in [&bytes[..], &archive, &archive[..cut.index(archive.len())]] {
                let _ = parse(backend, Native::Archive(native), true);
            }
        }
    }

    #[test]
    fn what_was_rendered_renders_the_same_again(config in config(), dsa in any::<bool>()) {
        let first = rendering(&config, dsa);
        let parsed = parse(Backend::OpenWrt, Native::Text(first.text()), dsa);
        let parsed = parsed.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(parsed.losses(), &[]);
        let second = rendering(parsed.netjson(), dsa);
        prop_assert_eq!(second.text(), first.text());
        let document = Document::read(first.text())
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        let read = parse(Backend::OpenWrt, Native::Document(&document), dsa);
        prop_assert_eq!(read.unwrap(), parsed.clone());
        let archive = first.archive();
        let unpacked = parse(Backend::OpenWrt, Native::Archive(&archive.bytes), dsa);
        prop_assert_eq!(unpacked.unwrap(), parsed);
    }
}

#[test]
fn archives_are_bounded() {
    let large = "x".repeat(1024 * 1024).into_bytes();
    let bomb: Vec<_> = (0..20).map(|n| (format!("etc/config/p{n}"), large.clone())).collect();
    let many: Vec<_> = (0..20_000).map(|n| (format!("etc/{n}"), Vec::new())).collect();
    for files in [bomb, many] {
        let error = parse(Backend::OpenWrt, Native::Archive(&packed(&files, true)), true);
        assert!(matches!(error, Err(Error::TooLarge { .. })), "{error:?}");
    }
    let options = "\toption a b\n\tlist c d\n".repeat(60_000);
    let text = format!("package p\n\nconfig t\n{options}");
    let error = parse(Backend::OpenWrt, Native::Text(&text), true);
    assert!(matches!(error, Err(Error::TooLarge { .. })), "{error:?}");
}

#[test]
fn errors_and_losses_say_where() {
    let files = [
        ("etc/config/system", "config system\n\toption hostname 'r1'\n\tnoise\n"),
        (
            "etc/config/network",
            "\nconfig interface 'lan'\n\toption device 'eth0'\n\toption mtu 'x'\n",
        ),
        ("etc/banner", "hello\n"),
    ];
    let mut files: Vec<_> =
        files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into();
    let error = parse(Backend::OpenWrt, Native::Archive(&packed(&files, true)), true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "etc/config/network, line 4: option \"mtu\" is no whole number of 64 bits"
    );
    files.remove(1);
    let parsed = parse(Backend::OpenWrt, Native::Archive(&packed(&files, false)), true).unwrap();
    let losses: Vec<_> =
        parsed.losses().iter().map(|loss| (loss.file.as_deref().unwrap(), loss.line)).collect();
    assert_eq!(losses, [("etc/banner", 0), ("etc/config/system", 3)]);
    files[0].1 = b"config a\n\xff".to_vec();
    let error = parse(Backend::OpenWrt, Native::Archive(&packed(&files, true)), true).unwrap_err();
    assert_eq!(error.to_string(), "etc/config/system, line 2: no UTF-8 text");
}

/// What the schema refuses has the line of the section that said it.
#[test]
fn refused_sections_say_where() {
    let network = "\nconfig interface 'lan'\n\toption device 'eth0'\n\nconfig interface 'much_too_long_name'\n\
                   \toption device 'eth1'\n";
    let wireless = "\nconfig wifi-iface 'w'\n\toption device 'radio0'\n\toption mode 'ap'\n\toption ifname \
                    'wlan0'\n";
    let text = format!("package network\n{network}");
    let document = Document::read(&text).unwrap();
    for native in [Native::Text(&text), Native::Document(&document)] {
        let error = parse(Backend::OpenWrt, native, true).unwrap_err();
        let Error::InvalidSection { error, file: None, line: 6 } = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.path, "/interfaces/1");
    }
    let files = [("etc/config/network", &network[..46]), ("etc/config/wireless", wireless)];
    let files: Vec<_> =
        files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into();
    let error = parse(Backend::OpenWrt, Native::Archive(&packed(&files, true)), true).unwrap_err();
    let said = error.to_string();
    let begin =
        "etc/config/wireless, line 2: Invalid configuration triggered by \"#/interfaces/1\"";
    assert!(said.starts_with(begin), "{said}");
    let text = "package system\n\nconfig system\n\toption hostname 'a_b'\n";
    let error = parse(Backend::OpenWrt, Native::Text(text), true).unwrap_err();
    assert!(matches!(error, Error::InvalidSection { line: 3, .. }), "{error:?}");
    let text = "# openvpn config: v1\n\ndev t\nmode server\n";
    let error = parse(Backend::OpenVpn, Native::Text(text), true).unwrap_err();
    assert!(matches!(error, Error::InvalidSection { line: 1, .. }), "{error:?}");
}

/// An archive whose paths are as they are, with the kind of each file.
fn raw(files: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, contents) in files {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(contents.len() as u64);
        header.set_cksum();
        tar.append(&header, *contents).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn archives_of_a_whole_system_are_read() {
    use tar::EntryType::{Continuous, Directory, Fifo, Link, Regular, Symlink};
    let system = b"config system\n\toption hostname 'r1'\n";
    for begin in ["./", "", "/", ".//./"] {
        let path = |path: &str| format!("{begin}{path}");
        let (folder, host, link, hard, pipe) = (
            path("etc/config/"),
            path("etc/config/system"),
            path("etc/config/link"),
            path("etc/config/hard"),
            path("etc/config/pipe"),
        );
        let host_kind = if begin.is_empty() { Continuous } else { Regular };
        let archive = raw(&[
            ("./", Directory, b""),
            (&folder, Directory, b""),
            (&host, host_kind, system),
            (&link, Symlink, b""),
            (&hard, Link, b""),
            (&pipe, Fifo, b""),
        ]);
        let parsed = parse(Backend::OpenWrt, Native::Archive(&archive), true).unwrap();
        assert_eq!(
            json!(parsed.netjson()),
            json!({"general": {"hostname": "r1", "id": "system_1"}})
        );
        let losses: Vec<_> = parsed
            .losses()
            .iter()
            .map(|loss| (loss.file.as_deref().unwrap(), loss.what.as_str()))
            .collect();
        let not_followed = "a link, which is not followed";
        assert_eq!(
            losses,
            [
                ("etc/config/link", not_followed),
                ("etc/config/hard", not_followed),
                ("etc/config/pipe", "neither a file nor a folder")
            ],
            "{begin}"
        );
    }
    for upwards in ["../etc/config/system", "etc/config/../../x", ".."] {
        let archive = raw(&[(upwards, Regular, system)]);
        let refused = parse(Backend::OpenWrt, Native::Archive(&archive), true).unwrap_err();
        assert!(refused.to_string().contains("leads upwards"), "{refused}");
    }
}

#[test]
fn marks_of_encodings_are_understood() {
    let text = "\u{feff}package system\n\nconfig system 'system'\n\toption hostname 'r1'\n";
    let expected = json!({"general": {"hostname": "r1"}});
    let parsed = parse(Backend::OpenWrt, Native::Text(text), true).unwrap();
    assert_eq!((json!(parsed.netjson()), parsed.losses().len()), (expected.clone(), 0));
    let body = text.replace("package system\n\n", "").into_bytes();
    let archive = packed(&[("etc/config/system".to_owned(), body)], true);
    let parsed = parse(Backend::OpenWrt, Native::Archive(&archive), true).unwrap();
    assert_eq!((json!(parsed.netjson()), parsed.losses().len()), (expected, 0));

    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for wide in [little, big] {
        let error = parse(Backend::OpenWrt, Native::Archive(&wide), true).unwrap_err();
        assert_eq!(error.to_string(), "line 1: the text is UTF-16: save it as UTF-8");
        let archive = packed(&[("etc/config/system".to_owned(), wide)], true);
        let error = parse(Backend::OpenWrt, Native::Archive(&archive), true).unwrap_err();
        let file = "etc/config/system, line 1: the text is UTF-16: save it as UTF-8";
        assert_eq!(error.to_string(), file);
    }
    let latin = b"package system\n\nconfig system\n\toption hostname 'caf\xe9'\n";
    let error = parse(Backend::OpenWrt, Native::Archive(latin), true).unwrap_err();
    assert_eq!(error.to_string(), "line 4: neither UTF-8 text nor an archive");
}

#[test]
fn numbers_that_would_change_are_refused() {
    let network = |mtu: &str| format!("{{\"name\": \"n\",\n \"mtu\": {mtu}}}\n");
    let parsed = parse(Backend::ZeroTier, Native::Text(&network("-0")), true).unwrap();
    assert_eq!(parsed.netjson()["zerotier"][0]["mtu"].to_string(), "0");
    let text = network("18446744073709551616");
    let error = parse(Backend::ZeroTier, Native::Text(&text), true).unwrap_err();
    let expected = "line 2: a whole number of more than 64 bits cannot be kept exactly";
    assert_eq!(error.to_string(), expected);
    let text = "package network\n\nconfig interface 'lan'\n\toption mtu '18446744073709551616'\n";
    let error = parse(Backend::OpenWrt, Native::Text(text), true).unwrap_err();
    assert_eq!(error.to_string(), "line 4: option \"mtu\" is no whole number of 64 bits");
}

#[test]
fn documents_keep_what_lines_cannot() {
    let text = "package network\n\nconfig interface 'lan'\n\toption device 'eth0'\n\toption note 'it'\\''s\n\
                two lines'\n\nconfig alias 'x'\n\toption interface 'lan'\n";
    let document = Document::read(text).unwrap();
    let parsed = parse(Backend::OpenWrt, Native::Document(&document), true).unwrap();
    assert_eq!(
        json!(parsed.netjson()),
        json!({
            "interfaces": [
                {"name": "eth0", "type": "ethernet", "network": "lan", "note": "it's\ntwo lines"}],
            "network": [{"config_name": "alias", "config_value": "x", "interface": "lan"}],
        })
    );
    assert!(parsed.losses().is_empty());
}

#[test]
fn dialling_over_a_vlan_keeps_the_vlan() {
    let text = "package network\n\nconfig device 'device_eth0_7'\n\toption ifname 'eth0'\n\toption name \
                'eth0.7'\n\toption type '8021q'\n\toption vid '7'\n\nconfig interface 'wan'\n\toption \
                device 'eth0.7'\n\toption password 'p'\n\toption proto 'pppoe'\n\toption username 'u'\n";
    let parsed = parse(Backend::OpenWrt, Native::Text(text), true).unwrap();
    let again = rendering(parsed.netjson(), true);
    for line in ["option type '8021q'", "option device 'eth0.7'", "option proto 'pppoe'"] {
        assert!(again.text().contains(line), "{}", again.text());
    }
}

#[test]
fn servers_of_private_networks_render_the_same_again() {
    for (backend, text) in [
        (
            Backend::OpenVpn,
            "# openvpn config: one\n\nclient-to-client\ndev tun0\nmode server\nport 1194\nproto \
             udp\nserver 10.8.0.0 255.255.0.0\n\n# openvpn config: two\n\ndev tap0\nmode server\nproto \
             udp\nserver-bridge\n",
        ),
        (
            Backend::ZeroTier,
            "// zerotier controller config: 1.json\n\n{\n    \"mtu\": 2800,\n    \"name\": \"a\",\n    \
             \"nwid\": \"1\"\n}\n",
        ),
    ] {
        let parsed = parse(backend, Native::Text(text), true).unwrap();
        let context = Map::new();
        let config = parsed.netjson();
        let input = Input { config, templates: &[], context: &context, hostname: None, dsa: true };
        let again = render(backend, &input).unwrap();
        assert_eq!(again.text(), text);
        let archive = again.archive();
        assert_eq!(parse(backend, Native::Archive(&archive.bytes), true).unwrap(), parsed);
    }
    let client = "# openvpn config: cli\n\ndev tun0\nmode p2p\nproto udp\nremote a.org 1194\n";
    let error = parse(Backend::OpenVpn, Native::Text(client), true).unwrap_err();
    assert!(matches!(error, Error::Unreadable(ref error) if error.line == 6), "{error}");
    assert!(matches!(
        parse(Backend::Wireguard, Native::Text(""), true),
        Err(Error::NotParsed(Backend::Wireguard))
    ));
}
