//! Configurations as they are read, and what rendering reads of everything else.

mod inputs;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    DeviceId, Document, OrganizationId, TemplateId,
    authority::ReadScope,
    configuration::{ArchiveRendered, ConfigurationEvent, ConfigurationStatus},
};
use store::{Op, Query, Row, Store, StoreError, args};

pub use inputs::{
    DeviceInputs, Inputs, InputsBatch, InputsTemplate, LastRendering, SharedTemplate,
    SharedVariables, inputs, inputs_of,
};

use crate::{
    conditions::Conditions,
    render_inputs::{At, document, json},
};

/// The configuration of a device, without the list of templates.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigurationRow {
    /// Whose.
    pub device_id: DeviceId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Generator of its files, by its name on the wire.
    pub backend: String,
    /// Its own contents.
    pub config: Document,
    /// Its own variables.
    pub variables: Document,
    /// How the device stands to it.
    pub status: ConfigurationStatus,
    /// What the agent said with the last error; empty in other states.
    pub error_reason: String,
    /// The next rendering settles an activation or deactivation.
    pub undecided: bool,
    /// What the device downloads.
    pub archive: Option<ArchiveRendered>,
    /// Why the inputs make no archive at present.
    pub failure: Option<String>,
    /// Position that the list of default templates was read at.
    pub defaults_position: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
}

const COLUMNS: &str = "device_id, organization_id, backend, config, variables, status, error_reason, undecided, sha256, md5, size, inputs_position, renderer, failure, defaults_position, created_at, modified_at";

fn read(row: &Row) -> Result<ConfigurationRow, StoreError> {
    let archive = match row.text_or_null(8)? {
        None => None,
        Some(sha256) => Some(ArchiveRendered {
            sha256,
            md5: row.text(9)?,
            size: row.int(10)?.unsigned_abs(),
            inputs_position: row.int(11)?,
            renderer: row.int(12)?.try_into().unwrap_or(u32::MAX),
        }),
    };
    Ok(ConfigurationRow {
        device_id: DeviceId::from_uuid(row.uuid(0)?),
        organization_id: OrganizationId::from_uuid(row.uuid(1)?),
        backend: row.text(2)?,
        config: document(&row.text(3)?),
        variables: document(&row.text(4)?),
        status: status(&row.text(5)?),
        error_reason: row.text(6)?,
        undecided: row.bool(7)?,
        archive,
        failure: row.text_or_null(13)?,
        defaults_position: row.int(14)?,
        created_at: row.time(15)?,
        modified_at: row.time(16)?,
    })
}

/// A stored status; what is not one reads as modified.
pub fn status(text: &str) -> ConfigurationStatus {
    [
        ConfigurationStatus::Applied,
        ConfigurationStatus::Error,
        ConfigurationStatus::Deactivating,
        ConfigurationStatus::Deactivated,
    ]
    .into_iter()
    .find(|status| status.as_str() == text)
    .unwrap_or_default()
}

/// The configuration of a device, if it has one.
pub async fn by_device(
    store: &Store,
    scope: &ReadScope,
    device: DeviceId,
) -> Result<Option<ConfigurationRow>, StoreError> {
    Ok(of_devices(store, scope, &[device]).await?.pop())
}

/// The configurations of some devices, in no particular order.
pub async fn of_devices(
    store: &Store,
    scope: &ReadScope,
    devices: &[DeviceId],
) -> Result<Vec<ConfigurationRow>, StoreError> {
    if devices.is_empty() {
        return Ok(Vec::new());
    }
    let mut conditions = Conditions::default();
    conditions.named("device_id", devices.iter().map(|device| device.as_uuid()));
    conditions.reached(scope, "organization_id");
    let query = conditions.query(&format!("SELECT {COLUMNS} FROM configurations"), "");
    store.fetch(query).await?.iter().map(read).collect()
}

/// The templates of a device's configuration, first to last; removed ones are left out.
pub async fn templates_of(store: &Store, device: DeviceId) -> Result<Vec<TemplateId>, StoreError> {
    let query = Query::new(
        "SELECT t.id FROM configuration_templates u JOIN templates t ON t.id = u.template_id AND NOT t.removed
         WHERE u.device_id = $1 ORDER BY u.ordinal",
        args![device.as_uuid()],
    );
    let rows = store.fetch(query).await?;
    rows.iter().map(|row| row.uuid(0).map(TemplateId::from_uuid)).collect()
}

/// The templates of some devices' configurations, first to last; removed ones are left out.
pub async fn templates_of_devices(
    store: &Store,
    devices: &[DeviceId],
) -> Result<HashMap<DeviceId, Vec<TemplateId>>, StoreError> {
    let mut templates: HashMap<DeviceId, Vec<TemplateId>> = HashMap::new();
    if devices.is_empty() {
        return Ok(templates);
    }
    let places: Vec<String> = (1..=devices.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT u.device_id, t.id FROM configuration_templates u JOIN templates t ON t.id = u.template_id AND NOT t.removed
         WHERE u.device_id IN ({}) ORDER BY u.device_id, u.ordinal",
        places.join(", ")
    );
    let ids = devices.iter().map(|device| device.as_uuid().into()).collect();
    for row in store.fetch(Query::new(sql, ids)).await? {
        let device = DeviceId::from_uuid(row.uuid(0)?);
        templates.entry(device).or_default().push(TemplateId::from_uuid(row.uuid(1)?));
    }
    Ok(templates)
}

