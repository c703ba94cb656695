//! What is done with each of many devices.

use domain::{Document, FieldError, GroupId, Permission, Problem, TemplateId};
use projections::{group, template};
use serde::{Deserialize, Serialize};

use crate::{App, By, ConfigurationChange, DeviceChange, Failure, configurations::append};

/// Templates or names of variables of one operation.
const MOST: usize = 100;
/// Characters of a variable's name.
const LONGEST: usize = 1000;

/// What is done with each device of a selection. A device for which it is so already is left as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Let it be in this group, or in none.
    SetGroup(Option<GroupId>),
    /// Append templates to its list, those that are not in it.
    AddTemplates(Vec<TemplateId>),
    /// Take templates out of its list.
    RemoveTemplates(Vec<TemplateId>),
    /// Give variables these values; others stay.
    MergeVariables(Document),
    /// Take its own variables of these names away.
    RemoveVariables(Vec<String>),
    /// Serve it again.
    Activate,
    /// Stop serving it.
    Deactivate,
}

/// A device as operations see it.
pub(crate) struct Present<'a> {
    pub(crate) active: bool,
    pub(crate) group: Option<GroupId>,
    /// Without removed ones.
    pub(crate) templates: &'a [TemplateId],
    pub(crate) variables: &'a Document,
}

/// Which use case an operation is for one device.
#[derive(Debug)]
pub(crate) enum Effect {
    /// It is so already.
    Nothing,
    Change(Box<DeviceChange>),
    Activate,
    Deactivate,
}

impl Operation {
    /// A word for logs and lists.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SetGroup(_) => "set_group",
            Self::AddTemplates(_) => "add_templates",
            Self::RemoveTemplates(_) => "remove_templates",
            Self::MergeVariables(_) => "merge_variables",
            Self::RemoveVariables(_) => "remove_variables",
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
        }
    }

    /// Does it serve devices, or stop serving them? None of the others.
    pub(super) fn activation(&self) -> Option<bool> {
        match self {
            Self::Activate => Some(true),
            Self::Deactivate => Some(false),
            _ => None,
        }
    }

    /// What it means for a device.
    pub(crate) fn effect(&self, present: &Present<'_>) -> Effect {
        let configured = |change| {
            Effect::Change(Box::new(DeviceChange {
                configuration: Some(change),
                ..DeviceChange::default()
            }))
        };
        let listed = |templates: Vec<TemplateId>| {
            if templates == present.templates {
                return Effect::Nothing;
            }
            let templates = Some(templates);
            configured(ConfigurationChange { templates, ..ConfigurationChange::default() })
        };
        let varied = |variables: Document| {
            if domain::field::same(&variables, present.variables) {
                return Effect::Nothing;
            }
            let context = Some(variables);
            configured(ConfigurationChange { context, ..ConfigurationChange::default() })
        };
        match self {
            Self::SetGroup(group) if *group == present.group => Effect::Nothing,
            Self::SetGroup(group) => Effect::Change(Box::new(DeviceChange {
                group: Some(*group),
                ..DeviceChange::default()
            })),
            Self::AddTemplates(more) => {
                let mut templates = present.templates.to_vec();
                append(&mut templates, more.iter().copied());
                listed(templates)
            }
            Self::RemoveTemplates(gone) => {
                let stays = |id: &&TemplateId| !gone.contains(id);
                listed(present.templates.iter().filter(stays).copied().collect())
            }
            Self::MergeVariables(more) => {
                let mut variables = present.variables.clone();
                variables.extend(more.clone());
                varied(variables)
            }
            Self::RemoveVariables(names) => {
                let mut variables = present.variables.clone();
                for name in names {
                    variables.shift_remove(name);
                }
                varied(variables)
            }
            Self::Activate if present.active => Effect::Nothing,
            Self::Activate => Effect::Activate,
            Self::Deactivate if present.active => Effect::Deactivate,
            Self::Deactivate => Effect::Nothing,
        }
    }

    /// Does what it names exist for the actor, and is it meant for devices at all? Whether it fits a device is decided
    /// there.
    pub(crate) async fn check(&self, app: &App, by: &By) -> Result<(), Failure> {
        match self {
            Self::SetGroup(None) | Self::Activate | Self::Deactivate => Ok(()),
            Self::SetGroup(Some(id)) => {
                let row = group::by_id(app.store(), crate::RULES, *id).await?;
                let seen = row.is_some_and(|row| {
                    let organization = Some(row.organization_id);
                    by.authority.require(Permission::ViewGroup, organization).is_ok()
                });
                if seen { Ok(()) } else { Err(unknown("group", &id.to_string())) }
            }
            Self::AddTemplates(ids) => templates(app, by, ids, false).await,
            Self::RemoveTemplates(ids) => templates(app, by, ids, true).await,
            Self::MergeVariables(variables) => domain::field::document(variables)
                .map_err(|problem| Failure::field("variables", problem)),
            Self::RemoveVariables(names) => {
                bounded("variables", names.len())?;
                let mut names = names.iter();
                names.try_for_each(|name| {
                    domain::field::text(name, LONGEST)
                        .map(drop)
                        .map_err(|problem| Failure::field("variables", problem))
                })
            }
        }
    }
}

/// The actor may see the templates. Required ones cannot be taken away: a list without them gets them back in front.
async fn templates(
    app: &App,
    by: &By,
    ids: &[TemplateId],
    taken_away: bool,
) -> Result<(), Failure> {
    bounded("templates", ids.len())?;
    let rows = template::by_ids(app.store(), crate::RULES, ids).await?;
    let mut errors = Vec::new();
    for id in ids {
        let row = rows.iter().find(|row| {
            row.id == *id
                && by.authority.require(Permission::ViewTemplate, row.organization_id).is_ok()
        });
        match row {
            None => errors.push(FieldError::new("templates", Problem::Unknown(id.to_string()))),
            Some(row) if taken_away && row.flags.is_required() => {
                let rule = format!("`{}` is required and cannot be taken away", row.name);
                errors.push(FieldError::new("templates", Problem::Rule(rule)));
            }
            Some(_) => {}
        }
    }
    Failure::unless_empty(errors)
}

fn bounded(field: &'static str, count: usize) -> Result<(), Failure> {
    if count <= MOST {
        return Ok(());
    }
    let rule = format!("may name at most {MOST} at once, {count} were given");
    Err(Failure::field(field, Problem::Rule(rule)))
}

fn unknown(field: &'static str, id: &str) -> Failure {
    Failure::field(field, Problem::Unknown(id.to_owned()))
}
