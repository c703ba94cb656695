//! The files that travel with a configuration, beside its UCI packages.

mod generated;

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub(crate) use self::generated::tls_key_path;
use crate::Backend;

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to the root of the device's file system, without a leading slash.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The whole content.
    pub contents: Vec<u8>,
}

/// A file as a configuration states it.
#[derive(Clone, Debug)]
pub(crate) struct Additional {
    path: String,
    mode: String,
    contents: String,
}

/// Files of the configuration and those that follow from its blocks. Of several with one path the
/// last counts, at the place of the first.
pub(crate) fn additional(backend: Backend, netjson: &Map<String, Value>) -> Vec<Additional> {
    let mut files = stated(netjson);
    if backend.configures_devices() || backend == Backend::OpenVpn {
        files.extend(generated::tls_keys(netjson));
    }
    if backend.configures_devices() {
        generated::add_device_maps(netjson, &mut files);
    }
    let mut last = IndexMap::new();
    for file in files {
        last.insert(file.path.clone(), file);
    }
    last.into_values().collect()
}

fn stated(netjson: &Map<String, Value>) -> Vec<Additional> {
    let text = |file: &Value, key: &str| {
        file.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let files = netjson.get("files").and_then(Value::as_array).into_iter().flatten();
    files
        .map(|file| Additional {
            path: text(file, "path"),
            mode: text(file, "mode"),
            contents: text(file, "contents"),
        })
        .collect()
}

/// What the preview shows of `files`: nothing if there are none.
pub(crate) fn preview(files: &[Additional]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n# ---------- files ---------- #\n\n");
    for Additional { path, mode, contents } in files {
        text.extend(["# path: ", path, "\n# mode: ", mode, "\n\n", contents, "\n\n"]);
    }
    text.replace("\n\n\n", "\n\n")
}

impl From<&Additional> for File {
    fn from(file: &Additional) -> Self {
        Self {
            path: file.path.strip_prefix('/').unwrap_or(&file.path).to_owned(),
            // The schema's pattern allows one line end behind it.
            mode: u32::from_str_radix(file.mode.trim_end(), 8).unwrap_or(0o644),
            contents: file.contents.clone().into_bytes(),
        }
    }
}
