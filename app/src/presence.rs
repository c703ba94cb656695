//! What is known of devices that is state and not history: the newest reporter wins, and it may be lost.

mod table;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use chrono::{DateTime, Utc};
use domain::{DeviceId, OrganizationId};
use parking_lot::Mutex;
use store::{Store, StoreError};

use self::table::Flushed;

/// When and from where a device was last heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Where its last request came from; a private address belongs to the device that used it last.
    pub last_ip: Option<IpAddr>,
    /// Where it is reached; an address belongs to the device that reported it last.
    pub management_ip: Option<IpAddr>,
    /// Its last authentic request.
    pub last_contact: Option<DateTime<Utc>>,
    /// Its last checksum request.
    pub last_checksum: Option<DateTime<Utc>>,
    /// Its last download.
    pub last_download: Option<DateTime<Utc>>,
    /// MD5 of the archive that it downloaded last.
    pub downloaded_md5: Option<String>,
    /// Its last report.
    pub last_report: Option<DateTime<Utc>>,
    /// Requests with a wrong key, ever.
    pub wrong_keys: u64,
}

impl Presence {
    fn addresses(&self) -> (Option<IpAddr>, Option<IpAddr>) {
        (self.last_ip, self.management_ip)
    }
}

/// Presence of all devices, in memory, flushed by a worker.
pub(crate) struct PresenceBook {
    /// Is an address the same in all organizations?
    shared: bool,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    entries: HashMap<DeviceId, Entry>,
    management: Holders,
    /// Of private addresses, which many sites use at once.
    private: Holders,
}

#[derive(Clone, Default)]
struct Entry {
    presence: Presence,
    /// Where its addresses mean something; organizations are apart where addresses are not shared.
    scope: Option<OrganizationId>,
    /// Is memory ahead of the table?
    dirty: bool,
    /// Is the held address ahead of the log?
    address_changed: bool,
    address_recorded_at: Option<DateTime<Utc>>,
}

/// What an authentic request tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    pub(crate) device: DeviceId,
    pub(crate) organization: OrganizationId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) address: IpAddr,
    /// None keeps the one that is held.
    pub(crate) management: Option<IpAddr>,
    pub(crate) kind: ContactKind,
}

/// What was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContactKind {
    Register,
    Checksum,
    Download,
    Report,
    Information,
}

impl PresenceBook {
    /// Reads what was flushed last. A management address that the log does not know yet is still to be recorded; one
    /// that was recorded later holds.
    pub(crate) async fn load(store: &Store, shared: bool) -> Result<Self, StoreError> {
        let book = Self { shared, pages: Mutex::default() };
        for flushed in table::load(store).await? {
            let differs = flushed.presence.management_ip != flushed.recorded;
            let outdated = differs && flushed.outdated(store).await?;
            let Flushed { device, organization, mut presence, recorded, .. } = flushed;
            if outdated {
                presence.management_ip = recorded;
            }
            let entry = Entry {
                scope: book.scope(organization),
                dirty: outdated,
                address_changed: differs && !outdated,
                presence,
                ..Entry::default()
            };
            book.pages.lock().insert(device, entry);
        }
        Ok(book)
    }

    fn scope(&self, organization: OrganizationId) -> Option<OrganizationId> {
        (!self.shared).then_some(organization)
    }

