//! Requests as no client should send them.

use std::fmt;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use wisptrail_tests::{Client, Device};

/// One request, decided by chance alone.
pub(crate) struct Garbage {
    /// With the superuser's token, so that it gets further.
    pub(crate) is_admin: bool,
    method: &'static str,
    path: String,
    content_type: Option<&'static str>,
    accept: Option<&'static str>,
    body: Vec<u8>,
}

/// A body up to this length has arrived before anybody answers; of a longer one that nobody reads the
/// server may close the connection, and with it lose the answer.
const WHOLE: usize = 32 * 1024;

/// Larger than any body that is accepted.
const OVER_LONG: usize = 24 * 1024 * 1024;

const METHODS: [&str; 9] =
    ["GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"];

const CONTENT_TYPES: [&str; 9] = [
    "application/json",
    "application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/xml",
    "application/json; charset=utf-16",
    "nonsense",
];

const FIELDS: [&str; 22] = [
    "name",
    "mac_address",
    "organization",
    "config",
    "templates",
    "context",
    "backend",
    "key",
    "secret",
    "status",
    "error_reason",
    "management_ip",
    "model",
    "os",
    "system",
    "tags",
    "default_values",
    "group",
    "username",
    "password",
    "hardware_id",
    "type",
];

impl Garbage {
    pub(crate) fn new(rng: &mut ChaCha8Rng, device: &Device, paths: &[String]) -> Self {
        let path = paths[rng.random_range(0..paths.len())].clone();
        let mut path = spoiled(rng, path, device);
        let mut method = METHODS[rng.random_range(0..METHODS.len())];
        let is_admin = rng.random_bool(0.7);
        // The device and the fixture are wanted until the end.
        if is_admin && method == "DELETE" && !path.contains('%') {
            method = "PATCH";
        }
        if rng.random_bool(0.3) {
            let mark = if path.contains('?') { '&' } else { '?' };
            path = format!("{path}{mark}{}", query(rng));
        }
        let content_type =
            rng.random_bool(0.9).then(|| CONTENT_TYPES[rng.random_range(0..CONTENT_TYPES.len())]);
        Self {
            is_admin,
            method,
            path,
            content_type,
            accept: rng.random_bool(0.2).then_some("text/html;q=nonsense, \u{1}"),
            body: body(rng, content_type.unwrap_or_default()),
        }
    }

    pub(crate) fn may_go_unread(&self) -> bool {
        self.body.len() > WHOLE || self.path.len() > 8_000
    }

    pub(crate) fn request(&self, client: &Client) -> anyhow::Result<RequestBuilder> {
        let method = Method::from_bytes(self.method.as_bytes())?;
        let mut request = client.request(method, &self.path).body(self.body.clone());
        if let Some(content_type) = self.content_type {
            request = request.header("content-type", content_type);
        }
        if let Some(accept) = self.accept {
            request = request.header("accept", accept.replace('\u{1}', "*"));
        }
        Ok(request)
    }
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: String = self.path.chars().take(120).collect();
        let (head, length) = (self.body.len().min(120), self.body.len());
        let body = String::from_utf8_lossy(&self.body[..head]);
        let admin = if self.is_admin { " (superuser)" } else { "" };
        let kind = self.content_type.unwrap_or("no type");
        write!(f, "{} {path}{admin} [{kind}, {length} bytes: {body:?}]", self.method)
    }
}

/// The path, or one that is a little wrong.
fn spoiled(rng: &mut ChaCha8Rng, path: String, device: &Device) -> String {
    let ids = [device.id.clone(), device.dashed()];
    let replace =
        |with: &str| ids.iter().fold(path.clone(), |path, id| path.replacen(id.as_str(), with, 1));
    match rng.random_range(0..14) {
        0 => replace("not-a-uuid"),
        1 => replace("00000000000040008000000000000000"),
        2 => replace("%00"),
        3 => replace("%ff%fe"),
        4 => replace("%2e%2e%2f"),
        5 => replace(&"9".repeat(9_000)),
        6 => replace(&device.id.to_uppercase()),
        7 => path.trim_end_matches('/').to_owned(),
        8 => format!("{path}%F0%9F%92%A9"),
        _ => path,
    }
}

fn query(rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..10) {
        0 => "key=%ff%fe&key=%00".to_owned(),
        1 => "page=-1&page_size=99999999999999999999".to_owned(),
        2 => "key[]=1&%=&&&=".to_owned(),
        3 => "config__status=%00&organization=nope&created__gte=yesterday".to_owned(),
        4 => format!("key={}", "k".repeat(5_000)),
        5 => "management_ip=%00&key=x".to_owned(),
        6 => "format=%f0%28%8c%28".to_owned(),
        7 => "config__templates=1,2,%27&group=&location=-".to_owned(),
        8 => "search=%5c%27%22%3b%00--&ordering=-%00".to_owned(),
        _ => text(rng).replace(['#', ' ', '%'], "+"),
    }
}

