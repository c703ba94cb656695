//! The backends of virtual private networks: each element of one list becomes a file of its own.

mod openvpn;
mod wireguard;
mod zerotier;

use serde_json::{Map, Value};

use crate::{Backend, File, ValidationError};

/// One file, as it stands in the text of all: a line that says what it is, a blank one, and the file.
#[derive(Clone, Debug)]
struct Document {
    /// What the file is called.
    path: String,
    /// All of it, the blank line at the end included.
    text: String,
}

impl Document {
    /// `name` is on the line before the file; a line end in it ends the file's name, and what follows
    /// the line after that is part of the file.
    fn new(name: &str, extension: &str, text: String) -> Self {
        let line = name.split('\n').next().unwrap_or_default();
        Self { path: format!("{line}{extension}"), text }
    }

    /// The file; the last one ends where the text of all ends.
    fn file(self, is_last: bool) -> File {
        let mut text = self.text.as_str();
        for _ in 0..=u8::from(is_last) {
            if text.ends_with("\n\n") {
                text = &text[..text.len() - 1];
            }
        }
        let contents = text.splitn(3, '\n').nth(2).unwrap_or_default();
        File { path: self.path, mode: 0o644, contents: contents.into() }
    }
}

/// The text of all documents, and each as a file. Nothing for the backends of devices.
pub(crate) fn documents(
    backend: Backend,
    netjson: &Map<String, Value>,
) -> Result<(String, Vec<File>), ValidationError> {
    let documents = match backend {
        Backend::OpenWrt | Backend::OpenWisp => Vec::new(),
        Backend::OpenVpn => objects(netjson, "openvpn").map(openvpn::document).collect(),
        Backend::Wireguard | Backend::VxlanWireguard => objects(netjson, "wireguard")
            .enumerate()
            .map(|(index, options)| wireguard::document(index, options))
            .collect::<Result<_, _>>()?,
        Backend::ZeroTier => objects(netjson, "zerotier").map(zerotier::document).collect(),
    };
    let mut text: String = documents.iter().map(|document| document.text.as_str()).collect();
    if text.ends_with("\n\n") {
        text.pop();
    }
    let last = documents.len();
    let files = (1..).zip(documents).map(|(number, document)| document.file(number == last));
    Ok((text, files.collect()))
}

fn objects<'a>(
    netjson: &'a Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> {
    let items = netjson.get(key).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_object)
}

/// Lines may be indented by hand; runs of four spaces do not survive, wherever they stand.
fn unindented(text: &str) -> String {
    text.replace("    ", "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::documents;
    use crate::Backend;

    /// Text and files as the engine in the field makes them.
    #[test]
    fn line_ends_in_names_and_last_options_are_where_devices_have_them() {
        let tunnel = |name: &str, option: &str| json!({"name": name, "mode": "server", "proto": "udp", "dev": "tun0", "z": option});
        let tunnels = json!({"openvpn": [tunnel("v1\n", "x\n\n"), tunnel("v2", "y\n")]});
        let networks =
            json!({"zerotier": [{"nwid": "x\ny"}, {"nwid": "a.json.b"}, {"nwid": "\n\n"}]});
        let alone = json!({"openvpn": [tunnel("v1", "a b\n\n")]});
        let interfaces = json!({"wireguard": [
            {"name": "wg0\n", "port": 1, "private_key": "k", "address": "a", "zz": "x\n"}]});
        for (backend, netjson, text, files) in [
            (
                Backend::OpenVpn,
                tunnels,
                "# openvpn config: v1\n\n\ndev tun0\nmode server\nproto udp\nz x\n\n\n\n\
                 # openvpn config: v2\n\ndev tun0\nmode server\nproto udp\nz y\n\n",
                vec![
                    ("v1.conf", "\ndev tun0\nmode server\nproto udp\nz x\n\n\n"),
                    ("v2.conf", "dev tun0\nmode server\nproto udp\nz y\n"),
                ],
            ),
            (
                Backend::OpenVpn,
                alone,
                "# openvpn config: v1\n\ndev tun0\nmode server\nproto udp\nz a b\n\n\n",
                vec![("v1.conf", "dev tun0\nmode server\nproto udp\nz a b\n\n")],
            ),
            (
                Backend::ZeroTier,
                networks,
                "// zerotier controller config: x\ny.json\n\n{\n    \"nwid\": \"x\\ny\"\n}\n\n\
                 // zerotier controller config: a.json.b.json\n\n{\n    \"nwid\": \"a.json.b\"\n}\n\n\
                 // zerotier controller config: \n\n.json\n\n{\n    \"nwid\": \"\\n\\n\"\n}\n",
                vec![
                    ("x.json", "\n{\n    \"nwid\": \"x\\ny\"\n}\n"),
                    ("a.json", "{\n    \"nwid\": \"a.json.b\"\n}\n"),
                    (".json", ".json\n\n{\n    \"nwid\": \"\\n\\n\"\n}\n"),
                ],
            ),
            (
                Backend::Wireguard,
                interfaces,
                "# wireguard config: wg0\n\n\n[Interface]\nAddress = a\nListenPort = 1\nPrivateKey = k\n\
                 zz = x\n\n",
                vec![(
                    "wg0.conf",
                    "\n[Interface]\nAddress = a\nListenPort = 1\nPrivateKey = k\nzz = x\n",
                )],
            ),
        ] {
            let (made, members) = documents(backend, netjson.as_object().unwrap()).unwrap();
            assert_eq!(made, text);
            let members: Vec<_> = members
                .iter()
                .map(|file| (file.path.as_str(), std::str::from_utf8(&file.contents).unwrap()))
                .collect();
            assert_eq!(members, files);
        }
    }
}
