//! Organizations as they are read.

use chrono::{DateTime, Utc};
use domain::{
    Document, OrganizationId,
    accounts::{DeviceLimit, OrganizationEvent},
    authority::ReadScope,
};
use store::{Op, Query, Row, Store, StoreError, args};

use crate::{
    NamedOrder, Order, Page, SealedText, Slice, Stretch, Stretched,
    conditions::{Conditions, containing},
    first,
    render_inputs::{At, document, json},
    secret,
};

/// An organization.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationRow {
    /// The organization.
    pub id: OrganizationId,
    /// Shown to people.
    pub name: String,
    /// For paths.
    pub slug: String,
    /// Free text.
    pub description: String,
    /// Contact.
    pub email: String,
    /// Web site.
    pub url: String,
    /// Are its people and devices served?
    pub active: bool,
    /// May agents register devices?
    pub registration_open: bool,
    /// What agents register with.
    pub secret: SealedText,
    /// Configuration variables.
    pub variables: Document,
    /// How many devices it may have.
    pub limit: DeviceLimit,
    /// When it was founded.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, name, slug, description, email, url, active, registration_open, secret, variables, device_limit, created_at, modified_at";
const WIDTH: usize = 13;

fn read(row: &Row) -> Result<OrganizationRow, StoreError> {
    Ok(OrganizationRow {
        id: OrganizationId::from_uuid(row.uuid(0)?),
        name: row.text(1)?,
        slug: row.text(2)?,
        description: row.text(3)?,
        email: row.text(4)?,
        url: row.text(5)?,
        active: row.bool(6)?,
        registration_open: row.bool(7)?,
        secret: SealedText::new(row.text(8)?),
        variables: document(&row.text(9)?),
        limit: limit(row.int_or_null(10)?),
        created_at: row.time(11)?,
        modified_at: row.time(12)?,
    })
}

fn limit(column: Option<i64>) -> DeviceLimit {
    match column {
        None => DeviceLimit::NoDevices,
        Some(0) => DeviceLimit::Unlimited,
        Some(limit) => DeviceLimit::AtMost(limit.try_into().unwrap_or(u32::MAX)),
    }
}

fn column(limit: DeviceLimit) -> Option<i64> {
    match limit {
        DeviceLimit::NoDevices => None,
        DeviceLimit::Unlimited => Some(0),
        DeviceLimit::AtMost(limit) => Some(limit.into()),
    }
}

/// One organization, if it exists.
pub async fn by_id(
    store: &Store,
    scope: &ReadScope,
    id: OrganizationId,
) -> Result<Option<OrganizationRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.with("id = ?", id.as_uuid());
    conditions.reached(scope, "id");
    let query = conditions.query(&format!("SELECT {COLUMNS} FROM organizations"), "");
    first(store, query, read).await
}

/// The active organization with this registration secret, by the secret's fingerprint.
pub async fn by_secret(
    store: &Store,
    fingerprint: &str,
) -> Result<Option<OrganizationRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM organizations WHERE secret_fingerprint = $1");
    first(store, Query::new(sql, args![fingerprint]).whole(), read).await
}

/// The organization with this slug.
pub async fn by_slug(store: &Store, slug: &str) -> Result<Option<OrganizationRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM organizations WHERE slug = $1");
    first(store, Query::new(sql, args![slug]).whole(), read).await
}

/// Which organizations are listed; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct OrganizationFilter {
    /// Only these.
    pub ids: Option<Vec<OrganizationId>>,
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// This text somewhere in name, slug or description, whatever the case.
    pub search: Option<String>,
    /// Whose agents may register devices, or may not.
    pub registration_open: Option<bool>,
}

impl OrganizationFilter {
    fn conditions(&self, scope: &ReadScope) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.reached(scope, "id");
        if let Some(ids) = &self.ids {
            conditions.any_of("id", ids.iter().map(|id| id.as_uuid()));
        }
        if let Some(active) = self.active {
            conditions.with("active = ?", active);
        }
        if let Some(part) = &self.search {
            let clause = r"lower(name || ' ' || slug || ' ' || description) LIKE ? ESCAPE '\'";
            conditions.with(clause, containing(&part.to_lowercase()));
        }
        if let Some(open) = self.registration_open {
            conditions.with("registration_open = ?", open);
        }
        conditions
    }
}

/// A page of organizations.
pub async fn list(
    store: &Store,
    scope: &ReadScope,
    filter: &OrganizationFilter,
    order: Order,
    page: Page,
) -> Result<Slice<OrganizationRow>, StoreError> {
    filter.conditions(scope).page(store, (COLUMNS, "organizations"), order, page, read).await
}

/// A stretch of the organizations.
pub async fn stretch(
    store: &Store,
    scope: &ReadScope,
    filter: &OrganizationFilter,
    (order, descending): (NamedOrder, bool),
    stretch: Stretch,
) -> Result<Stretched<OrganizationRow>, StoreError> {
    let sorting = order.sorting(descending);
    filter
        .conditions(scope)
        .stretch(store, (COLUMNS, WIDTH, "organizations"), sorting, stretch, read)
        .await
}

pub(crate) fn fold(at: At, event: &OrganizationEvent) -> Vec<Op> {
    let At { id, position, time } = at;
    let set = |assignment: &str, value: store::Arg| {
        vec![Op::new(
            format!("UPDATE organizations SET {assignment} = $2, modified_at = $3 WHERE id = $1"),
            vec![id.into(), value, time.into()],
        )]
    };
    match event {
        OrganizationEvent::Created(created) => vec![Op::new(
            "INSERT INTO organizations (id, name, slug, description, email, url, active, registration_open, secret, secret_fingerprint, variables, device_limit, changed, created_at, modified_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
            args![
                id,
                &created.name,
                &created.slug,
                &created.details.description,
                &created.details.email,
                &created.details.url,
                created.active,
                created.registration_open,
                secret::column(&created.secret),
                &created.secret.fingerprint,
                json(&created.variables),
                column(created.limit),
                position,
                time
            ],
        )],
        OrganizationEvent::Renamed { to, .. } => set("name", to.into()),
        OrganizationEvent::SlugChanged { to, .. } => set("slug", to.into()),
        OrganizationEvent::DetailsChanged { details, .. } => vec![Op::new(
            "UPDATE organizations SET description = $2, email = $3, url = $4, modified_at = $5 WHERE id = $1",
            args![id, &details.description, &details.email, &details.url, time],
        )],
        OrganizationEvent::Enabled { .. } => set("active", true.into()),
        OrganizationEvent::Disabled { .. } => set("active", false.into()),
        OrganizationEvent::RegistrationOpened { .. } => set("registration_open", true.into()),
        OrganizationEvent::RegistrationClosed { .. } => set("registration_open", false.into()),
        OrganizationEvent::SharedSecretChanged { secret: to, .. } => vec![Op::new(
            "UPDATE organizations SET secret = $2, secret_fingerprint = $3, modified_at = $4 WHERE id = $1",
            args![id, secret::column(to), &to.fingerprint, time],
        )],
        OrganizationEvent::VariablesChanged { variables, .. } => vec![Op::new(
            "UPDATE organizations SET variables = $2, changed = $3, modified_at = $4 WHERE id = $1",
            args![id, json(variables), position, time],
        )],
        OrganizationEvent::DeviceLimitChanged { limit, .. } => {
            set("device_limit", column(*limit).into())
        }
        OrganizationEvent::RemovalStarted { .. } => {
            vec![Op::new("DELETE FROM organizations WHERE id = $1", args![id])]
        }
        // Gone since the removal started.
        OrganizationEvent::Removed { .. } => Vec::new(),
    }
}
