//! Devices as they change: each as it is when it is told, however often it changed before.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use domain::{
    DeviceId, Event, GroupId, OrganizationId, Permission, device::DeviceEvent, event_types,
};
use projections::device::DeviceRow;
use store::{EventFilter, Recorded};

use super::{
    Ended, Listener,
    scan::{Scan, Wanted},
};
use crate::{App, Failure};

/// Devices that wait to be told; further events are read when there are fewer.
const MOST_PENDING: usize = 1000;
/// Pages of events that are read before the next device is told.
const MOST_PAGES: usize = 20;
/// The listener's account is looked at so often, whatever happens.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which devices are told; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceSelection {
    /// This one.
    pub device: Option<DeviceId>,
    /// Of these organizations.
    pub organizations: Option<Vec<OrganizationId>>,
    /// Of this group; also those that leave it.
    pub group: Option<GroupId>,
}

/// A device that changed.
#[derive(Clone, Debug)]
pub struct ChangedNow {
    /// Which.
    pub id: DeviceId,
    /// As it is; none when it does not exist any more, or not for the listener.
    pub device: Option<DeviceRow>,
    /// Of the last event that is in it.
    pub position: i64,
    /// Where to go on later: everything up to here was told.
    pub resume_after: i64,
    /// What happened, in order, each type once; nothing where the device became another organization's.
    pub types: Vec<String>,
}

/// A device that is to be told.
#[derive(Debug)]
struct Pending {
    first: i64,
    last: i64,
    types: Vec<String>,
    /// It was selected before.
    left: bool,
}

/// Somebody who watches devices.
pub struct DevicesLive {
    app: App,
    listener: Listener,
    selection: DeviceSelection,
    scan: Scan,
    /// By the position of their first event.
    order: VecDeque<DeviceId>,
    pending: HashMap<DeviceId, Pending>,
}

impl DevicesLive {
    pub(super) fn new(
        app: App,
        listener: Listener,
        selection: DeviceSelection,
        after: i64,
    ) -> Self {
        let types = event_types()
            .into_iter()
            .filter(|(aggregate, _)| ["device", "configuration"].contains(aggregate))
            .flat_map(|(_, types)| types.iter().map(|name| (*name).to_owned()))
            .collect();
        // Organizations are no part of the filter: a device that leaves one does so in an event of another.
        let filter = EventFilter {
            aggregate_id: selection.device.map(|id| id.to_string()),
            event_types: types,
            ..EventFilter::default()
        };
        let scan =
            Scan::new(app.store().clone(), Wanted { filter, account: listener.account() }, after);
        Self { app, listener, selection, scan, order: VecDeque::new(), pending: HashMap::new() }
    }

    /// Where to go on later: everything up to here was told.
    pub fn position(&self) -> i64 {
        let next = self.order.front().and_then(|id| self.pending.get(id));
        next.map_or(self.scan.position(), |next| next.first - 1)
    }

    /// The next device; waits until one changes. A device that changes again before it is told is told once. What was
    /// not told when the future is dropped is told by the next call.
    pub async fn next(&mut self) -> Result<ChangedNow, Ended> {
        loop {
            self.listener.check().await?;
            self.gather().await?;
            let Some(id) = self.order.front().copied() else {
                if let Ok(read) = tokio::time::timeout(PATIENCE, self.scan.read()).await {
                    read?;
                }
                continue;
            };
            let row = match self.app.devices().row(self.listener.by(), id).await {
                Ok(row) => Some(row),
                Err(Failure::NotFound(_)) => None,
                Err(failure) => return Err(failure.into()),
            };
            self.order.pop_front();
            let Some(pending) = self.pending.remove(&id) else { continue };
            let selected = row.as_ref().is_none_or(|row| self.selects(row));
            if selected || pending.left {
                return Ok(ChangedNow {
                    id,
                    device: row,
                    position: pending.last,
                    resume_after: self.position(),
                    types: pending.types,
                });
            }
        }
    }

    /// Notes what happened so far, without waiting for more.
    async fn gather(&mut self) -> Result<(), Ended> {
        let mut pages = 0;
        while self.order.len() < MOST_PENDING {
            if let Some(next) = self.scan.peek() {
                if self.scan.wanted().is_account(next) {
                    self.listener.check_now().await?;
                }
                if let Some(event) = self.scan.take() {
                    self.note(&event);
                }
            } else if self.scan.is_behind() && pages < MOST_PAGES {
                pages += 1;
                self.scan.read().await?;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn note(&mut self, event: &Recorded) {
        let Ok(id) = event.aggregate_id.parse::<DeviceId>() else { return };
        let authority = &self.listener.by().authority;
        let seen =
            |organization| authority.require(Permission::ViewDevice, Some(organization)).is_ok();
        let owner = event.organization_id.map(OrganizationId::from_uuid);
        let visible = owner.is_some_and(seen);
        let (from, from_group) = left_by(event);
        let left = from.is_some_and(|from| seen(from) && self.is_selected_organization(from))
            || (visible && from_group.is_some() && from_group == self.selection.group);
        let selected = visible && owner.is_some_and(|owner| self.is_selected_organization(owner));
        if !selected && !left {
            return;
        }
        let pending = self.pending.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            Pending { first: event.position, last: event.position, types: Vec::new(), left: false }
        });
        pending.last = event.position;
        pending.left |= left;
        if visible && !pending.types.contains(&event.event_type) {
            pending.types.push(event.event_type.clone());
        }
    }

    fn is_selected_organization(&self, organization: OrganizationId) -> bool {
        let wanted = self.selection.organizations.as_ref();
        wanted.is_none_or(|wanted| wanted.contains(&organization))
    }

    fn selects(&self, row: &DeviceRow) -> bool {
        let group = self.selection.group;
        self.is_selected_organization(row.organization_id)
            && (group.is_none() || row.group_id == group)
    }
}

/// The organization and the group that a device leaves with this event.
fn left_by(event: &Recorded) -> (Option<OrganizationId>, Option<GroupId>) {
    if !["device.moved", "device.group_changed"].contains(&event.event_type.as_str()) {
        return (None, None);
    }
    match projections::decode(event).as_deref() {
        Ok(Event::Device(DeviceEvent::Moved(moved))) => (Some(moved.from), None),
        Ok(Event::Device(DeviceEvent::GroupChanged { from, .. })) => (None, *from),
        _ => (None, None),
    }
}
