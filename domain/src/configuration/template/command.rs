use super::TemplateFlags;
use crate::{Document, OrganizationId, TemplateId, configuration::Backend};

/// What can be asked of a template. That contents fit the generator's schema is checked before.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplateCommand {
    /// Make a template.
    Create(Box<CreateTemplate>),
    /// Give it another name, at most 64 characters.
    Rename(String),
    /// Change its contents; they may not be empty.
    ChangeContents(Document),
    /// Change the default values of variables.
    ChangeDefaultValues(Document),
    /// Let other agents ask for it.
    ChangeTags(Vec<String>),
    /// Change who gets it.
    ChangeFlags(TemplateFlags),
    /// Write something down.
    ChangeNotes(String),
    /// Let another generator make its files.
    ChangeBackend(Backend),
    /// Give it to another organization, or to all.
    Move(Option<OrganizationId>),
    /// Let it not exist any more.
    Remove,
}

/// The facts of a new template.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTemplate {
    /// Chosen by the caller.
    pub id: TemplateId,
    /// The owner; none is shared.
    pub organization_id: Option<OrganizationId>,
    /// 1–64 characters.
    pub name: String,
    /// Generator of its files.
    pub backend: Backend,
    /// `NetJSON`, not empty.
    pub config: Document,
    /// Default values of variables.
    pub default_values: Document,
    /// What agents ask for at registration.
    pub tags: Vec<String>,
    /// Who gets it.
    pub flags: TemplateFlags,
    /// Free text.
    pub notes: String,
}