    /// Notes a request. A checksum request with an address that is new for the device tells where it is now: others lose
    /// its management address, and its last address if that is a private one (agent protocol, §4). Other requests take
    /// nothing from anybody.
    pub(crate) fn note(&self, contact: Contact) {
        let (device, scope) = (contact.device, self.scope(contact.organization));
        let mut pages = self.pages.lock();
        pages.enter(device, scope);
        let entry = pages.entries.entry(device).or_default();
        let before = entry.presence.addresses();
        entry.dirty = true;
        entry.presence.last_contact = Some(contact.at);
        match contact.kind {
            ContactKind::Checksum => entry.presence.last_checksum = Some(contact.at),
            ContactKind::Download => entry.presence.last_download = Some(contact.at),
            ContactKind::Report => entry.presence.last_report = Some(contact.at),
            ContactKind::Register | ContactKind::Information => {}
        }
        // Only these tell addresses; the others leave them alone.
        if matches!(
            contact.kind,
            ContactKind::Register | ContactKind::Checksum | ContactKind::Download
        ) {
            pages.set_last(device, Some(contact.address));
        }
        if let Some(address) = contact.management {
            pages.set_management(device, Some(address));
        }
        let now = pages.entries.get(&device).map(|entry| entry.presence.addresses());
        let Some((last, management)) = now.filter(|now| *now != before) else { return };
        if contact.kind != ContactKind::Checksum {
            return;
        }
        for loser in pages.management.others(scope, management, device) {
            pages.set_management(loser, None);
        }
        for loser in pages.private.others(scope, last, device) {
            pages.set_last(loser, None);
        }
    }

    /// The device belongs to another organization from here on.
    pub(crate) fn moved(&self, device: DeviceId, organization: OrganizationId) {
        self.pages.lock().enter(device, self.scope(organization));
    }

    /// Notes which archive a device has.
    pub(crate) fn downloaded(&self, device: DeviceId, md5: &str) {
        let mut pages = self.pages.lock();
        let entry = pages.entries.entry(device).or_default();
        entry.presence.downloaded_md5 = Some(md5.to_owned());
        entry.dirty = true;
    }

    /// Counts a wrong key.
    pub(crate) fn wrong_key(&self, device: DeviceId) {
        let mut pages = self.pages.lock();
        let entry = pages.entries.entry(device).or_default();
        entry.presence.wrong_keys = entry.presence.wrong_keys.saturating_add(1);
        entry.dirty = true;
    }

    /// The device is reached nowhere from here on.
    pub(crate) fn clear_management(&self, device: DeviceId) {
        self.pages.lock().set_management(device, None);
    }

    /// The operator gave the device an address, or took it away.
    pub(crate) fn set_management(
        &self,
        device: DeviceId,
        organization: OrganizationId,
        address: Option<IpAddr>,
    ) {
        let mut pages = self.pages.lock();
        pages.enter(device, self.scope(organization));
        pages.set_management(device, address);
    }

    /// The operator said where the device's requests come from.
    pub(crate) fn set_last_ip(
        &self,
        device: DeviceId,
        organization: OrganizationId,
        address: Option<IpAddr>,
    ) {
        let mut pages = self.pages.lock();
        pages.enter(device, self.scope(organization));
        pages.set_last(device, address);
    }

    /// What is known of a device.
    pub(crate) fn of(&self, device: DeviceId) -> Option<Presence> {
        self.pages.lock().entries.get(&device).map(|entry| entry.presence.clone())
    }

    /// The device does not exist any more.
    pub(crate) fn forget(&self, device: DeviceId) {
        self.pages.lock().remove(device);
    }

    /// Writes what changed; what cannot be written is tried again.
    pub(crate) async fn flush(
        &self,
        store: &Store,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let dirty: Vec<(DeviceId, Presence)> = {
            let mut pages = self.pages.lock();
            pages
                .entries
                .iter_mut()
                .filter(|(_, entry)| entry.dirty)
                .map(|(device, entry)| {
                    entry.dirty = false;
                    (*device, entry.presence.clone())
                })
                .collect()
        };
        let written = table::write(store, &dirty, now).await;
        if written.is_err() {
            let mut pages = self.pages.lock();
            for (device, _) in &dirty {
                if let Some(entry) = pages.entries.get_mut(device) {
                    entry.dirty = true;
                }
            }
        }
        written.map(|()| dirty.len())
    }

