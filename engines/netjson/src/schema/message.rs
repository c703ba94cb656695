//! The words for each kind of error.

use serde_json::Value;

use crate::literal::{literal, quoted};

/// What is wrong with a value.
pub(super) enum Cause<'a> {
    Type(&'a Value),
    Enum(&'a Value),
    NoBranch(&'a [Value]),
    ManyBranches(Vec<&'a Value>),
    Not(&'a Value),
    Required(&'a str),
    Unexpected(Vec<&'a str>, Vec<&'a str>),
    TooShort(usize),
    TooLong(usize),
    Repeated,
    Pattern(&'a Value),
    Format(&'a Value),
    Minimum(&'a Value),
    Maximum(&'a Value),
}

impl Cause<'_> {
    /// The keyword that is not obeyed.
    pub(super) fn rule(&self, instance: &Value) -> &'static str {
        let list = instance.is_array();
        match self {
            Self::Type(_) => "type",
            Self::Enum(_) => "enum",
            Self::NoBranch(_) | Self::ManyBranches(_) => "oneOf",
            Self::Not(_) => "not",
            Self::Required(_) => "required",
            Self::Unexpected(..) => "additionalProperties",
            Self::TooShort(_) if list => "minItems",
            Self::TooShort(_) => "minLength",
            Self::TooLong(_) if list => "maxItems",
            Self::TooLong(_) => "maxLength",
            Self::Repeated => "uniqueItems",
            Self::Pattern(_) => "pattern",
            Self::Format(_) => "format",
            Self::Minimum(_) => "minimum",
            Self::Maximum(_) => "maximum",
        }
    }

    /// The message about `instance`.
    pub(super) fn message(&self, instance: &Value) -> String {
        let shown = || literal(instance);
        match self {
            Self::Type(Value::Array(names)) => {
                let names: Vec<String> = names.iter().map(literal).collect();
                format!("{} is not of type {}", shown(), names.join(", "))
            }
            Self::Type(name) => format!("{} is not of type {}", shown(), literal(name)),
            Self::Enum(values) => format!("{} is not one of {}", shown(), literal(values)),
            Self::NoBranch(_) => {
                format!("{} is not valid under any of the given schemas", shown())
            }
            Self::ManyBranches(branches) => {
                // The first that fits is named last.
                let (first, others) = branches.split_at(1);
                let names: Vec<String> = others.iter().chain(first).map(|b| literal(b)).collect();
                format!("{} is valid under each of {}", shown(), names.join(", "))
            }
            Self::Not(schema) => {
                format!("{} should not be valid under {}", shown(), literal(schema))
            }
            Self::Required(name) => format!("{} is a required property", quoted(name)),
            Self::Unexpected(names, _) => {
                let verb = if names.len() == 1 { "was" } else { "were" };
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                format!(
                    "Additional properties are not allowed ({} {verb} unexpected)",
                    names.join(", ")
                )
            }
            Self::TooShort(1) => format!("{} should be non-empty", shown()),
            Self::TooShort(_) => format!("{} is too short", shown()),
            Self::TooLong(_) => format!("{} is too long", shown()),
            Self::Repeated => format!("{} has non-unique elements", shown()),
            Self::Pattern(pattern) => format!("{} does not match {}", shown(), literal(pattern)),
            Self::Format(name) => format!("{} is not a {}", shown(), literal(name)),
            Self::Minimum(bound) => {
                format!("{} is less than the minimum of {}", shown(), literal(bound))
            }
            Self::Maximum(bound) => {
                format!("{} is greater than the maximum of {}", shown(), literal(bound))
            }
        }
    }
}
