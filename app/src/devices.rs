//! Devices, as operators handle them.

mod change;
mod create;

use std::{collections::HashMap, net::IpAddr};

use domain::{
    Authority, DeviceId, GroupId, OrganizationId, Permission, TemplateId,
    accounts::SecretKind,
    authority::ReadScope,
    configuration::{Configuration, ConfigurationCommand, ConfigurationStatus},
    device::{Device, DeviceCommand},
    kind,
};
use projections::{
    Order, Page, Slice, Stretch, Stretched,
    configuration::{self, ConfigurationRow},
    device::{self, DeviceFilter, DeviceOrder, DeviceRow},
    organization::OrganizationRow,
};
use secrecy::{ExposeSecret as _, SecretString};
use store::{Limit, Op, args};
use tracing::instrument;

pub use change::DeviceChange;
pub use create::NewDevice;
pub(crate) use create::{checked, in_words};

use crate::{
    App, By, Done, Failure, Presence, Refused, refusals,
    sealing::Place,
    work::{Work, decide},
};

/// Use cases of devices; see [`App::devices`].
pub struct Devices<'a>(pub(crate) &'a App);

/// A device with everything that is shown with it.
#[derive(Clone, Debug)]
pub struct DeviceDetail {
    /// The device.
    pub device: DeviceRow,
    /// What it proves itself with; none for those who may not see secrets.
    pub key: Option<SecretString>,
    /// Its configuration, if it has one.
    pub configuration: Option<ConfigurationRow>,
    /// The templates of its configuration, first to last.
    pub templates: Vec<TemplateId>,
    /// When and from where it was heard.
    pub presence: Presence,
}

pub(crate) const MODEL: &str = "Device";

