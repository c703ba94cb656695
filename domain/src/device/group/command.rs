use crate::{Document, GroupId, OrganizationId, TemplateId};

/// What can be asked of a device group.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupCommand {
    /// Make a group.
    Create(CreateGroup),
    /// Give it another name, at most 60 characters.
    Rename(String),
    /// Describe it.
    ChangeDescription(String),
    /// Change its configuration variables.
    ChangeVariables(Document),
    /// Change its meta data.
    ChangeMetaData(Document),
    /// Give its devices other templates: existing ones of the organization or shared, neither default nor required.
    ChangeTemplates(Vec<TemplateId>),
    /// Let it not exist any more.
    Remove,
}

/// The facts of a new group.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateGroup {
    /// Chosen by the caller.
    pub id: GroupId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// 1–60 characters.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Templates of its devices, in order.
    pub templates: Vec<TemplateId>,
    /// Configuration variables.
    pub variables: Document,
    /// Whatever operators keep with a group.
    pub meta_data: Document,
}
