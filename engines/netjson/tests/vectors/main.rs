//! Holds the engine against everything that was recorded, see `tests/conformance/netjsonconfig/README.md`.
//! One file per kind of vector.

#![expect(clippy::unwrap_used, reason = "tests")]

mod auto_client;
mod error;
mod merge;
mod parse;
mod render;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use wisptrail_netjson::{self as netjson, Backend};

/// How a vector matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    /// Equal in every part that the rules compare.
    Equal,
    /// Other than recorded where the vector allows it.
    Deviates,
    /// Refused, where the recorded engine broke down.
    Refused,
}

/// How it matches, or why it does not.
type Outcome = Result<Match, String>;

/// Vectors of one backend and area.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    passed: usize,
    deviating: usize,
    refused: usize,
}

#[test]
fn recorded_vectors_match() {
    let folder = folder();
    if !folder.is_dir() {
        println!("netjsonconfig: absent");
        return;
    }
    let mut areas = BTreeMap::<(String, String), Counts>::new();
    let mut failures = String::new();
    for (group, vector) in vectors(&folder) {
        let backend = vector["backend"].as_str().unwrap_or("any").to_owned();
        let counts = areas.entry((backend, group)).or_default();
        counts.all += 1;
        match outcome(&vector) {
            Ok(how) => {
                counts.passed += 1;
                counts.deviating += usize::from(how == Match::Deviates);
                counts.refused += usize::from(how == Match::Refused);
            }
            Err(why) => write!(failures, "{}: {why}\n\n", vector["id"]).unwrap(),
        }
    }
    let mut total = Counts::default();
    for ((backend, group), counts) in &areas {
        println!("{backend:16} {group:20} {}", counts.shown());
        total.add(counts);
    }
    println!("{failures}netjsonconfig: {}", total.shown());
    assert!(total.all > 0, "no vectors in {}", folder.display());
    assert_eq!(total.passed, total.all, "vectors do not match, see above");
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.all += other.all;
        self.passed += other.passed;
        self.deviating += other.deviating;
        self.refused += other.refused;
    }

    fn shown(&self) -> String {
        let mut text = format!("{:3} of {:3} passed", self.passed, self.all);
        for (count, what) in [
            (self.deviating, "deviate where they may"),
            (self.refused, "are refused where the other engine broke down"),
        ] {
            if count > 0 {
                write!(text, ", {count} {what}").unwrap();
            }
        }
        text
    }
}

fn outcome(vector: &Value) -> Outcome {
    match vector["op"].as_str().unwrap() {
        "render" => render::render(backend(vector)?, vector),
        "parse" => parse::parse(backend(vector)?, vector),
        "merge" => merge::merge(vector),
        "evaluate_vars" => merge::evaluate(vector),
        "auto_client" => auto_client::derive(backend(vector)?, vector),
        other => Err(format!("unknown operation {other}")),
    }
}

fn backend(vector: &Value) -> Result<Backend, String> {
    match vector["backend"].as_str().unwrap_or_default() {
        "openwrt" => Ok(Backend::OpenWrt),
        "openwisp" => Ok(Backend::OpenWisp),
        "openvpn" => Ok(Backend::OpenVpn),
        "wireguard" => Ok(Backend::Wireguard),
        "vxlan_wireguard" => Ok(Backend::VxlanWireguard),
        "zerotier" => Ok(Backend::ZeroTier),
        other => Err(format!("unknown backend {other}")),
    }
}

fn folder() -> PathBuf {
    let root = match std::env::var_os("WISPTRAIL_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance"),
    };
    root.join("netjsonconfig")
}

/// All vectors with the name of their group.
fn vectors(folder: &Path) -> Vec<(String, Value)> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        if !path.file_name().unwrap().to_string_lossy().starts_with("vectors-") {
            continue;
        }
        let mut file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let group = file["group"].as_str().unwrap().to_owned();
        let Value::Array(vectors) = file["vectors"].take() else { panic!("{group} has no list") };
        all.extend(vectors.into_iter().map(|vector| (group.clone(), vector)));
    }
    all
}

/// A layer is an object or a text that holds one; the engine takes nothing else.
fn layer(value: Option<&Value>) -> Option<Map<String, Value>> {
    match value? {
        Value::Object(map) => Some(map.clone()),
        Value::String(text) => match serde_json::from_str(text).ok()? {
            Value::Object(map) => Some(map),
            _ => None,
        },
        _ => None,
    }
}

fn same(what: &str, ours: &Value, expected: &Value) -> Result<(), String> {
    if ours == expected { Ok(()) } else { Err(format!("{what} {ours}\nexpected {expected}")) }
}

#[test]
fn schemas_are_the_recorded_ones() {
    let folder = folder();
    if !folder.is_dir() {
        println!("netjsonconfig: absent");
        return;
    }
    let names = [
        (Backend::OpenWrt, "openwrt"),
        (Backend::OpenWisp, "openwisp"),
        (Backend::OpenVpn, "openvpn"),
        (Backend::Wireguard, "wireguard"),
        (Backend::VxlanWireguard, "vxlan_wireguard"),
        (Backend::ZeroTier, "zerotier"),
    ];
    let mut compared = 0;
    for (backend, name) in names {
        let mut compare = |ours: &Value, file: String| {
            // The copies beside the vectors would be those that the engine embeds.
            let Ok(text) = std::fs::read(folder.join(&file)) else { return };
            let recorded: Value = serde_json::from_slice(&text).unwrap();
            // Texts tell the order of keys, too.
            let (ours, recorded) = (ours.to_string(), recorded.to_string());
            assert!(ours == recorded, "{file}");
            compared += 1;
        };
        compare(netjson::schema(backend), format!("schema-{name}.json"));
        if let Some(server) = netjson::vpn_server_schema(backend) {
            compare(server, format!("schema-vpn-server-{name}.json"));
        }
    }
    println!("schemas: {compared} compared");
}

#[test]
fn the_first_of_all_errors_is_the_one_that_is_reported() {
    let folder = folder();
    if !folder.is_dir() {
        println!("netjsonconfig: absent");
        return;
    }
    let mut refused = 0;
    for (_, vector) in vectors(&folder).iter().filter(|(_, vector)| vector["op"] == "render") {
        let (Ok(backend), Some(config)) = (backend(vector), layer(vector.get("config"))) else {
            continue;
        };
        let first = netjson::validate(backend, &config).err();
        let all = netjson::violations(backend, &config);
        assert_eq!(all.first().map(|found| &found.error), first.as_ref(), "{}", vector["id"]);
        refused += usize::from(first.is_some());
    }
    assert!(refused > 0, "no vector is refused");
}
