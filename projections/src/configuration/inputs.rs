//! Everything that archives are made of, at one position: of one device, or of many at once.

use std::{collections::HashMap, sync::Arc};

use domain::{DeviceId, Document, GroupId, OrganizationId, TemplateId};
use store::{Arg, Query, Row, Store, StoreError};
use uuid::Uuid;

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
    pub rendered: Option<LastRendering>,
}

/// Position of the inputs of a rendering, SHA-256 of what it gave, version of the generators.
pub type LastRendering = (i64, Option<String>, i64);

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

/// What the renderings of many devices read, all at one position. What devices share is there once.
#[derive(Clone, Debug, Default)]
pub struct InputsBatch {
    /// Head of the log that all of it was read at.
    pub position: i64,
    /// Those that exist, in no particular order.
    pub devices: Vec<DeviceInputs>,
    /// Templates of these devices, removed ones included.
    pub templates: HashMap<TemplateId, SharedTemplate>,
    /// Variables of their groups; those of a removed group are empty.
    pub groups: HashMap<GroupId, SharedVariables>,
    /// Variables of their organizations.
    pub organizations: HashMap<OrganizationId, SharedVariables>,
}

/// What only one device has.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInputs {
    /// The device.
    pub device: DeviceRow,
    /// Its configuration, if it has one.
    pub configuration: Option<ConfigurationRow>,
    /// First to last, removed ones included.
    pub templates: Vec<TemplateId>,
    /// Position of the last change of the device or its configuration that rendering sees.
    pub changed: i64,
    /// What was rendered last.
    pub rendered: Option<LastRendering>,
}

/// A template that several devices may have.
#[derive(Clone, Debug)]
pub struct SharedTemplate {
    /// `NetJSON`.
    pub config: Arc<Document>,
    /// Default values of variables.
    pub default_values: Arc<Document>,
    /// Generator.
    pub backend: String,
    /// It reads as absent.
    pub removed: bool,
    /// Position of the last change that rendering sees.
    pub changed: i64,
}

/// Variables that several devices have.
#[derive(Clone, Debug, Default)]
pub struct SharedVariables {
    /// By name.
    pub variables: Arc<Document>,
    /// Position of their last change.
    pub changed: i64,
}

impl Inputs {
    /// Is the last rendering of other inputs, of other generators, or not the archive that the log names?
    pub fn stale(&self, renderer: u32) -> bool {
        stale(self.rendered.as_ref(), self.changed, &self.configuration, renderer)
    }
}

impl InputsBatch {
    /// Is the last rendering of this device one of other inputs? See [`Inputs::stale`].
    pub fn stale(&self, device: &DeviceInputs, renderer: u32) -> bool {
        device.configuration.as_ref().is_some_and(|configuration| {
            stale(device.rendered.as_ref(), self.changed(device), configuration, renderer)
        })
    }

    /// Variables of the device's organization.
    pub fn organization(&self, device: &DeviceRow) -> SharedVariables {
        self.organizations.get(&device.organization_id).cloned().unwrap_or_default()
    }

    /// Variables of the device's group.
    pub fn group(&self, device: &DeviceRow) -> SharedVariables {
        let group = device.group_id.and_then(|id| self.groups.get(&id));
        group.cloned().unwrap_or_default()
    }

    /// Position of the newest change of anything that the device's archive is made of.
    pub fn changed(&self, device: &DeviceInputs) -> i64 {
        let templates = device.templates.iter().filter_map(|id| self.templates.get(id));
        templates
            .map(|template| template.changed)
            .chain([
                device.changed,
                self.organization(&device.device).changed,
                self.group(&device.device).changed,
            ])
            .max()
            .unwrap_or(0)
    }

    fn only(mut self) -> Option<Inputs> {
        let device = self.devices.pop()?;
        let changed = self.changed(&device);
        let organization_variables = self.organization(&device.device).variables;
        let group_variables = self.group(&device.device).variables;
        let template = |id: &TemplateId| {
            let template = self.templates.get(id).filter(|template| !template.removed)?;
            Some(InputsTemplate {
                id: *id,
                backend: template.backend.clone(),
                config: (*template.config).clone(),
                default_values: (*template.default_values).clone(),
            })
        };
        Some(Inputs {
            position: self.position,
            templates: device.templates.iter().filter_map(template).collect(),
            configuration: device.configuration?,
            device: device.device,
            organization_variables: (*organization_variables).clone(),
            group_variables: (*group_variables).clone(),
            changed,
            rendered: device.rendered,
        })
    }
}

fn stale(
    last: Option<&LastRendering>,
    changed: i64,
    configuration: &ConfigurationRow,
    renderer: u32,
) -> bool {
    let Some((position, sha256, version)) = last else { return true };
    let archive = configuration.archive.as_ref();
    *position < changed
        || *version != i64::from(renderer)
        || (sha256.is_some() && sha256.as_deref() != archive.map(|archive| &*archive.sha256))
}

