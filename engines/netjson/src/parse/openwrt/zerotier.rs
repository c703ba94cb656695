//! Sections of the package `zerotier`: `zerotier`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Options, Section, Source, Types};
use crate::Unreadable;
use crate::parse::section::short;

const CLIENT: Types = Types { integers: &["port"], booleans: &["disabled"] };
const NETWORK: Types = Types {
    integers: &[],
    booleans: &["allow_default", "allow_dns", "allow_global", "allow_managed"],
};

/// A client on its way.
#[derive(Debug)]
struct Client {
    line: usize,
    options: Options,
    /// Networks that it joins, by their ids.
    joined: Vec<String>,
    /// Networks that it says more about.
    networks: Vec<Value>,
}

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let mut clients: Vec<Client> = Vec::new();
    let mut described = HashSet::new();
    for mut section in source.take("zerotier", |kind| matches!(kind, "zerotier" | "network")) {
        if section.kind == "zerotier" {
            clients.push(client(section)?);
            continue;
        }
        // Networks of their own belong to the first client.
        let Some(first) = clients.first_mut() else {
            return Err(Unreadable::at(section.line, "a network before any client"));
        };
        section.convert(NETWORK)?;
        let id = section.options.get("id").and_then(Value::as_str);
        let id = id.ok_or_else(|| section.wrong("id", "is missing"))?.to_owned();
        let ifname = interface(&id);
        if section.name != ifname {
            let name = short(&section.name).to_owned();
            source.losses.add(section.line, format!("the name {name:?} of a network"));
        }
        section.options.insert("ifname".into(), ifname.into());
        described.insert(id);
        first.networks.push(section.options.into());
    }
    let mut list = Vec::new();
    for (number, client) in clients.into_iter().enumerate() {
        // Rendering states networks among those that are joined, too.
        let joined = client.joined.into_iter().filter(|id| number > 0 || !described.contains(id));
        let joined = joined.map(|id| json!({"id": &id, "ifname": interface(&id)}));
        let mut options = client.options;
        options.insert("networks".into(), joined.chain(client.networks).collect());
        list.push((client.line, options));
    }
    source.state("zerotier", list);
    Ok(())
}

fn client(mut section: Section) -> Result<Client, Unreadable> {
    section.convert(CLIENT)?;
    let enabled = section.take("enabled");
    let joined = section.take_words("join").unwrap_or_default();
    if let Some(path) = section.take("local_conf") {
        section.options.insert("local_conf_path".into(), path);
    }
    section.options.insert("name".into(), section.name.as_str().into());
    let disabled = !enabled.is_some_and(|enabled| enabled != "0");
    section.options.insert("disabled".into(), disabled.into());
    Ok(Client { line: section.line, options: section.options, joined, networks: Vec::new() })
}

/// What the network card of a network is called.
fn interface(id: &str) -> String {
    let start = id.char_indices().rev().nth(5).map_or(0, |(start, _)| start);
    format!("owzt{}", &id[start..])
}