pub(crate) fn fold(at: At, event: &ConfigurationEvent) -> Vec<Op> {
    let At { id, position, time } = at;
    let render = |assignment: &str, value: String| {
        vec![Op::new(
            format!(
                "UPDATE configurations SET {assignment} = $2, changed = $3, modified_at = $4 WHERE device_id = $1"
            ),
            args![id, value, position, time],
        )]
    };
    let stands = |status: ConfigurationStatus, reason: &str| {
        Op::new(
            "UPDATE configurations SET status = $2, error_reason = $3, modified_at = $4 WHERE device_id = $1",
            args![id, status.as_str(), reason, time],
        )
    };
    let undecided = |undecided: bool| {
        Op::new(
            "UPDATE configurations SET undecided = $2 WHERE device_id = $1",
            args![id, undecided],
        )
    };
    match event {
        ConfigurationEvent::Created(created) => std::iter::once(Op::new(
            "INSERT INTO configurations (device_id, organization_id, backend, config, variables, status, error_reason, undecided, defaults_position, changed, created_at, modified_at)
             VALUES ($1, $2, $3, $4, $5, 'modified', '', $6, $7, $8, $9, $9)",
            args![
                id,
                created.organization_id.as_uuid(),
                created.backend.as_str(),
                json(&created.config),
                json(&created.variables),
                false,
                created.defaults_position,
                position,
                time
            ],
        ))
        .chain(assign(id, &created.templates))
        .collect(),
        ConfigurationEvent::ContentsChanged { config, .. } => render("config", json(config)),
        ConfigurationEvent::VariablesChanged { variables, .. } => {
            render("variables", json(variables))
        }
        ConfigurationEvent::BackendChanged { to, .. } => {
            render("backend", to.as_str().to_owned())
        }
        ConfigurationEvent::TemplatesChanged { to, .. } => {
            std::iter::once(changed(at)).chain(reassign(id, to)).collect()
        }
        ConfigurationEvent::Rendered { archive, .. } => vec![Op::new(
            "UPDATE configurations SET sha256 = $2, md5 = $3, size = $4, inputs_position = $5, renderer = $6, failure = NULL, undecided = $7,
                    status = CASE WHEN status IN ('deactivating', 'deactivated') THEN status ELSE 'modified' END, error_reason = '', modified_at = $8
             WHERE device_id = $1",
            args![
                id,
                &archive.sha256,
                &archive.md5,
                i64::try_from(archive.size).unwrap_or(i64::MAX),
                archive.inputs_position,
                archive.renderer,
                false,
                time
            ],
        )],
        ConfigurationEvent::RenderingFailed { reason, .. } => vec![Op::new(
            "UPDATE configurations SET failure = $2, modified_at = $3 WHERE device_id = $1",
            args![id, reason, time],
        )],
        ConfigurationEvent::RenderingRecovered { .. } => vec![Op::new(
            "UPDATE configurations SET failure = NULL, modified_at = $2 WHERE device_id = $1",
            args![id, time],
        )],
        ConfigurationEvent::ConfirmationRequired { .. }
        | ConfigurationEvent::ReportedModified { .. } => {
            vec![stands(ConfigurationStatus::Modified, ""), undecided(false)]
        }
        ConfigurationEvent::Applied { .. } => {
            vec![stands(ConfigurationStatus::Applied, ""), undecided(false)]
        }
        ConfigurationEvent::ApplyFailed { reason, .. } => {
            vec![stands(ConfigurationStatus::Error, reason), undecided(false)]
        }
        ConfigurationEvent::ReportedOutdated { .. } => Vec::new(),
        ConfigurationEvent::DeactivationStarted { .. } => {
            [stands(ConfigurationStatus::Deactivating, ""), undecided(true)]
                .into_iter()
                .chain(render("config", "{}".to_owned()))
                .chain(reassign(id, &[]))
                .collect()
        }
        ConfigurationEvent::Deactivated { .. } => {
            vec![stands(ConfigurationStatus::Deactivated, ""), undecided(false)]
        }
        ConfigurationEvent::Activated { templates, defaults_position, .. } => [
            stands(ConfigurationStatus::Modified, ""),
            undecided(true),
            changed(at),
            Op::new(
                "UPDATE configurations SET defaults_position = $2 WHERE device_id = $1",
                args![id, *defaults_position],
            ),
        ]
        .into_iter()
        .chain(reassign(id, templates))
        .collect(),
        ConfigurationEvent::Moved { to, templates, .. } => [
            Op::new(
                "UPDATE configurations SET organization_id = $2 WHERE device_id = $1",
                args![id, to.as_uuid()],
            ),
            changed(at),
        ]
        .into_iter()
        .chain(reassign(id, templates))
        .collect(),
        ConfigurationEvent::Removed { .. } => vec![
            Op::new("DELETE FROM configurations WHERE device_id = $1", args![id]),
            Op::new("DELETE FROM configuration_templates WHERE device_id = $1", args![id]),
        ],
    }
}

fn changed(at: At) -> Op {
    Op::new(
        "UPDATE configurations SET changed = $2, modified_at = $3 WHERE device_id = $1",
        args![at.id, at.position, at.time],
    )
}

fn reassign(device: uuid::Uuid, templates: &[TemplateId]) -> impl Iterator<Item = Op> {
    let sql = "DELETE FROM configuration_templates WHERE device_id = $1";
    std::iter::once(Op::new(sql, args![device])).chain(assign(device, templates))
}

fn assign(device: uuid::Uuid, templates: &[TemplateId]) -> impl Iterator<Item = Op> {
    let rows: Vec<Op> = (0_i64..)
        .zip(templates)
        .map(|(ordinal, template)| {
            Op::new(
                "INSERT INTO configuration_templates (device_id, ordinal, template_id) VALUES ($1, $2, $3)",
                args![device, ordinal, template.as_uuid()],
            )
        })
        .collect();
    rows.into_iter()
}
