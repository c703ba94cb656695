//! Accounts as they are read.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    OrganizationId, PermissionGroupId, Permissions, UserId,
    accounts::{Membership, ProfileField},
    authority::{Person, ReadScope},
};
use store::{Query, Row, Store, StoreError, args};
use uuid::Uuid;

use super::groups::{number, permissions};
use crate::{
    NamedOrder, Order, Page, SealedText, Slice, Stretch, Stretched, conditions::Conditions, first,
};

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    /// The account.
    pub id: UserId,
    /// Sealed for the person.
    pub username: SealedText,
    /// Sealed for the person.
    pub email: Option<SealedText>,
    /// Sealed for the person.
    pub phone: Option<SealedText>,
    /// A hash, sealed for the person.
    pub password: Option<SealedText>,
    /// When the password was changed last.
    pub password_at: Option<DateTime<Utc>>,
    /// May do everything.
    pub superuser: bool,
    /// May use the administration.
    pub staff: bool,
    /// Does the account work?
    pub active: bool,
    /// The last day.
    pub expires_on: Option<NaiveDate>,
    /// Personal details, each sealed for the person.
    pub profile: Vec<(ProfileField, SealedText)>,
    /// A language tag; empty is the installation's.
    pub language: String,
    /// A name of the time zone database; empty is the installation's.
    pub time_zone: String,
    /// Permissions beside those of the groups.
    pub permissions: Permissions,
    /// How often all tokens were ended.
    pub epoch: u32,
    /// When the account was opened.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
    /// When somebody logged in to it last.
    pub last_log_in_at: Option<DateTime<Utc>>,
    /// Organizations, in the order in which the account came to them.
    pub memberships: Vec<MembershipRow>,
    /// Permission groups with their numbers, by number.
    pub groups: Vec<(PermissionGroupId, u32)>,
    /// What the groups allow.
    pub group_permissions: Permissions,
}

/// Belonging to an organization that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipRow {
    /// How.
    pub membership: Membership,
    /// Is the organization served?
    pub served: bool,
}

// `string_agg` and `CASE` are what both databases have; flags stand between the id and the position.
pub(super) const COLUMNS: &str = "u.id, u.username, u.email, u.phone, u.password, u.password_at, u.superuser, u.staff, u.active, u.expires_on, u.language, u.time_zone, u.permissions, u.epoch, u.created_at, u.modified_at,
    (SELECT string_agg(CAST(m.organization_id AS text) || CASE WHEN m.manager THEN 'm' ELSE '-' END || CASE WHEN m.owner THEN 'o' ELSE '-' END || CASE WHEN o.active THEN 'a' ELSE '-' END || CAST(m.added AS text), ',')
     FROM user_memberships m JOIN organizations o ON o.id = m.organization_id WHERE m.user_id = u.id),
    (SELECT string_agg(CAST(p.id AS text) || CAST(p.number AS text), ',')
     FROM user_groups g JOIN permission_groups p ON p.id = g.group_id WHERE g.user_id = u.id),
    (SELECT string_agg(p.permissions, ',')
     FROM user_groups g JOIN permission_groups p ON p.id = g.group_id WHERE g.user_id = u.id),
    u.first_name, u.last_name, u.birth_date, u.location, u.company, u.bio, u.url, u.notes, u.last_log_in_at";
/// Where the personal details begin, in the order of [`ProfileField::ALL`].
const DETAILS: usize = 19;
const LAST_LOG_IN: usize = DETAILS + ProfileField::ALL.len();
pub(super) const WIDTH: usize = LAST_LOG_IN + 1;

pub(super) fn read(row: &Row) -> Result<UserRow, StoreError> {
    let sealed = |column| Ok::<_, StoreError>(row.text_or_null(column)?.map(SealedText::new));
    Ok(UserRow {
        id: UserId::from_uuid(row.uuid(0)?),
        username: SealedText::new(row.text(1)?),
        email: sealed(2)?,
        phone: sealed(3)?,
        password: sealed(4)?,
        password_at: row.time_or_null(5)?,
        superuser: row.bool(6)?,
        staff: row.bool(7)?,
        active: row.bool(8)?,
        expires_on: row.text_or_null(9)?.and_then(|day| day.parse().ok()),
        language: row.text(10)?,
        time_zone: row.text(11)?,
        permissions: permissions(&row.text(12)?),
        epoch: number(row.int(13)?),
        created_at: row.time(14)?,
        modified_at: row.time(15)?,
        memberships: memberships(&row.text_or_null(16)?.unwrap_or_default()),
        groups: groups(&row.text_or_null(17)?.unwrap_or_default()),
        group_permissions: permissions(&row.text_or_null(18)?.unwrap_or_default()),
        profile: profile(row)?,
        last_log_in_at: row.time_or_null(LAST_LOG_IN)?,
    })
}

