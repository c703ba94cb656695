//! How a device differs between two moments.

use domain::{Document, GroupId, OrganizationId, TemplateId, field};
use serde_json::Value;

use super::{
    History,
    at::{GroupAt, TemplateAt, TemplateLink},
    fold::OrganizationPast,
    whole::Whole,
};
use crate::{By, Failure, FilesDiff, Moment};

/// How a device differs between two moments.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceDiff {
    /// What the first moment stands for.
    pub from: i64,
    /// What the second moment stands for.
    pub to: i64,
    /// Values of its own that are not the same.
    pub fields: Vec<FieldChange>,
    /// Templates that it has at the second moment only, in their order.
    pub templates_added: Vec<TemplateLink>,
    /// Templates that it has at the first moment only, in their order.
    pub templates_removed: Vec<TemplateLink>,
    /// What it has at both moments, but not with the same contents.
    pub shared: Vec<SharedChange>,
    /// The files of the two archives.
    pub files: FilesDiff,
}

/// A value at two moments.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Which, by its name in the API. `key` has no values: it is a secret.
    pub field: &'static str,
    /// At the first moment.
    pub before: Value,
    /// At the second moment.
    pub after: Value,
}

/// Something shared, and which of its values are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedChange {
    /// What.
    pub object: SharedObject,
    /// Of those that make files: `config`, `default_values`, `backend`, `variables`.
    pub fields: Vec<&'static str>,
}

/// Something that many devices take their files from, by its name at the later moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedObject {
    /// A template.
    Template {
        /// Which.
        id: TemplateId,
        /// Its name.
        name: String,
    },
    /// The group.
    Group {
        /// Which.
        id: GroupId,
        /// Its name.
        name: String,
    },
    /// The organization.
    Organization {
        /// Which.
        id: OrganizationId,
        /// Its name.
        name: String,
    },
}

impl SharedObject {
    pub(super) fn template(template: &TemplateAt) -> Self {
        Self::Template { id: template.id, name: template.name.clone() }
    }

    pub(super) fn group(group: &GroupAt) -> Self {
        Self::Group { id: group.id, name: group.name.clone() }
    }

    pub(super) fn organization(organization: &OrganizationPast) -> Self {
        Self::Organization { id: organization.id, name: organization.name.clone() }
    }
}

impl History<'_> {
    /// How a device differs between two moments (fields `from` and `to`), each of which the actor must be allowed to see.
    /// The moments may be in any order.
    pub async fn diff(
        &self,
        by: &By,
        id: domain::DeviceId,
        from: Moment,
        to: Moment,
    ) -> Result<DeviceDiff, Failure> {
        let before = self.whole(by, id, from, "from").await?;
        let after = self.whole(by, id, to, "to").await?;
        let files = self.files_between(by, &before, &after).await?;
        Ok(DeviceDiff {
            from: before.position,
            to: after.position,
            fields: field_changes(&before, &after),
            templates_added: missing(&after, &before),
            templates_removed: missing(&before, &after),
            shared: shared_changes(&before, &after),
            files,
        })
    }

    /// The files of the archives at two moments.
    pub(super) async fn files_between(
        &self,
        by: &By,
        before: &Whole,
        after: &Whole,
    ) -> Result<FilesDiff, Failure> {
        if before.sha256() == after.sha256() {
            return Ok(FilesDiff::default());
        }
        let bytes = |held: Option<(crate::Archive, i64)>| held.map(|(archive, _)| archive.bytes);
        let before = self.archive_of(by, before).await?;
        let after = self.archive_of(by, after).await?;
        crate::files_diff::computed(bytes(before), bytes(after)).await
    }
}

/// What the device has of its own, by the names in the API; no secrets.
fn fields(whole: &Whole) -> Vec<(&'static str, Value)> {
    let device = &whole.device;
    let own = whole.configuration.as_ref();
    let group = whole.group.as_ref().map(|group| group.id.to_string());
    let templates: Vec<String> = whole.templates.iter().map(|each| each.id.to_string()).collect();
    let archive = own.and_then(|own| own.archive.as_ref());
    vec![
        ("organization", device.organization_id.to_string().into()),
        ("name", device.name.clone().into()),
        ("mac_address", device.mac_address.clone().into()),
        ("hardware_id", device.hardware_id.clone().into()),
        ("model", device.information.model.clone().into()),
        ("os", device.information.os.clone().into()),
        ("system", device.information.system.clone().into()),
        ("notes", device.notes.clone().into()),
        ("group", group.into()),
        ("active", device.active.into()),
        ("management_ip", device.management_ip.map(|address| address.to_string()).into()),
        ("backend", own.map(|own| own.backend.clone()).into()),
        ("config", own.map_or(Value::Null, |own| Value::Object(own.config.clone()))),
        ("variables", own.map_or(Value::Null, |own| Value::Object(own.variables.clone()))),
        ("templates", own.map_or(Value::Null, |_| templates.into())),
        ("status", own.map(|own| own.status.as_str()).into()),
        ("error_reason", own.map(|own| own.error_reason.clone()).into()),
        ("failure", own.and_then(|own| own.failure.clone()).into()),
        ("checksum", archive.map(|archive| archive.rendered.md5.clone()).into()),
    ]
}

fn field_changes(before: &Whole, after: &Whole) -> Vec<FieldChange> {
    let same = |one: &Value, other: &Value| match (one, other) {
        // The order of keys decides the bytes of files.
        (Value::Object(one), Value::Object(other)) => field::same(one, other),
        _ => one == other,
    };
    let mut changes: Vec<FieldChange> = fields(before)
        .into_iter()
        .zip(fields(after))
        .filter(|((_, before), (_, after))| !same(before, after))
        .map(|((field, before), (_, after))| FieldChange { field, before, after })
        .collect();
    if before.device.key_fingerprint != after.device.key_fingerprint {
        changes.push(FieldChange { field: "key", before: Value::Null, after: Value::Null });
    }
    changes
}

/// Templates of the one that the other does not have.
fn missing(one: &Whole, other: &Whole) -> Vec<TemplateLink> {
    let has = |id: TemplateId| other.templates.iter().any(|template| template.id == id);
    one.templates.iter().filter(|template| !has(template.id)).map(TemplateAt::link).collect()
}

/// What both have, but not with the same contents.
pub(super) fn shared_changes(before: &Whole, after: &Whole) -> Vec<SharedChange> {
    let mut changes = Vec::new();
    for new in &after.templates {
        let Some(old) = before.templates.iter().find(|old| old.id == new.id) else { continue };
        let fields: Vec<&'static str> = [
            ("config", field::same(&old.config, &new.config)),
            ("default_values", field::same(&old.default_values, &new.default_values)),
            ("backend", old.backend == new.backend),
        ]
        .into_iter()
        .filter_map(|(field, same)| (!same).then_some(field))
        .collect();
        if !fields.is_empty() {
            changes.push(SharedChange { object: SharedObject::template(new), fields });
        }
    }
    let mut variables = |object: SharedObject, old: &Document, new: &Document| {
        if !field::same(old, new) {
            changes.push(SharedChange { object, fields: vec!["variables"] });
        }
    };
    if let (Some(old), Some(new)) = (&before.group, &after.group)
        && old.id == new.id
    {
        variables(SharedObject::group(new), &old.variables, &new.variables);
    }
    if let (Some(old), Some(new)) = (&before.organization, &after.organization)
        && old.id == new.id
    {
        variables(SharedObject::organization(new), &old.variables, &new.variables);
    }
    changes
}
