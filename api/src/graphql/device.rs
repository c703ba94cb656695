//! Devices: what operators look for and how a device is.

mod filter;
mod mutation;

use app::Presence;
use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::DeviceId;
use projections::device::{DeviceFilter, DeviceOrder, DeviceRow};
use secrecy::ExposeSecret as _;

pub(super) use filter::{ConfigurationStatusName, DeviceFilterInput};
pub(super) use mutation::DeviceMutation;

use super::{
    configuration::Configuration,
    connection::{Listed, Window, cost, page},
    error::{failure, shared},
    group::Group,
    loaders::ConfigurationOf,
    organization::Organization,
    request::{app, as_new_as, by, loaders},
    scalar::{Position, uuid},
};

/// A managed device.
pub(super) struct Device(pub(super) DeviceRow);

#[Object]
impl Device {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The owner.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let found = loaders(ctx)?.load_one(self.0.organization_id).await;
        Ok(found.map_err(shared)?.map(Organization))
    }

    /// Unique inside the organization.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Upper case, with the separators it came with.
    async fn mac_address(&self) -> &str {
        &self.0.mac_address
    }

    /// What it proves itself with; for those who may change it.
    async fn key(&self, ctx: &Context<'_>) -> Result<String> {
        let key = app(ctx)?.devices().key(by(ctx)?, &self.0).await.map_err(failure)?;
        Ok(key.expose_secret().to_owned())
    }

    /// Of the hardware.
    async fn hardware_id(&self) -> Option<&str> {
        self.0.hardware_id.as_deref()
    }

    /// What it is.
    async fn model(&self) -> &str {
        &self.0.information.model
    }

    /// Its operating system.
    async fn os(&self) -> &str {
        &self.0.information.os
    }

    /// Its hardware.
    async fn system(&self) -> &str {
        &self.0.information.system
    }

    /// What operators wrote down.
    async fn notes(&self) -> &str {
        &self.0.notes
    }

    /// Its group.
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<Group>> {
        let Some(id) = self.0.group_id else { return Ok(None) };
        Ok(loaders(ctx)?.load_one(id).await.map_err(shared)?.map(Group))
    }

    /// Is it served?
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Its configuration; a device without one is not served.
    async fn configuration(&self, ctx: &Context<'_>) -> Result<Option<Configuration>> {
        let found = loaders(ctx)?.load_one(ConfigurationOf(self.0.id)).await.map_err(shared)?;
        Ok(found.map(Configuration))
    }

    /// When and from where it was heard, as the node that answers knows.
    #[expect(clippy::unused_async, reason = "resolvers are")]
    async fn presence(&self, ctx: &Context<'_>) -> Result<DevicePresence> {
        Ok(DevicePresence(app(ctx)?.devices().presence(&self.0)))
    }

    /// Why it is as it is, in a sentence.
    async fn explanation(&self, ctx: &Context<'_>) -> Result<String> {
        let found = loaders(ctx)?.load_one(ConfigurationOf(self.0.id)).await.map_err(shared)?;
        let app = app(ctx)?;
        let presence = app.devices().presence(&self.0);
        Ok(app::explanation(&self.0, found.as_ref(), &presence, app.world().now()))
    }

    /// When it was registered.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was changed last; reports and contacts are no changes.
    async fn modified_at(&self) -> DateTime<Utc> {
        self.0.modified_at
    }
}

/// When and from where a device was heard. It is kept in memory, written down every few seconds, and no part of the
/// history.
pub(super) struct DevicePresence(Presence);

#[Object]
impl DevicePresence {
    /// Where its last request came from.
    async fn last_ip(&self) -> Option<String> {
        self.0.last_ip.map(|address| address.to_string())
    }

    /// Where it is reached for management.
    async fn management_ip(&self) -> Option<String> {
        self.0.management_ip.map(|address| address.to_string())
    }

    /// Its last authentic request.
    async fn last_contact_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_contact
    }

    /// When it asked last whether its configuration changed.
    async fn last_checksum_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_checksum
    }

    /// When it fetched its configuration last.
    async fn last_download_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_download
    }

    /// MD5 of the archive that it fetched last.
    async fn downloaded_md5(&self) -> Option<&str> {
        self.0.downloaded_md5.as_deref()
    }

    /// When it reported last what became of its configuration.
    async fn last_report_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_report
    }

    /// Requests with a wrong key, ever.
    async fn wrong_keys(&self) -> u64 {
        self.0.wrong_keys
    }
}

/// By what devices are ordered; ids decide among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "DeviceOrder")]
pub(super) enum DeviceOrderBy {
    /// By name.
    #[default]
    Name,
    /// By registration.
    Created,
    /// By the last change of the device itself.
    Modified,
    /// By the last contact, at most a few seconds old; those never heard come first.
    LastContact,
    /// By the configuration's status; those without configuration come first.
    Status,
    /// By model.
    Model,
}

/// What is asked for with every list of devices.
pub(super) struct Devices {
    pub(super) filter: Option<DeviceFilterInput>,
    pub(super) order_by: Option<DeviceOrderBy>,
    pub(super) descending: bool,
}

impl Devices {
    /// A page of the devices, narrowed by the object that they are listed below.
    pub(super) async fn list(
        self,
        ctx: &Context<'_>,
        window: &Window,
        narrow: impl FnOnce(&mut DeviceFilter),
    ) -> Result<Listed<Device>> {
        let order_by = self.order_by.unwrap_or_default();
        let name = format!("{order_by:?}:{}", self.descending);
        let order = (order_by.into(), self.descending);
        let mut filter = self.filter.unwrap_or_default().read(app(ctx)?.world().now())?;
        narrow(&mut filter);
        let stretch = window.stretch(&name)?;
        let found = app(ctx)?.devices().stretch(by(ctx)?, filter, order, stretch).await;
        Ok(page(found.map_err(failure)?, &name, window, Device))
    }
}

#[derive(Default)]
pub(super) struct DeviceQuery;

#[Object]
impl DeviceQuery {
    /// One device.
    async fn device(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<Position>,
    ) -> Result<Device> {
        as_new_as(ctx, min_position).await?;
        let id = DeviceId::from_uuid(uuid("id", &id)?);
        app(ctx)?.devices().row(by(ctx)?, id).await.map(Device).map_err(failure)
    }

    /// The devices that the viewer may see.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn devices(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<DeviceFilterInput>,
        order_by: Option<DeviceOrderBy>,
        descending: Option<bool>,
        min_position: Option<Position>,
    ) -> Result<Listed<Device>> {
        as_new_as(ctx, min_position).await?;
        let window = Window { first, after, last, before };
        let descending = descending.unwrap_or_default();
        Devices { filter, order_by, descending }.list(ctx, &window, |_| {}).await
    }
}
