//! From what a device has to NetJSON: an existing configuration becomes one that can be managed.

mod archive;
mod encoding;
mod lines;
mod loss;
mod openvpn;
mod openwrt;
mod origins;
mod section;
mod zerotier;

use serde_json::{Map, Value};

pub use self::loss::Loss;
use self::loss::Losses;
use self::origins::Origins;
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

/// A configuration on its way, and where it was stated.
struct Read {
    netjson: Map<String, Value>,
    origins: Origins,
}

impl Read {
    /// A configuration of one list, if it is not empty.
    fn of(key: &str, items: Vec<(usize, Map<String, Value>)>) -> Self {
        let mut read = Self { netjson: Map::new(), origins: Origins::default() };
        if !items.is_empty() {
            let (lines, items): (_, Vec<Value>) =
                items.into_iter().map(|(line, item)| (line, Value::from(item))).unzip();
            read.netjson.insert(key.to_owned(), items.into());
            read.origins.state(key, lines);
        }
        read
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
/// [`Error::InvalidSection`] when what a section says is no valid configuration, with the line of the
/// section, and [`Error::Invalid`] where no section can be blamed; [`Error::NotParsed`] for generators
/// that only write; [`Error::TooLarge`] beyond what is computed.
pub fn parse(backend: Backend, native: Native<'_>, dsa: bool) -> Result<Parsed, Error> {
    let mut losses = Losses::default();
    let mut joined = None;
    let Read { mut netjson, origins } = match native {
        Native::Text(text) => read(backend, text, dsa, &mut losses)?,
        Native::Archive(bytes) => {
            let members = archive::members(bytes, &mut losses)?;
            let text = archive::text(backend, members, &mut losses)?;
            let read = read(backend, &text.text, dsa, &mut losses);
            losses.locate(&text);
            let read = read.map_err(|error| match error {
                Error::Unreadable(error) => text.locate(error).into(),
                other => other,
            })?;
            joined = Some(text);
            read
        }
        Native::Document(_) if !backend.configures_devices() => {
            return Err(Error::NotParsed(backend));
        }
        Native::Document(document) => {
            openwrt::read(section::packages(document)?, dsa, &mut losses)?
        }
    };
    limits::measure(&netjson)?;
    rules::complete(backend, &mut netjson, None);
    rules::check(backend, &netjson, dsa).map_err(|error| match origins.line(&error.path) {
        None => Error::Invalid(error),
        Some(line) => {
            let (file, line) = joined.map_or((None, line), |text| text.place(line));
            Error::InvalidSection { error, file, line }
        }
    })?;
    Ok(Parsed { netjson, losses: losses.into_vec() })
}

fn read(backend: Backend, text: &str, dsa: bool, losses: &mut Losses) -> Result<Read, Error> {
    let text = encoding::without_mark(text);
    if text.len() > 2 * limits::MAX_TEXT {
        return Err(Error::TooLarge { what: "text in bytes", limit: 2 * limits::MAX_TEXT });
    }
    match backend {
        Backend::OpenWrt | Backend::OpenWisp => {
            openwrt::read(lines::packages(text, losses)?, dsa, losses)
        }
        Backend::OpenVpn => openvpn::read(text, losses),
        Backend::ZeroTier => zerotier::read(text),
        Backend::Wireguard | Backend::VxlanWireguard => Err(Error::NotParsed(backend)),
    }
}
