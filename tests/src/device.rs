//! A device as far as stories need one.

use md5::{Digest, Md5};

use crate::{Client, note_secret};

/// A registered device.
#[derive(Clone, Debug)]
pub struct Device {
    /// 32 digits, as the protocol writes it.
    pub id: String,
    /// What it proves itself with.
    pub key: String,
    /// Whether this registration made it.
    pub is_new: bool,
}

impl Device {
    /// The id with dashes, as REST writes it.
    ///
    /// # Panics
    ///
    /// The server gave something else than 32 digits.
    pub fn dashed(&self) -> String {
        uuid::Uuid::parse_str(&self.id).expect("the id has 32 digits").to_string()
    }

    /// Path and query of a checksum request.
    pub fn checksum_path(&self) -> String {
        format!("/controller/checksum/{}/?key={}", self.id, self.key)
    }

    /// Path and query of a download.
    pub fn download_path(&self) -> String {
        format!("/controller/download-config/{}/?key={}", self.id, self.key)
    }
}

/// Registers a device with the key that agents compute.
///
/// # Errors
///
/// The server does not answer, or not with 201.
pub async fn register(
    client: &Client,
    secret: &str,
    name: &str,
    mac_address: &str,
) -> anyhow::Result<Device> {
    let key = hex::encode(Md5::digest(format!("{mac_address}+{secret}")));
    note_secret(&key);
    let form = [
        ("backend", "netjsonconfig.OpenWrt"),
        ("key", key.as_str()),
        ("secret", secret),
        ("name", name),
        ("hardware_id", ""),
        ("mac_address", mac_address),
    ];
    let answer = client.post_form("/controller/register/", &form).await?.expect(201)?.text();
    let word = |label: &str| {
        answer.lines().find_map(|line| line.strip_prefix(label)).unwrap_or_default().to_owned()
    };
    anyhow::ensure!(word("key: ") == key, "the server changed the key");
    Ok(Device { id: word("uuid: "), key, is_new: word("is-new: ") == "1" })
}