    /// Devices whose held address is not in the log, each at most once per interval.
    pub(crate) fn addresses_to_record(
        &self,
        now: DateTime<Utc>,
        interval: std::time::Duration,
    ) -> Vec<(DeviceId, Option<IpAddr>)> {
        let mut pages = self.pages.lock();
        pages
            .entries
            .iter_mut()
            .filter(|(_, entry)| {
                entry.address_changed
                    && entry.address_recorded_at.is_none_or(|recorded| now >= recorded + interval)
            })
            .map(|(device, entry)| {
                entry.address_changed = false;
                entry.address_recorded_at = Some(now);
                (*device, entry.presence.management_ip)
            })
            .collect()
    }

    /// The address could not be written into the log; it is tried again.
    pub(crate) fn record_again(&self, device: DeviceId) {
        if let Some(entry) = self.pages.lock().entries.get_mut(&device) {
            entry.address_changed = true;
        }
    }
}

impl Pages {
    fn insert(&mut self, device: DeviceId, entry: Entry) {
        let (scope, presence) = (entry.scope, &entry.presence);
        self.management.add(scope, presence.management_ip, device);
        self.private.add(scope, presence.last_ip.filter(is_private), device);
        self.entries.insert(device, entry);
    }

    fn remove(&mut self, device: DeviceId) -> Option<Entry> {
        let entry = self.entries.remove(&device)?;
        self.management.remove(entry.scope, entry.presence.management_ip, device);
        self.private.remove(entry.scope, entry.presence.last_ip, device);
        Some(entry)
    }

    /// Makes an entry, or takes its addresses to where they mean something now.
    fn enter(&mut self, device: DeviceId, scope: Option<OrganizationId>) {
        if self.entries.get(&device).is_some_and(|entry| entry.scope == scope) {
            return;
        }
        let entry = self.remove(device).unwrap_or_default();
        self.insert(device, Entry { scope, ..entry });
    }

    fn set_management(&mut self, device: DeviceId, address: Option<IpAddr>) {
        let Some(entry) = self.entries.get_mut(&device) else { return };
        let before = std::mem::replace(&mut entry.presence.management_ip, address);
        if before == address {
            return;
        }
        entry.dirty = true;
        entry.address_changed = true;
        let scope = entry.scope;
        self.management.remove(scope, before, device);
        self.management.add(scope, address, device);
    }

    fn set_last(&mut self, device: DeviceId, address: Option<IpAddr>) {
        let Some(entry) = self.entries.get_mut(&device) else { return };
        let before = std::mem::replace(&mut entry.presence.last_ip, address);
        if before == address {
            return;
        }
        entry.dirty = true;
        let scope = entry.scope;
        self.private.remove(scope, before, device);
        self.private.add(scope, address.filter(is_private), device);
    }
}

/// Who has an address. Several may, until one of them comes to it with a checksum request.
#[derive(Default)]
struct Holders(HashMap<(Option<OrganizationId>, IpAddr), HashSet<DeviceId>>);

impl Holders {
    fn add(&mut self, scope: Option<OrganizationId>, address: Option<IpAddr>, device: DeviceId) {
        let Some(address) = address else { return };
        self.0.entry((scope, address)).or_default().insert(device);
    }

    fn remove(&mut self, scope: Option<OrganizationId>, address: Option<IpAddr>, device: DeviceId) {
        let Some(key) = address.map(|address| (scope, address)) else { return };
        if let Some(holders) = self.0.get_mut(&key) {
            holders.remove(&device);
            if holders.is_empty() {
                self.0.remove(&key);
            }
        }
    }

    fn others(
        &self,
        scope: Option<OrganizationId>,
        address: Option<IpAddr>,
        device: DeviceId,
    ) -> Vec<DeviceId> {
        let holders = address.and_then(|address| self.0.get(&(scope, address)));
        holders.into_iter().flatten().copied().filter(|holder| *holder != device).collect()
    }
}

/// RFC 1918, RFC 4193, loopback and link-local addresses, which many sites use at once.
fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_private() || address.is_loopback() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_unique_local()
                || address.is_loopback()
                || address.is_unicast_link_local()
                || address.to_ipv4_mapped().is_some_and(|mapped| is_private(&IpAddr::V4(mapped)))
        }
    }
}
