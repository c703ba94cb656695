//! The tables of the agents' edge, as maps.

use std::collections::HashMap;

use domain::{
    DeviceId, Event, GroupId, OrganizationId, TemplateId,
    accounts::OrganizationEvent,
    configuration::{ConfigurationEvent, ConfigurationStatus, TemplateEvent},
    device::{DeviceEvent, GroupEvent},
};
use netjson::RENDERER_VERSION;
use store::{Query, Recorded, Row, Store, StoreError, args};
use uuid::Uuid;

use super::{Known, KnownArchive};

/// Devices of one page while loading.
const PAGE: i64 = 2000;

#[derive(Default)]
pub(super) struct Memory {
    devices: HashMap<DeviceId, Device>,
    organizations: HashMap<OrganizationId, Organization>,
    /// Position of the last change that rendering sees.
    groups: HashMap<GroupId, i64>,
    templates: HashMap<TemplateId, i64>,
}

#[derive(Clone, Copy, Default)]
struct Organization {
    active: bool,
    changed: i64,
}

pub(super) struct Device {
    organization: OrganizationId,
    key: String,
    name: String,
    group: Option<GroupId>,
    /// Position of the last change of the device or its configuration that rendering sees.
    changed: i64,
    configuration: Option<Configuration>,
}

struct Configuration {
    status: ConfigurationStatus,
    templates: Vec<TemplateId>,
    archive: Option<KnownArchive>,
    /// What the archive was computed from; none when it has to be computed.
    rendered: Option<i64>,
}

impl Memory {
    pub(super) async fn load(store: &Store) -> Result<(Self, i64), StoreError> {
        let mut memory = Self::default();
        let snapshot = store
            .snapshot(vec![
                Query::new("SELECT id, active, changed FROM organizations", args![]).whole(),
                Query::new("SELECT id, changed FROM device_groups", args![]).whole(),
                Query::new("SELECT id, changed FROM templates", args![]).whole(),
            ])
            .await?;
        let position = snapshot.head;
        let mut results = snapshot.results.into_iter();
        for row in results.next().unwrap_or_default() {
            let organization = Organization { active: row.bool(1)?, changed: row.int(2)? };
            memory.organizations.insert(OrganizationId::from_uuid(row.uuid(0)?), organization);
        }
        for row in results.next().unwrap_or_default() {
            memory.groups.insert(GroupId::from_uuid(row.uuid(0)?), row.int(1)?);
        }
        for row in results.next().unwrap_or_default() {
            memory.templates.insert(TemplateId::from_uuid(row.uuid(0)?), row.int(1)?);
        }
        let mut after = Uuid::nil();
        loop {
            let page = load_page(store, "d.id > $1", after).await?;
            let Some((last, _)) = page.last() else { break };
            after = last.as_uuid();
            memory.devices.extend(page);
        }
        Ok((memory, position))
    }

    pub(super) fn insert(&mut self, id: DeviceId, device: Device) {
        self.devices.entry(id).or_insert(device);
    }

    pub(super) fn device(&self, id: DeviceId) -> Option<Known> {
        let device = self.devices.get(&id)?;
        let organization =
            self.organizations.get(&device.organization).copied().unwrap_or_default();
        let configuration = device.configuration.as_ref();
        Some(Known {
            organization: device.organization,
            key: device.key.clone(),
            name: device.name.clone(),
            served: organization.active,
            status: configuration.map(|configuration| configuration.status),
            archive: configuration.and_then(|configuration| configuration.archive.clone()),
            stale: configuration.is_some_and(|configuration| self.is_stale(device, configuration)),
        })
    }

    fn is_stale(&self, device: &Device, configuration: &Configuration) -> bool {
        let shared = |changed: Option<&i64>| changed.copied().unwrap_or(0);
        let organization = self.organizations.get(&device.organization).copied();
        let newest = configuration
            .templates
            .iter()
            .map(|template| shared(self.templates.get(template)))
            .chain([
                device.changed,
                organization.unwrap_or_default().changed,
                device.group.map_or(0, |group| shared(self.groups.get(&group))),
            ])
            .max();
        configuration.rendered < newest
    }

    pub(super) fn stale(&self, limit: usize) -> Vec<DeviceId> {
        self.devices
            .iter()
            .filter(|(_, device)| {
                device.configuration.as_ref().is_some_and(|configuration| {
                    configuration.status != ConfigurationStatus::Deactivated
                        && configuration.rendered < Some(device.changed)
                })
            })
            .map(|(id, _)| *id)
            .take(limit)
            .collect()
    }

    pub(super) fn rendered(&mut self, id: DeviceId, position: i64, archive: Option<KnownArchive>) {
        let configuration =
            self.devices.get_mut(&id).and_then(|device| device.configuration.as_mut());
        if let Some(configuration) = configuration {
            // A failure leaves the archive that there was.
            if archive.is_none() || configuration.archive == archive {
                configuration.rendered = configuration.rendered.max(Some(position));
            }
        }
    }