impl Devices<'_> {
    /// A page of the devices that the actor may see.
    pub async fn list(
        &self,
        by: &By,
        filter: DeviceFilter,
        order: Order,
        page: Page,
    ) -> Result<Slice<DeviceRow>, Failure> {
        let scope = reach(by, Permission::ViewDevice)?;
        Ok(device::list(self.0.store(), &scope, &filter, order, page).await?)
    }

    /// A stretch of the devices that the actor may see.
    pub async fn stretch(
        &self,
        by: &By,
        filter: DeviceFilter,
        order: (DeviceOrder, bool),
        stretch: Stretch,
    ) -> Result<Stretched<DeviceRow>, Failure> {
        let scope = reach(by, Permission::ViewDevice)?;
        Ok(device::stretch(self.0.store(), &scope, &filter, order, stretch).await?)
    }

    /// One device alone.
    pub async fn row(&self, by: &By, id: DeviceId) -> Result<DeviceRow, Failure> {
        self.device(by, id, Permission::ViewDevice).await
    }

    /// Those of these devices that exist for the actor, in no particular order; at most 1000.
    pub async fn rows(&self, by: &By, ids: &[DeviceId]) -> Result<Vec<DeviceRow>, Failure> {
        let scope = reach(by, Permission::ViewDevice)?;
        Ok(device::by_ids(self.0.store(), &scope, ids).await?)
    }

    /// When and from where a device was heard, as this node knows.
    pub fn presence(&self, device: &DeviceRow) -> Presence {
        let recorded = || Presence { management_ip: device.management_ip, ..Presence::default() };
        self.0.presence().of(device.id).unwrap_or_else(recorded)
    }

    /// What those of these devices prove themselves with that exist for the actor; at most 1000. For those who may see secrets;
    /// one event says that they were read.
    pub async fn keys(
        &self,
        by: &By,
        ids: &[DeviceId],
    ) -> Result<HashMap<DeviceId, SecretString>, Failure> {
        reach(by, Permission::ViewDevice)?;
        let scope = reach(by, Permission::SeeSecrets)?;
        let rows = device::by_ids(self.0.store(), &scope, ids).await?;
        self.opened(by, &rows).await
    }

    /// The keys of these devices, as far as the actor may see them.
    async fn opened(
        &self,
        by: &By,
        rows: &[DeviceRow],
    ) -> Result<HashMap<DeviceId, SecretString>, Failure> {
        let seen = |row: &&DeviceRow| {
            by.authority.require(Permission::SeeSecrets, Some(row.organization_id)).is_ok()
        };
        let rows: Vec<&DeviceRow> = rows.iter().filter(seen).collect();
        let read: Vec<_> = rows.iter().map(|row| (row.id.as_uuid(), row.organization_id)).collect();
        self.0.note_reading(by, SecretKind::DeviceKey, &read).await?;
        let mut keys = HashMap::with_capacity(rows.len());
        for row in rows {
            let place = Place::DeviceKey(row.id, row.organization_id);
            keys.insert(row.id, self.0.sealing().open(place, &row.key).await?);
        }
        Ok(keys)
    }

    /// One device with everything that is shown with it.
    pub async fn get(&self, by: &By, id: DeviceId) -> Result<DeviceDetail, Failure> {
        let device = self.device(by, id, Permission::ViewDevice).await?;
        let reach = by.authority.reach();
        let configuration = configuration::by_device(self.0.store(), &reach, id).await?;
        let templates = configuration::templates_of(self.0.store(), id).await?;
        let key = self.opened(by, std::slice::from_ref(&device)).await?.remove(&id);
        Ok(self.detail(device, key, configuration, templates))
    }

    /// The same for the rows of a list, with a constant number of statements; templates are left out.
    pub async fn details(
        &self,
        by: &By,
        rows: Vec<DeviceRow>,
    ) -> Result<Vec<DeviceDetail>, Failure> {
        let mut keys = self.opened(by, &rows).await?;
        let ids: Vec<DeviceId> = rows.iter().map(|row| row.id).collect();
        let mut configurations: HashMap<DeviceId, ConfigurationRow> =
            configuration::of_devices(self.0.store(), &by.authority.reach(), &ids)
                .await?
                .into_iter()
                .map(|configuration| (configuration.device_id, configuration))
                .collect();
        let mut details = Vec::with_capacity(rows.len());
        for row in rows {
            let configuration = configurations.remove(&row.id);
            let key = keys.remove(&row.id);
            details.push(self.detail(row, key, configuration, Vec::new()));
        }
        Ok(details)
    }

    fn detail(
        &self,
        device: DeviceRow,
        key: Option<SecretString>,
        configuration: Option<ConfigurationRow>,
        templates: Vec<TemplateId>,
    ) -> DeviceDetail {
        let presence = self.presence(&device);
        DeviceDetail { device, key, configuration, templates, presence }
    }

    /// Stops serving a device: its configuration is emptied, and the device is asked to empty itself.
    #[instrument(name = "device.deactivate", skip_all, fields(device.id = %id))]
    pub async fn deactivate(&self, by: &By, id: DeviceId) -> Result<Done, Failure> {
        self.device(by, id, Permission::ChangeDevice).await?;
        // What the device has now decides whether emptying changes anything.
        self.0.configurations().render(id).await?;
        let ((), done) = decide!(self.0, by, work => {
            work.open::<Configuration>(id.as_uuid()).await?;
            work.handle::<Device>(id.as_uuid(), DeviceCommand::Deactivate).await?;
            if configuration::by_device(self.0.store(), crate::RULES, id).await?.is_some() {
                let command = ConfigurationCommand::Deactivate;
                work.handle::<Configuration>(id.as_uuid(), command).await?;
            }
            Ok(())
        })?;
        self.0.configurations().render(id).await?;
        self.settle_address(id).await?;
        Ok(done)
    }

    /// Serves a device again, with default, required and group templates.
    #[instrument(name = "device.activate", skip_all, fields(device.id = %id))]
    pub async fn activate(&self, by: &By, id: DeviceId) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            work.open::<Device>(id.as_uuid()).await?;
            work.open::<Configuration>(id.as_uuid()).await?;
            let row = self.device(by, id, Permission::ChangeDevice).await?;
            let defaults_position = self.0.store().head();
            work.handle::<Device>(id.as_uuid(), DeviceCommand::Activate).await?;
            if let Some(held) = configuration::by_device(self.0.store(), crate::RULES, id).await? {
                let configurations = self.0.configurations();
                let backend = configurations.backend(&held.backend).map_err(|e| Failure::Invalid(vec![e]))?;
                let group = self.group_templates(row.group_id).await?;
                let templates = configurations
                    .initial_templates(row.organization_id, &backend, &group, &[])
                    .await?;
                let command = ConfigurationCommand::Activate { templates, defaults_position };
                work.handle::<Configuration>(id.as_uuid(), command).await?;
            }
            Ok(())
        })?;
        self.0.configurations().render(id).await?;
        Ok(done)
    }

    /// Lets a deactivated device not exist any more; with force also one that is served.
    #[instrument(name = "device.remove", skip_all, fields(device.id = %id))]
    pub async fn remove(&self, by: &By, id: DeviceId, force: bool) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            work.open::<Configuration>(id.as_uuid()).await?;
            self.device(by, id, Permission::DeleteDevice).await?;
            let configuration_ended = configuration::by_device(self.0.store(), crate::RULES, id)
                .await?
                .is_none_or(|held| held.status == ConfigurationStatus::Deactivated);
            let command = DeviceCommand::Remove { configuration_ended, force };
            work.handle::<Device>(id.as_uuid(), command).await?;
            work.handle::<Configuration>(id.as_uuid(), ConfigurationCommand::Remove).await?;
            Ok(())
        })?;
        self.0.presence().forget(id);
        let forget = |sql: &'static str| Op::new(sql, args![id.as_uuid()]);
        let ops = vec![
            forget("DELETE FROM presence WHERE device_id = $1"),
            forget("DELETE FROM renderings WHERE device_id = $1"),
        ];
        self.0.store().execute(ops).await?;
        Ok(done)
    }

    /// Refused registrations and polls, newest first: why, from where, how often.
    pub async fn refusals(&self, by: &By, limit: u32) -> Result<Vec<Refused>, Failure> {
        self.refusals_about(by, None, None, limit).await
    }

    /// The same of one organization, or about one device.
    pub async fn refusals_about(
        &self,
        by: &By,
        organization: Option<OrganizationId>,
        device: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<Refused>, Failure> {
        by.authority
            .require_anywhere(Permission::ViewDevice)
            .map_err(|denied| Failure::denied(denied, MODEL))?;
        let visible = within(&by.authority, organization.map(|id| vec![id]));
        let subject = device.map(|id| id.to_string());
        Ok(refusals::list(self.0.store(), visible.as_deref(), subject.as_deref(), limit).await?)
    }

    /// Writes held management addresses into the log, at most once per interval and device. How many were written.
    pub async fn record_addresses(&self) -> Result<usize, Failure> {
        let by = By::system("record_addresses");
        let interval = self.0.settings().controller.address_interval;
        let due = self.0.presence().addresses_to_record(self.0.world().now(), interval);
        let (mut recorded, mut failed) = (0, None);
        for (id, address) in due {
            match self.record_address(&by, id, address).await {
                Ok(()) => recorded += 1,
                // Removed, or deactivated and then heard: nothing to record.
                Err(Failure::NotFound(_) | Failure::Refused(_)) => {}
                Err(failure) => {
                    self.0.presence().record_again(id);
                    failed = Some(failure);
                }
            }
        }
        failed.map_or(Ok(recorded), Err)
    }

    pub(crate) async fn record_address(
        &self,
        by: &By,
        id: DeviceId,
        address: Option<IpAddr>,
    ) -> Result<(), Failure> {
        let (_, _) = decide!(self.0, by, work => {
            let command = DeviceCommand::ChangeManagementAddress(address);
            work.handle::<Device>(id.as_uuid(), command).await
        })?;
        Ok(())
    }

    /// Writes presence and refusals to their tables. How many rows.
    pub async fn flush_presence(&self) -> Result<usize, Failure> {
        let presence = self.0.presence().flush(self.0.store(), self.0.world().now()).await?;
        let refusals = self.0.refusals().flush(self.0.store()).await?;
        Ok(presence + refusals)
    }

    /// A deactivated device is reached nowhere.
    pub(crate) async fn settle_address(&self, id: DeviceId) -> Result<(), Failure> {
        let held = configuration::by_device(self.0.store(), crate::RULES, id).await?;
        if held.is_none_or(|held| held.status == ConfigurationStatus::Deactivated) {
            self.0.presence().clear_management(id);
            self.record_address(&By::system("record_addresses"), id, None).await?;
        }
        Ok(())
    }

    /// The device, if the actor may do this to it.
    pub(crate) async fn device(
        &self,
        by: &By,
        id: DeviceId,
        permission: Permission,
    ) -> Result<DeviceRow, Failure> {
        let denied = |denied| Failure::denied(denied, MODEL);
        let scope = reach(by, permission)?;
        let row = device::by_id(self.0.store(), &scope, id).await?;
        let row = row.ok_or(Failure::NotFound(MODEL))?;
        by.authority.require(permission, Some(row.organization_id)).map_err(denied)?;
        Ok(row)
    }

    /// Templates of a group; none for no group.
    pub(crate) async fn group_templates(
        &self,
        group: Option<GroupId>,
    ) -> Result<Vec<TemplateId>, Failure> {
        let Some(group) = group else { return Ok(Vec::new()) };
        let row = projections::group::by_id(self.0.store(), crate::RULES, group).await?;
        Ok(row.map(|row| row.templates).unwrap_or_default())
    }
}

