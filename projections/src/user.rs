//! Accounts as they are read.

use domain::{
    Event, OrganizationId, UserId,
    accounts::{Membership, UserEvent},
    authority::Role,
};
use store::{Fault, Mode, Op, Projection, Query, Recorded, Row, Store, StoreError, args};

use crate::{SealedText, catalogue, first, secret};

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    /// The account.
    pub id: UserId,
    /// Sealed for the person.
    pub username: SealedText,
    /// Sealed for the person.
    pub email: Option<SealedText>,
    /// An Argon2 hash, sealed for the person.
    pub password: Option<SealedText>,
    /// May do everything.
    pub superuser: bool,
    /// May use the administration.
    pub staff: bool,
    /// Does the account work?
    pub active: bool,
    /// Permission groups.
    pub roles: Vec<Role>,
    /// Organizations.
    pub memberships: Vec<Membership>,
}

const COLUMNS: &str =
    "u.id, u.username, u.email, u.password, u.superuser, u.staff, u.active, u.roles, u.memberships";

fn read(row: &Row) -> Result<UserRow, StoreError> {
    Ok(UserRow {
        id: UserId::from_uuid(row.uuid(0)?),
        username: SealedText::new(row.text(1)?),
        email: row.text_or_null(2)?.map(SealedText::new),
        password: row.text_or_null(3)?.map(SealedText::new),
        superuser: row.bool(4)?,
        staff: row.bool(5)?,
        active: row.bool(6)?,
        roles: serde_json::from_str(&row.text(7)?).unwrap_or_default(),
        memberships: serde_json::from_str(&row.text(8)?).unwrap_or_default(),
    })
}

/// One account, if it exists.
pub async fn by_id(store: &Store, id: UserId) -> Result<Option<UserRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.id = $1");
    first(store, Query::new(sql, args![id.as_uuid()]), read).await
}

/// The account whose user name or e-mail address has one of these fingerprints; the e-mail address first.
pub async fn by_login(
    store: &Store,
    username: &str,
    email: &str,
) -> Result<Option<UserRow>, StoreError> {
    let by = |column: &str, fingerprint: &str| {
        Query::new(
            format!("SELECT {COLUMNS} FROM users u WHERE u.{column} = $1"),
            args![fingerprint],
        )
    };
    match first(store, by("email_fingerprint", email), read).await? {
        Some(user) => Ok(Some(user)),
        None => first(store, by("username_fingerprint", username), read).await,
    }
}

/// The account that a bearer token belongs to, by the token's keyed hash.
pub async fn by_token(store: &Store, token: &str) -> Result<Option<UserRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM user_tokens t JOIN users u ON u.id = t.user_id WHERE t.token = $1"
    );
    first(store, Query::new(sql, args![token]), read).await
}

/// Keyed hashes of the bearer tokens that an account has; at most 100.
pub async fn tokens_of(store: &Store, id: UserId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT token FROM user_tokens WHERE user_id = $1 ORDER BY token";
    let rows = store.fetch(Query::new(sql, args![id.as_uuid()])).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Is there any account?
pub async fn exist(store: &Store) -> Result<bool, StoreError> {
    let rows = store.fetch(Query::new("SELECT 1 FROM users LIMIT 1", args![])).await?;
    Ok(!rows.is_empty())
}

impl UserRow {
    /// Organizations that the account manages.
    pub fn manages(&self) -> Vec<OrganizationId> {
        let managed = self.memberships.iter().filter(|membership| membership.manager);
        managed.map(|membership| membership.organization_id).collect()
    }
}

/// Fills `users` and `user_tokens`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Users;

impl Projection for Users {
    fn name(&self) -> &'static str {
        "users.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        &["user_tokens", "users"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type.starts_with("user.")
    }

    fn apply(&self, recorded: &Recorded) -> Result<Vec<Op>, Fault> {
        let event = catalogue::decode(recorded)?;
        let Event::User(event) = &*event else { return Ok(Vec::new()) };
        let id = catalogue::stream(recorded)?;
        let op = match event {
            UserEvent::Created(created) => Op::new(
                "INSERT INTO users (id, username, username_fingerprint, email, email_fingerprint, password, superuser, staff, active, roles, memberships, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                args![
                    id,
                    secret::column(&created.username),
                    &created.username.fingerprint,
                    created.email.as_ref().map(secret::column),
                    created.email.as_ref().map(|email| email.fingerprint.clone()),
                    created.password.as_ref().map(secret::column),
                    created.superuser,
                    created.staff,
                    true,
                    json(&created.roles)?,
                    json(&created.memberships)?,
                    recorded.recorded_at
                ],
            ),
            UserEvent::PasswordChanged { password, .. } => Op::new(
                "UPDATE users SET password = $2 WHERE id = $1",
                args![id, secret::column(password)],
            ),
            UserEvent::TokenIssued { token, .. } => Op::new(
                "INSERT INTO user_tokens (token, user_id) VALUES ($1, $2)",
                args![token, id],
            ),
            UserEvent::TokenRevoked { token, .. } => {
                Op::new("DELETE FROM user_tokens WHERE token = $1", args![token])
            }
            UserEvent::Enabled { .. } => {
                Op::new("UPDATE users SET active = $2 WHERE id = $1", args![id, true])
            }
            UserEvent::Disabled { .. } => {
                Op::new("UPDATE users SET active = $2 WHERE id = $1", args![id, false])
            }
        };
        Ok(vec![op])
    }
}

fn json<T: serde::Serialize>(values: &T) -> Result<String, Fault> {
    serde_json::to_string(values).map_err(|error| Fault(error.to_string()))
}
