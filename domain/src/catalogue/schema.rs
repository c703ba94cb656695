//! JSON Schemas as schemars makes them, looked into.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::confidential;
use crate::{Document, classified::Class};

/// The name under which schemas of told payloads refer to the schema of a mask.
pub const MASKED: &str = "Masked";

/// Where definitions are.
const HERE: &str = "#/$defs/";

/// The schema of what stands in the place of a field that is not told.
pub fn masked_schema() -> Value {
    json!({
        "description": "Stands in the place of a field that is not told.",
        "type": "object",
        "properties": { "masked": { "type": "string", "enum": ["sensitive", "sealed"] } },
        "required": ["masked"],
        "additionalProperties": false,
    })
}

/// A schema of all events of an aggregate, with its definitions.
pub(super) struct Defined {
    root: Document,
    definitions: Document,
}

impl Defined {
    pub(super) fn new(schema: schemars::Schema) -> Self {
        let mut root = match schema.to_value() {
            Value::Object(root) => root,
            _ => Map::new(),
        };
        let definitions = match root.remove("$defs") {
            Some(Value::Object(definitions)) => definitions,
            _ => Map::new(),
        };
        Self { root, definitions }
    }

    /// What all events of the aggregate are.
    pub(super) fn meaning(&self) -> String {
        meaning(&self.root.clone().into())
    }

    pub(super) fn definitions(&self) -> &Document {
        &self.definitions
    }

    /// The alternative of an event: its own schema, and that of what it holds.
    pub(super) fn variant(&self, name: &str) -> Option<(&Value, &Value)> {
        let variants = self.root.get("oneOf")?.as_array()?;
        variants.iter().find_map(|variant| Some((variant, variant.get("properties")?.get(name)?)))
    }

    /// What a schema stands for, and the name of the definition where it only refers to one.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix(HERE));
        match name.and_then(|name| Some((name, self.definitions.get(name)?))) {
            Some((name, definition)) => (Some(name), definition),
            None => (None, schema),
        }
    }

    /// The schema of an event alone: with the definitions that it needs, and with how confidential its fields are.
    pub(super) fn alone(&self, event_type: &str, variant: &Value, inside: &str) -> Document {
        let mut needed = BTreeSet::new();
        self.needs(variant, &mut needed);
        let mut schema = Map::from_iter([
            ("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema")),
            ("title".to_owned(), json!(event_type)),
        ]);
        schema.extend(variant.as_object().cloned().unwrap_or_default());
        let mut definitions: Document = needed
            .iter()
            .filter_map(|name| Some((name.clone(), self.definitions.get(name)?.clone())))
            .collect();
        // The fields stand in the event itself or in a definition of its own.
        let place = schema.get_mut("properties").and_then(|fields| fields.get_mut(inside));
        if let Some(place) = place {
            let named = place.get("$ref").and_then(Value::as_str);
            let named = named.and_then(|at| at.strip_prefix(HERE)).map(str::to_owned);
            let fields = match named {
                Some(name) => definitions.get_mut(&name),
                None => Some(place),
            };
            if let Some(fields) = fields {
                classify(event_type, fields);
            }
        }
        if !definitions.is_empty() {
            schema.insert("$defs".to_owned(), definitions.into());
        }
        schema
    }

    fn needs(&self, schema: &Value, needed: &mut BTreeSet<String>) {
        match schema {
            Value::Object(object) => {
                let (name, definition) = self.resolve(schema);
                if let Some(name) = name
                    && needed.insert(name.to_owned())
                {
                    self.needs(definition, needed);
                }
                object.values().for_each(|value| self.needs(value, needed));
            }
            Value::Array(values) => values.iter().for_each(|value| self.needs(value, needed)),
            _ => {}
        }
    }
}

/// Says of each field whom it is told to, unless that is everybody.
fn classify(event_type: &str, fields: &mut Value) {
    let Some(Value::Object(properties)) = fields.get_mut("properties") else { return };
    for (name, field) in properties {
        let class = confidential(event_type, name);
        if class != Class::Plain
            && let Some(field) = field.as_object_mut()
        {
            field.insert("x-confidential".to_owned(), json!(class.as_str()));
        }
    }
}

/// The documentation of a schema, in one line.
pub(super) fn meaning(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
