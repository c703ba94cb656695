//! A group as clients see it, and as they send it.

use chrono::{DateTime, Utc};
use domain::{Document, TemplateId};
use projections::group::GroupRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{
    fields::{Fields, Text},
    moment,
    sent::{self, Reader},
    sentences::NOT_AN_OBJECT,
};

/// A group of devices.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceGroup {
    id: Uuid,
    name: String,
    organization: Uuid,
    description: String,
    /// First to last.
    templates: Vec<Uuid>,
    /// Variables of its devices.
    #[schema(value_type = Object)]
    context: Document,
    #[schema(value_type = Object)]
    meta_data: Document,
    #[serde(serialize_with = "moment::shown")]
    created: DateTime<Utc>,
    #[serde(serialize_with = "moment::shown")]
    modified: DateTime<Utc>,
}

/// As clients see it.
pub(super) fn shape(row: &GroupRow) -> DeviceGroup {
    DeviceGroup {
        id: row.id.as_uuid(),
        name: row.name.clone(),
        organization: row.organization_id.as_uuid(),
        description: row.description.clone(),
        templates: row.templates.iter().map(|id| id.as_uuid()).collect(),
        context: row.variables.clone(),
        meta_data: row.meta_data.clone(),
        created: row.created_at,
        modified: row.modified_at,
    }
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

impl sent::Sent for Sent {
    const NAME: &'static str = "DeviceGroup";

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
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
