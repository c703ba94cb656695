//! Schemas made ready for a quick yes or no.
//!
//! The walk in [`super`] finds the first error in the order in which the schema is written. Nearly
//! all configurations have none, and to know that, no order has to be kept: here references are
//! followed and `allOf` is flattened once, so that each value is looked at against one list of
//! demands, and of the branches of `oneOf` only those are tried that the value's own words (its
//! `type`, its `protocol`) leave open.

mod branches;
mod names;
mod unique;

use std::collections::{BTreeSet, HashMap};
use std::ops::BitOr;

use regex::Regex;
use serde_json::{Map, Value};

use self::branches::{Branches, Said};
use self::names::Names;
use super::format;
use crate::equality::{Booleans, equal};

/// Which place of [`Compiled::nodes`].
type Id = usize;

/// A schema of which only the verdict can be asked.
pub(super) struct Compiled {
    nodes: Vec<Node>,
}

/// All demands on one value.
#[derive(Default)]
struct Node {
    kinds: Option<Kinds>,
    choices: Vec<Choices>,
    text: Vec<TextRule>,
    least: Vec<Option<f64>>,
    most: Vec<Option<f64>>,
    items: Vec<Id>,
    sizes: Vec<(usize, usize)>,
    unique: bool,
    object: Option<ObjectRules>,
    one_of: Vec<Branches>,
    any_of: Vec<Vec<Id>>,
    not: Vec<Id>,
}

enum TextRule {
    Length(usize, usize),
    Pattern(Regex),
    Format(String),
}

/// Values of `enum`.
enum Choices {
    /// Nothing but texts.
    Texts(Names<()>),
    Any(Vec<Value>),
}

#[derive(Default)]
struct ObjectRules {
    properties: Names<Property>,
    /// How many properties are demanded.
    required: usize,
    /// What each `additionalProperties` demands of the others: a schema, or that there be none.
    additional: Vec<Option<Id>>,
}

#[derive(Clone, Default)]
struct Property {
    schema: Option<Id>,
    required: bool,
    /// For which of the `additionalProperties` it is no other, by position.
    known: u32,
}

