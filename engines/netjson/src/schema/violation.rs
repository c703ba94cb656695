//! Errors for people and form editors: where, which rule, what would be accepted.

use serde_json::{Value, json};

use super::Schema;
use super::message::Cause;
use super::walk::{Fault, Step};
use crate::ValidationError;

/// How many errors are reported at most.
pub const MAX_VIOLATIONS: usize = 100;

/// How many errors of the nearest branch are told.
const MAX_CAUSES: usize = 10;

/// One rule that a configuration does not obey.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole. Other interfaces tell some errors of a
    /// part as those of the whole, see [`error`](Self::error); here they have their place.
    pub pointer: String,
    /// The keyword of the schema, such as `required` or `oneOf`, or the name of a rule beyond it:
    /// `channel`, `path`, `primary_vid`, `mask`, `vlan_filtering`, `size`.
    pub rule: &'static str,
    /// Place and message as other interfaces report them; the message repeats the refused value.
    pub error: ValidationError,
    /// What the rule accepts: the keyword's value (choices, a bound, a pattern, a type), names that
    /// are required or known, titles of alternatives; null where it cannot be said in short.
    pub accepted: Value,
    /// Where none of several alternatives fits: what the nearest of them does not accept.
    pub causes: Vec<Violation>,
}

impl Violation {
    /// One that no schema knows about.
    pub(crate) fn beyond(rule: &'static str, accepted: Value, error: ValidationError) -> Self {
        let path = error.path.trim_end_matches('/');
        Self { pointer: path.to_owned(), rule, error, accepted, causes: Vec::new() }
    }
}

impl Schema {
    pub(super) fn violation(&self, fault: Fault<'_>) -> Violation {
        let causes = match fault.cause {
            Cause::NoBranch(branches) => self.nearest(&fault, branches),
            _ => Vec::new(),
        };
        let message = fault.cause.message(fault.instance);
        Violation {
            pointer: pointer(&fault.steps),
            rule: fault.cause.rule(fault.instance),
            error: ValidationError::at(&fault.path(), message),
            accepted: self.accepted(&fault.cause),
            causes,
        }
    }

    /// The errors of the branch that has the fewest.
    fn nearest(&self, fault: &Fault<'_>, branches: &[Value]) -> Vec<Violation> {
        let faults = branches.iter().map(|branch| self.faults(fault.instance, branch, MAX_CAUSES));
        let nearest = faults.min_by_key(Vec::len).unwrap_or_default();
        let inside = |mut found: Fault<'_>| {
            let at: Vec<_> = fault.steps.iter().chain(&found.steps).copied().collect();
            let mut violation = {
                found.steps.clear();
                self.violation(found)
            };
            let steps: Vec<String> = at.iter().map(Step::text).collect();
            violation.error.path = format!("/{}", steps.join("/"));
            violation.pointer = pointer(&at);
            violation
        };
        nearest.into_iter().map(inside).collect()
    }

    fn accepted(&self, cause: &Cause<'_>) -> Value {
        match cause {
            Cause::Type(rule)
            | Cause::Enum(rule)
            | Cause::Pattern(rule)
            | Cause::Format(rule)
            | Cause::Minimum(rule)
            | Cause::Maximum(rule) => (*rule).clone(),
            Cause::NoBranch(branches) => branches.iter().map(|branch| self.title(branch)).collect(),
            Cause::ManyBranches(branches) => {
                branches.iter().map(|branch| self.title(branch)).collect()
            }
            Cause::Required(name) => json!([name]),
            Cause::Unexpected(_, known) => json!(known),
            Cause::TooShort(least) => json!(least),
            Cause::TooLong(most) => json!(most),
            Cause::Not(_) | Cause::Repeated => Value::Null,
        }
    }

    /// What people call a branch: its title, else the last part of its reference.
    fn title(&self, branch: &Value) -> Value {
        let title = self.resolved(branch).and_then(|schema| schema.get("title"));
        let reference = || branch.get("$ref")?.as_str()?.rsplit('/').next().map(Value::from);
        title.cloned().or_else(reference).unwrap_or_default()
    }
}

/// RFC 6901: `~` and `/` inside a key are escaped.
fn pointer(steps: &[Step<'_>]) -> String {
    steps.iter().fold(String::new(), |mut pointer, step| {
        pointer.push('/');
        pointer.push_str(&step.text().replace('~', "~0").replace('/', "~1"));
        pointer
    })
}
