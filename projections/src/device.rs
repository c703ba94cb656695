//! Devices as they are read.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use domain::{
    DeviceId, GroupId, OrganizationId, TemplateId,
    authority::ReadScope,
    device::{DeviceEvent, Information},
    kind,
};
use serde::{Deserialize, Serialize};
use store::{Dialect, Op, Query, Row, Store, StoreError, args};

use crate::{
    Order, Page, SealedText, Slice, Stretch, Stretched,
    conditions::{Conditions, SortKind, Sorting, containing},
    first,
    render_inputs::At,
    secret,
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

pub(crate) const COLUMNS: &str = "id, organization_id, name, mac_address, key, key_fingerprint, hardware_id, model, os, system, notes, group_id, management_ip, active, created_at, modified_at";
const WIDTH: usize = 16;

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
pub async fn by_id(
    store: &Store,
    scope: &ReadScope,
    id: DeviceId,
) -> Result<Option<DeviceRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.with("id = ?", id.as_uuid());
    conditions.reached(scope, "organization_id");
    let query = conditions.query(&format!("SELECT {COLUMNS} FROM devices"), "");
    first(store, query, read).await
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
    first(store, Query::new(sql, args![fingerprint]).whole(), read).await
}

/// How many devices an organization has, deactivated ones included.
pub async fn count_of(store: &Store, organization: OrganizationId) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM devices WHERE organization_id = $1";
    let count = first(store, Query::new(sql, args![organization.as_uuid()]), |row| row.int(0));
    Ok(count.await?.unwrap_or(0).unsigned_abs())
}

/// Which devices are listed; `None` filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// With all of these templates.
    pub templates: Vec<TemplateId>,
    /// Registered at this moment or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Registered before this moment.
    pub created_before: Option<DateTime<Utc>>,
    /// Registered exactly at this moment.
    pub created: Option<DateTime<Utc>>,
    /// One of these.
    pub ids: Option<Vec<DeviceId>>,
    /// This text somewhere in name, addresses, hardware id, model, operating system, hardware or notes.
    pub search: Option<String>,
    /// In no group.
    pub ungrouped: bool,
    /// This text somewhere in the model, whatever the case.
    pub model_contains: Option<String>,
    /// This text somewhere in the operating system, whatever the case.
    pub os_contains: Option<String>,
    /// With a template that has this tag.
    pub tag: Option<String>,
    /// Served, or not.
    pub active: Option<bool>,
    /// With an error: the device could not apply its configuration, or the inputs make no archive. Or without.
    pub failing: Option<bool>,
    /// This text somewhere in that error, whatever the case.
    pub error_contains: Option<String>,
    /// Heard at this moment or later, as presence was written last.
    pub heard_from: Option<DateTime<Utc>>,
    /// Not heard since this moment, or never.
    pub silent_since: Option<DateTime<Utc>>,
}

/// The order of a list of devices; ids decide among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceOrder {
    /// By name.
    #[default]
    Name,
    /// By registration.
    Created,
    /// By the last change of the device itself.
    Modified,
    /// By the last contact, as presence was written last; those never heard come first.
    LastContact,
    /// By the configuration's status, those without configuration first.
    Status,
    /// By model.
    Model,
}

impl DeviceOrder {
    fn sorting(self, dialect: Dialect, descending: bool) -> Sorting {
        let (by, kind) = match self {
            Self::Name => ("name", SortKind::Text),
            Self::Created => ("created_at", SortKind::Time),
            Self::Modified => ("modified_at", SortKind::Time),
            Self::LastContact => (
                match dialect {
                    Dialect::Sqlite => {
                        "COALESCE((SELECT last_contact FROM presence WHERE device_id = devices.id), 0)"
                    }
                    Dialect::Postgres => {
                        "COALESCE((SELECT last_contact FROM presence WHERE device_id = devices.id), 'epoch'::timestamptz)"
                    }
                },
                SortKind::Time,
            ),
            Self::Status => (
                "COALESCE((SELECT status FROM configurations WHERE device_id = devices.id), '')",
                SortKind::Text,
            ),
            Self::Model => ("model", SortKind::Text),
        };
        Sorting { by, kind, descending }
    }
}

