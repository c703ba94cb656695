//! The backends of virtual private networks: each element of one list becomes a file of its own.

mod openvpn;
mod wireguard;
mod zerotier;

use serde_json::{Map, Value};

use crate::{Backend, File, ValidationError};

/// One file, as it stands in the text of all.
#[derive(Clone, Debug)]
struct Document {
    /// What the file is called.
    path: String,
    /// The line before it that says what it is; only people see it.
    header: String,
    /// Everything else, the blank line at the end included.
    body: String,
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
    let mut text = String::new();
    for Document { header, body, .. } in &documents {
        text.extend([header, "\n\n", body]);
    }
    if text.ends_with("\n\n") {
        text.pop();
    }
    let files = documents.into_iter().map(|Document { path, mut body, .. }| {
        if body.ends_with("\n\n") {
            body.pop();
        }
        File { path, mode: 0o644, contents: body.into_bytes() }
    });
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
