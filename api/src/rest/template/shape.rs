//! A template as clients see it, and as they send it.

#![expect(
    clippy::option_option,
    reason = "absent, null and a value are three things, and use cases take them as these"
)]

use chrono::{DateTime, Utc};
use domain::{Document, OrganizationId};
use projections::template::TemplateRow;
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, schema::Type},
};
use uuid::Uuid;

use super::super::{
    failure::ALL,
    fields::{Fields, Text},
    moment,
    sent::{self, Reader},
    sentences::{self, NOT_AN_OBJECT},
};

/// A template.
#[derive(Serialize, ToSchema)]
pub(super) struct Template {
    id: Uuid,
    name: String,
    /// Null is shared.
    #[schema(required)]
    organization: Option<Uuid>,
    #[serde(rename = "type")]
    #[schema(schema_with = kinds)]
    kind: &'static str,
    /// Generator of the files.
    backend: String,
    #[schema(required)]
    vpn: Option<Uuid>,
    /// What agents ask for at registration.
    tags: Vec<String>,
    default: bool,
    required: bool,
    notes: String,
    /// Of variables.
    #[schema(value_type = Object)]
    default_values: Document,
    /// `NetJSON`.
    #[schema(value_type = Object)]
    config: Document,
    #[serde(serialize_with = "moment::shown")]
    created: DateTime<Utc>,
    #[serde(serialize_with = "moment::shown")]
    modified: DateTime<Utc>,
}

/// What templates are for.
pub(super) const KINDS: [&str; 2] = ["generic", "vpn"];

fn kinds() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(KINDS))
}

/// As clients see it.
pub(super) fn shape(row: &TemplateRow) -> Template {
    let mut tags = row.tags.clone();
    tags.sort();
    Template {
        id: row.id.as_uuid(),
        name: row.name.clone(),
        organization: row.organization_id.map(OrganizationId::as_uuid),
        kind: "generic",
        backend: row.backend.clone(),
        vpn: None,
        tags,
        default: row.flags.is_default(),
        required: row.flags.is_required(),
        notes: row.notes.clone(),
        default_values: row.default_values.clone(),
        config: row.config.clone(),
        created: row.created_at,
        modified: row.modified_at,
    }
}

/// As clients send it; what they leave out stays as it is. Tags are read-only here.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) name: Option<String>,
    /// `Some(None)` is shared.
    pub(super) organization: Option<Option<Uuid>>,
    pub(super) backend: Option<String>,
    pub(super) config: Option<Document>,
    pub(super) default_values: Option<Document>,
    pub(super) default: Option<bool>,
    pub(super) required: Option<bool>,
    pub(super) notes: Option<String>,
}

const EMPTY: &str = "The configuration field cannot be empty.";

impl sent::Sent for Sent {
    const NAME: &'static str = "Template";

    /// Shared ones are for those who may do everything.
    fn read(fields: &mut Fields<'_>, reader: Reader<'_>) -> Self {
        let shared = reader.unlimited;
        let sent = Self {
            name: fields.short("name", Text::NAME, 64),
            organization: fields.reference("organization", !shared, shared),
            backend: fields.choice("backend", true, &reader.controller.backends),
            config: fields.document("config", false, "Unexpected configuration format."),
            default_values: fields.document("default_values", false, NOT_AN_OBJECT),
            default: fields.switch("default"),
            required: fields.switch("required"),
            notes: fields.text("notes", Text::FREE),
        };
        let kind = fields.choice("type", false, &KINDS);
        vpn(fields, kind.as_deref());
        // The reference names the field where the type was said, and nothing where it was not.
        if sent.config.as_ref().is_some_and(Document::is_empty) && kind.as_deref() != Some("vpn") {
            fields.refuse(if kind.is_some() { "config" } else { ALL }, EMPTY);
        }
        sent
    }
}

impl Sent {
    /// Something new must say something.
    pub(super) fn must_have_contents(&self, fields: &mut Fields<'_>) {
        if self.config.is_none() && fields.errors.is_empty() {
            fields.refuse(ALL, EMPTY);
        }
    }
}

/// There are no VPN servers that a template could be for.
fn vpn(fields: &mut Fields<'_>, kind: Option<&str>) {
    match fields.reference("vpn", false, true) {
        Some(Some(id)) => fields.refuse("vpn", sentences::unknown(id)),
        Some(None) | None if kind == Some("vpn") => {
            fields.refuse("vpn", "A VPN must be selected when template type is \"VPN\"");
        }
        Some(None) | None => {}
    }
}