/// A set of types; numbers are whole ones and floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    const NONE: Self = Self(0);
    const NULL: Self = Self(1);
    const BOOLEAN: Self = Self(2);
    const INTEGER: Self = Self(4);
    const FLOAT: Self = Self(8);
    const STRING: Self = Self(16);
    const ARRAY: Self = Self(32);
    const OBJECT: Self = Self(64);

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.is_f64() => Self::FLOAT,
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    fn named(rule: &Value) -> Option<Self> {
        match rule {
            Value::String(name) => Some(match name.as_str() {
                "null" => Self::NULL,
                "boolean" => Self::BOOLEAN,
                "string" => Self::STRING,
                "number" => Self::INTEGER | Self::FLOAT,
                "integer" => Self::INTEGER,
                "array" => Self::ARRAY,
                "object" => Self::OBJECT,
                _ => Self::NONE,
            }),
            Value::Array(names) => {
                Some(names.iter().filter_map(Self::named).fold(Self::NONE, BitOr::bitor))
            }
            _ => None,
        }
    }

    fn include(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Compiled {
    /// Follows every reference of `root`.
    pub(super) fn of(root: &Value, patterns: &HashMap<String, Regex>) -> Self {
        let mut compiler = Compiler { root, patterns, nodes: Vec::new(), known: HashMap::new() };
        compiler.node(&[root]);
        Self { nodes: compiler.nodes }
    }

    /// Whether an object has no error.
    pub(super) fn accepts(&self, config: &Map<String, Value>) -> bool {
        let root = &self.nodes[0];
        let kind = root.kinds.is_none_or(|kinds| kinds.include(Kinds::OBJECT));
        // What is said of a whole object beside its properties needs it as a value.
        let simple = root.choices.is_empty()
            && root.one_of.is_empty()
            && root.any_of.is_empty()
            && root.not.is_empty();
        kind && simple && root.object.as_ref().is_none_or(|rules| self.object(rules, config))
    }

    fn fits(&self, id: Id, value: &Value) -> bool {
        let node = &self.nodes[id];
        if node.kinds.is_some_and(|kinds| !kinds.include(Kinds::of(value))) {
            return false;
        }
        let own = match value {
            Value::String(text) => node.text.iter().all(|rule| rule.allows(text)),
            Value::Number(number) => {
                let float = number.as_f64();
                node.least.iter().all(|least| float >= *least)
                    && node.most.iter().all(|most| float <= *most)
            }
            Value::Array(items) => {
                node.sizes.iter().all(|(least, most)| (*least..=*most).contains(&items.len()))
                    && items.iter().all(|item| node.items.iter().all(|id| self.fits(*id, item)))
                    && (!node.unique || unique::all_differ(items))
            }
            Value::Object(map) => node.object.as_ref().is_none_or(|rules| self.object(rules, map)),
            Value::Null | Value::Bool(_) => true,
        };
        own && node.choices.iter().all(|choices| choices.include(value))
            && node.one_of.iter().all(|branches| {
                branches.open(value).filter(|id| self.fits(*id, value)).take(2).count() == 1
            })
            && node.any_of.iter().all(|branches| branches.iter().any(|id| self.fits(*id, value)))
            && node.not.iter().all(|id| !self.fits(*id, value))
    }

    fn object(&self, rules: &ObjectRules, map: &Map<String, Value>) -> bool {
        let mut required = 0;
        for (name, value) in map {
            let property = rules.properties.get(name);
            if let Some(property) = property {
                required += usize::from(property.required);
                if property.schema.is_some_and(|id| !self.fits(id, value)) {
                    return false;
                }
            }
            let known = property.map_or(0, |property| property.known);
            for (position, rule) in rules.additional.iter().enumerate() {
                if known & (1 << position) == 0 && !rule.is_some_and(|id| self.fits(id, value)) {
                    return false;
                }
            }
        }
        required == rules.required
    }
}

impl TextRule {
    fn allows(&self, text: &str) -> bool {
        match self {
            Self::Length(least, most) => {
                // A character has one to four bytes.
                let bytes = text.len();
                (bytes / 4 >= *least && bytes <= *most)
                    || (*least..=*most).contains(&text.chars().count())
            }
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Format(name) => format::fits(name, text),
        }
    }
}

impl Choices {
    fn of(values: &[Value]) -> Self {
        let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
        match texts {
            Some(texts) => {
                Self::Texts(Names::new(texts.into_iter().map(|text| (text.to_owned(), ()))))
            }
            None => Self::Any(values.to_vec()),
        }
    }

    fn include(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Texts(texts), Value::String(text)) => texts.get(text).is_some(),
            (Self::Texts(_), _) => false,
            (Self::Any(values), _) => values.iter().any(|v| equal(v, value, Booleans::Apart)),
        }
    }
}

/// Turns places of the schema into nodes.
struct Compiler<'a> {
    root: &'a Value,
    patterns: &'a HashMap<String, Regex>,
    nodes: Vec<Node>,
    /// Nodes by the places that they stand for, so that references that lead back end.
    known: HashMap<BTreeSet<*const Value>, Id>,
}

