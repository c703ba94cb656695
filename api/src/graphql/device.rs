//! Devices: what operators look for and how a device is.

mod filter;
mod mutation;

use app::{DeviceAt, Failure, Moment, ObjectRef, Presence, Reads};
use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{DeviceId, device::Information};
use projections::device::{DeviceFilter, DeviceOrder, DeviceRow};
use secrecy::ExposeSecret as _;

pub(super) use filter::{ConfigurationStatusName, DeviceFilterInput};
pub(super) use mutation::{ChangeDeviceInput, CreateDeviceInput, DeviceMutation};

use super::{
    configuration::Configuration,
    connection::{Listed, Window, cost, page},
    error::{failure, shared},
    group::Group,
    history::{self, EventList, Events, MomentInput, not_then, visible},
    loaders::{ConfigurationOf, KeyOf},
    organization::Organization,
    request::{app, by, loaders},
    scalar::{Position, uuid},
    settled::as_new_as,
};

/// A managed device, as it is or as it was.
#[expect(clippy::large_enum_variant, reason = "nearly all are of the present")]
pub(super) enum Device {
    /// At present.
    Now(DeviceRow),
    /// At a moment of the past.
    Then(Box<DeviceAt>),
}

impl Device {
    fn device_id(&self) -> DeviceId {
        match self {
            Self::Now(row) => row.id,
            Self::Then(past) => past.id,
        }
    }

    fn information(&self) -> &Information {
        match self {
            Self::Now(row) => &row.information,
            Self::Then(past) => &past.information,
        }
    }
}

/// A managed device, as it is, or as it was at the moment that was asked for.
#[Object]
impl Device {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.device_id().to_string().into()
    }

    /// The moment of the past that it is shown at: the position of the last event that is in it. Null is the present.
    async fn shown_at(&self) -> Option<Position> {
        match self {
            Self::Now(_) => None,
            Self::Then(past) => Some(Position(past.position)),
        }
    }

    /// The owner; in the past the owner of that time, as it is called today.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let id = match self {
            Self::Now(row) => row.organization_id,
            Self::Then(past) => past.organization_id,
        };
        Ok(loaders(ctx)?.load_one(id).await.map_err(shared)?.map(Organization))
    }

    /// Unique inside the organization.
    async fn name(&self) -> &str {
        match self {
            Self::Now(row) => &row.name,
            Self::Then(past) => &past.name,
        }
    }

    /// Upper case, with the separators it came with.
    async fn mac_address(&self) -> &str {
        match self {
            Self::Now(row) => &row.mac_address,
            Self::Then(past) => &past.mac_address,
        }
    }

    /// What it proves itself with; for those who may see secrets, and each reading is noted. Keys of the past are not told.
    async fn key(&self, ctx: &Context<'_>) -> Result<String> {
        let Self::Now(row) = self else { return Err(not_then("key")) };
        let key = loaders(ctx)?.load_one(KeyOf(row.id)).await.map_err(shared)?;
        let key = key.ok_or_else(|| failure(Failure::Forbidden))?;
        Ok(key.expose_secret().to_owned())
    }

    /// Of the hardware.
    async fn hardware_id(&self) -> Option<&str> {
        match self {
            Self::Now(row) => row.hardware_id.as_deref(),
            Self::Then(past) => past.hardware_id.as_deref(),
        }
    }

    /// What it is.
    async fn model(&self) -> &str {
        &self.information().model
    }

    /// Its operating system.
    async fn os(&self) -> &str {
        &self.information().os
    }

    /// Its hardware.
    async fn system(&self) -> &str {
        &self.information().system
    }

    /// What operators wrote down.
    async fn notes(&self) -> &str {
        match self {
            Self::Now(row) => &row.notes,
            Self::Then(past) => &past.notes,
        }
    }

    /// Its group; in the past as the group was then.
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<Group>> {
        match self {
            Self::Now(row) => {
                let Some(id) = row.group_id else { return Ok(None) };
                Ok(loaders(ctx)?.load_one(id).await.map_err(shared)?.map(Group::Now))
            }
            Self::Then(past) => {
                let Some(link) = &past.group else { return Ok(None) };
                let moment = Moment::Position(past.position);
                visible(app(ctx)?.history().group_at(by(ctx)?, link.id, moment).await)
                    .map(|found| found.map(|was| Group::then(past.position, was)))
            }
        }
    }

    /// Is it served?
    async fn active(&self) -> bool {
        match self {
            Self::Now(row) => row.active,
            Self::Then(past) => past.active,
        }
    }

    /// Its configuration; a device without one is not served.
    async fn configuration(&self, ctx: &Context<'_>) -> Result<Option<Configuration>> {
        match self {
            Self::Now(row) => {
                let found = loaders(ctx)?.load_one(ConfigurationOf(row.id)).await;
                Ok(found.map_err(shared)?.map(Configuration::Now))
            }
            Self::Then(past) => {
                let was = past.configuration.clone();
                let (device, position) = (past.id, past.position);
                Ok(was.map(|was| Configuration::Then { device, position, was: Box::new(was) }))
            }
        }
    }

    /// When and from where it was heard, as the node that answers knows. Null in the past: contacts are not kept.
    #[expect(clippy::unused_async, reason = "resolvers are")]
    async fn presence(&self, ctx: &Context<'_>) -> Result<Option<DevicePresence>> {
        let Self::Now(row) = self else { return Ok(None) };
        Ok(Some(DevicePresence(app(ctx)?.devices().presence(row))))
    }

    /// Why it is as it is, in a sentence. Null in the past: `history` tells.
    async fn explanation(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Self::Now(row) = self else { return Ok(None) };
        let found = loaders(ctx)?.load_one(ConfigurationOf(row.id)).await.map_err(shared)?;
        let app = app(ctx)?;
        let presence = app.devices().presence(row);
        Ok(Some(app::explanation(row, found.as_ref(), &presence, app.world().now())))
    }

    /// When it was registered.
    async fn created_at(&self) -> DateTime<Utc> {
        match self {
            Self::Now(row) => row.created_at,
            Self::Then(past) => past.created_at,
        }
    }

    /// When it was changed last; reports and contacts are no changes.
    async fn modified_at(&self) -> DateTime<Utc> {
        match self {
            Self::Now(row) => row.modified_at,
            Self::Then(past) => past.modified_at,
        }
    }

    /// What happened to it and its configuration, the newest first; in the past up to that moment. Each organization that
    /// had the device sees the events of its own time.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Events on the page: 20 if left out, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "A cursor: only older events.")] after: Option<String>,
        #[graphql(desc = "A cursor: only newer events.")] before: Option<String>,
    ) -> Result<EventList> {
        let shown_at = match self {
            Self::Now(_) => None,
            Self::Then(past) => Some(past.position),
        };
        let object = ObjectRef::Device(self.device_id());
        Events { first, after, before }.of(ctx, object, shown_at).await
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
        let name = format!("devices:{order_by:?}:{}", self.descending);
        let order = (order_by.into(), self.descending);
        let mut filter = self.filter.unwrap_or_default().read(app(ctx)?.world().now())?;
        narrow(&mut filter);
        let stretch = window.stretch(&name)?;
        let found = app(ctx)?.devices().stretch(by(ctx)?, filter, order, stretch).await;
        Ok(page(found.map_err(failure)?, &name, window, Device::Now))
    }
}