fn profile(row: &Row) -> Result<Vec<(ProfileField, SealedText)>, StoreError> {
    let mut profile = Vec::new();
    for (at, field) in ProfileField::ALL.into_iter().enumerate() {
        if let Some(value) = row.text_or_null(DETAILS + at)? {
            profile.push((field, SealedText::new(value)));
        }
    }
    Ok(profile)
}

/// `<id><m or -><o or -><a or -><position>`, with commas between.
fn memberships(text: &str) -> Vec<MembershipRow> {
    let mut all: Vec<(i64, MembershipRow)> = text
        .split(',')
        .filter_map(|one| {
            let (id, rest) = one.split_at_checked(36)?;
            let (flags, added) = rest.split_at_checked(3)?;
            let membership = Membership {
                organization_id: id.parse().ok()?,
                manager: flags.starts_with('m'),
                owner: flags[1..].starts_with('o'),
            };
            let row = MembershipRow { membership, served: flags.ends_with('a') };
            Some((added.parse().ok()?, row))
        })
        .collect();
    // Several may have come in one event.
    all.sort_by_key(|(added, row)| (*added, row.membership.organization_id));
    all.into_iter().map(|(_, row)| row).collect()
}

fn groups(text: &str) -> Vec<(PermissionGroupId, u32)> {
    let one = |one: &str| {
        let (id, number) = one.split_at_checked(36)?;
        Some((id.parse().ok()?, number.parse().ok()?))
    };
    let mut groups: Vec<_> = text.split(',').filter_map(one).collect();
    groups.sort_by_key(|(_, number)| *number);
    groups
}

/// One account, if it exists.
pub async fn by_id(store: &Store, id: UserId) -> Result<Option<UserRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.id = $1");
    // Whose account it is shows by all of its memberships.
    first(store, Query::new(sql, args![id.as_uuid()]).whole(), read).await
}

