//! What kind of thing an id is of.

use domain::authority::ReadScope;
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
    /// A group of permissions.
    PermissionGroup,
    /// An endpoint of an integration.
    Webhook,
}

/// What exists in reach under an id, shared things too. Ids are never shared by things of different kinds.
pub async fn of(store: &Store, scope: &ReadScope, id: Uuid) -> Result<Option<Noun>, StoreError> {
    // One statement whatever is found: how long it takes to learn that nothing is there tells nothing.
    let mut args = args![id];
    let limits = scope.organizations().map(|organizations| {
        args.extend(organizations.iter().map(|id| store::Arg::from(id.as_uuid())));
        let places: Vec<String> = (2..=args.len()).map(|place| format!("${place}")).collect();
        // No place is a list, too.
        if places.is_empty() { "NULL".to_owned() } else { places.join(", ") }
    });
    let of = |column: &str| {
        limits.as_ref().map_or_else(String::new, |places| format!(" AND {column} IN ({places})"))
    };
    let shared = limits
        .as_ref()
        .map(|places| format!(" AND (organization_id IS NULL OR organization_id IN ({places}))"));
    let people = limits.as_ref().map(|places| {
        format!(
            " AND NOT superuser AND EXISTS (SELECT 1 FROM user_memberships m WHERE m.user_id = users.id AND m.organization_id IN ({places}))"
        )
    });
    let query = Query::new(
        format!(
            "SELECT 1 FROM devices WHERE id = $1{owned}
             UNION ALL SELECT 2 FROM device_groups WHERE id = $1 AND NOT removed{owned}
             UNION ALL SELECT 3 FROM templates WHERE id = $1 AND NOT removed{}
             UNION ALL SELECT 4 FROM organizations WHERE id = $1{}
             UNION ALL SELECT 5 FROM users WHERE id = $1{}
             UNION ALL SELECT 6 FROM permission_groups WHERE id = $1
             UNION ALL SELECT 7 FROM webhooks WHERE id = $1{owned}",
            shared.unwrap_or_default(),
            of("id"),
            people.unwrap_or_default(),
            owned = of("organization_id"),
        ),
        args,
    );
    let query = query.whole_if(limits.is_none());
    let noun = first(store, query, |row| {
        Ok(match row.int(0)? {
            1 => Noun::Device,
            2 => Noun::Group,
            3 => Noun::Template,
            5 => Noun::User,
            6 => Noun::PermissionGroup,
            7 => Noun::Webhook,
            _ => Noun::Organization,
        })
    });
    noun.await
}
