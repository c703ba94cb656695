use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FieldError, OrganizationId, Problem, event_types};

/// Values of each list.
const MOST: usize = 100;

/// Which events a webhook gets. What is empty selects everything; what is given must hold all together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookSelection {
    /// Of these organizations; only of webhooks that belong to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<OrganizationId>,
    /// Of streams of these kinds, such as `device`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aggregates: Vec<String>,
    /// Of these types, such as `device.renamed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
}

impl WebhookSelection {
    /// The same, with each value once and known; the fields of errors are `selection.…`.
    pub fn checked(self) -> Result<Self, FieldError> {
        let known = event_types();
        for (field, length) in [
            ("selection.organization_ids", self.organizations.len()),
            ("selection.aggregate_types", self.aggregates.len()),
            ("selection.types", self.types.len()),
        ] {
            if length > MOST {
                let rule = format!("may have at most {MOST} values");
                return Err(FieldError::new(field, Problem::Rule(rule)));
            }
        }
        let strange = self.aggregates.iter().find(|one| !known.iter().any(|(of, _)| of == one));
        if let Some(strange) = strange {
            let problem = Problem::NotAChoice(strange.chars().take(100).collect());
            return Err(FieldError::new("selection.aggregate_types", problem));
        }
        let strange =
            self.types.iter().find(|one| !known.iter().any(|(_, of)| of.contains(&one.as_str())));
        if let Some(strange) = strange {
            let problem = Problem::NotAChoice(strange.chars().take(100).collect());
            return Err(FieldError::new("selection.types", problem));
        }
        Ok(Self {
            organizations: sorted(self.organizations),
            aggregates: sorted(self.aggregates),
            types: sorted(self.types),
        })
    }

    /// The types of events that it stands for; none is all of them.
    pub fn event_types(&self) -> Option<BTreeSet<&str>> {
        if self.aggregates.is_empty() && self.types.is_empty() {
            return None;
        }
        let all = event_types();
        let wanted = |aggregate: &str| {
            self.aggregates.is_empty() || self.aggregates.iter().any(|one| one == aggregate)
        };
        let types = all.iter().filter(|(aggregate, _)| wanted(aggregate));
        let types = types.flat_map(|(_, types)| types.iter().copied());
        let named = |name: &&str| self.types.is_empty() || self.types.iter().any(|one| one == name);
        Some(types.filter(named).collect())
    }

    /// Kinds of streams that it reaches.
    pub fn aggregates(&self) -> BTreeSet<&'static str> {
        let types = self.event_types();
        let reached = |of: &[&str]| {
            types.as_ref().is_none_or(|types| of.iter().any(|one| types.contains(one)))
        };
        event_types().into_iter().filter(|(_, of)| reached(of)).map(|(name, _)| name).collect()
    }
}

fn sorted<T: Ord>(values: Vec<T>) -> Vec<T> {
    values.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
