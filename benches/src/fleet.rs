//! Devices that a server knows.

use std::sync::Mutex;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::{
    server::{Server, TOKEN},
    wire::{Connection, get, load, with_body},
};

const SECRET: &str = "shared-secret-of-the-benchmarks1";

/// What a device knows of itself.
#[derive(Clone, Default)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) key: String,
}

impl Device {
    pub(crate) fn checksum(&self, number: usize) -> Vec<u8> {
        let (high, low) = (number / 250, number % 250 + 1);
        get(
            &format!(
                "/controller/checksum/{}/?key={}&management_ip=10.{}.{}.{low}",
                self.id,
                self.key,
                high / 250,
                high % 250
            ),
            None,
        )
    }

    pub(crate) fn download(&self) -> Vec<u8> {
        get(&format!("/controller/download-config/{}/?key={}", self.id, self.key), None)
    }

    pub(crate) fn report(&self, status: &str) -> Vec<u8> {
        let body = format!("key={}&status={status}", self.key);
        let path = format!("/controller/report-status/{}/", self.id);
        with_body("POST", &path, "application/x-www-form-urlencoded", None, &body)
    }
}

/// Asks REST for something and reads JSON.
pub(crate) async fn rest(
    server: &Server,
    method: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let mut connection = Connection::open(&server.address).await?;
    let request = if method == "GET" {
        get(path, Some(TOKEN))
    } else {
        with_body(method, path, "application/json", Some(TOKEN), &body.to_string())
    };
    let answer = connection.exchange(&request).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    ensure!((200..300).contains(&answer.status), "{method} {path}: {} {text}", answer.status);
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// An organization with a template of a usual size, and so many registered devices. Answers with the template's id.
pub(crate) async fn seed(server: &Server, devices: usize) -> anyhow::Result<(String, Vec<Device>)> {
    let organization = json!({
        "name": "Bench", "slug": "bench",
        "config_settings": { "registration_enabled": true, "shared_secret": SECRET },
    });
    let made = rest(server, "POST", "/api/v1/users/organization/", &organization).await?;
    let organization = made["id"].clone();
    let path = format!("/api/v1/users/organization/{}/", organization.as_str().context("an id")?);
    let settings =
        json!({ "config_settings": { "registration_enabled": true, "shared_secret": SECRET } });
    rest(server, "PATCH", &path, &settings).await?;
    let template = json!({
        "name": "usual", "organization": organization, "type": "generic",
        "backend": "netjsonconfig.OpenWrt", "default": true, "required": true,
        "default_values": { "word": "first" },
        "config": usual(),
    });
    let made = rest(server, "POST", "/api/v1/controller/template/", &template).await?;
    let template = made["id"].as_str().context("an id")?.to_owned();

    let known: Vec<Mutex<Device>> = (0..devices).map(|_| Mutex::default()).collect();
    let register = |number: usize| {
        let mac = format!(
            "02:00:{:02X}:{:02X}:{:02X}:01",
            number / 65536,
            number / 256 % 256,
            number % 256
        );
        let body = format!(
            "secret={SECRET}&name=ap-{number}&mac_address={mac}&backend=netjsonconfig.OpenWrt&model=Bench&os=OpenWrt+24.10&system=x86"
        );
        let kind = "application/x-www-form-urlencoded";
        with_body("POST", "/controller/register/", kind, None, &body)
    };
    let seeded = load(&server.address, 64, devices, register, |number, answer| {
        let text = String::from_utf8_lossy(&answer.body);
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name));
            value.unwrap_or_default().trim().to_owned()
        };
        if let Ok(mut device) = known[number].lock() {
            *device = Device { id: field("uuid:"), key: field("key:") };
        }
    })
    .await?;
    ensure!(seeded.refused.is_empty(), "registrations were refused: {:?}", seeded.refused);
    crate::say(&format!("  ({devices} registrations: {:.0}/s)", seeded.per_second()));
    let devices = known.into_iter().map(|device| device.into_inner().unwrap_or_default());
    Ok((template, devices.collect()))
}

/// One of several organizations, with so many registered devices and nothing else. Answers with its id.
pub(crate) async fn seed_in(
    server: &Server,
    place: usize,
    devices: usize,
) -> anyhow::Result<Value> {
    let secret = format!("shared-secret-of-benchmarks-{place:04}");
    let settings = json!({ "registration_enabled": true, "shared_secret": secret });
    let organization = json!({
        "name": format!("Bench {place}"), "slug": format!("bench-{place}"), "config_settings": settings,
    });
    let made = rest(server, "POST", "/api/v1/users/organization/", &organization).await?;
    let path = format!("/api/v1/users/organization/{}/", made["id"].as_str().context("an id")?);
    rest(server, "PATCH", &path, &json!({ "config_settings": settings })).await?;
    let register = |number: usize| {
        let (high, low) = (number / 256, number % 256);
        let mac = format!("02:{place:02X}:{:02X}:{:02X}:{low:02X}:01", high / 256, high % 256);
        let body = format!(
            "secret={secret}&name=ap-{place}-{number}&mac_address={mac}&backend=netjsonconfig.OpenWrt&model=Bench&os=OpenWrt+24.10&system=x86"
        );
        let kind = "application/x-www-form-urlencoded";
        with_body("POST", "/controller/register/", kind, None, &body)
    };
    let seeded = load(&server.address, 64, devices, register, |_, _| {}).await?;
    ensure!(seeded.refused.is_empty(), "registrations were refused: {:?}", seeded.refused);
    Ok(made["id"].clone())
}

/// Interfaces, a radio, a network, a file: what an access point has.
fn usual() -> Value {
    json!({
        "general": { "timezone": "UTC" },
        "interfaces": [
            { "name": "lan", "type": "bridge", "bridge_members": ["eth0"], "addresses": [{ "proto": "dhcp", "family": "ipv4" }] },
            { "name": "wlan0", "type": "wireless", "wireless": { "radio": "radio0", "mode": "access_point", "ssid": "bench {{ word }}", "encryption": { "protocol": "wpa2_personal", "key": "bench-key-{{ word }}" } } },
        ],
        "radios": [{ "name": "radio0", "protocol": "802.11n", "channel": 6, "channel_width": 20, "phy": "phy0", "country": "IT" }],
        "dns_servers": ["10.0.0.1"],
        "ntp": { "enabled": true, "enable_server": false, "server": ["0.pool.ntp.org"] },
        "files": [{ "path": "/etc/bench", "mode": "0644", "contents": "{{ name }} {{ word }}\n" }],
    })
}
