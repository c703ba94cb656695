use serde::{Deserialize, Serialize};

use super::{CreateGroup, GroupCommand, GroupCreated, GroupError, GroupEvent};
use crate::{Document, FieldError, OrganizationId, TemplateId, fact::aggregate, field};

/// Just enough state to decide the next command.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum Group {
    /// No event yet.
    #[default]
    Unknown,
    /// A group.
    Known(Box<Members>),
    /// It existed once.
    Removed,
}

/// What the rules remember of a group.
#[derive(Debug, Serialize, Deserialize)]
pub struct Members {
    organization_id: OrganizationId,
    name: String,
    description: String,
    templates: Vec<TemplateId>,
    variables: Document,
    meta_data: Document,
}

aggregate!(Group, "device_group", GroupCommand, GroupEvent, GroupError);

impl Group {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(&self, command: GroupCommand) -> Result<Vec<GroupEvent>, GroupError> {
        match (self, command) {
            (Self::Unknown, GroupCommand::Create(new)) => create(new),
            (Self::Removed, GroupCommand::Remove) => Ok(vec![]),
            (Self::Known(_) | Self::Removed, GroupCommand::Create(_)) => Err(GroupError::Exists),
            (Self::Unknown | Self::Removed, _) => Err(GroupError::Unknown),
            (Self::Known(group), command) => group.decide(command),
        }
    }

    fn evolve(&mut self, event: GroupEvent) {
        match (&mut *self, event) {
            (Self::Unknown, GroupEvent::Created(created)) => {
                *self = Self::Known(Box::new(Members {
                    organization_id: created.organization_id,
                    name: created.name,
                    description: created.description,
                    templates: created.templates,
                    variables: created.variables,
                    meta_data: created.meta_data,
                }));
            }
            (Self::Known(_), GroupEvent::Removed { .. }) => *self = Self::Removed,
            (Self::Known(group), event) => group.evolve(event),
            (Self::Unknown | Self::Removed, _) => {}
        }
    }
}

fn create(new: CreateGroup) -> Result<Vec<GroupEvent>, GroupError> {
    let CreateGroup { id, organization_id, name, description, templates, variables, meta_data } =
        new;
    checked_documents(&variables, &meta_data)?;
    Ok(vec![GroupEvent::Created(GroupCreated {
        group_id: id,
        organization_id,
        name: checked_name(&name)?,
        description: checked_description(&description)?,
        templates,
        variables,
        meta_data,
    })])
}

impl Members {
    fn decide(&self, command: GroupCommand) -> Result<Vec<GroupEvent>, GroupError> {
        let organization_id = self.organization_id;
        let event = match command {
            GroupCommand::Create(_) => return Err(GroupError::Exists),
            GroupCommand::Rename(name) => {
                let to = checked_name(&name)?;
                (to != self.name).then(|| GroupEvent::Renamed {
                    organization_id,
                    from: self.name.clone(),
                    to,
                })
            }
            GroupCommand::ChangeDescription(description) => {
                let description = checked_description(&description)?;
                (description != self.description)
                    .then_some(GroupEvent::DescriptionChanged { organization_id, description })
            }
            GroupCommand::ChangeVariables(variables) => {
                checked_documents(&variables, &Document::new())?;
                (!field::same(&variables, &self.variables))
                    .then_some(GroupEvent::VariablesChanged { organization_id, variables })
            }
            GroupCommand::ChangeMetaData(meta_data) => {
                checked_documents(&Document::new(), &meta_data)?;
                (!field::same(&meta_data, &self.meta_data))
                    .then_some(GroupEvent::MetaDataChanged { organization_id, meta_data })
            }
            GroupCommand::ChangeTemplates(to) => (to != self.templates).then(|| {
                GroupEvent::TemplatesChanged { organization_id, from: self.templates.clone(), to }
            }),
            GroupCommand::Remove => Some(GroupEvent::Removed { organization_id }),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: GroupEvent) {
        match event {
            GroupEvent::Renamed { to, .. } => self.name = to,
            GroupEvent::DescriptionChanged { description, .. } => self.description = description,
            GroupEvent::VariablesChanged { variables, .. } => self.variables = variables,
            GroupEvent::MetaDataChanged { meta_data, .. } => self.meta_data = meta_data,
            GroupEvent::TemplatesChanged { to, .. } => self.templates = to,
            GroupEvent::Created(_) | GroupEvent::Removed { .. } => {}
        }
    }
}

fn checked_name(name: &str) -> Result<String, FieldError> {
    field::name(name, 60).map_err(|problem| FieldError::new("name", problem))
}

fn checked_description(text: &str) -> Result<String, FieldError> {
    field::text(text, 100_000).map_err(|problem| FieldError::new("description", problem))
}

fn checked_documents(variables: &Document, meta_data: &Document) -> Result<(), FieldError> {
    field::document(variables).map_err(|problem| FieldError::new("context", problem))?;
    field::document(meta_data).map_err(|problem| FieldError::new("meta_data", problem))
}