/// The account that somebody logs in to: by one of the spellings of a phone number, else by e-mail address, else by user
/// name, in one of its spellings. All are fingerprints.
pub async fn by_login(
    store: &Store,
    phones: &[String],
    email: Option<&str>,
    usernames: &[String],
) -> Result<Option<UserRow>, StoreError> {
    let phones = phones.iter().map(|phone| ("phone_fingerprint", phone.as_str()));
    let email = email.map(|email| ("email_fingerprint", email));
    let usernames = usernames.iter().map(|name| ("username_fingerprint", name.as_str()));
    let tries = phones.chain(email).chain(usernames);
    for (column, fingerprint) in tries {
        let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.{column} = $1");
        let found = first(store, Query::new(sql, args![fingerprint]).whole(), read).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Does an account exist?
pub async fn is_there(store: &Store, id: UserId) -> Result<bool, StoreError> {
    let query = Query::new("SELECT 1 FROM users WHERE id = $1", args![id.as_uuid()]).whole();
    Ok(!store.fetch(query).await?.is_empty())
}

/// A superuser whose account works, beside this one.
pub async fn other_superuser(store: &Store, id: UserId) -> Result<Option<UserId>, StoreError> {
    let query = Query::new(
        "SELECT id FROM users WHERE superuser AND active AND id <> $1 ORDER BY id LIMIT 1",
        args![id.as_uuid()],
    );
    first(store, query.whole(), |row| Ok(UserId::from_uuid(row.uuid(0)?))).await
}

/// Is there any account?
pub async fn exist(store: &Store) -> Result<bool, StoreError> {
    let rows = store.fetch(Query::new("SELECT 1 FROM users LIMIT 1", args![]).whole()).await?;
    Ok(!rows.is_empty())
}

/// Working accounts, of staff or of others, whose passwords were chosen in a span of time, the oldest first, after one of them.
pub async fn aged_passwords(
    store: &Store,
    staff: bool,
    chosen: Range<DateTime<Utc>>,
    after: Option<(UserId, DateTime<Utc>)>,
    limit: u32,
) -> Result<Vec<(UserId, DateTime<Utc>)>, StoreError> {
    let (id, since) = match after {
        Some((id, since)) => (id.as_uuid(), since),
        None => (Uuid::nil(), chosen.start),
    };
    let query = Query::new(
        "SELECT id, password_at FROM users
         WHERE staff = $1 AND active AND password IS NOT NULL AND password_at < $2 AND (password_at, id) > ($3, $4)
         ORDER BY password_at, id LIMIT $5",
        args![staff, chosen.end, since, id, i64::from(limit)],
    );
    let read = |row: &Row| Ok((UserId::from_uuid(row.uuid(0)?), row.time(1)?));
    store.fetch(query).await?.iter().map(read).collect()
}

/// Who owns an organization, if anybody does.
pub async fn owner_of(
    store: &Store,
    organization: OrganizationId,
) -> Result<Option<UserId>, StoreError> {
    let query = Query::new(
        "SELECT user_id FROM user_memberships WHERE organization_id = $1 AND owner",
        args![organization.as_uuid()],
    );
    first(store, query, |row| Ok(UserId::from_uuid(row.uuid(0)?))).await
}

/// Managers of an organization, the first 1000.
pub async fn managers_of(
    store: &Store,
    organization: OrganizationId,
) -> Result<Vec<UserId>, StoreError> {
    let query = Query::new(
        "SELECT user_id FROM user_memberships WHERE organization_id = $1 AND manager ORDER BY added, user_id LIMIT 1000",
        args![organization.as_uuid()],
    );
    store.fetch(query).await?.iter().map(|row| Ok(UserId::from_uuid(row.uuid(0)?))).collect()
}

/// Which accounts are listed; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only people of this organization.
    pub organization: Option<OrganizationId>,
    /// Only those who manage one.
    pub managers: Option<bool>,
    /// Only active or only inactive ones.
    pub active: Option<bool>,
    /// Only staff, or nobody of it.
    pub staff: Option<bool>,
    /// Only superusers, or none of them.
    pub superuser: Option<bool>,
    /// Only those whose user name, e-mail address or phone number has one of these fingerprints.
    pub called: Option<Vec<String>>,
}

impl UserFilter {
    /// Where not everything is in reach there are people of those organizations, and no superusers.
    fn conditions(&self, scope: &ReadScope) -> Conditions {
        let mut conditions = Conditions::default();
        let member = |clause: &str| {
            format!("EXISTS (SELECT 1 FROM user_memberships m WHERE m.user_id = u.id AND {clause})")
        };
        if let Some(organizations) = scope.organizations() {
            conditions.plain("NOT superuser");
            let ids = organizations.iter().map(|id| id.as_uuid());
            conditions.any_of_inside(
                "EXISTS (SELECT 1 FROM user_memberships m WHERE m.user_id = u.id AND m.organization_id",
                ids,
            );
        } else {
            conditions.whole();
        }
        if let Some(organization) = self.organization {
            conditions.with(&member("m.organization_id = ?"), organization.as_uuid());
        }
        if let Some(managers) = self.managers {
            let clause = member("m.manager");
            conditions.plain(&if managers { clause } else { format!("NOT {clause}") });
        }
        for (column, wanted) in
            [("active", self.active), ("staff", self.staff), ("superuser", self.superuser)]
        {
            if let Some(wanted) = wanted {
                conditions.with(&format!("{column} = ?"), wanted);
            }
        }
        if let Some(called) = &self.called {
            conditions.any_of_columns(
                &["username_fingerprint", "email_fingerprint", "phone_fingerprint"],
                called,
            );
        }
        conditions
    }
}

/// A page of accounts.
pub async fn list(
    store: &Store,
    scope: &ReadScope,
    filter: &UserFilter,
    order: Order,
    page: Page,
) -> Result<Slice<UserRow>, StoreError> {
    filter.conditions(scope).page(store, (COLUMNS, "users u"), order, page, read).await
}

/// A stretch of the accounts. They have no order by name: names are sealed.
pub async fn stretch(
    store: &Store,
    scope: &ReadScope,
    filter: &UserFilter,
    (order, descending): (NamedOrder, bool),
    stretch: Stretch,
) -> Result<Stretched<UserRow>, StoreError> {
    let order = if order == NamedOrder::Name { NamedOrder::Created } else { order };
    let sorting = order.sorting(descending);
    filter
        .conditions(scope)
        .stretch(store, (COLUMNS, WIDTH, "users u"), sorting, stretch, read)
        .await
}

impl UserRow {
    /// Organizations that the account manages, as far as they are served.
    pub fn manages(&self) -> Vec<OrganizationId> {
        self.organizations(|row| row.membership.manager && row.served)
    }

    /// Organizations that the account owns, as far as they are served.
    pub fn owns(&self) -> Vec<OrganizationId> {
        self.organizations(|row| row.membership.owner && row.served)
    }

    /// Organizations that the account belongs to, as far as they are served.
    pub fn belongs(&self) -> Vec<OrganizationId> {
        self.organizations(|row| row.served)
    }

    fn organizations(&self, which: impl Fn(&MembershipRow) -> bool) -> Vec<OrganizationId> {
        let wanted = self.memberships.iter().filter(|row| which(row));
        wanted.map(|row| row.membership.organization_id).collect()
    }

    /// Its memberships as the rules know them.
    pub fn all_memberships(&self) -> Vec<Membership> {
        self.memberships.iter().map(|row| row.membership).collect()
    }

    /// What the policy looks at. `memberships` are [`UserRow::all_memberships`].
    pub fn person<'a>(&self, memberships: &'a [Membership]) -> Person<'a> {
        Person { id: self.id, superuser: self.superuser, memberships }
    }

    /// Its own permissions and those of its groups.
    pub fn all_permissions(&self) -> Permissions {
        self.permissions.union(self.group_permissions).effective()
    }
}
