//! How a device differs between two moments.

use async_graphql::{Enum, ID, SimpleObject};
use serde_json::Value;

use super::files::FilesDiff;
use crate::graphql::{error::camel, scalar::Position};

/// How a device differs between two moments.
#[derive(SimpleObject)]
pub(super) struct DeviceDiff {
    /// What the first moment stands for: the last event that is in it.
    from: Position,
    /// What the second moment stands for.
    to: Position,
    /// Values of its own that are not the same.
    fields: Vec<FieldChange>,
    /// Templates that it has at the second moment only, in their order.
    templates_added: Vec<TemplateReference>,
    /// Templates that it has at the first moment only, in their order.
    templates_removed: Vec<TemplateReference>,
    /// Templates, group and organization that it has at both moments, but not with the same contents.
    shared: Vec<SharedChange>,
    /// The files of the two archives.
    files: FilesDiff,
}

impl From<app::DeviceDiff> for DeviceDiff {
    fn from(diff: app::DeviceDiff) -> Self {
        let templates = |links: Vec<app::TemplateLink>| {
            links.into_iter().map(TemplateReference::from).collect()
        };
        Self {
            from: Position(diff.from),
            to: Position(diff.to),
            fields: diff.fields.into_iter().map(FieldChange::from).collect(),
            templates_added: templates(diff.templates_added),
            templates_removed: templates(diff.templates_removed),
            shared: diff.shared.into_iter().map(SharedChange::from).collect(),
            files: diff.files.into(),
        }
    }
}

/// A value at two moments.
#[derive(SimpleObject)]
struct FieldChange {
    /// Which: `organization`, `name`, `macAddress`, `config` and so on. `key` has no values: it is a secret.
    field: String,
    /// At the first moment.
    before: Option<Value>,
    /// At the second moment.
    after: Option<Value>,
}

impl From<app::FieldChange> for FieldChange {
    fn from(change: app::FieldChange) -> Self {
        let value = |value: Value| Some(value).filter(|value| !value.is_null());
        Self {
            field: camel(change.field),
            before: value(change.before),
            after: value(change.after),
        }
    }
}

/// A template by its name at a moment; it may not exist any more.
#[derive(SimpleObject)]
pub(super) struct TemplateReference {
    /// The template.
    id: ID,
    /// The owner; null is shared by all organizations.
    organization_id: Option<ID>,
    /// Its name.
    name: String,
    /// Did new devices get it?
    default: bool,
    /// Did all devices of the organization have it always?
    required: bool,
}

impl From<app::TemplateLink> for TemplateReference {
    fn from(link: app::TemplateLink) -> Self {
        Self {
            id: link.id.to_string().into(),
            organization_id: link.organization_id.map(|id| id.to_string().into()),
            name: link.name,
            default: link.flags.is_default(),
            required: link.flags.is_required(),
        }
    }
}

/// Something shared, and which of its values are not the same.
#[derive(SimpleObject)]
struct SharedChange {
    /// What.
    object: SharedObject,
    /// Of those that make files: `config`, `defaultValues`, `backend`, `variables`.
    fields: Vec<String>,
}

impl From<app::SharedChange> for SharedChange {
    fn from(change: app::SharedChange) -> Self {
        Self {
            object: change.object.into(),
            fields: change.fields.into_iter().map(camel).collect(),
        }
    }
}

/// What kind of thing devices take their files from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
enum SharedKind {
    /// A template.
    Template,
    /// The device's group.
    DeviceGroup,
    /// The device's organization.
    Organization,
}

/// Something that many devices take their files from, by its name at the later moment.
#[derive(SimpleObject)]
pub(super) struct SharedObject {
    /// What it is.
    kind: SharedKind,
    /// Which.
    id: ID,
    /// Its name.
    name: String,
}

impl From<app::SharedObject> for SharedObject {
    fn from(object: app::SharedObject) -> Self {
        let (kind, id, name) = match object {
            app::SharedObject::Template { id, name } => {
                (SharedKind::Template, id.to_string(), name)
            }
            app::SharedObject::Group { id, name } => {
                (SharedKind::DeviceGroup, id.to_string(), name)
            }
            app::SharedObject::Organization { id, name } => {
                (SharedKind::Organization, id.to_string(), name)
            }
        };
        Self { kind, id: id.into(), name }
    }
}
