//! GraphQL as the program has built it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde_json::{Value, json};
use wisptrail_tests::Client;

const QUESTION: &str = "{ __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types { kind name fields(includeDeprecated: true) {
        name
        args { defaultValue type { kind } }
        type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
    } }
} }";

/// A field: its kind and type, and whether it needs arguments.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    leaf: bool,
    of: String,
    asks: bool,
}

/// Types with their fields, and the roots.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) types: BTreeMap<String, BTreeMap<String, Field>>,
    roots: BTreeMap<&'static str, String>,
}

impl Schema {
    pub(crate) async fn of(client: &Client) -> anyhow::Result<Self> {
        let data = client.graphql_data(QUESTION, json!({})).await?;
        let schema = &data["__schema"];
        let root = |name: &str| schema[name]["name"].as_str().unwrap_or_default().to_owned();
        let roots = BTreeMap::from([
            ("query", root("queryType")),
            ("mutation", root("mutationType")),
            ("subscription", root("subscriptionType")),
        ]);
        let mut types = BTreeMap::new();
        for one in schema["types"].as_array().into_iter().flatten() {
            let name = one["name"].as_str().context("a name")?;
            if one["kind"] != "OBJECT" || name.starts_with("__") {
                continue;
            }
            let fields = one["fields"].as_array().into_iter().flatten().map(|field| {
                let mut of = &field["type"];
                while !of["ofType"].is_null() {
                    of = &of["ofType"];
                }
                let required = |argument: &Value| {
                    argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null()
                };
                let field_of = Field {
                    leaf: matches!(of["kind"].as_str(), Some("SCALAR" | "ENUM")),
                    of: of["name"].as_str().unwrap_or_default().to_owned(),
                    asks: field["args"].as_array().into_iter().flatten().any(required),
                };
                (field["name"].as_str().unwrap_or_default().to_owned(), field_of)
            });
            types.insert(name.to_owned(), fields.collect());
        }
        Ok(Self { types, roots })
    }

    /// The fields of a root: `query`, `mutation` or `subscription`.
    pub(crate) fn root(&self, kind: &str) -> BTreeSet<String> {
        let fields = self.roots.get(kind).and_then(|name| self.types.get(name));
        fields.into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// Is it one of the roots?
    pub(crate) fn is_root(&self, name: &str) -> bool {
        self.roots.values().any(|root| root == name)
    }

    /// Everything that a root field answers with, some levels deep, without what is `alone`.
    pub(crate) fn selection(
        &self,
        (kind, name): (&str, &str),
        alone: &BTreeSet<(String, String)>,
        depth: usize,
    ) -> String {
        let root = self.roots.get(kind).map_or("", String::as_str);
        self.below((root, name), alone, depth)
    }

    /// The same of a field of any type.
    pub(crate) fn below(
        &self,
        (of, name): (&str, &str),
        alone: &BTreeSet<(String, String)>,
        depth: usize,
    ) -> String {
        let field = self.types.get(of).and_then(|fields| fields.get(name));
        field.map_or_else(String::new, |field| {
            if field.leaf { String::new() } else { self.inside(&field.of, alone, depth) }
        })
    }

    fn inside(&self, of: &str, alone: &BTreeSet<(String, String)>, depth: usize) -> String {
        let Some(fields) = self.types.get(of) else { return "{ __typename id }".to_owned() };
        let mut text = String::from("{ __typename");
        for (name, field) in fields {
            let apart = alone.contains(&(of.to_owned(), name.clone()));
            // Lists tell each node twice otherwise.
            if field.asks || apart || name == "edges" {
                continue;
            }
            if field.leaf {
                text.extend([" ", name]);
            } else if depth > 0 {
                let inside = self.inside(&field.of, alone, depth - 1);
                text.extend([" ", name, " ", &inside]);
            }
        }
        text.push_str(" }");
        text
    }
}