#[derive(Default)]
pub(super) struct DeviceQuery;

#[Object]
impl DeviceQuery {
    /// One device. With `at` it is the device as it was at that moment: its templates, variables and archive, too. The
    /// organization that had it then is asked about; what was another one's, or was not there, is `NOT_FOUND`.
    #[graphql(complexity = "history::cost(at.as_ref(), child_complexity)")]
    async fn device(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(desc = "Left out, it is now.")] at: Option<MomentInput>,
        min_position: Option<Position>,
    ) -> Result<Device> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let id = DeviceId::from_uuid(uuid("id", &id)?);
        let (app, by) = (app(ctx)?, by(ctx)?);
        if at.is_none() {
            return app.devices().row(by, id).await.map(Device::Now).map_err(failure);
        }
        let past = app.history().device_at(by, id, MomentInput::read(at, ctx, "at")?).await;
        past.map(|past| Device::Then(Box::new(past))).map_err(failure)
    }

    /// The devices that the viewer may see. With `asOf` those that there were at that moment, as they were, in the order of
    /// their registration; `filter` can only hold `ids` and `organizationIds` then. A device is on it for whoever may see the
    /// organization that had it then, and, where that is another one by now, also that one.
    #[graphql(
        complexity = "cost(first, last, child_complexity) + history::list_cost(as_of.as_ref())"
    )]
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
        #[graphql(desc = "Left out, it is now.")] as_of: Option<MomentInput>,
    ) -> Result<Listed<Device>> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let window = Window { first, after, last, before };
        if as_of.is_some() {
            let created = order_by.is_none_or(|order| order == DeviceOrderBy::Created);
            history::in_order_of_creation(created, descending)?;
            let position = MomentInput::position(as_of, ctx, "asOf").await?;
            let filter = filter.unwrap_or_default().past()?;
            let name = format!("devices:asOf:{position}");
            let stretch = window.stretch(&name)?;
            let at = Moment::Position(position);
            let found = app(ctx)?.history().devices_at(by(ctx)?, at, &filter, &stretch).await;
            let node = |was| Device::Then(Box::new(was));
            return Ok(page(found.map_err(failure)?, &name, &window, node));
        }
        let descending = descending.unwrap_or_default();
        Devices { filter, order_by, descending }.list(ctx, &window, |_| {}).await
    }
}
