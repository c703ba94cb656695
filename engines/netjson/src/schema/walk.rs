//! Going through value and schema together, in the order in which errors are reported.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::message::Cause;
use super::{Schema, choices, count, format, has_type};
use crate::equality::{Booleans, Seen, equal};

/// One thing that is wrong, and where.
pub(super) struct Fault<'a> {
    pub(super) steps: Vec<Step<'a>>,
    pub(super) instance: &'a Value,
    pub(super) cause: Cause<'a>,
}

/// From a value to one inside it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Fault<'_> {
    /// Keys and indices between slashes.
    pub(super) fn path(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(Step::text).collect();
        steps.join("/")
    }
}

impl Step<'_> {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Key(key) => (*key).to_owned(),
            Self::Index(index) => index.to_string(),
        }
    }
}

/// What was found so far, and where the walk is.
struct Walk<'a> {
    found: Vec<Fault<'a>>,
    steps: Vec<Step<'a>>,
    limit: usize,
}

/// Whether to go on.
type Flow = ControlFlow<()>;

const ON: Flow = Flow::Continue(());

impl<'a> Walk<'a> {
    fn report(&mut self, instance: &'a Value, cause: Cause<'a>) -> Flow {
        self.found.push(Fault { steps: self.steps.clone(), instance, cause });
        if self.found.len() < self.limit { ON } else { Flow::Break(()) }
    }

    fn inside(&mut self, step: Step<'a>, walk: impl FnOnce(&mut Self) -> Flow) -> Flow {
        self.steps.push(step);
        let flow = walk(self);
        self.steps.pop();
        flow
    }
}

