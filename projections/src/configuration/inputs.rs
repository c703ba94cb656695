//! Everything that the archive of one device is made of, at one position.

use domain::{DeviceId, Document, TemplateId};
use store::{Query, Row, Store, StoreError, args};

use super::ConfigurationRow;
use crate::{device::DeviceRow, render_inputs::document};

/// What one rendering reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// Head of the log that all of it was read at.
    pub position: i64,
    /// The device.
    pub device: DeviceRow,
    /// Its configuration.
    pub configuration: ConfigurationRow,
    /// First to last; removed ones are left out.
    pub templates: Vec<InputsTemplate>,
    /// Of the organization.
    pub organization_variables: Document,
    /// Of the group, if there is one.
    pub group_variables: Document,
    /// Position of the newest change of any of it.
    pub changed: i64,
    /// What the last rendering was computed from and gave: position, hash, version of the generators.
    pub rendered: Option<(i64, Option<String>, i64)>,
}

/// A template as rendering reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct InputsTemplate {
    /// The template.
    pub id: TemplateId,
    /// Generator.
    pub backend: String,
    /// `NetJSON`.
    pub config: Document,
    /// Default values of variables.
    pub default_values: Document,
}

impl Inputs {
    /// Is the last rendering of other inputs, of other generators, or not the archive that the log names?
    pub fn stale(&self, renderer: u32) -> bool {
        let Some((position, sha256, version)) = &self.rendered else { return true };
        let archive = self.configuration.archive.as_ref();
        *position < self.changed
            || *version != i64::from(renderer)
            || (sha256.is_some() && sha256.as_deref() != archive.map(|archive| &*archive.sha256))
    }
}

/// Reads the inputs of a device in one transaction; nothing when it has no configuration.
pub async fn inputs(store: &Store, device: DeviceId) -> Result<Option<Inputs>, StoreError> {
    let id = device.as_uuid();
    let of = |sql: &'static str| Query::new(sql, args![id]);
    let snapshot = store
        .snapshot(vec![
            crate::device::by_id_query(device),
            Query::new(
                format!("SELECT {} FROM configurations WHERE device_id = $1", super::COLUMNS),
                args![id],
            ),
            of("SELECT t.id, t.backend, t.config, t.default_values, t.removed, t.changed
                  FROM configuration_templates u JOIN templates t ON t.id = u.template_id
                 WHERE u.device_id = $1 ORDER BY u.ordinal"),
            of("SELECT o.variables, o.changed FROM devices d JOIN organizations o ON o.id = d.organization_id WHERE d.id = $1"),
            of("SELECT g.variables, g.changed FROM devices d JOIN device_groups g ON g.id = d.group_id WHERE d.id = $1"),
            of("SELECT d.changed, c.changed FROM devices d JOIN configurations c ON c.device_id = d.id WHERE d.id = $1"),
            of("SELECT position, sha256, renderer FROM renderings WHERE device_id = $1"),
        ])
        .await?;
    let position = snapshot.head;
    let mut results = snapshot.results.into_iter();
    let mut next = || results.next().unwrap_or_default();

    let (devices, configurations) = (next(), next());
    let (Some(device), Some(configuration)) = (devices.first(), configurations.first()) else {
        return Ok(None);
    };
    let (templates, organization, group) = (next(), next(), next());
    let (own, rendered) = (next(), next());

    let shared = |rows: &[Row]| match rows.first() {
        Some(row) => Ok::<_, StoreError>((document(&row.text(0)?), row.int(1)?)),
        None => Ok((Document::new(), 0)),
    };
    let (organization_variables, organization_changed) = shared(&organization)?;
    let (group_variables, group_changed) = shared(&group)?;
    let own = own.first().map_or(Ok::<_, StoreError>(0), |row| Ok(row.int(0)?.max(row.int(1)?)))?;
    let templates_changed = templates
        .iter()
        .map(|row| row.int(5))
        .try_fold(0, |newest, changed| Ok::<_, StoreError>(newest.max(changed?)))?;
    let rendered = rendered
        .first()
        .map(|row| Ok::<_, StoreError>((row.int(0)?, row.text_or_null(1)?, row.int(2)?)))
        .transpose()?;
    Ok(Some(Inputs {
        position,
        device: crate::device::from_row(device)?,
        configuration: super::read(configuration)?,
        templates: present(&templates)?,
        organization_variables,
        group_variables,
        changed: organization_changed.max(group_changed).max(own).max(templates_changed),
        rendered,
    }))
}

fn present(rows: &[Row]) -> Result<Vec<InputsTemplate>, StoreError> {
    let mut templates = Vec::with_capacity(rows.len());
    for row in rows {
        if row.bool(4)? {
            continue;
        }
        templates.push(InputsTemplate {
            id: TemplateId::from_uuid(row.uuid(0)?),
            backend: row.text(1)?,
            config: document(&row.text(2)?),
            default_values: document(&row.text(3)?),
        });
    }
    Ok(templates)
}
