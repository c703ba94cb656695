//! A permission group as clients see and send it.

use domain::{Permission, Permissions};
use projections::accounts::PermissionGroupRow;
use serde_json::{Value, json};

use super::super::{
    fields::{Fields, Text},
    sentences,
};

pub(super) fn shown(row: &PermissionGroupRow) -> Value {
    let permissions: Vec<String> = row.permissions.iter().map(line).collect();
    json!({ "id": row.number, "name": row.name, "permissions": permissions })
}

/// As clients pick numbers out of: `<number>: <model> | <text>`.
fn line(permission: Permission) -> String {
    format!("{}: {} | {}", permission.number(), permission.model(), permission.text())
}

/// Name and permissions; what is left out stays as it is.
pub(super) fn read(fields: &mut Fields<'_>) -> (Option<String>, Option<Permissions>) {
    let name = fields.short("name", Text::NAME, 150);
    let permissions = fields.numbers("permissions").and_then(|numbers| {
        let mut all = Permissions::NONE;
        for number in numbers {
            let Some(permission) = Permission::from_number(number.into()) else {
                fields.refuse("permissions", sentences::unknown(number));
                return None;
            };
            all = all.with(permission);
        }
        Some(all)
    });
    (name, permissions)
}
