//! An account as clients see it. What only superusers may say, only superusers see.

use app::Account;
use chrono::{DateTime, NaiveDate, Utc};
use domain::accounts::ProfileField;
use projections::accounts::MembershipRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{caller::Caller, moment};

/// An account as in lists.
#[derive(Serialize, ToSchema)]
pub(super) struct UserListed {
    id: Uuid,
    username: String,
    #[schema(required, format = "email")]
    email: Option<String>,
    first_name: String,
    last_name: String,
    /// In international spelling.
    #[schema(required)]
    phone_number: Option<String>,
    #[schema(required, value_type = Option<NaiveDate>)]
    birth_date: Option<String>,
    is_active: bool,
    is_staff: bool,
    /// For superusers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    is_superuser: Option<bool>,
    /// The last day.
    #[schema(required)]
    expiration_date: Option<NaiveDate>,
    /// Numbers of permission groups.
    groups: Vec<u32>,
    organization_users: Vec<OrganizationUser>,
}

/// An account alone.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "as clients know it")]
pub(super) struct User {
    id: Uuid,
    username: String,
    first_name: String,
    last_name: String,
    #[schema(required, format = "email")]
    email: Option<String>,
    bio: String,
    url: String,
    company: String,
    location: String,
    /// In international spelling.
    #[schema(required)]
    phone_number: Option<String>,
    #[schema(required, value_type = Option<NaiveDate>)]
    birth_date: Option<String>,
    notes: String,
    is_active: bool,
    is_staff: bool,
    /// For superusers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    is_superuser: Option<bool>,
    #[serde(serialize_with = "moment::shown_or_null")]
    #[schema(required)]
    last_login: Option<DateTime<Utc>>,
    /// The last day.
    #[schema(required)]
    expiration_date: Option<NaiveDate>,
    #[serde(serialize_with = "moment::shown")]
    date_joined: DateTime<Utc>,
    /// Numbers of permission groups.
    groups: Vec<u32>,
    /// Numbers of permissions beside those of the groups. For superusers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<u8>, required = false)]
    user_permissions: Option<Vec<u8>>,
    organization_users: Vec<OrganizationUser>,
}

/// A person's place in an organization.
#[derive(Serialize, ToSchema)]
pub(super) struct OrganizationUser {
    /// Manages it?
    is_admin: bool,
    organization: Uuid,
}

/// A listed e-mail address.
#[derive(Serialize, ToSchema)]
pub(super) struct EmailAddress {
    id: u32,
    #[schema(format = "email")]
    email: String,
    /// Did somebody open the link that was sent there?
    verified: bool,
    /// Is it the one that mail goes to?
    primary: bool,
}

/// As in lists.
pub(super) fn short(caller: &Caller, account: &Account) -> UserListed {
    UserListed {
        id: account.id.as_uuid(),
        username: account.username.clone(),
        email: account.email.clone(),
        first_name: text(account, ProfileField::FirstName),
        last_name: text(account, ProfileField::LastName),
        phone_number: account.phone.clone(),
        birth_date: account.profile.get(&ProfileField::BirthDate).cloned(),
        is_active: account.active,
        is_staff: account.staff,
        is_superuser: caller.by.authority.is_unlimited().then_some(account.superuser),
        expiration_date: account.expires_on,
        groups: groups(account),
        organization_users: account.memberships.iter().map(membership).collect(),
    }
}

/// As alone.
pub(super) fn full(caller: &Caller, account: &Account) -> User {
    let unlimited = caller.by.authority.is_unlimited();
    let permissions = || account.permissions.iter().map(domain::Permission::number).collect();
    User {
        id: account.id.as_uuid(),
        username: account.username.clone(),
        first_name: text(account, ProfileField::FirstName),
        last_name: text(account, ProfileField::LastName),
        email: account.email.clone(),
        bio: text(account, ProfileField::Bio),
        url: text(account, ProfileField::Url),
        company: text(account, ProfileField::Company),
        location: text(account, ProfileField::Location),
        phone_number: account.phone.clone(),
        birth_date: account.profile.get(&ProfileField::BirthDate).cloned(),
        notes: text(account, ProfileField::Notes),
        is_active: account.active,
        is_staff: account.staff,
        is_superuser: unlimited.then_some(account.superuser),
        last_login: account.last_log_in_at,
        expiration_date: account.expires_on,
        date_joined: account.created_at,
        groups: groups(account),
        user_permissions: unlimited.then(permissions),
        organization_users: account.memberships.iter().map(membership).collect(),
    }
}

pub(super) fn address(address: &app::Address) -> EmailAddress {
    EmailAddress {
        id: address.number,
        email: address.address.clone(),
        verified: address.verified,
        primary: address.primary,
    }
}

fn text(account: &Account, field: ProfileField) -> String {
    account.profile.get(&field).cloned().unwrap_or_default()
}

fn groups(account: &Account) -> Vec<u32> {
    account.groups.iter().map(|(_, number)| *number).collect()
}

fn membership(row: &MembershipRow) -> OrganizationUser {
    OrganizationUser {
        is_admin: row.membership.manager,
        organization: row.membership.organization_id.as_uuid(),
    }
}
