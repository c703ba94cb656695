//! Changing devices and their configurations.

use std::net::IpAddr;

use app::{ConfigurationChange, DeviceChange, NewConfiguration, NewDevice, Reads};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{DeviceId, GroupId, OrganizationId, TemplateId};
use uuid::Uuid;

use super::Device;
use crate::graphql::{
    error::{failure, refused},
    request::{Removed, app, by, made, once},
    scalar::{JsonObject, uuid, uuids},
    settled::{Settled, settled},
};

/// A new device.
#[derive(InputObject)]
pub(in crate::graphql) struct CreateDeviceInput {
    /// Chosen by the client: repeating the request with the same id never makes a second device.
    pub(in crate::graphql) id: Option<ID>,
    /// The owner.
    organization_id: ID,
    /// Unique inside the organization.
    name: String,
    /// Unique inside the organization: `aa:bb:cc:dd:ee:ff` or `AA-BB-CC-DD-EE-FF`.
    mac_address: String,
    /// What it is to prove itself with; derived from its address when it is left out.
    #[graphql(secret)]
    key: Option<String>,
    /// Of the hardware.
    hardware_id: Option<String>,
    /// What it is.
    #[graphql(default)]
    model: String,
    /// Its operating system.
    #[graphql(default)]
    os: String,
    /// Its hardware.
    #[graphql(default)]
    system: String,
    /// Free text.
    #[graphql(default)]
    notes: String,
    /// A group of the same organization.
    group_id: Option<ID>,
    /// Left out, there is none until the device has one or its group has templates.
    configuration: Option<ConfigurationInput>,
}

/// The configuration of a device; what is left out stays, or is empty where there was none.
#[derive(Default, InputObject)]
struct ConfigurationInput {
    /// Generator of its files, such as `netjsonconfig.OpenWrt`.
    backend: Option<String>,
    /// The device's own contents, NetJSON, all of it.
    config: Option<JsonObject>,
    /// The device's own variables, all of them.
    variables: Option<JsonObject>,
    /// Its templates, all of them, first to last; required ones that are missing are put back.
    template_ids: Option<Vec<ID>>,
}

/// New values for some of a device; what is left out stays.
#[derive(InputObject)]
pub(in crate::graphql) struct ChangeDeviceInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which device.
    id: ID,
    /// Unique inside the organization.
    name: Option<String>,
    /// Unique inside the organization.
    mac_address: Option<String>,
    /// What it is to prove itself with.
    #[graphql(secret)]
    key: Option<String>,
    /// Of the hardware; null takes it away.
    hardware_id: MaybeUndefined<String>,
    /// What it is.
    model: Option<String>,
    /// Its operating system.
    os: Option<String>,
    /// Its hardware.
    system: Option<String>,
    /// Free text.
    notes: Option<String>,
    /// A group of its organization; null leaves all groups.
    group_id: MaybeUndefined<ID>,
    /// Where it is reached for management; null is nowhere.
    management_ip: MaybeUndefined<String>,
    /// Another owner: templates of the old one go, required ones of the new one come.
    organization_id: Option<ID>,
    /// Its configuration, which is made if there is none.
    configuration: Option<ConfigurationInput>,
}

/// Which device.
#[derive(InputObject)]
struct DeviceIdInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which device.
    id: ID,
}

/// What is to be removed.
#[derive(InputObject)]
struct RemoveDeviceInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which device.
    id: ID,
    /// Also when it is still served.
    #[graphql(default)]
    force: bool,
}

/// A device after a mutation.
#[derive(SimpleObject)]
struct DevicePayload {
    /// As it is now.
    device: Device,
    #[graphql(flatten)]
    settled: Settled,
}

async fn payload(ctx: &Context<'_>, id: DeviceId, position: i64) -> Result<DevicePayload> {
    let settled = settled(ctx, Reads::Fleet, position).await?;
    let row = app(ctx)?.devices().row(by(ctx)?, id).await.map_err(failure)?;
    Ok(DevicePayload { device: Device::Now(row), settled })
}

/// Left out, null, or a value, as use cases say it.
#[expect(clippy::option_option, reason = "as use cases say it")]
fn optional<T>(given: MaybeUndefined<T>) -> Option<Option<T>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

impl ConfigurationInput {
    fn change(self) -> Result<ConfigurationChange> {
        let templates = self.template_ids;
        let templates =
            templates.map(|ids| uuids("configuration.templateIds", &ids)).transpose()?;
        Ok(ConfigurationChange {
            backend: self.backend,
            config: self.config.map(|config| config.0),
            context: self.variables.map(|variables| variables.0),
            templates: templates.map(|ids| ids.into_iter().map(TemplateId::from_uuid).collect()),
        })
    }
}

