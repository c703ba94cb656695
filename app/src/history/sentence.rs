//! What an event says to people: a phrase that goes on from the name of the object, in the past tense.
//!
//! Sealed values, keys and hashes are never in it.

mod accounts;
mod configuration;
mod device;
mod organization;
mod shared;
mod webhook;

use domain::{Event, TemplateId};

use super::names::Names;

/// Characters of a reason that somebody else wrote.
const REASON: usize = 300;

/// A phrase and the fields that the event gives new values, by their names in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) changed: Vec<&'static str>,
}

impl Sentence {
    fn new(text: impl Into<String>, changed: &[&'static str]) -> Self {
        Self { text: text.into(), changed: changed.to_vec() }
    }
}

/// What the event at this position says.
pub(super) fn sentence(event: &Event, names: &Names, at: i64) -> Sentence {
    match event {
        Event::Configuration(event) => configuration::sentence(event, names, at),
        Event::Device(event) => device::sentence(event, names, at),
        Event::Gone => Sentence::new("what happened is not kept any more", &[]),
        Event::Group(event) => shared::group(event, names, at),
        Event::LogIn(event) => accounts::log_in(event),
        Event::Organization(event) => organization::sentence(event),
        Event::PermissionGroup(event) => accounts::permission_group(event),
        Event::SecretReading(_) => Sentence::new("secrets read", &[]),
        Event::Template(event) => shared::template(event),
        Event::User(event) => accounts::user(event),
        Event::Webhook(event) => webhook::sentence(event),
    }
}

/// Which templates came and went.
fn templates_changed(
    list: &str,
    from: &[TemplateId],
    to: &[TemplateId],
    names: &Names,
    at: i64,
) -> String {
    let without = |one: &[TemplateId], other: &[TemplateId]| -> Vec<TemplateId> {
        one.iter().filter(|id| !other.contains(id)).copied().collect()
    };
    let parts: Vec<String> = [("added", without(to, from)), ("removed", without(from, to))]
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(what, ids)| format!("{what} {}", names.templates(&ids, at)))
        .collect();
    if parts.is_empty() {
        return format!("order of the {list} changed");
    }
    format!("{list} changed: {}", parts.join(", "))
}

/// What agents and generators say, in one line and not for ever.
fn told(reason: &str) -> String {
    let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= REASON {
        return line;
    }
    line.chars().take(REASON).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests;
