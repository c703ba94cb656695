//! An account as clients see it. What only superusers may say, only superusers see.

use app::{Account, Address};
use domain::accounts::ProfileField;
use serde_json::{Value, json};

use super::super::{caller::Caller, moment};

/// As in lists.
pub(super) fn short(caller: &Caller, account: &Account) -> Value {
    let mut shown = json!({
        "id": account.id,
        "username": account.username,
        "email": account.email,
        "first_name": text(account, ProfileField::FirstName),
        "last_name": text(account, ProfileField::LastName),
        "phone_number": account.phone,
        "birth_date": account.profile.get(&ProfileField::BirthDate),
        "is_active": account.active,
        "is_staff": account.staff,
        "is_superuser": account.superuser,
        "expiration_date": account.expires_on,
        "groups": groups(account),
        "organization_users": organizations(account),
    });
    if !caller.by.authority.is_unlimited()
        && let Some(fields) = shown.as_object_mut()
    {
        fields.remove("is_superuser");
    }
    shown
}

/// As alone.
pub(super) fn full(caller: &Caller, account: &Account) -> Value {
    let permissions: Vec<u8> = account.permissions.iter().map(domain::Permission::number).collect();
    let mut shown = json!({
        "id": account.id,
        "username": account.username,
        "first_name": text(account, ProfileField::FirstName),
        "last_name": text(account, ProfileField::LastName),
        "email": account.email,
        "bio": text(account, ProfileField::Bio),
        "url": text(account, ProfileField::Url),
        "company": text(account, ProfileField::Company),
        "location": text(account, ProfileField::Location),
        "phone_number": account.phone,
        "birth_date": account.profile.get(&ProfileField::BirthDate),
        "notes": text(account, ProfileField::Notes),
        "is_active": account.active,
        "is_staff": account.staff,
        "is_superuser": account.superuser,
        "last_login": account.last_log_in_at.map(moment::show),
        "expiration_date": account.expires_on,
        "date_joined": moment::show(account.created_at),
        "groups": groups(account),
        "user_permissions": permissions,
        "organization_users": organizations(account),
    });
    if !caller.by.authority.is_unlimited()
        && let Some(fields) = shown.as_object_mut()
    {
        fields.remove("is_superuser");
        fields.remove("user_permissions");
    }
    shown
}

/// A listed e-mail address.
pub(super) fn address(address: &Address) -> Value {
    json!({
        "id": address.number,
        "email": address.address,
        "verified": address.verified,
        "primary": address.primary,
    })
}

fn text(account: &Account, field: ProfileField) -> &str {
    account.profile.get(&field).map_or("", String::as_str)
}

fn groups(account: &Account) -> Vec<u32> {
    account.groups.iter().map(|(_, number)| *number).collect()
}

fn organizations(account: &Account) -> Vec<Value> {
    let membership = |row: &projections::accounts::MembershipRow| {
        json!({
            "is_admin": row.membership.manager,
            "organization": row.membership.organization_id,
        })
    };
    account.memberships.iter().map(membership).collect()
}