    pub(super) fn fold(&mut self, recorded: &Recorded, event: &Event) {
        let Ok(id) = recorded.aggregate_id.parse::<Uuid>() else { return };
        let position = recorded.position;
        match event {
            Event::Organization(event) => {
                self.fold_organization(OrganizationId::from_uuid(id), position, event);
            }
            Event::Group(
                GroupEvent::Created(_)
                | GroupEvent::VariablesChanged { .. }
                | GroupEvent::Removed { .. },
            ) => {
                self.groups.insert(GroupId::from_uuid(id), position);
            }
            Event::Template(
                TemplateEvent::Created(_)
                | TemplateEvent::ContentsChanged { .. }
                | TemplateEvent::DefaultValuesChanged { .. }
                | TemplateEvent::BackendChanged { .. }
                | TemplateEvent::Removed { .. },
            ) => {
                self.templates.insert(TemplateId::from_uuid(id), position);
            }
            Event::Device(event) => self.fold_device(DeviceId::from_uuid(id), position, event),
            Event::Configuration(event) => {
                if let Some(device) = self.devices.get_mut(&DeviceId::from_uuid(id)) {
                    device.fold(position, event);
                }
            }
            Event::Gone
            | Event::Group(_)
            | Event::LogIn(_)
            | Event::PermissionGroup(_)
            | Event::SecretReading(_)
            | Event::Template(_)
            | Event::User(_)
            | Event::Webhook(_) => {}
        }
    }

    fn fold_organization(&mut self, id: OrganizationId, position: i64, event: &OrganizationEvent) {
        let organization = self.organizations.entry(id).or_default();
        match event {
            OrganizationEvent::Created(created) => {
                *organization = Organization { active: created.active, changed: position };
            }
            OrganizationEvent::Enabled { .. } => organization.active = true,
            OrganizationEvent::Disabled { .. } | OrganizationEvent::RemovalStarted { .. } => {
                organization.active = false;
            }
            OrganizationEvent::VariablesChanged { .. } => organization.changed = position,
            _ => {}
        }
    }

    fn fold_device(&mut self, id: DeviceId, position: i64, event: &DeviceEvent) {
        if let DeviceEvent::Registered(registered) = event {
            let device = Device {
                organization: registered.organization_id,
                key: registered.key.fingerprint.clone(),
                name: registered.name.as_str().to_owned(),
                group: registered.group_id,
                changed: position,
                configuration: None,
            };
            self.devices.entry(id).or_insert(device);
            return;
        }
        if let DeviceEvent::Removed { .. } = event {
            self.devices.remove(&id);
            return;
        }
        let Some(device) = self.devices.get_mut(&id) else { return };
        match event {
            DeviceEvent::Renamed { to, .. } => to.as_str().clone_into(&mut device.name),
            DeviceEvent::KeyChanged { key, .. } => key.fingerprint.clone_into(&mut device.key),
            DeviceEvent::GroupChanged { to, .. } => device.group = *to,
            DeviceEvent::Moved(moved) => {
                device.organization = moved.to;
                device.group = None;
            }
            DeviceEvent::MacAddressChanged { .. }
            | DeviceEvent::HardwareIdChanged { .. }
            | DeviceEvent::InformationChanged { .. } => {}
            // The rest is nothing that rendering sees.
            _ => return,
        }
        device.changed = device.changed.max(position);
    }
}