impl Schema {
    /// What is wrong with `instance`, `limit` things at most.
    pub(super) fn faults<'a>(
        &'a self,
        instance: &'a Value,
        schema: &'a Value,
        limit: usize,
    ) -> Vec<Fault<'a>> {
        let mut walk = Walk { found: Vec::new(), steps: Vec::new(), limit };
        // Broken off where enough was found.
        let _ = self.check(&mut walk, instance, schema);
        walk.found
    }

    pub(super) fn is_valid(&self, instance: &Value, schema: &Value) -> bool {
        self.faults(instance, schema, 1).is_empty()
    }

    /// The schema that `schema` stands for.
    pub(super) fn resolved<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.root.pointer(reference.strip_prefix('#')?),
            None => Some(schema),
        }
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, instance: &'a Value, schema: &'a Value) -> Flow {
        let Value::Object(map) = schema else { return ON };
        if map.contains_key("$ref") {
            let target = self.resolved(schema);
            return target.map_or(ON, |target| self.check(walk, instance, target));
        }
        for (keyword, rule) in map {
            self.keyword(walk, instance, map, (keyword, rule))?;
        }
        ON
    }

    fn keyword<'a>(
        &'a self,
        walk: &mut Walk<'a>,
        instance: &'a Value,
        schema: &'a Map<String, Value>,
        (keyword, rule): (&str, &'a Value),
    ) -> Flow {
        match (keyword, instance) {
            ("type", _) if !has_type(instance, rule) => walk.report(instance, Cause::Type(rule)),
            ("enum", _) if !choices(rule).iter().any(|c| equal(c, instance, Booleans::Apart)) => {
                walk.report(instance, Cause::Enum(rule))
            }
            ("allOf", _) => {
                choices(rule).iter().try_for_each(|part| self.check(walk, instance, part))
            }
            ("anyOf", _) if !choices(rule).iter().any(|part| self.is_valid(instance, part)) => {
                walk.report(instance, Cause::NoBranch(choices(rule)))
            }
            ("oneOf", _) => {
                let fitting: Vec<&Value> =
                    choices(rule).iter().filter(|part| self.is_valid(instance, part)).collect();
                match fitting.len() {
                    0 => walk.report(instance, Cause::NoBranch(choices(rule))),
                    1 => ON,
                    _ => walk.report(instance, Cause::ManyBranches(fitting)),
                }
            }
            ("not", _) if self.is_valid(instance, rule) => walk.report(instance, Cause::Not(rule)),
            (_, Value::Object(map)) => self.object(walk, (instance, map), schema, (keyword, rule)),
            (_, Value::Array(items)) => self.list(walk, (instance, items), (keyword, rule)),
            _ => self
                .scalar(instance, keyword, rule)
                .map_or(ON, |cause| walk.report(instance, cause)),
        }
    }

    fn object<'a>(
        &'a self,
        walk: &mut Walk<'a>,
        (instance, map): (&'a Value, &'a Map<String, Value>),
        schema: &'a Map<String, Value>,
        (keyword, rule): (&str, &'a Value),
    ) -> Flow {
        match (keyword, rule) {
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    if let Some(value) = map.get(name) {
                        walk.inside(Step::Key(name), |walk| self.check(walk, value, schema))?;
                    }
                }
                ON
            }
            ("required", _) => {
                let mut names = choices(rule).iter().filter_map(Value::as_str);
                names
                    .by_ref()
                    .filter(|name| !map.contains_key(*name))
                    .try_for_each(|name| walk.report(instance, Cause::Required(name)))
            }
            ("additionalProperties", _) => {
                let known = schema.get("properties").and_then(Value::as_object);
                let known: Vec<&str> =
                    known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                let mut extra: Vec<&str> =
                    map.keys().map(String::as_str).filter(|name| !known.contains(name)).collect();
                match rule {
                    Value::Bool(false) if !extra.is_empty() => {
                        extra.sort_unstable();
                        walk.report(instance, Cause::Unexpected(extra, known))
                    }
                    Value::Object(_) => extra.into_iter().try_for_each(|name| {
                        let value = &map[name];
                        walk.inside(Step::Key(name), |walk| self.check(walk, value, rule))
                    }),
                    _ => ON,
                }
            }
            _ => ON,
        }
    }

    fn list<'a>(
        &'a self,
        walk: &mut Walk<'a>,
        (instance, items): (&'a Value, &'a [Value]),
        (keyword, rule): (&str, &'a Value),
    ) -> Flow {
        let cause = match keyword {
            "items" => {
                return items.iter().enumerate().try_for_each(|(index, item)| {
                    walk.inside(Step::Index(index), |walk| self.check(walk, item, rule))
                });
            }
            "minItems" if items.len() < count(rule, 0) => Cause::TooShort(count(rule, 0)),
            "maxItems" if items.len() > count(rule, usize::MAX) => {
                Cause::TooLong(count(rule, usize::MAX))
            }
            "uniqueItems" if rule == &Value::Bool(true) => {
                let mut seen = Seen::new(Booleans::Apart);
                if items.iter().all(|item| seen.insert(item)) {
                    return ON;
                }
                Cause::Repeated
            }
            _ => return ON,
        };
        walk.report(instance, cause)
    }

    fn scalar<'a>(&'a self, instance: &Value, keyword: &str, rule: &'a Value) -> Option<Cause<'a>> {
        match (keyword, instance) {
            ("minLength", Value::String(text)) => {
                let least = count(rule, 0);
                (text.chars().count() < least).then_some(Cause::TooShort(least))
            }
            ("maxLength", Value::String(text)) => {
                let most = count(rule, usize::MAX);
                (text.chars().count() > most).then_some(Cause::TooLong(most))
            }
            ("pattern", Value::String(text)) => {
                let pattern = rule.as_str().and_then(|pattern| self.patterns.get(pattern))?;
                (!pattern.is_match(text)).then_some(Cause::Pattern(rule))
            }
            ("format", Value::String(text)) => {
                (!format::fits(rule.as_str()?, text)).then_some(Cause::Format(rule))
            }
            ("minimum", Value::Number(number)) => {
                (number.as_f64() < rule.as_f64()).then_some(Cause::Minimum(rule))
            }
            ("maximum", Value::Number(number)) => {
                (number.as_f64() > rule.as_f64()).then_some(Cause::Maximum(rule))
            }
            _ => None,
        }
    }
}
