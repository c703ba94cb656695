use serde::{Deserialize, Serialize};

use super::{
    CreateTemplate, TemplateCommand, TemplateCreated, TemplateError, TemplateEvent, TemplateFlags,
};
use crate::{Document, FieldError, OrganizationId, configuration::Backend, fact::aggregate, field};

/// Most tags that a template can have.
const TAGS: usize = 100;

/// Just enough state to decide the next command.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum Template {
    /// No event yet.
    #[default]
    Unknown,
    /// A template.
    Known(Box<Piece>),
    /// It existed once.
    Removed,
}

/// What the rules remember of a template.
#[derive(Debug, Serialize, Deserialize)]
pub struct Piece {
    organization_id: Option<OrganizationId>,
    name: String,
    backend: Backend,
    config: Document,
    default_values: Document,
    tags: Vec<String>,
    flags: TemplateFlags,
    notes: String,
}

aggregate!(Template, "template", TemplateCommand, TemplateEvent, TemplateError);

impl Template {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(&self, command: TemplateCommand) -> Result<Vec<TemplateEvent>, TemplateError> {
        match (self, command) {
            (Self::Unknown, TemplateCommand::Create(new)) => create(*new),
            (Self::Removed, TemplateCommand::Remove) => Ok(vec![]),
            (Self::Known(_) | Self::Removed, TemplateCommand::Create(_)) => {
                Err(TemplateError::Exists)
            }
            (Self::Unknown | Self::Removed, _) => Err(TemplateError::Unknown),
            (Self::Known(template), command) => template.decide(command),
        }
    }

    fn evolve(&mut self, event: TemplateEvent) {
        match (&mut *self, event) {
            (Self::Unknown, TemplateEvent::Created(created)) => {
                *self = Self::Known(Box::new(Piece {
                    organization_id: created.organization_id,
                    name: created.name,
                    backend: created.backend,
                    config: created.config,
                    default_values: created.default_values,
                    tags: created.tags,
                    flags: created.flags,
                    notes: created.notes,
                }));
            }
            (Self::Known(_), TemplateEvent::Removed { .. }) => *self = Self::Removed,
            (Self::Known(template), event) => template.evolve(event),
            (Self::Unknown | Self::Removed, _) => {}
        }
    }
}

fn create(new: CreateTemplate) -> Result<Vec<TemplateEvent>, TemplateError> {
    let CreateTemplate {
        id,
        organization_id,
        name,
        backend,
        config,
        default_values,
        tags,
        flags,
        notes,
    } = new;
    let name = checked_name(&name)?;
    checked_contents(&config)?;
    checked_default_values(&default_values)?;
    let tags = checked_tags(&tags)?;
    let notes = checked_notes(&notes)?;
    Ok(vec![TemplateEvent::Created(Box::new(TemplateCreated {
        template_id: id,
        organization_id,
        name,
        backend,
        config,
        default_values,
        tags,
        flags,
        notes,
    }))])
}

impl Piece {
    fn decide(&self, command: TemplateCommand) -> Result<Vec<TemplateEvent>, TemplateError> {
        let organization_id = self.organization_id;
        let event = match command {
            TemplateCommand::Create(_) => return Err(TemplateError::Exists),
            TemplateCommand::Rename(name) => {
                let to = checked_name(&name)?;
                (to != self.name).then(|| TemplateEvent::Renamed {
                    organization_id,
                    from: self.name.clone(),
                    to,
                })
            }
            TemplateCommand::ChangeContents(config) => {
                checked_contents(&config)?;
                (!field::same(&config, &self.config))
                    .then_some(TemplateEvent::ContentsChanged { organization_id, config })
            }
            TemplateCommand::ChangeDefaultValues(default_values) => {
                checked_default_values(&default_values)?;
                (!field::same(&default_values, &self.default_values)).then_some(
                    TemplateEvent::DefaultValuesChanged { organization_id, default_values },
                )
            }
            TemplateCommand::ChangeTags(tags) => {
                let tags = checked_tags(&tags)?;
                (tags != self.tags).then_some(TemplateEvent::TagsChanged { organization_id, tags })
            }
            TemplateCommand::ChangeFlags(to) => {
                (to != self.flags).then(|| TemplateEvent::FlagsChanged {
                    organization_id,
                    from: self.flags,
                    to,
                    backend: self.backend.clone(),
                })
            }
            TemplateCommand::ChangeNotes(notes) => {
                let notes = checked_notes(&notes)?;
                (notes != self.notes)
                    .then_some(TemplateEvent::NotesChanged { organization_id, notes })
            }
            TemplateCommand::ChangeBackend(to) => (to != self.backend).then(|| {
                TemplateEvent::BackendChanged { organization_id, from: self.backend.clone(), to }
            }),
            TemplateCommand::Move(to) => (to != organization_id).then(|| TemplateEvent::Moved {
                from: organization_id,
                to,
                name: self.name.clone(),
            }),
            TemplateCommand::Remove => Some(TemplateEvent::Removed { organization_id }),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: TemplateEvent) {
        match event {
            TemplateEvent::Renamed { to, .. } => self.name = to,
            TemplateEvent::ContentsChanged { config, .. } => self.config = config,
            TemplateEvent::DefaultValuesChanged { default_values, .. } => {
                self.default_values = default_values;
            }
            TemplateEvent::TagsChanged { tags, .. } => self.tags = tags,
            TemplateEvent::FlagsChanged { to, .. } => self.flags = to,
            TemplateEvent::NotesChanged { notes, .. } => self.notes = notes,
            TemplateEvent::BackendChanged { to, .. } => self.backend = to,
            TemplateEvent::Moved { to, .. } => self.organization_id = to,
            TemplateEvent::Created(_) | TemplateEvent::Removed { .. } => {}
        }
    }
}

fn checked_name(name: &str) -> Result<String, FieldError> {
    field::name(name, 64).map_err(|problem| FieldError::new("name", problem))
}

fn checked_notes(notes: &str) -> Result<String, FieldError> {
    field::text(notes, 100_000).map_err(|problem| FieldError::new("notes", problem))
}

fn checked_contents(config: &Document) -> Result<(), TemplateError> {
    if config.is_empty() {
        return Err(TemplateError::EmptyContents);
    }
    field::document(config).map_err(|problem| FieldError::new("config", problem).into())
}

fn checked_default_values(values: &Document) -> Result<(), FieldError> {
    field::document(values).map_err(|problem| FieldError::new("default_values", problem))
}

/// Trimmed, each once, in the order given; at most 100 of at most 100 characters.
fn checked_tags(tags: &[String]) -> Result<Vec<String>, FieldError> {
    let refuse = |problem| FieldError::new("tags", problem);
    let mut checked: Vec<String> = Vec::new();
    for tag in tags {
        let tag = field::name(tag, 100).map_err(refuse)?;
        if checked.contains(&tag) {
            continue;
        }
        if checked.len() == TAGS {
            let rule = format!("may hold at most {TAGS} tags");
            return Err(refuse(crate::Problem::Rule(rule)));
        }
        checked.push(tag);
    }
    Ok(checked)
}
