//! Permission groups as they are read.

use chrono::{DateTime, Utc};
use domain::{PermissionGroupId, Permissions};
use store::{Query, Row, Store, StoreError, args};

use crate::{Order, Page, Slice, conditions::Conditions, first};

/// A permission group.
#[derive(Clone, Debug, PartialEq)]
pub struct PermissionGroupRow {
    /// The group.
    pub id: PermissionGroupId,
    /// What REST calls it by.
    pub number: u32,
    /// Unique.
    pub name: String,
    /// What it allows.
    pub permissions: Permissions,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, number, name, permissions, created_at, modified_at";

fn read(row: &Row) -> Result<PermissionGroupRow, StoreError> {
    Ok(PermissionGroupRow {
        id: PermissionGroupId::from_uuid(row.uuid(0)?),
        number: number(row.int(1)?),
        name: row.text(2)?,
        permissions: permissions(&row.text(3)?),
        created_at: row.time(4)?,
        modified_at: row.time(5)?,
    })
}

pub(super) fn number(column: i64) -> u32 {
    u32::try_from(column).unwrap_or(0)
}

/// Names that nobody knows are none.
pub(super) fn permissions(names: &str) -> Permissions {
    names.split(',').filter_map(|name| name.parse().ok()).collect()
}

/// One group, if it exists.
pub async fn permission_group(
    store: &Store,
    id: PermissionGroupId,
) -> Result<Option<PermissionGroupRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM permission_groups WHERE id = $1");
    first(store, Query::new(sql, args![id.as_uuid()]), read).await
}

/// The group of this number, if it exists.
pub async fn group_by_number(
    store: &Store,
    number: u32,
) -> Result<Option<PermissionGroupRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM permission_groups WHERE number = $1");
    first(store, Query::new(sql, args![i64::from(number)]), read).await
}

/// A page of groups, by name.
pub async fn groups(store: &Store, page: Page) -> Result<Slice<PermissionGroupRow>, StoreError> {
    let from = (COLUMNS, "permission_groups");
    Conditions::default().page(store, from, Order::Name, page, read).await
}

/// Those of these numbers that exist, in the order of their numbers.
pub async fn group_numbers(
    store: &Store,
    numbers: &[u32],
) -> Result<Vec<PermissionGroupRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.any_of("number", numbers.iter().map(|number| i64::from(*number)));
    let select = format!("SELECT {COLUMNS} FROM permission_groups");
    let query = conditions.query(&select, " ORDER BY number");
    store.fetch(query).await?.iter().map(read).collect()
}
