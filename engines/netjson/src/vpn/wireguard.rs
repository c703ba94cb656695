//! `wireguard`: interfaces with their peers, in the words of `wg-quick(8)`.

use serde_json::{Map, Value};

use super::{Document, unindented};
use crate::openwrt::section::{given, replace};
use crate::{ValidationError, literal};

/// What an interface must state, and what it is called here.
const REQUIRED: [(&str, &str); 3] =
    [("port", "ListenPort"), ("private_key", "PrivateKey"), ("address", "Address")];

/// What it may state.
const OPTIONAL: [(&str, &str); 8] = [
    ("dns", "DNS"),
    ("mtu", "MTU"),
    ("save_config", "SaveConfig"),
    ("table", "Table"),
    ("pre_up", "PreUp"),
    ("post_up", "PostUp"),
    ("pre_down", "PreDown"),
    ("post_down", "PostDown"),
];

const PEER: [(&str, &str); 3] =
    [("allowed_ips", "AllowedIPs"), ("public_key", "PublicKey"), ("preshared_key", "PreSharedKey")];

pub(super) fn document(
    index: usize,
    stated: &Map<String, Value>,
) -> Result<Document, ValidationError> {
    let mut options = stated.clone();
    let name = options.remove("name").map(|name| literal::text(&name)).unwrap_or_default();
    let peers = options.remove("peers");
    for (from, to) in REQUIRED {
        let Some(value) = options.remove(from) else {
            let message = format!("'{from}' is a required property");
            return Err(ValidationError::at(&format!("wireguard/{index}"), message));
        };
        options.insert(to.to_owned(), value);
    }
    for (from, to) in OPTIONAL {
        let Some(value) = options.remove(from) else { continue };
        let empty = matches!(&value, Value::Null)
            || value.as_str() == Some("")
            || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            options.insert(to.to_owned(), stated_value(from, value));
        }
    }
    let mut body = String::from("[Interface]\n");
    // What stands for nothing is printed here, and left out of peers: devices have it so.
    write_options(&mut body, options, |_| true);
    for peer in peers.as_ref().and_then(Value::as_array).into_iter().flatten() {
        if let Some(peer) = peer.as_object() {
            body.push_str("[Peer]\n");
            write_options(&mut body, peer_options(peer.clone()), given);
        }
    }
    let text = unindented(&format!("# wireguard config: {name}\n\n{body}"));
    Ok(Document::new(&name, ".conf", text))
}

fn stated_value(key: &str, value: Value) -> Value {
    match (key, value) {
        ("dns", Value::Array(servers)) => {
            let servers: Vec<String> = servers.iter().map(literal::text).collect();
            servers.join(",").into()
        }
        ("save_config", Value::Bool(flag)) => flag.to_string().into(),
        (_, value) => value,
    }
}

fn peer_options(mut options: Map<String, Value>) -> Map<String, Value> {
    for (from, to) in PEER {
        replace(&mut options, from, to);
    }
    let host = options.remove("endpoint_host").filter(given);
    let port = options.remove("endpoint_port").filter(given);
    if let (Some(host), Some(port)) = (host, port) {
        let endpoint = format!("{}:{}", literal::text(&host), literal::text(&port));
        options.insert("Endpoint".to_owned(), endpoint.into());
    }
    options
}

fn write_options(
    body: &mut String,
    mut options: Map<String, Value>,
    is_printed: impl Fn(&Value) -> bool,
) {
    options.sort_keys();
    for (key, value) in options.iter().filter(|(_, value)| is_printed(value)) {
        body.extend([key, " = ", &literal::text(value), "\n"]);
    }
    body.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::document;

    #[test]
    fn what_stands_for_nothing_is_printed_of_interfaces_and_left_out_of_peers() {
        let nothing = json!({ "A": false, "B": null, "C": {}, "D": [], "E": "", "F": 0 });
        let mut stated = json!({
            "name": "wg0", "port": 51820, "private_key": "k", "address": "", "peers": [nothing],
        });
        let options = nothing.as_object().unwrap().clone();
        stated.as_object_mut().unwrap().extend(options);
        let made = document(0, stated.as_object().unwrap()).unwrap();
        assert_eq!(
            made.text.trim_end(),
            "# wireguard config: wg0\n\n[Interface]\nA = False\nAddress = \nB = None\nC = {}\nD = []\nE = \nF = 0\nListenPort = 51820\nPrivateKey = k\n\n[Peer]"
        );
    }
}