/// Where the actor may do this to devices.
pub(crate) fn reach(by: &By, permission: Permission) -> Result<ReadScope, Failure> {
    by.authority.scope(permission).map_err(|denied| Failure::denied(denied, MODEL))
}

/// The organizations that were asked for and that the actor may see.
pub(crate) fn within(
    authority: &Authority,
    wanted: Option<Vec<OrganizationId>>,
) -> Option<Vec<OrganizationId>> {
    match (authority.visible(), wanted) {
        (None, wanted) => wanted,
        (visible, None) => visible,
        (Some(visible), Some(wanted)) => {
            Some(wanted.into_iter().filter(|id| visible.contains(id)).collect())
        }
    }
}

/// The place that a new device of the organization needs.
pub(crate) fn limit_of(organization: &OrganizationRow) -> Option<Limit> {
    organization.limit.max().map(|max| Limit {
        kind: kind::DEVICE_PLACE.to_owned(),
        by: organization.id.as_uuid(),
        max,
    })
}

impl Devices<'_> {
    /// What a new device of the organization is given when nobody says otherwise.
    pub(crate) async fn derived_key(
        &self,
        organization: &OrganizationRow,
        mac_address: &str,
        hardware_id: Option<&str>,
    ) -> Result<String, Failure> {
        let settings = &self.0.settings().controller;
        if !settings.consistent_registration {
            return Ok(self.0.world().secret(16));
        }
        let place = Place::SharedSecret(organization.id);
        let secret = self.0.sealing().open(place, &organization.secret).await?;
        let mac_address = mac_address.to_ascii_uppercase();
        let base = match hardware_id {
            Some(hardware_id) if settings.hardware_id_enabled => hardware_id,
            _ => &mac_address,
        };
        Ok(domain::device::consistent_key(base, secret.expose_secret()))
    }
}

/// Adds the limit of an organization to a unit of work.
pub(crate) fn limited(work: &mut Work<'_>, organization: &OrganizationRow) {
    if let Some(limit) = limit_of(organization) {
        work.limit(limit);
    }
}
