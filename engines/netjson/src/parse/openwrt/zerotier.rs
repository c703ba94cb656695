//! Sections of the package `zerotier`: `zerotier`.

use serde_json::{Map, Value, json};

use super::{Section, Source, Types};
use crate::Unreadable;
use crate::parse::section::short;

const CLIENT: Types = Types { integers: &["port"], booleans: &["disabled"] };
const NETWORK: Types = Types {
    integers: &[],
    booleans: &["allow_default", "allow_dns", "allow_global", "allow_managed"],
};

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let mut clients: Vec<(Map<String, Value>, Vec<Value>)> = Vec::new();
    for mut section in source.take("zerotier", |kind| matches!(kind, "zerotier" | "network")) {
        if section.kind == "zerotier" {
            clients.push(client(&mut section)?);
            continue;
        }
        // Networks of their own belong to the first client.
        let Some((_, networks)) = clients.first_mut() else {
            return Err(Unreadable::at(section.line, "a network before any client"));
        };
        section.convert(NETWORK)?;
        let id = section.options.get("id").and_then(Value::as_str);
        let id = id.ok_or_else(|| section.wrong("id", "is missing"))?;
        let ifname = interface(id);
        if section.name != ifname {
            let name = short(&section.name).to_owned();
            source.losses.add(section.line, format!("the name {name:?} of a network"));
        }
        section.options.insert("ifname".into(), ifname.into());
        // Rendering states networks among those that are joined, too.
        let joined = |known: &Value| {
            known.as_object().is_some_and(|known| {
                known.len() == 2 && known.get("id") == section.options.get("id")
            })
        };
        networks.retain(|known| !joined(known));
        networks.push(section.options.into());
    }
    let clients = clients.into_iter().map(|(mut client, networks)| {
        client.insert("networks".into(), networks.into());
        Value::Object(client)
    });
    let clients = clients.collect();
    source.state("zerotier", clients);
    Ok(())
}

/// A client and the networks that it joins.
fn client(section: &mut Section) -> Result<(Map<String, Value>, Vec<Value>), Unreadable> {
    section.convert(CLIENT)?;
    let enabled = section.take("enabled");
    let networks = section.take_words("join").unwrap_or_default();
    if let Some(path) = section.take("local_conf") {
        section.options.insert("local_conf_path".into(), path);
    }
    section.options.insert("name".into(), section.name.as_str().into());
    let disabled = !enabled.is_some_and(|enabled| enabled != "0");
    section.options.insert("disabled".into(), disabled.into());
    let networks =
        networks.into_iter().map(|id| json!({"ifname": interface(&id), "id": id})).collect();
    Ok((std::mem::take(&mut section.options), networks))
}

/// What the network card of a network is called.
fn interface(id: &str) -> String {
    let start = id.char_indices().rev().nth(5).map_or(0, |(start, _)| start);
    format!("owzt{}", &id[start..])
}
