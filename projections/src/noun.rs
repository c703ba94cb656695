//! What kind of thing an id is of.

use store::{Query, Store, StoreError, args};
use uuid::Uuid;

use crate::first;

/// Kinds of things that have an id of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    /// A tenant.
    Organization,
    /// A device; its configuration has the same id.
    Device,
    /// A device group.
    Group,
    /// A template.
    Template,
    /// An account.
    User,
}

/// What exists under an id. Ids are never shared by things of different kinds.
pub async fn of(store: &Store, id: Uuid) -> Result<Option<Noun>, StoreError> {
    let query = Query::new(
        "SELECT 1 FROM devices WHERE id = $1
         UNION ALL SELECT 2 FROM device_groups WHERE id = $1 AND NOT removed
         UNION ALL SELECT 3 FROM templates WHERE id = $1 AND NOT removed
         UNION ALL SELECT 4 FROM organizations WHERE id = $1
         UNION ALL SELECT 5 FROM users WHERE id = $1",
        args![id],
    );
    let noun = first(store, query, |row| {
        Ok(match row.int(0)? {
            1 => Noun::Device,
            2 => Noun::Group,
            3 => Noun::Template,
            5 => Noun::User,
            _ => Noun::Organization,
        })
    });
    noun.await
}