fn body(rng: &mut ChaCha8Rng, content_type: &str) -> Vec<u8> {
    let depth = 20_000;
    match rng.random_range(0..100) {
        0..10 => Vec::new(),
        10..18 => (0..rng.random_range(1..400)).map(|_| rng.random()).collect(),
        18..22 => "[".repeat(depth).into_bytes(),
        22..26 => format!("{}1{}", "{\"config\":".repeat(depth), "}".repeat(depth)).into_bytes(),
        26..30 => b"{\"name\": \"\xff\xfe\"}".to_vec(),
        30..34 => b"{\"name\": \"\\ud800\", \"context\": {\"\\u0000\": 1e999}}".to_vec(),
        34 => vec![b'x'; OVER_LONG],
        35..40 => b"name=%ff&secret=%00&mac_address=%zz&backend=netjsonconfig.OpenWrt&=&&".to_vec(),
        _ if content_type.starts_with("multipart") => multipart(rng).into_bytes(),
        _ if content_type.starts_with("application/x-www") => form(rng).into_bytes(),
        _ => {
            let mut text = object(rng, 0).to_string();
            if rng.random_bool(0.2) {
                let mut cut = rng.random_range(0..=text.len());
                while !text.is_char_boundary(cut) {
                    cut -= 1;
                }
                text.truncate(cut);
            }
            text.into_bytes()
        }
    }
}

fn multipart(rng: &mut ChaCha8Rng) -> String {
    let name = FIELDS[rng.random_range(0..FIELDS.len())];
    let text = text(rng);
    let end = if rng.random_bool(0.5) { "--x--\r\n" } else { "--x" };
    format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n{end}")
}

fn form(rng: &mut ChaCha8Rng) -> String {
    let fields = (0..rng.random_range(1..12)).map(|_| {
        let name = FIELDS[rng.random_range(0..FIELDS.len())];
        let value: String = form_urlencoded::byte_serialize(text(rng).as_bytes()).collect();
        format!("{name}={value}")
    });
    fields.collect::<Vec<_>>().join("&")
}

fn object(rng: &mut ChaCha8Rng, depth: usize) -> Value {
    let members = (0..rng.random_range(0..8)).map(|_| {
        let name = FIELDS[rng.random_range(0..FIELDS.len())].to_owned();
        (name, value(rng, depth + 1))
    });
    Value::Object(members.collect())
}

fn value(rng: &mut ChaCha8Rng, depth: usize) -> Value {
    match rng.random_range(0..14) {
        0 => Value::Null,
        1 => json!(rng.random_bool(0.5)),
        2 => json!(rng.random::<i64>()),
        3 => json!(rng.random::<u64>()),
        4 => json!(-1e300),
        5 if depth < 4 => (0..rng.random_range(0..4)).map(|_| value(rng, depth + 1)).collect(),
        6..9 if depth < 4 => object(rng, depth),
        9 => json!("bbbbbbbb-0000-4000-8000-000000000002"),
        10 => {
            json!({ "interfaces": [{ "name": text(rng), "type": text(rng) }], "files": text(rng) })
        }
        11 => json!({ "files": [{ "path": text(rng), "mode": text(rng), "contents": text(rng) }] }),
        _ => json!(text(rng)),
    }
}

fn text(rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..14) {
        0 => String::new(),
        1 => "\0".to_owned(),
        2 => "a\0b".to_owned(),
        3 => "x".repeat(rng.random_range(60..5_000)),
        4 => "\u{202e}\u{feff}\u{1f4a9}\u{301}".to_owned(),
        5 => "{{ name }} {% for x in range(1000000000) %}{{ x }}{% endfor %}".to_owned(),
        6 => "{{ ''.__class__ }} {{ 1/0 }} {% include '/etc/passwd' %}".to_owned(),
        7 => "'; DROP TABLE events; --".to_owned(),
        8 => "../../../../etc/shadow\r\nx: y".to_owned(),
        9 => "netjsonconfig.OpenWrt".to_owned(),
        10 => "02:00:00:00:06:01".to_owned(),
        11 => "alphasharedsecret0123456789abcde".to_owned(),
        12 => "applied".to_owned(),
        _ => (0..rng.random_range(1..40)).map(|_| rng.random::<char>()).collect(),
    }
}
