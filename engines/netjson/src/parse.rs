//! From what a device has to NetJSON: an existing configuration becomes one that can be managed.

mod archive;
mod encoding;
mod lines;
mod loss;
mod openvpn;
mod openwrt;
mod section;
mod zerotier;

use serde_json::{Map, Value};

pub use self::loss::Loss;
use self::loss::Losses;
use crate::uci::Document;
use crate::{Backend, Error, limits, rules};

/// What a device has, in one of the forms in which it can be had.
#[derive(Clone, Copy, Debug)]
pub enum Native<'a> {
    /// Text as [`Rendering::text`](crate::Rendering::text) or `uci export` writes it, read line by
    /// line: one value per line, quotes removed wherever they stand. Lines that say something else
    /// are passed over and named among the [losses](Parsed::losses). Text that was written by a
    /// system rather than rendered is better read as a [`Document`](Self::Document).
    Text(&'a str),
    /// A tar or tar.gz with files as [`Rendering::files`](crate::Rendering::files) has them; each is
    /// read as [`Text`](Self::Text) is. Paths may begin with `./` or `/`, as `tar` writes them where
    /// it is told to; links are not followed but named among the [losses](Parsed::losses).
    Archive(&'a [u8]),
    /// UCI packages that were read by UCI's own rules.
    Document(&'a Document),
}

/// A configuration that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    netjson: Map<String, Value>,
    losses: Vec<Loss>,
}

impl Parsed {
    /// The configuration; it is valid.
    pub fn netjson(&self) -> &Map<String, Value> {
        &self.netjson
    }

    /// The configuration; it is valid.
    pub fn into_netjson(self) -> Map<String, Value> {
        self.netjson
    }

    /// What the configuration does not say although the device has it, in no particular order.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }
}

/// Reads the configuration of a device. `dsa` tells whether it takes the syntax of OpenWrt 21 and
/// later, see [`is_openwrt_dsa`](crate::is_openwrt_dsa).
///
/// Sections that NetJSON has no block for become packages of the configuration's own, so that
/// rendering the result gives them back.
///
/// ```
/// use serde_json::json;
/// use wisptrail_netjson::{Backend, Native, parse};
///
/// let text = "package network\n\nconfig interface 'lan'\n\toption device 'eth0'\n\toption proto \
///             'dhcp'\n\npackage dropbear\n\nconfig dropbear\n\toption Port '22'\n";
/// let parsed = parse(Backend::OpenWrt, Native::Text(text), true)?;
/// assert_eq!(
///     json!(parsed.netjson()),
///     json!({
///         "interfaces": [{
///             "name": "eth0", "type": "ethernet", "network": "lan",
///             "addresses": [{"proto": "dhcp", "family": "ipv4"}],
///         }],
///         "dropbear": [{"config_name": "dropbear", "Port": "22"}],
///     })
/// );
/// assert!(parsed.losses().is_empty());
/// # Ok::<(), wisptrail_netjson::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Unreadable`] where a value cannot mean what its place says, with the line;
/// [`Error::Invalid`] when the result is no valid configuration; [`Error::NotParsed`] for generators
/// that only write; [`Error::TooLarge`] beyond what is computed.
pub fn parse(backend: Backend, native: Native<'_>, dsa: bool) -> Result<Parsed, Error> {
    let mut losses = Losses::default();
    let mut netjson = match native {
        Native::Text(text) => read(backend, text, dsa, &mut losses)?,
        Native::Archive(bytes) => {
            let members = archive::members(bytes, &mut losses)?;
            let text = archive::text(backend, members, &mut losses)?;
            let read = read(backend, &text.text, dsa, &mut losses);
            losses.locate(&text);
            read.map_err(|error| match error {
                Error::Unreadable(error) => text.locate(error).into(),
                other => other,
            })?
        }
        Native::Document(_) if !backend.configures_devices() => {
            return Err(Error::NotParsed(backend));
        }
        Native::Document(document) => {
            openwrt::netjson(section::packages(document)?, dsa, &mut losses)?
        }
    };
    limits::measure(&netjson)?;
    rules::complete(backend, &mut netjson, None);
    rules::check(backend, &netjson, dsa)?;
    Ok(Parsed { netjson, losses: losses.into_vec() })
}

fn read(
    backend: Backend,
    text: &str,
    dsa: bool,
    losses: &mut Losses,
) -> Result<Map<String, Value>, Error> {
    let text = encoding::without_mark(text);
    if text.len() > 2 * limits::MAX_TEXT {
        return Err(Error::TooLarge { what: "text in bytes", limit: 2 * limits::MAX_TEXT });
    }
    match backend {
        Backend::OpenWrt | Backend::OpenWisp => {
            openwrt::netjson(lines::packages(text, losses)?, dsa, losses)
        }
        Backend::OpenVpn => openvpn::netjson(text, losses),
        Backend::ZeroTier => zerotier::netjson(text),
        Backend::Wireguard | Backend::VxlanWireguard => Err(Error::NotParsed(backend)),
    }
}
