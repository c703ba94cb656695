//! A group as clients see it, and as they send it.

use domain::{Document, TemplateId};
use projections::group::GroupRow;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{
    fields::{Fields, Text},
    moment,
    sentences::NOT_AN_OBJECT,
};

/// As clients see it.
pub(super) fn shape(row: &GroupRow) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "organization": row.organization_id,
        "description": row.description,
        "templates": row.templates,
        "context": row.variables,
        "meta_data": row.meta_data,
        "created": moment::show(row.created_at),
        "modified": moment::show(row.modified_at),
    })
}

/// As clients send it; what they leave out stays as it is.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) name: Option<String>,
    pub(super) organization: Option<Uuid>,
    pub(super) description: Option<String>,
    pub(super) templates: Option<Vec<TemplateId>>,
    pub(super) context: Option<Document>,
    pub(super) meta_data: Option<Document>,
}

impl Sent {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let templates = |ids: Vec<Uuid>| ids.into_iter().map(TemplateId::from_uuid).collect();
        Self {
            name: fields.short("name", Text::NAME, 60),
            organization: fields.reference("organization", true, false).flatten(),
            description: fields.text("description", Text::FREE),
            templates: fields.references("templates", true).map(templates),
            context: fields.document("context", false, NOT_AN_OBJECT),
            meta_data: fields.document("meta_data", false, NOT_AN_OBJECT),
        }
    }
}
