//! Which devices something is done with.

use std::collections::HashSet;

use domain::{DeviceId, OrganizationId, Problem};
use projections::device::{self, DeviceFilter};
use serde::{Deserialize, Serialize};

use crate::{App, By, Failure};

/// Devices that can be named one by one.
const MOST: usize = 1000;

/// Some devices. Those of organizations that the actor does not manage are not among them, whatever is selected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// These, at most 1000.
    Ids(Vec<DeviceId>),
    /// All that pass the filter when their turn comes, in the order of their ids, each once.
    Filter(Box<DeviceFilter>),
}

/// A part of a selection.
#[derive(Debug, Default)]
pub(crate) struct SelectedPage {
    pub(crate) devices: Vec<DeviceId>,
    /// Named, and not there for the actor.
    pub(crate) missing: Vec<DeviceId>,
    /// Where the next part begins; none when this was the last one.
    pub(crate) last: Option<DeviceId>,
}

impl Selection {
    /// All that pass the filter.
    pub fn filter(filter: DeviceFilter) -> Self {
        Self::Filter(Box::new(filter))
    }

    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Ids(ids) if ids.len() > MOST => {
                let rule = format!("may name at most {MOST} devices: use a filter for more");
                Err(Failure::field("devices", Problem::Rule(rule)))
            }
            Self::Filter(filter) if filter.ids.as_ref().is_some_and(|ids| ids.len() > MOST) => {
                let rule = format!("may name at most {MOST} devices");
                Err(Failure::field("devices", Problem::Rule(rule)))
            }
            Self::Ids(_) | Self::Filter(_) => Ok(()),
        }
    }

    /// How many devices there are to look at.
    pub(crate) async fn count(&self, app: &App, by: &By) -> Result<u64, Failure> {
        match self {
            Self::Ids(ids) => {
                let distinct: HashSet<&DeviceId> = ids.iter().collect();
                Ok(u64::try_from(distinct.len()).unwrap_or(u64::MAX))
            }
            Self::Filter(filter) => {
                Ok(device::count(app.store(), &by.authority.reach(), filter).await?)
            }
        }
    }

    /// The organizations whose devices may be among them; none is all.
    pub(crate) async fn organizations(
        &self,
        app: &App,
        by: &By,
    ) -> Result<Option<Vec<OrganizationId>>, Failure> {
        match self {
            Self::Filter(filter) => {
                Ok(by.authority.reach().within(filter.organizations.as_deref()))
            }
            Self::Ids(ids) => {
                let rows = device::by_ids(app.store(), &by.authority.reach(), ids).await?;
                let mut organizations: Vec<OrganizationId> =
                    rows.iter().map(|row| row.organization_id).collect();
                organizations.sort_unstable();
                organizations.dedup();
                Ok(Some(organizations))
            }
        }
    }

    /// At most `limit` devices after one of them.
    pub(crate) async fn page(
        &self,
        app: &App,
        by: &By,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<SelectedPage, Failure> {
        match self {
            Self::Filter(filter) => {
                let reach = by.authority.reach();
                let devices = device::ids_after(app.store(), &reach, filter, after, limit).await?;
                let full = devices.len() >= limit as usize;
                let last = devices.last().copied().filter(|_| full);
                Ok(SelectedPage { devices, missing: Vec::new(), last })
            }
            Self::Ids(ids) => {
                let mut named = ids.clone();
                named.retain(|id| after.is_none_or(|after| *id > after));
                named.sort_unstable();
                named.dedup();
                let more = named.len() > limit as usize;
                named.truncate(limit as usize);
                let filter = DeviceFilter { ids: Some(named.clone()), ..DeviceFilter::default() };
                let reach = by.authority.reach();
                let devices = device::ids_after(app.store(), &reach, &filter, None, limit).await?;
                let found: HashSet<&DeviceId> = devices.iter().collect();
                let missing =
                    named.iter().filter(|id| !found.contains(id)).copied().collect::<Vec<_>>();
                let last = named.last().copied().filter(|_| more);
                Ok(SelectedPage { devices, missing, last })
            }
        }
    }
}
