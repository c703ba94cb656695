//! `zerotier`: clients of `ZeroTier` networks, the package `zerotier`.

use serde_json::Value;

use super::section::{Options, given, invert_disabled, section, text, uci_name};
use super::{Package, Source, package};

pub(super) fn packages(source: Source<'_>) -> Vec<Package> {
    package("zerotier", source.objects("zerotier").cloned().flat_map(sections).collect())
}

fn sections(mut options: Options) -> Vec<Value> {
    let name = uci_name(text(&options, "name"));
    options.remove("name");
    options.entry("disabled").or_insert(Value::Bool(false));
    invert_disabled(&mut options);
    for (key, default) in [("config_path", "/etc/openwisp/zerotier"), ("copy_config_path", "1")] {
        options.entry(key).or_insert_with(|| default.into());
    }
    let keys = ["local_conf", "local_conf_path"];
    if let Some(path) = keys.iter().find_map(|key| options.get(*key).filter(|path| given(path))) {
        let path = path.clone();
        for key in keys {
            options.insert(key.to_owned(), path.clone());
        }
    }
    // What the server of the networks has is of no use to a client.
    options.remove("client_options");
    let networks = options.remove("networks");
    let networks = networks.as_ref().and_then(Value::as_array).into_iter().flatten();
    let networks: Vec<_> = networks.filter_map(Value::as_object).cloned().collect();
    let ids = networks.iter().map(|network| network.get("id").cloned().unwrap_or_default());
    options.insert("join".into(), ids.collect());

    let mut sections = vec![section("zerotier", name, options)];
    for mut network in networks {
        let name = uci_name(text(&network, "ifname"));
        network.remove("ifname");
        sections.push(section("network", name, network));
    }
    sections
}
