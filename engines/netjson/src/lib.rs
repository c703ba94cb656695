//! Turns NetJSON into device files and back.

use std::str::FromStr;

use md5::{Digest as _, Md5};
use serde_json::{Map, Value};
use sha2::Sha256;

/// Raised whenever any byte of any output may change.
pub const RENDERER_VERSION: u32 = 1;

/// Which generator turns NetJSON into files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// `netjsonconfig.OpenWrt`
    OpenWrt,
}

/// No such generator.
#[derive(Debug, thiserror::Error)]
#[error("unknown backend `{0}`")]
pub struct UnknownBackend(String);

impl FromStr for Backend {
    type Err = UnknownBackend;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s == "netjsonconfig.OpenWrt" { Ok(Self::OpenWrt) } else { Err(UnknownBackend(s.to_owned())) }
    }
}

/// Everything a rendering depends on.
pub struct Input<'a> {
    /// The device's own.
    pub config: &'a Map<String, Value>,
    /// First to last.
    pub templates: &'a [&'a Map<String, Value>],
    /// Variables.
    pub context: &'a Map<String, Value>,
    /// Syntax.
    pub dsa: bool,
}

/// A refused configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid configuration triggered by \"#{path}\", validator says:\n\n{message}")]
pub struct ValidationError {
    /// Where.
    pub path: String,
    /// Why.
    pub message: String,
}

/// Why there is no rendering.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is refused.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
}

/// An archive.
pub struct Archive {
    /// gzip
    pub bytes: Vec<u8>,
    /// hex
    pub md5: String,
    /// hex
    pub sha256: String,
}

/// A file.
pub struct File {
    /// relative
    pub path: String,
    /// bits
    pub mode: u32,
    /// bytes
    pub contents: Vec<u8>,
}

/// A rendering.
pub struct Rendering {
    files: Vec<File>,
}

impl Rendering {
    /// The members.
    pub fn files(&self) -> &[File] {
        &self.files
    }
    /// The archive.
    pub fn archive(&self) -> Archive {
        use std::io::Write as _;
        let mut tar = tar::Builder::new(Vec::new());
        for f in &self.files {
            let mut h = tar::Header::new_ustar();
            h.set_size(f.contents.len() as u64);
            h.set_mode(f.mode);
            h.set_mtime(0);
            h.set_uid(0);
            h.set_gid(0);
            let _ = tar.append_data(&mut h, &f.path, &f.contents[..]);
        }
        let tar = tar.into_inner().unwrap_or_default();
        let mut gz = flate2::GzBuilder::new().operating_system(255).write(Vec::new(), flate2::Compression::new(9));
        let _ = gz.write_all(&tar);
        let bytes = gz.finish().unwrap_or_default();
        Archive { md5: hex(&Md5::digest(&bytes)), sha256: hex(&Sha256::digest(&bytes)), bytes }
    }
}

fn hex(b: &[u8]) -> String {
    b.iter().map(|b| format!("{b:02x}")).collect()
}

/// Fits the schema?
pub fn validate(_: Backend, _: &Map<String, Value>) -> Result<(), ValidationError> {
    Ok(())
}

/// From device.os.
pub fn is_openwrt_dsa(_: &str) -> bool {
    true
}

/// Renders.
pub fn render(_: Backend, input: &Input<'_>) -> Result<Rendering, Error> {
    let mut all = Map::new();
    for t in input.templates.iter().copied().chain([input.config]) {
        for (k, v) in t {
            match (all.get_mut(k), v) {
                (Some(Value::Object(a)), Value::Object(b)) => a.extend(b.clone()),
                (Some(Value::Array(a)), Value::Array(b)) => a.extend(b.clone()),
                _ => {
                    all.insert(k.clone(), v.clone());
                }
            }
        }
    }
    let eval = |s: &str| {
        let mut s = s.to_owned();
        for (k, v) in input.context {
            let v = v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            s = s.replace(&format!("{{{{ {k} }}}}"), &v).replace(&format!("{{{{{k}}}}}"), &v);
        }
        s
    };
    let mut system = String::from("config system 'system'\n");
    if let Some(Value::Object(g)) = all.get("general") {
        for (k, v) in g {
            let v = eval(v.as_str().unwrap_or_default());
            system.push_str(&format!("\toption {k} '{v}'\n"));
        }
    }
    let mut files = vec![File { path: "etc/config/system".into(), mode: 0o644, contents: (system + "\n").into_bytes() }];
    if let Some(Value::Array(list)) = all.get("files") {
        for f in list {
            files.push(File {
                path: eval(f["path"].as_str().unwrap_or_default()).trim_start_matches('/').to_owned(),
                mode: u32::from_str_radix(f["mode"].as_str().unwrap_or("0644"), 8).unwrap_or(0o644),
                contents: eval(f["contents"].as_str().unwrap_or_default()).into_bytes(),
            });
        }
    }
    Ok(Rendering { files })
}
