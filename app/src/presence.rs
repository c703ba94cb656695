//! What is known of devices that is state and not history: the newest reporter wins, and it may be lost.

mod table;

use std::{collections::HashMap, net::IpAddr};

use chrono::{DateTime, Utc};
use domain::{DeviceId, OrganizationId};
use parking_lot::Mutex;
use store::{Store, StoreError};

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

/// Presence of all devices, in memory, flushed by a worker.
pub(crate) struct PresenceBook {
    /// Is an address the same in all organizations?
    shared: bool,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    entries: HashMap<DeviceId, Entry>,
    /// Who holds an address; organizations are apart where addresses are not shared.
    management: HashMap<(Option<OrganizationId>, IpAddr), DeviceId>,
    private: HashMap<(Option<OrganizationId>, IpAddr), DeviceId>,
}

#[derive(Clone, Default)]
struct Entry {
    presence: Presence,
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
    /// Reads what was flushed last.
    pub(crate) async fn load(store: &Store, shared: bool) -> Result<Self, StoreError> {
        let mut pages = Pages::default();
        for (device, organization, presence) in table::load(store).await? {
            let scope = (!shared).then_some(organization);
            if let Some(address) = presence.management_ip {
                pages.management.insert((scope, address), device);
            }
            if let Some(address) = presence.last_ip.filter(is_private) {
                pages.private.insert((scope, address), device);
            }
            pages.entries.insert(device, Entry { presence, ..Entry::default() });
        }
        Ok(Self { shared, pages: Mutex::new(pages) })
    }

    /// Notes a request; other devices lose the addresses that are this one's from here on.
    pub(crate) fn note(&self, contact: Contact) {
        let scope = (!self.shared).then_some(contact.organization);
        let mut pages = self.pages.lock();
        let pages = &mut *pages;
        let entry = pages.entries.entry(contact.device).or_default();
        let before = (entry.presence.last_ip, entry.presence.management_ip);
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
            entry.presence.last_ip = Some(contact.address);
        }
        if let Some(address) = contact.management.filter(|address| before.1 != Some(*address)) {
            entry.presence.management_ip = Some(address);
            entry.address_changed = true;
            pages.take_management(scope, address, contact.device, before.1);
        }
        let private = is_private(&contact.address);
        if contact.kind == ContactKind::Checksum && private {
            pages.take_private(scope, contact.address, contact.device);
        }
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
        let mut pages = self.pages.lock();
        let Some(entry) = pages.entries.get_mut(&device) else { return };
        let before = entry.presence.management_ip.take();
        entry.dirty |= before.is_some();
        entry.address_changed |= before.is_some();
        if let Some(address) = before {
            pages.management.retain(|(_, held), holder| *held != address || *holder != device);
        }
    }

    /// The operator gave the device an address, or took it away.
    pub(crate) fn set_management(
        &self,
        device: DeviceId,
        organization: OrganizationId,
        address: Option<IpAddr>,
    ) {
        let Some(address) = address else { return self.clear_management(device) };
        let scope = (!self.shared).then_some(organization);
        let mut pages = self.pages.lock();
        let entry = pages.entries.entry(device).or_default();
        let before = entry.presence.management_ip.replace(address);
        entry.dirty = true;
        entry.address_changed |= before != Some(address);
        pages.take_management(scope, address, device, before);
    }

    /// The operator said where the device's requests come from.
    pub(crate) fn set_last_ip(&self, device: DeviceId, address: Option<IpAddr>) {
        let mut pages = self.pages.lock();
        let entry = pages.entries.entry(device).or_default();
        entry.dirty |= entry.presence.last_ip != address;
        entry.presence.last_ip = address;
    }

    /// What is known of a device.
    pub(crate) fn of(&self, device: DeviceId) -> Option<Presence> {
        self.pages.lock().entries.get(&device).map(|entry| entry.presence.clone())
    }

    /// The device does not exist any more.
    pub(crate) fn forget(&self, device: DeviceId) {
        let mut pages = self.pages.lock();
        pages.entries.remove(&device);
        pages.management.retain(|_, holder| *holder != device);
        pages.private.retain(|_, holder| *holder != device);
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
    fn take_management(
        &mut self,
        scope: Option<OrganizationId>,
        address: IpAddr,
        device: DeviceId,
        before: Option<IpAddr>,
    ) {
        if let Some(before) = before.filter(|before| *before != address)
            && self.management.get(&(scope, before)) == Some(&device)
        {
            self.management.remove(&(scope, before));
        }
        let holder = self.management.insert((scope, address), device);
        let Some(loser) = holder.filter(|holder| *holder != device) else { return };
        if let Some(entry) = self.entries.get_mut(&loser)
            && entry.presence.management_ip == Some(address)
        {
            entry.presence.management_ip = None;
            entry.dirty = true;
            entry.address_changed = true;
        }
    }

    fn take_private(&mut self, scope: Option<OrganizationId>, address: IpAddr, device: DeviceId) {
        let holder = self.private.insert((scope, address), device);
        let Some(loser) = holder.filter(|holder| *holder != device) else { return };
        if let Some(entry) = self.entries.get_mut(&loser)
            && entry.presence.last_ip == Some(address)
        {
            entry.presence.last_ip = None;
            entry.dirty = true;
        }
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
