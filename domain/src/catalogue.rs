//! What every event means, read from the code: the documentation of types and fields, how confidential they are, and an
//! example that was stored once. Everything that tells others about events is made of this.

mod kind;
mod lock;
mod schema;
mod shape;

use std::sync::LazyLock;

use serde_json::Value;

use crate::{
    Document, Event, Retention,
    classified::{Class, class_of},
    event_types, schemas, upcast,
};

pub use lock::{Lock, Locked};
pub use schema::{MASKED, masked_schema};

use self::schema::Defined;

/// Examples by type and version.
const EXAMPLES: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// An aggregate whose events are in the log.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Such as `device`.
    pub name: &'static str,
    /// What its events are.
    pub meaning: String,
    /// In the order in which the code has them.
    pub events: Vec<Kind>,
    /// What its fields are made of, in alphabetical order.
    pub values: Vec<ValueKind>,
}

/// A type of events, in the version in which it is written today.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Such as `device.renamed`.
    pub name: &'static str,
    /// 1, 2, 3 …
    pub version: u16,
    /// What has happened.
    pub meaning: String,
    /// Do other parts of the program react to it?
    pub public: bool,
    /// How long its payload is kept.
    pub kept: Retention,
    /// In the order in which they are stored.
    pub fields: Vec<Field>,
    /// JSON Schema of the payload as it is stored.
    pub schema: Document,
    /// A payload as it was stored.
    pub example: Value,
}

/// A value inside of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it is stored.
    pub name: String,
    /// What is in it, in words.
    pub kind: String,
    /// Is it always there?
    pub required: bool,
    /// Whom it is told to; none inside of other values, which are told as a whole.
    pub class: Option<Class>,
    /// What it means.
    pub meaning: String,
}

/// What fields are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueKind {
    /// As fields name it.
    pub name: String,
    /// What it is, in words, where it has no fields.
    pub kind: String,
    /// What it means.
    pub meaning: String,
    /// Of an object.
    pub fields: Vec<Field>,
}

/// All of it, in alphabetical order of the aggregates.
pub fn catalogue() -> &'static [Aggregate] {
    static CATALOGUE: LazyLock<Vec<Aggregate>> = LazyLock::new(read);
    &CATALOGUE
}

/// A type of events by its name.
pub fn kind(event_type: &str) -> Option<&'static Kind> {
    catalogue().iter().flat_map(|one| &one.events).find(|kind| kind.name == event_type)
}

/// The example of a type and version.
pub fn example(event_type: &str, version: u16) -> Option<&'static str> {
    let version = version.to_string();
    let found = EXAMPLES.iter().find(|(name, of, _)| *name == event_type && *of == version);
    found.map(|(.., text)| *text)
}

fn read() -> Vec<Aggregate> {
    let types = event_types();
    let aggregate = |(name, schema): (&'static str, schemars::Schema)| {
        let defined = Defined::new(schema);
        let types = types.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, types)| *types);
        Aggregate {
            name,
            meaning: defined.meaning(),
            events: types.iter().filter_map(|one| kind::read(&defined, name, one)).collect(),
            values: kind::values(&defined),
        }
    };
    schemas().into_iter().map(aggregate).collect()
}

/// What a stored example tells: how long it is kept.
fn kept(event_type: &str, version: u16, example: &str) -> Retention {
    let event = Event::decode(event_type, &version.to_string(), example).ok();
    event.and_then(|event| event.retention()).unwrap_or(Retention::Forever)
}

fn confidential(event_type: &str, field: &str) -> Class {
    class_of(event_type, field).unwrap_or(Class::Sealed)
}

fn newest(event_type: &str) -> u16 {
    upcast::newest(event_type)
}