impl DeviceFilter {
    fn conditions(&self, scope: &ReadScope) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.reached(scope, "organization_id");
        if let Some(organizations) = &self.organizations {
            conditions.any_of("organization_id", organizations.iter().map(|id| id.as_uuid()));
        }
        if let Some(ids) = &self.ids {
            conditions.named("id", ids.iter().map(|id| id.as_uuid()));
        }
        if let Some(name) = &self.name {
            conditions.with("lower(name) = ?", name.to_lowercase());
        }
        if let Some(address) = &self.mac_address {
            conditions.with("mac_address = ?", address.to_uppercase());
        }
        for (clause, part) in [
            (r"lower(name) LIKE ? ESCAPE '\'", &self.name_contains),
            (r"lower(mac_address) LIKE ? ESCAPE '\'", &self.mac_address_contains),
            (r"lower(model) LIKE ? ESCAPE '\'", &self.model_contains),
            (r"lower(os) LIKE ? ESCAPE '\'", &self.os_contains),
            (
                r"lower(name || ' ' || mac_address || ' ' || COALESCE(management_ip, '') || ' ' || COALESCE(hardware_id, '') || ' ' || model || ' ' || os || ' ' || system || ' ' || notes) LIKE ? ESCAPE '\'",
                &self.search,
            ),
            (
                r"id IN (SELECT device_id FROM configurations WHERE lower(error_reason || ' ' || COALESCE(failure, '')) LIKE ? ESCAPE '\')",
                &self.error_contains,
            ),
        ] {
            if let Some(part) = part {
                conditions.with(clause, containing(&part.to_lowercase()));
            }
        }
        if let Some(group) = self.group {
            conditions.with("group_id = ?", group.as_uuid());
        }
        if self.ungrouped {
            conditions.plain("group_id IS NULL");
        }
        if let Some(active) = self.active {
            conditions.with("active = ?", active);
        }
        if let Some(status) = &self.status {
            let clause = "id IN (SELECT device_id FROM configurations WHERE status = ?)";
            conditions.with(clause, status);
        }
        if let Some(backend) = &self.backend {
            let clause = "id IN (SELECT device_id FROM configurations WHERE backend = ?)";
            conditions.with(clause, backend);
        }
        match self.failing {
            Some(true) => conditions.plain(&format!("id IN ({FAILING})")),
            Some(false) => conditions.plain(&format!("id NOT IN ({FAILING})")),
            None => {}
        }
        for template in &self.templates {
            let clause =
                "id IN (SELECT device_id FROM configuration_templates WHERE template_id = ?)";
            conditions.with(clause, template.as_uuid());
        }
        if let Some(tag) = &self.tag {
            // Tags are a JSON list of texts; a tag is one of them as a whole.
            let clause = r"id IN (SELECT u.device_id FROM configuration_templates u JOIN templates t ON t.id = u.template_id
                                   WHERE NOT t.removed AND lower(t.tags) LIKE ? ESCAPE '\')";
            let quoted = serde_json::Value::String(tag.to_lowercase()).to_string();
            conditions.with(clause, containing(&quoted));
        }
        if let Some(moment) = self.heard_from {
            let clause = "id IN (SELECT device_id FROM presence WHERE last_contact >= ?)";
            conditions.with(clause, moment);
        }
        if let Some(moment) = self.silent_since {
            let clause = "id NOT IN (SELECT device_id FROM presence WHERE last_contact >= ?)";
            conditions.with(clause, moment);
        }
        conditions.created(self.created_from, self.created_before, self.created);
        conditions.counted_by_claims(kind::DEVICE_PLACE, scope);
        conditions
    }
}

const FAILING: &str =
    "SELECT device_id FROM configurations WHERE status = 'error' OR failure IS NOT NULL";

/// A page of devices.
pub async fn list(
    store: &Store,
    scope: &ReadScope,
    filter: &DeviceFilter,
    order: Order,
    page: Page,
) -> Result<Slice<DeviceRow>, StoreError> {
    filter.conditions(scope).page(store, (COLUMNS, "devices"), order, page, read).await
}

/// A stretch of the devices.
pub async fn stretch(
    store: &Store,
    scope: &ReadScope,
    filter: &DeviceFilter,
    (order, descending): (DeviceOrder, bool),
    stretch: Stretch,
) -> Result<Stretched<DeviceRow>, StoreError> {
    let sorting = order.sorting(store.dialect(), descending);
    filter
        .conditions(scope)
        .stretch(store, (COLUMNS, WIDTH, "devices"), sorting, stretch, read)
        .await
}

/// The devices with these ids that exist, in no particular order.
pub async fn by_ids(
    store: &Store,
    scope: &ReadScope,
    ids: &[DeviceId],
) -> Result<Vec<DeviceRow>, StoreError> {
    let filter = DeviceFilter { ids: Some(ids.to_vec()), ..DeviceFilter::default() };
    let page = Page { limit: 1000, offset: 0 };
    Ok(list(store, scope, &filter, Order::NewestFirst, page).await?.rows)
}

/// How many devices pass the filter.
pub async fn count(
    store: &Store,
    scope: &ReadScope,
    filter: &DeviceFilter,
) -> Result<u64, StoreError> {
    let query = filter.conditions(scope).query("SELECT count(*) FROM devices", "");
    let count = first(store, query, |row| row.int(0)).await?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

/// The devices that pass the filter, by id, beginning after one of them; at most `limit`.
pub async fn ids_after(
    store: &Store,
    scope: &ReadScope,
    filter: &DeviceFilter,
    after: Option<DeviceId>,
    limit: u32,
) -> Result<Vec<DeviceId>, StoreError> {
    let mut conditions = filter.conditions(scope);
    if let Some(after) = after {
        conditions.with("id > ?", after.as_uuid());
    }
    let rest = format!(" ORDER BY id LIMIT {limit}");
    let query = conditions.query("SELECT id FROM devices", &rest);
    let rows = store.fetch(query).await?;
    rows.iter().map(|row| row.uuid(0).map(DeviceId::from_uuid)).collect()
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