impl<'a> Compiler<'a> {
    /// One node for what all of `schemas` demand.
    fn node(&mut self, schemas: &[&'a Value]) -> Id {
        let mut places = Vec::new();
        for schema in schemas {
            self.flatten(schema, &mut places);
        }
        let key: BTreeSet<*const Value> =
            places.iter().map(|place| std::ptr::from_ref(*place)).collect();
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        self.known.insert(key, id);
        let maps: Vec<&Map<String, Value>> =
            places.iter().filter_map(|place| place.as_object()).collect();
        let mut node = Node::default();
        for map in &maps {
            for (keyword, rule) in *map {
                self.keyword(&mut node, keyword, rule);
            }
        }
        node.object = self.object(&maps);
        self.nodes[id] = node;
        id
    }

    /// The places that count for `schema`: the target of its reference, or itself and the parts of
    /// its `allOf`.
    fn flatten(&self, schema: &'a Value, places: &mut Vec<&'a Value>) {
        let Value::Object(map) = schema else { return };
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|path| self.root.pointer(path));
            if let Some(target) = target {
                self.flatten(target, places);
            }
            return;
        }
        if places.iter().any(|place| std::ptr::eq(*place, schema)) {
            return;
        }
        places.push(schema);
        for part in map.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.flatten(part, places);
        }
    }

    fn keyword(&mut self, node: &mut Node, keyword: &str, rule: &'a Value) {
        match (keyword, rule) {
            ("type", _) => {
                if let Some(kinds) = Kinds::named(rule) {
                    let others = node.kinds.unwrap_or(kinds);
                    node.kinds = Some(Kinds(others.0 & kinds.0));
                }
            }
            ("enum", _) => node.choices.push(Choices::of(super::choices(rule))),
            ("oneOf", Value::Array(parts)) => {
                let ids: Vec<Id> = parts.iter().map(|part| self.node(&[part])).collect();
                let said: Vec<_> = parts.iter().map(|part| self.said(part)).collect();
                node.one_of.push(Branches::new(ids, &said));
            }
            ("anyOf", Value::Array(parts)) => {
                node.any_of.push(parts.iter().map(|part| self.node(&[part])).collect());
            }
            ("not", _) => {
                let id = self.node(&[rule]);
                node.not.push(id);
            }
            ("items", _) => {
                let id = self.node(&[rule]);
                node.items.push(id);
            }
            ("minItems", _) => node.sizes.push((super::count(rule, 0), usize::MAX)),
            ("maxItems", _) => node.sizes.push((0, super::count(rule, usize::MAX))),
            ("uniqueItems", Value::Bool(true)) => node.unique = true,
            ("minLength", _) => {
                node.text.push(TextRule::Length(super::count(rule, 0), usize::MAX));
            }
            ("maxLength", _) => {
                node.text.push(TextRule::Length(0, super::count(rule, usize::MAX)));
            }
            ("pattern", Value::String(pattern)) => {
                node.text.extend(self.patterns.get(pattern).cloned().map(TextRule::Pattern));
            }
            ("format", Value::String(name)) if format::is_checked(name) => {
                node.text.push(TextRule::Format(name.clone()));
            }
            ("minimum", _) => node.least.push(rule.as_f64()),
            ("maximum", _) => node.most.push(rule.as_f64()),
            _ => {}
        }
    }

    /// What `maps` demand of the properties of an object; nothing if they do not.
    fn object(&mut self, maps: &[&'a Map<String, Value>]) -> Option<ObjectRules> {
        let mut schemas: Vec<(&'a str, Vec<&'a Value>)> = Vec::new();
        let mut properties: HashMap<&'a str, Property> = HashMap::new();
        let mut additional = Vec::new();
        for map in maps {
            let stated = map.get("properties").and_then(Value::as_object);
            for (name, schema) in stated.into_iter().flatten() {
                match schemas.iter_mut().find(|(known, _)| known == name) {
                    Some((_, all)) => all.push(schema),
                    None => schemas.push((name, vec![schema])),
                }
            }
            let required = map.get("required").map_or(&[][..], super::choices);
            for name in required.iter().filter_map(Value::as_str) {
                properties.entry(name).or_default().required = true;
            }
            let rule = match map.get("additionalProperties") {
                Some(Value::Bool(false)) => None,
                Some(rule @ Value::Object(_)) => Some(self.node(&[rule])),
                _ => continue,
            };
            for name in stated.into_iter().flatten().map(|(name, _)| name) {
                properties.entry(name).or_default().known |= 1 << additional.len();
            }
            additional.push(rule);
        }
        for (name, schemas) in schemas {
            properties.entry(name).or_default().schema = Some(self.node(&schemas));
        }
        let required = properties.values().filter(|property| property.required).count();
        let any = !properties.is_empty() || !additional.is_empty();
        let properties = properties.into_iter().map(|(name, rule)| (name.to_owned(), rule));
        any.then(|| ObjectRules { properties: Names::new(properties), required, additional })
    }

    /// The texts that `part` leaves open for properties of an object.
    fn said(&self, part: &'a Value) -> Said<'a> {
        let mut places = Vec::new();
        self.flatten(part, &mut places);
        let stated = places.into_iter().filter_map(|place| place.get("properties")?.as_object());
        let mut said = Vec::new();
        for (name, schema) in stated.flatten() {
            let mut rules = Vec::new();
            self.flatten(schema, &mut rules);
            for rule in rules.into_iter().filter_map(|rule| rule.get("enum")) {
                if let Some(texts) = super::choices(rule).iter().map(Value::as_str).collect() {
                    said.push((name.as_str(), texts));
                }
            }
        }
        said
    }
}

#[cfg(test)]
mod tests;
