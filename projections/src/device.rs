//! Devices as they are read.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{
    DeviceId, GroupId, OrganizationId, TemplateId,
    device::{DeviceEvent, Information},
};
use store::{Op, Query, Row, Store, StoreError, args};

use crate::{
    Order, Page, SealedText, Slice, conditions::Conditions, first, render_inputs::At, secret,
};

/// A device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceRow {
    /// The device.
    pub id: DeviceId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Unique inside the organization.
    pub name: String,
    /// Upper case, with the separator it came with.
    pub mac_address: String,
    /// What it proves itself with.
    pub key: SealedText,
    /// The key's keyed hash.
    pub key_fingerprint: String,
    /// Of the hardware.
    pub hardware_id: Option<String>,
    /// What it says about itself.
    pub information: Information,
    /// What operators wrote down.
    pub notes: String,
    /// Its group.
    pub group_id: Option<GroupId>,
    /// As recorded; presence may know a newer one.
    pub management_ip: Option<IpAddr>,
    /// Is it served?
    pub active: bool,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, organization_id, name, mac_address, key, key_fingerprint, hardware_id, model, os, system, notes, group_id, management_ip, active, created_at, modified_at";

fn read(row: &Row) -> Result<DeviceRow, StoreError> {
    Ok(DeviceRow {
        id: DeviceId::from_uuid(row.uuid(0)?),
        organization_id: OrganizationId::from_uuid(row.uuid(1)?),
        name: row.text(2)?,
        mac_address: row.text(3)?,
        key: SealedText::new(row.text(4)?),
        key_fingerprint: row.text(5)?,
        hardware_id: row.text_or_null(6)?,
        information: Information { model: row.text(7)?, os: row.text(8)?, system: row.text(9)? },
        notes: row.text(10)?,
        group_id: row.uuid_or_null(11)?.map(GroupId::from_uuid),
        management_ip: row.text_or_null(12)?.and_then(|address| address.parse().ok()),
        active: row.bool(13)?,
        created_at: row.time(14)?,
        modified_at: row.time(15)?,
    })
}

/// One device, if it exists.
pub async fn by_id(store: &Store, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
    first(store, by_id_query(id), read).await
}

/// For a snapshot together with other tables; read with [`from_row`].
pub fn by_id_query(id: DeviceId) -> Query {
    Query::new(format!("SELECT {COLUMNS} FROM devices WHERE id = $1"), args![id.as_uuid()])
}

/// A row of [`by_id_query`].
pub fn from_row(row: &Row) -> Result<DeviceRow, StoreError> {
    read(row)
}

/// The device with this key, by the key's fingerprint, over all organizations.
pub async fn by_key(store: &Store, fingerprint: &str) -> Result<Option<DeviceRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM devices WHERE key_fingerprint = $1");
    first(store, Query::new(sql, args![fingerprint]), read).await
}

/// How many devices an organization has, deactivated ones included.
pub async fn count_of(store: &Store, organization: OrganizationId) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM devices WHERE organization_id = $1";
    let count = first(store, Query::new(sql, args![organization.as_uuid()]), |row| row.int(0));
    Ok(count.await?.unwrap_or(0).unsigned_abs())
}

/// Which devices are listed; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct DeviceFilter {
    /// Of one of these organizations.
    pub organizations: Option<Vec<OrganizationId>>,
    /// Exactly this name, whatever the case.
    pub name: Option<String>,
    /// This text somewhere in the name, whatever the case.
    pub name_contains: Option<String>,
    /// Exactly this address, in stored spelling.
    pub mac_address: Option<String>,
    /// This text somewhere in the address, whatever the case.
    pub mac_address_contains: Option<String>,
    /// Of this group.
    pub group: Option<GroupId>,
    /// With a configuration of this status.
    pub status: Option<String>,
    /// With a configuration of this backend.
    pub backend: Option<String>,
    /// With this template.
    pub template: Option<TemplateId>,
    /// Registered at this moment or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Registered before this moment.
    pub created_before: Option<DateTime<Utc>>,
    /// Registered exactly at this moment.
    pub created: Option<DateTime<Utc>>,
}

