//! How much is computed at most.
//!
//! Real configurations are some kilobytes; the limits only keep a hostile one from taking the
//! process down.

use serde_json::{Map, Value};

use crate::Error;

/// Levels of nesting in any input.
pub(crate) const MAX_DEPTH: usize = 100;
/// Values (scalars, lists, objects) in the merged configuration.
pub(crate) const MAX_VALUES: usize = 100_000;
/// Bytes of text in a configuration and in what becomes of it.
pub(crate) const MAX_TEXT: usize = 8 * 1024 * 1024;
/// Bytes searched for variables.
pub(crate) const MAX_SCANNED: usize = 64 * 1024 * 1024;

/// What a value consists of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// Number of values, itself included.
    pub(crate) values: usize,
    /// Bytes of all keys and texts.
    pub(crate) text: usize,
}

impl Extent {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            values: self.values.saturating_add(other.values),
            text: self.text.saturating_add(other.text),
        }
    }

    /// Refuses what is too much.
    pub(crate) fn check(self) -> Result<(), Error> {
        if self.text > MAX_TEXT {
            return Err(Error::TooLarge { what: "text in bytes", limit: MAX_TEXT });
        }
        if self.values > MAX_VALUES {
            return Err(Error::TooLarge { what: "number of values", limit: MAX_VALUES });
        }
        Ok(())
    }
}

/// Measures `map` and refuses what is too deep, too long or too wide.
pub(crate) fn measure(map: &Map<String, Value>) -> Result<Extent, Error> {
    let mut extent = Extent::default();
    for (key, value) in map {
        extent.text = extent.text.saturating_add(key.len());
        add(&mut extent, value, 1)?;
    }
    Ok(extent)
}

/// Size of one value that has been measured as part of a whole.
pub(crate) fn size(value: &Value) -> usize {
    let mut extent = Extent::default();
    match add(&mut extent, value, 0) {
        // Each value costs a line of its own around its text.
        Ok(()) => extent.text.saturating_add(extent.values.saturating_mul(32)),
        Err(_) => usize::MAX,
    }
}

fn add(extent: &mut Extent, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooLarge { what: "nesting", limit: MAX_DEPTH });
    }
    extent.values += 1;
    match value {
        Value::String(text) => extent.text = extent.text.saturating_add(text.len()),
        Value::Array(items) => items.iter().try_for_each(|item| add(extent, item, depth + 1))?,
        Value::Object(map) => {
            for (key, item) in map {
                extent.text = extent.text.saturating_add(key.len());
                add(extent, item, depth + 1)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    if extent.values > MAX_VALUES {
        return Err(Error::TooLarge { what: "number of values", limit: MAX_VALUES });
    }
    if extent.text > MAX_TEXT {
        return Err(Error::TooLarge { what: "text in bytes", limit: MAX_TEXT });
    }
    Ok(())
}

/// Refuses a configuration whose blocks multiply: options repeat for every address of an
/// interface, name servers for every interface, bridges for every member.
pub(crate) fn expansion(netjson: &Map<String, Value>) -> Result<(), Error> {
    let list =
        |key: &str| netjson.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let resolvers: usize = list("dns_servers")
        .iter()
        .chain(list("dns_search"))
        .map(size)
        .fold(0, usize::saturating_add);
    let interfaces = list("interfaces");
    let bridges = interfaces
        .iter()
        .filter(|interface| interface.get("bridge_members").is_some())
        .map(|bridge| bridge.get("name").map_or(0, size))
        .fold(0, usize::saturating_add);
    let mut total = 0_usize;
    for interface in interfaces {
        let addresses = interface.get("addresses");
        let sections = addresses.and_then(Value::as_array).map_or(1, |list| list.len() + 1);
        let listed = addresses.map_or(0, size);
        let each = size(interface).saturating_sub(listed).saturating_add(resolvers);
        total = total.saturating_add(sections.saturating_mul(each)).saturating_add(listed);
        if interface.get("wireless").is_some() {
            total = total.saturating_add(bridges);
        }
    }
    if total > 4 * MAX_TEXT {
        return Err(Error::TooLarge { what: "expanded interfaces in bytes", limit: 4 * MAX_TEXT });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::expansion;

    fn bridge(vlans: usize, addresses: usize) -> Map<String, Value> {
        let ports: Vec<_> = (0..24).map(|n| json!({"ifname": n, "tagging": "t"})).collect();
        let vlans: Vec<_> = (0..vlans).map(|vid| json!({"vlan": vid, "ports": ports})).collect();
        let addresses = vec![json!({"proto": "dhcp", "family": "ipv4"}); addresses];
        let interface = json!({"name": "br0", "vlan_filtering": vlans, "addresses": addresses});
        Map::from_iter([("interfaces".to_owned(), json!([interface]))])
    }

    #[test]
    fn a_trunk_of_many_vlans_is_no_expansion() {
        assert!(expansion(&bridge(500, 3)).is_ok());
    }

    #[test]
    fn options_repeated_for_thousands_of_addresses_are() {
        assert!(expansion(&bridge(500, 5000)).is_err());
    }
}
