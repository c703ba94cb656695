//! Bearer tokens as they are read.

use chrono::{DateTime, Utc};
use domain::{OrganizationId, TokenId, UserId, authority::TokenScope};
use store::{Query, Row, Store, StoreError, args};

use super::{
    groups::permissions,
    user::{COLUMNS, UserRow, WIDTH, read},
};
use crate::{SealedText, first};

/// An account by one of its tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Bearer {
    /// Whose token it is.
    pub user: UserRow,
    /// What is special about the token; none of one that came with a log-in.
    pub token: Option<NamedTokenRow>,
}

/// A token for a purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTokenRow {
    /// What it is revoked by.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is for; sealed for the person.
    pub name: SealedText,
    /// How far it goes.
    pub scope: TokenScope,
    /// It is refused from then on.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was used last, as far as that was written down.
    pub used_at: Option<DateTime<Utc>>,
}

const TOKEN: &str = "t.id, t.user_id, t.name, t.permissions, t.organizations, t.read_only, t.expires_at, t.created_at";

/// The named token whose columns begin here; none where they are null.
fn named(row: &Row, at: usize) -> Result<Option<NamedTokenRow>, StoreError> {
    let Some(id) = row.uuid_or_null(at)? else { return Ok(None) };
    Ok(Some(NamedTokenRow {
        id: TokenId::from_uuid(id),
        user_id: UserId::from_uuid(row.uuid(at + 1)?),
        name: SealedText::new(row.text(at + 2)?),
        scope: TokenScope {
            permissions: row.text_or_null(at + 3)?.as_deref().map(permissions),
            organizations: row.text_or_null(at + 4)?.as_deref().map(organizations),
            read_only: row.bool(at + 5)?,
        },
        expires_at: row.time_or_null(at + 6)?,
        created_at: row.time(at + 7)?,
        used_at: row.time_or_null(at + 8)?,
    }))
}

fn organizations(ids: &str) -> Vec<OrganizationId> {
    ids.split(',').filter_map(|id| id.parse().ok()).collect()
}

/// The account that a bearer token belongs to, by the token's keyed hash.
pub async fn by_token(store: &Store, token: &str) -> Result<Option<Bearer>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, {TOKEN}, NULL FROM user_tokens t JOIN users u ON u.id = t.user_id WHERE t.token = $1"
    );
    let bearer = |row: &Row| Ok(Bearer { user: read(row)?, token: named(row, WIDTH)? });
    first(store, Query::new(sql, args![token]).whole(), bearer).await
}

/// The tokens of an account that were made for a purpose, the oldest first: at most a hundred.
pub async fn tokens(store: &Store, user: UserId) -> Result<Vec<NamedTokenRow>, StoreError> {
    let sql = format!(
        "SELECT {TOKEN}, w.used_at FROM user_tokens t LEFT JOIN token_uses w ON w.token_id = t.id
          WHERE t.user_id = $1 AND t.id IS NOT NULL ORDER BY t.created_at, t.id LIMIT 1000"
    );
    let rows = store.fetch(Query::new(sql, args![user.as_uuid()])).await?;
    rows.iter().filter_map(|row| named(row, 0).transpose()).collect()
}

/// Whose token this is, of those for a purpose.
pub async fn token_owner(store: &Store, id: TokenId) -> Result<Option<UserId>, StoreError> {
    let query = Query::new("SELECT user_id FROM user_tokens WHERE id = $1", args![id.as_uuid()]);
    first(store, query, |row| Ok(UserId::from_uuid(row.uuid(0)?))).await
}