/// A page of devices.
pub async fn list(
    store: &Store,
    filter: &DeviceFilter,
    order: Order,
    page: Page,
) -> Result<Slice<DeviceRow>, StoreError> {
    let mut conditions = Conditions::default();
    if let Some(organizations) = &filter.organizations {
        conditions.any_of("organization_id", organizations.iter().map(|id| id.as_uuid()));
    }
    if let Some(name) = &filter.name {
        conditions.with("lower(name) = ?", name.to_lowercase());
    }
    if let Some(part) = &filter.name_contains {
        conditions.with(r"lower(name) LIKE ? ESCAPE '\'", containing(&part.to_lowercase()));
    }
    if let Some(address) = &filter.mac_address {
        conditions.with("mac_address = ?", address.to_uppercase());
    }
    if let Some(part) = &filter.mac_address_contains {
        conditions.with(r"mac_address LIKE ? ESCAPE '\'", containing(&part.to_uppercase()));
    }
    if let Some(group) = filter.group {
        conditions.with("group_id = ?", group.as_uuid());
    }
    if let Some(status) = &filter.status {
        conditions.with("id IN (SELECT device_id FROM configurations WHERE status = ?)", status);
    }
    if let Some(backend) = &filter.backend {
        conditions.with("id IN (SELECT device_id FROM configurations WHERE backend = ?)", backend);
    }
    if let Some(template) = filter.template {
        let clause = "id IN (SELECT device_id FROM configuration_templates WHERE template_id = ?)";
        conditions.with(clause, template.as_uuid());
    }
    conditions.created(filter.created_from, filter.created_before, filter.created);
    conditions.page(store, (COLUMNS, "devices"), order, page, read).await
}

/// A pattern that finds the text anywhere; what means something in patterns means itself.
fn containing(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

pub(crate) fn fold(at: At, event: &DeviceEvent) -> Vec<Op> {
    let At { id, position, time } = at;
    let set = |assignment: &str, value: store::Arg| {
        vec![Op::new(
            format!("UPDATE devices SET {assignment} = $2, modified_at = $3 WHERE id = $1"),
            vec![id.into(), value, time.into()],
        )]
    };
    // What rendering sees moves `changed` too.
    let render = |assignment: &str, value: store::Arg| {
        vec![Op::new(
            format!(
                "UPDATE devices SET {assignment} = $2, changed = $3, modified_at = $4 WHERE id = $1"
            ),
            vec![id.into(), value, position.into(), time.into()],
        )]
    };
    match event {
        DeviceEvent::Registered(device) => vec![Op::new(
            "INSERT INTO devices (id, organization_id, name, mac_address, key, key_fingerprint, hardware_id, model, os, system, notes, group_id, management_ip, active, changed, created_at, modified_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, $13, $14, $15, $15)",
            args![
                id,
                device.organization_id.as_uuid(),
                device.name.as_str(),
                device.mac_address.as_str(),
                secret::column(&device.key),
                &device.key.fingerprint,
                device.hardware_id.as_ref().map(|id| id.as_str().to_owned()),
                &device.information.model,
                &device.information.os,
                &device.information.system,
                &device.notes,
                device.group_id.map(GroupId::as_uuid),
                true,
                position,
                time
            ],
        )],
        DeviceEvent::RegisteredAgain { .. } => Vec::new(),
        DeviceEvent::Renamed { to, .. } => render("name", to.as_str().into()),
        DeviceEvent::MacAddressChanged { to, .. } => render("mac_address", to.as_str().into()),
        DeviceEvent::KeyChanged { key, .. } => vec![Op::new(
            "UPDATE devices SET key = $2, key_fingerprint = $3, changed = $4, modified_at = $5 WHERE id = $1",
            args![id, secret::column(key), &key.fingerprint, position, time],
        )],
        DeviceEvent::HardwareIdChanged { to, .. } => {
            render("hardware_id", to.as_ref().map(|id| id.as_str().to_owned()).into())
        }
        DeviceEvent::InformationChanged { information, .. } => vec![Op::new(
            "UPDATE devices SET model = $2, os = $3, system = $4, changed = $5, modified_at = $6 WHERE id = $1",
            args![id, &information.model, &information.os, &information.system, position, time],
        )],
        DeviceEvent::NotesChanged { notes, .. } => set("notes", notes.into()),
        DeviceEvent::GroupChanged { to, .. } => render("group_id", to.map(GroupId::as_uuid).into()),
        DeviceEvent::ManagementAddressChanged { to, .. } => {
            set("management_ip", to.map(|address| address.to_string()).into())
        }
        DeviceEvent::Moved(moved) => vec![Op::new(
            "UPDATE devices SET organization_id = $2, key = $3, key_fingerprint = $4, group_id = NULL, changed = $5, modified_at = $6 WHERE id = $1",
            args![
                id,
                moved.to.as_uuid(),
                secret::column(&moved.key),
                &moved.key.fingerprint,
                position,
                time
            ],
        )],
        DeviceEvent::Deactivated { .. } => set("active", false.into()),
        DeviceEvent::Activated { .. } => set("active", true.into()),
        DeviceEvent::Removed { .. } => {
            vec![Op::new("DELETE FROM devices WHERE id = $1", args![id])]
        }
    }
}
