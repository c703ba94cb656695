//! A template as clients see it, and as they send it.

#![expect(
    clippy::option_option,
    reason = "absent, null and a value are three things, and use cases take them as these"
)]

use app::App;
use domain::Document;
use projections::template::TemplateRow;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{
    failure::ALL,
    fields::{Fields, Text},
    moment,
    sentences::{self, NOT_AN_OBJECT},
};

/// As clients see it.
pub(super) fn shape(row: &TemplateRow) -> Value {
    let mut tags = row.tags.clone();
    tags.sort();
    json!({
        "id": row.id,
        "name": row.name,
        "organization": row.organization_id,
        "type": "generic",
        "backend": row.backend,
        "vpn": null,
        "tags": tags,
        "default": row.flags.is_default(),
        "required": row.flags.is_required(),
        "notes": row.notes,
        "default_values": row.default_values,
        "config": row.config,
        "created": moment::show(row.created_at),
        "modified": moment::show(row.modified_at),
    })
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

impl Sent {
    /// `shared`: may the caller make shared ones?
    pub(super) fn read(fields: &mut Fields<'_>, app: &App, shared: bool) -> Self {
        let sent = Self {
            name: fields.short("name", Text::NAME, 64),
            organization: fields.reference("organization", !shared, shared),
            backend: fields.choice("backend", true, &app.settings().controller.backends),
            config: fields.document("config", false, "Unexpected configuration format."),
            default_values: fields.document("default_values", false, NOT_AN_OBJECT),
            default: fields.switch("default"),
            required: fields.switch("required"),
            notes: fields.text("notes", Text::FREE),
        };
        let kind = fields.choice("type", false, &["generic", "vpn"]);
        vpn(fields, kind.as_deref());
        // The reference names the field where the type was said, and nothing where it was not.
        if sent.config.as_ref().is_some_and(Document::is_empty) && kind.as_deref() != Some("vpn") {
            fields.refuse(if kind.is_some() { "config" } else { ALL }, EMPTY);
        }
        sent
    }

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
