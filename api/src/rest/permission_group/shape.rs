//! A permission group as clients see and send it.

use domain::{Permission, Permissions};
use projections::accounts::PermissionGroupRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{
    fields::{Fields, Text},
    sent::{self, Reader},
    sentences,
};

/// A permission group.
#[derive(Serialize, ToSchema)]
pub(super) struct Group {
    id: u32,
    name: String,
    /// Each as `<number>: <model> | <text>`; sent are the numbers.
    permissions: Vec<String>,
}

pub(super) fn shown(row: &PermissionGroupRow) -> Group {
    Group {
        id: row.number,
        name: row.name.clone(),
        permissions: row.permissions.iter().map(line).collect(),
    }
}

/// As clients pick numbers out of: `<number>: <model> | <text>`.
fn line(permission: Permission) -> String {
    format!("{}: {} | {}", permission.number(), permission.model(), permission.text())
}

/// Name and permissions; what is left out stays as it is.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) name: Option<String>,
    pub(super) permissions: Option<Permissions>,
}

impl sent::Sent for Sent {
    const NAME: &'static str = "Group";

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        let name = fields.short("name", Text::NAME, 150);
        Self { name, permissions: permissions(fields) }
    }
}

fn permissions(fields: &mut Fields<'_>) -> Option<Permissions> {
    let mut all = Permissions::NONE;
    for number in fields.numbers("permissions")? {
        let Some(permission) = Permission::from_number(number.into()) else {
            fields.refuse("permissions", sentences::unknown(number));
            return None;
        };
        all = all.with(permission);
    }
    Some(all)
}