/// Reads the inputs of a device in one transaction; nothing when it has no configuration.
pub async fn inputs(store: &Store, device: DeviceId) -> Result<Option<Inputs>, StoreError> {
    Ok(inputs_of(store, &[device]).await?.only())
}

/// Reads the inputs of many devices in one transaction, with a constant number of statements; at most 1000 devices at once.
pub async fn inputs_of(store: &Store, devices: &[DeviceId]) -> Result<InputsBatch, StoreError> {
    if devices.is_empty() {
        return Ok(InputsBatch { position: store.head(), ..InputsBatch::default() });
    }
    let places: Vec<String> = (1..=devices.len()).map(|place| format!("${place}")).collect();
    let these = places.join(", ");
    let ids: Vec<Arg> = devices.iter().map(|device| device.as_uuid().into()).collect();
    let of = |text: &str| Query::new(text.replace("{these}", &these), ids.clone());
    let snapshot = store
        .snapshot(vec![
            of(&format!("SELECT {} FROM devices WHERE id IN ({{these}})", crate::device::COLUMNS)),
            of(&format!(
                "SELECT {} FROM configurations WHERE device_id IN ({{these}})",
                super::COLUMNS
            )),
            of("SELECT device_id, template_id FROM configuration_templates WHERE device_id IN ({these}) ORDER BY device_id, ordinal"),
            of("SELECT id, backend, config, default_values, removed, changed FROM templates
                 WHERE id IN (SELECT template_id FROM configuration_templates WHERE device_id IN ({these}))"),
            of("SELECT id, variables, changed FROM organizations
                 WHERE id IN (SELECT organization_id FROM devices WHERE id IN ({these}))"),
            of("SELECT id, variables, changed FROM device_groups
                 WHERE id IN (SELECT group_id FROM devices WHERE id IN ({these}))"),
            of("SELECT d.id, d.changed, c.changed FROM devices d JOIN configurations c ON c.device_id = d.id
                 WHERE d.id IN ({these})"),
            of("SELECT device_id, position, sha256, renderer FROM renderings WHERE device_id IN ({these})"),
        ])
        .await?;
    let mut results = snapshot.results.into_iter();
    let mut next = || results.next().unwrap_or_default();
    let (devices, configurations) = (next(), next());
    let (lists, templates) = (next(), next());
    let (organizations, groups) = (next(), next());
    let (own, rendered) = (next(), next());

    let mut configurations = keyed(&configurations, super::read)?;
    let mut listed: HashMap<Uuid, Vec<TemplateId>> = HashMap::new();
    for row in &lists {
        listed.entry(row.uuid(0)?).or_default().push(TemplateId::from_uuid(row.uuid(1)?));
    }
    let own = keyed(&own, |row| Ok(row.int(1)?.max(row.int(2)?)))?;
    let mut rendered =
        keyed(&rendered, |row| Ok((row.int(1)?, row.text_or_null(2)?, row.int(3)?)))?;
    let devices = devices
        .iter()
        .map(|row| {
            let device = crate::device::from_row(row)?;
            let id = device.id.as_uuid();
            Ok(DeviceInputs {
                configuration: configurations.remove(&id),
                templates: listed.remove(&id).unwrap_or_default(),
                changed: own.get(&id).copied().unwrap_or(0),
                rendered: rendered.remove(&id),
                device,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(InputsBatch {
        position: snapshot.head,
        devices,
        templates: keyed(&templates, template)?
            .into_iter()
            .map(|(id, template)| (TemplateId::from_uuid(id), template))
            .collect(),
        groups: keyed(&groups, variables)?
            .into_iter()
            .map(|(id, variables)| (GroupId::from_uuid(id), variables))
            .collect(),
        organizations: keyed(&organizations, variables)?
            .into_iter()
            .map(|(id, variables)| (OrganizationId::from_uuid(id), variables))
            .collect(),
    })
}

/// Rows by their first column.
fn keyed<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<HashMap<Uuid, T>, StoreError> {
    rows.iter().map(|row| Ok((row.uuid(0)?, read(row)?))).collect()
}

fn template(row: &Row) -> Result<SharedTemplate, StoreError> {
    Ok(SharedTemplate {
        backend: row.text(1)?,
        config: Arc::new(document(&row.text(2)?)),
        default_values: Arc::new(document(&row.text(3)?)),
        removed: row.bool(4)?,
        changed: row.int(5)?,
    })
}

fn variables(row: &Row) -> Result<SharedVariables, StoreError> {
    Ok(SharedVariables { variables: Arc::new(document(&row.text(1)?)), changed: row.int(2)? })
}