impl CreateDeviceInput {
    /// What is to be made, with this id.
    pub(in crate::graphql) fn read(self, id: Uuid) -> Result<NewDevice> {
        let organization = uuid("organizationId", &self.organization_id)?;
        let group = self.group_id.map(|id| uuid("groupId", &id)).transpose()?;
        let configuration = self.configuration.map(ConfigurationInput::change).transpose()?;
        Ok(NewDevice {
            id: DeviceId::from_uuid(id),
            organization_id: OrganizationId::from_uuid(organization),
            name: self.name,
            mac_address: self.mac_address,
            key: self.key,
            hardware_id: self.hardware_id,
            model: self.model,
            os: self.os,
            system: self.system,
            notes: self.notes,
            group_id: group.map(GroupId::from_uuid),
            configuration: configuration.map(|configuration| NewConfiguration {
                backend: configuration.backend.unwrap_or_default(),
                config: configuration.config.unwrap_or_default(),
                context: configuration.context.unwrap_or_default(),
                templates: configuration.templates.unwrap_or_default(),
            }),
        })
    }
}

impl ChangeDeviceInput {
    /// Which device, and what is to be changed.
    pub(in crate::graphql) fn read(self) -> Result<(DeviceId, DeviceChange)> {
        let id = DeviceId::from_uuid(uuid("id", &self.id)?);
        let group = optional(self.group_id)
            .map(|group| group.map(|id| uuid("groupId", &id)).transpose())
            .transpose()?;
        let address = |text: String| {
            let address = text.trim().parse::<IpAddr>();
            address.map_err(|_| refused("managementIp", "is not an IP address"))
        };
        let management_ip =
            optional(self.management_ip).map(|text| text.map(address).transpose()).transpose()?;
        let organization =
            self.organization_id.map(|id| uuid("organizationId", &id)).transpose()?;
        let change = DeviceChange {
            name: self.name,
            mac_address: self.mac_address,
            key: self.key,
            hardware_id: optional(self.hardware_id),
            model: self.model,
            os: self.os,
            system: self.system,
            notes: self.notes,
            group: group.map(|group| group.map(GroupId::from_uuid)),
            management_ip,
            last_ip: None,
            organization_id: organization.map(OrganizationId::from_uuid),
            configuration: self.configuration.map(ConfigurationInput::change).transpose()?,
        };
        Ok((id, change))
    }
}

#[derive(Default)]
pub(in crate::graphql) struct DeviceMutation;

#[Object]
impl DeviceMutation {
    /// Brings a device under management.
    async fn create_device(
        &self,
        ctx: &Context<'_>,
        input: CreateDeviceInput,
    ) -> Result<DevicePayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let new = input.read(id)?;
        let devices = app(ctx)?.devices();
        let done = once(ctx, key, |by| async move { devices.create(&by, new).await }).await?;
        payload(ctx, DeviceId::from_uuid(id), done.position).await
    }

    /// Changes a device and its configuration, and renders it before it answers.
    async fn change_device(
        &self,
        ctx: &Context<'_>,
        mut input: ChangeDeviceInput,
    ) -> Result<DevicePayload> {
        let key = input.client_mutation_id.take();
        let (devices, (id, change)) = (app(ctx)?.devices(), input.read()?);
        let done =
            once(ctx, key, |by| async move { devices.change(&by, id, change).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Serves a device again, with default, required and group templates.
    async fn activate_device(
        &self,
        ctx: &Context<'_>,
        input: DeviceIdInput,
    ) -> Result<DevicePayload> {
        let id = DeviceId::from_uuid(uuid("id", &input.id)?);
        let (devices, key) = (app(ctx)?.devices(), input.client_mutation_id);
        let done = once(ctx, key, |by| async move { devices.activate(&by, id).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Stops serving a device: its configuration is emptied, and the device is asked to empty itself.
    async fn deactivate_device(
        &self,
        ctx: &Context<'_>,
        input: DeviceIdInput,
    ) -> Result<DevicePayload> {
        let id = DeviceId::from_uuid(uuid("id", &input.id)?);
        let (devices, key) = (app(ctx)?.devices(), input.client_mutation_id);
        let done = once(ctx, key, |by| async move { devices.deactivate(&by, id).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Lets a deactivated device not exist any more; its history stays.
    async fn remove_device(&self, ctx: &Context<'_>, input: RemoveDeviceInput) -> Result<Removed> {
        let id = DeviceId::from_uuid(uuid("id", &input.id)?);
        let (devices, key, force) = (app(ctx)?.devices(), input.client_mutation_id, input.force);
        let done = once(ctx, key, |by| async move { devices.remove(&by, id, force).await }).await?;
        Removed::new(ctx, Reads::Fleet, input.id, done).await
    }
}