impl Device {
    fn fold(&mut self, position: i64, event: &ConfigurationEvent) {
        if let ConfigurationEvent::Created(created) = event {
            self.changed = self.changed.max(position);
            self.configuration.get_or_insert_with(|| Configuration {
                status: ConfigurationStatus::Modified,
                templates: created.templates.clone(),
                archive: None,
                rendered: None,
            });
            return;
        }
        if let ConfigurationEvent::Removed { .. } = event {
            self.configuration = None;
            return;
        }
        let Some(configuration) = self.configuration.as_mut() else { return };
        let mut changed = false;
        match event {
            ConfigurationEvent::ContentsChanged { .. }
            | ConfigurationEvent::VariablesChanged { .. }
            | ConfigurationEvent::BackendChanged { .. } => changed = true,
            ConfigurationEvent::TemplatesChanged { to, .. } => {
                configuration.templates.clone_from(to);
                changed = true;
            }
            ConfigurationEvent::Moved { templates, .. } => {
                configuration.templates.clone_from(templates);
                changed = true;
            }
            ConfigurationEvent::Rendered { archive, .. } => {
                configuration.archive =
                    Some(KnownArchive { md5: archive.md5.clone(), sha256: archive.sha256.clone() });
                if archive.renderer == RENDERER_VERSION {
                    configuration.rendered = Some(archive.inputs_position);
                }
                if !matches!(
                    configuration.status,
                    ConfigurationStatus::Deactivating | ConfigurationStatus::Deactivated
                ) {
                    configuration.status = ConfigurationStatus::Modified;
                }
            }
            ConfigurationEvent::ConfirmationRequired { .. }
            | ConfigurationEvent::ReportedModified { .. } => {
                configuration.status = ConfigurationStatus::Modified;
            }
            ConfigurationEvent::Applied { .. } => {
                configuration.status = ConfigurationStatus::Applied;
            }
            ConfigurationEvent::ApplyFailed { .. } => {
                configuration.status = ConfigurationStatus::Error;
            }
            ConfigurationEvent::DeactivationStarted { .. } => {
                configuration.templates.clear();
                configuration.status = ConfigurationStatus::Deactivating;
                changed = true;
            }
            ConfigurationEvent::Deactivated { .. } => {
                configuration.status = ConfigurationStatus::Deactivated;
            }
            ConfigurationEvent::Activated { templates, .. } => {
                configuration.templates.clone_from(templates);
                configuration.status = ConfigurationStatus::Modified;
                changed = true;
            }
            ConfigurationEvent::Created(_)
            | ConfigurationEvent::Removed { .. }
            | ConfigurationEvent::RenderingFailed { .. }
            | ConfigurationEvent::RenderingRecovered { .. }
            | ConfigurationEvent::ReportedOutdated { .. } => {}
        }
        if changed {
            self.changed = self.changed.max(position);
        }
    }
}

/// One device, when memory does not know it.
pub(super) async fn load_device(store: &Store, id: DeviceId) -> Result<Option<Device>, StoreError> {
    let page = load_page(store, "d.id = $1", id.as_uuid()).await?;
    Ok(page.into_iter().next().map(|(_, device)| device))
}

async fn load_page(
    store: &Store,
    condition: &str,
    id: Uuid,
) -> Result<Vec<(DeviceId, Device)>, StoreError> {
    let page = format!("SELECT d.id FROM devices d WHERE {condition} ORDER BY d.id LIMIT {PAGE}");
    let snapshot = store
        .snapshot(vec![
            Query::new(
                format!(
                    "SELECT d.id, d.organization_id, d.key_fingerprint, d.name, d.group_id, d.changed,
                            c.status, c.sha256, c.md5, c.changed, r.position, r.sha256, r.renderer
                       FROM devices d
                       LEFT JOIN configurations c ON c.device_id = d.id
                       LEFT JOIN renderings r ON r.device_id = d.id
                      WHERE d.id IN ({page}) ORDER BY d.id"
                ),
                args![id],
            )
            .whole(),
            Query::new(
                format!(
                    "SELECT u.device_id, u.template_id FROM configuration_templates u
                      WHERE u.device_id IN ({page}) ORDER BY u.device_id, u.ordinal"
                ),
                args![id],
            )
            .whole(),
        ])
        .await?;
    let mut results = snapshot.results.into_iter();
    let rows = results.next().unwrap_or_default();
    let mut templates: HashMap<Uuid, Vec<TemplateId>> = HashMap::new();
    for row in results.next().unwrap_or_default() {
        templates.entry(row.uuid(0)?).or_default().push(TemplateId::from_uuid(row.uuid(1)?));
    }
    rows.iter().map(|row| read(row, &mut templates)).collect()
}

fn read(
    row: &Row,
    templates: &mut HashMap<Uuid, Vec<TemplateId>>,
) -> Result<(DeviceId, Device), StoreError> {
    let id = row.uuid(0)?;
    let configuration = match row.text_or_null(6)? {
        None => None,
        Some(status) => {
            let archive = match (row.text_or_null(7)?, row.text_or_null(8)?) {
                (Some(sha256), Some(md5)) => Some(KnownArchive { md5, sha256 }),
                _ => None,
            };
            // As `Inputs::stale` in the projections decides.
            let verified = row.text_or_null(11)?;
            let current = row.int_or_null(12)? == Some(RENDERER_VERSION.into())
                && (verified.is_none() || verified == archive.as_ref().map(|a| a.sha256.clone()));
            Some(Configuration {
                status: projections::configuration::status(&status),
                templates: templates.remove(&id).unwrap_or_default(),
                archive,
                rendered: row.int_or_null(10)?.filter(|_| current),
            })
        }
    };
    let device = Device {
        organization: OrganizationId::from_uuid(row.uuid(1)?),
        key: row.text(2)?,
        name: row.text(3)?,
        group: row.uuid_or_null(4)?.map(GroupId::from_uuid),
        changed: row.int(5)?.max(row.int_or_null(9)?.unwrap_or(0)),
        configuration,
    };
    Ok((DeviceId::from_uuid(id), device))
}
