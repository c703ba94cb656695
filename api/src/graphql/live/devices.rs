//! `deviceChanged`: devices as they change.

use app::{ChangedNow, DeviceSelection, DevicesLive};
use async_graphql::{Context, ID, InputObject, Result, SimpleObject, Subscription};
use domain::{DeviceId, GroupId, OrganizationId};
use futures::{StreamExt as _, stream};

use super::{Answers, ended, listener, progress};
use crate::graphql::{
    device::Device,
    error::{failure, refused},
    request::app,
    scalar::{Position, uuid, uuids},
};

/// Which devices are told. What is left out selects everything; what is given must hold all together.
#[derive(Clone, Debug, Default, InputObject)]
struct DeviceChangedFilter {
    /// Of these organizations; at most 100.
    organization_ids: Option<Vec<ID>>,
    /// Of this group. Devices that leave it are told once more; removed devices are told whatever their group was.
    group_id: Option<ID>,
}

/// A device that changed.
#[derive(SimpleObject)]
struct DeviceChange {
    /// Which.
    device_id: ID,
    /// As it is. Null when it does not exist any more, or became another organization's.
    device: Option<Device>,
    /// Of the last event that is in it.
    position: Position,
    /// Every change up to here was told: to be given as `after` by who comes back.
    resume_after: Position,
    /// What happened, in order, each type once, such as `device.renamed` and `configuration.rendered`. None where it became
    /// another organization's.
    types: Vec<String>,
}

impl From<ChangedNow> for DeviceChange {
    fn from(changed: ChangedNow) -> Self {
        Self {
            device_id: changed.id.to_string().into(),
            device: changed.device.map(Device::Now),
            position: Position(changed.position),
            resume_after: Position(changed.resume_after),
            types: changed.types,
        }
    }
}

#[derive(Default)]
pub(super) struct DeviceSubscription;

#[Subscription]
impl DeviceSubscription {
    /// The devices that change: by what happens to themselves or to their configurations, contacts and reports without news
    /// excepted. A device that changes faster than the client takes it is told once, as it is then. To miss nothing,
    /// subscribe first and read devices after that.
    #[graphql(complexity = "100 + child_complexity")]
    async fn device_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only this device; one that the viewer cannot see is NOT_FOUND.")]
        device_id: Option<ID>,
        filter: Option<DeviceChangedFilter>,
        #[graphql(
            desc = "`resumeAfter` of the last answer that was had; left out, it is from now on."
        )]
        after: Option<Position>,
    ) -> Result<Answers<DeviceChange>> {
        let filter = filter.unwrap_or_default();
        let device = device_id.map(|id| uuid("deviceId", &id)).transpose()?;
        let organizations = filter.organization_ids;
        if organizations.as_ref().is_some_and(|ids| ids.len() > 100) {
            return Err(refused("filter.organizationIds", "must have at most 100 values"));
        }
        let organizations =
            organizations.map(|ids| uuids("filter.organizationIds", &ids)).transpose()?;
        let group = filter.group_id.map(|id| uuid("filter.groupId", &id)).transpose()?;
        let selection = DeviceSelection {
            device: device.map(DeviceId::from_uuid),
            organizations: organizations
                .map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect()),
            group: group.map(GroupId::from_uuid),
        };
        let after = after.map(|after| after.0);
        let live = app(ctx)?.live().devices(listener(ctx)?, selection, after).await;
        let (live, slot) = (live.map_err(failure)?, progress(ctx)?.slot());
        slot.reached(live.position());
        let next = move |live: Option<DevicesLive>| {
            let slot = slot.clone();
            async move {
                let mut live = live?;
                match live.next().await {
                    Ok(changed) => {
                        slot.reached(changed.resume_after);
                        Some((Ok(changed.into()), Some(live)))
                    }
                    Err(reason) => Some((Err(ended(reason)), None)),
                }
            }
        };
        Ok(stream::unfold(Some(live), next).boxed())
    }
}
