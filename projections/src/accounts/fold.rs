//! What events do to the tables of accounts.

use domain::{
    Permissions,
    accounts::{
        EmailAddress, LogInEvent, LogInOutcome, Membership, PermissionGroupEvent, UserCreated,
        UserEvent,
    },
};
use store::{Arg, Op, args};
use uuid::Uuid;

use super::Numbered;
use crate::{render_inputs::At, secret};

pub(super) fn user(at: At, event: &UserEvent) -> Vec<Op> {
    let At { id, time, .. } = at;
    let set = |assignment: &str, value: Arg| {
        Op::new(
            format!("UPDATE users SET {assignment} = $2, modified_at = $3 WHERE id = $1"),
            vec![id.into(), value, time.into()],
        )
    };
    let touched = || Op::new("UPDATE users SET modified_at = $2 WHERE id = $1", args![id, time]);
    match event {
        UserEvent::Created(event) => created(at, event),
        UserEvent::Renamed { username, .. } => vec![Op::new(
            "UPDATE users SET username = $2, username_fingerprint = $3, modified_at = $4 WHERE id = $1",
            args![id, secret::column(username), &username.fingerprint, time],
        )],
        UserEvent::EmailChanged { email, .. } => vec![Op::new(
            "UPDATE users SET email = $2, email_fingerprint = $3, modified_at = $4 WHERE id = $1",
            args![id, email.as_ref().map(secret::column), print(email.as_ref()), time],
        )],
        UserEvent::PhoneChanged { phone, .. } => vec![Op::new(
            "UPDATE users SET phone = $2, phone_fingerprint = $3, modified_at = $4 WHERE id = $1",
            args![id, phone.as_ref().map(secret::column), print(phone.as_ref()), time],
        )],
        UserEvent::ProfileChanged { profile, .. } => profile
            .iter()
            .map(|(field, value)| set(field.as_str(), value.as_ref().map(secret::column).into()))
            .collect(),
        UserEvent::PreferencesChanged { language, time_zone, .. } => vec![Op::new(
            "UPDATE users SET language = $2, time_zone = $3, modified_at = $4 WHERE id = $1",
            args![id, language, time_zone, time],
        )],
        UserEvent::ExpiryChanged { expires_on, .. } => {
            vec![set("expires_on", expires_on.map(|day| day.to_string()).into())]
        }
        UserEvent::StaffChanged { staff, .. } => vec![set("staff", (*staff).into())],
        UserEvent::SuperuserChanged { superuser, .. } => {
            vec![set("superuser", (*superuser).into())]
        }
        UserEvent::GroupsChanged { to, .. } => {
            let left = Op::new("DELETE FROM user_groups WHERE user_id = $1", args![id]);
            let entered = to.iter().map(|group| entered(id, group.as_uuid()));
            std::iter::once(left).chain(entered).chain([touched()]).collect()
        }
        UserEvent::PermissionsChanged { to, .. } => vec![set("permissions", names(*to).into())],
        UserEvent::PasswordChanged { password, .. } => vec![Op::new(
            "UPDATE users SET password = $2, password_at = $3, modified_at = $3 WHERE id = $1",
            args![id, secret::column(password), time],
        )],
        UserEvent::PasswordRehashed { password, .. } => vec![Op::new(
            "UPDATE users SET password = $2 WHERE id = $1",
            args![id, secret::column(password)],
        )],
        UserEvent::TokenIssued { token, .. } => vec![Op::new(
            "INSERT INTO user_tokens (token, user_id) VALUES ($1, $2)",
            args![token, id],
        )],
        UserEvent::NamedTokenIssued { token_id, name, token, scope, expires_at, .. } => {
            let organizations = scope
                .organizations
                .as_ref()
                .map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
            vec![Op::new(
                "INSERT INTO user_tokens (token, user_id, id, name, permissions, organizations, read_only, expires_at, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                args![
                    token,
                    id,
                    token_id.as_uuid(),
                    secret::column(name),
                    scope.permissions.map(names),
                    organizations,
                    scope.read_only,
                    *expires_at,
                    time
                ],
            )]
        }
        UserEvent::TokenRevoked { token, .. } | UserEvent::NamedTokenRevoked { token, .. } => {
            vec![ended(token)]
        }
        UserEvent::TokensEnded { epoch, tokens, .. } => {
            let epoch =
                Op::new("UPDATE users SET epoch = $2 WHERE id = $1", args![id, i64::from(*epoch)]);
            tokens.iter().map(|token| ended(token)).chain([epoch]).collect()
        }
        UserEvent::Enabled { .. } => vec![set("active", true.into())],
        UserEvent::Disabled { .. } => vec![set("active", false.into())],
        UserEvent::MembershipAdded { membership, .. } => vec![joined(at, *membership), touched()],
        UserEvent::MembershipChanged { organization_id, manager, .. } => vec![
            Op::new(
                "UPDATE user_memberships SET manager = $3 WHERE user_id = $1 AND organization_id = $2",
                args![id, organization_id.as_uuid(), *manager],
            ),
            touched(),
        ],
        UserEvent::MembershipRemoved { organization_id, .. } => vec![
            Op::new(
                "DELETE FROM user_memberships WHERE user_id = $1 AND organization_id = $2",
                args![id, organization_id.as_uuid()],
            ),
            touched(),
        ],
        UserEvent::OwnershipTaken { organization_id, .. } => {
            vec![owns(id, organization_id.as_uuid(), true), touched()]
        }
        UserEvent::OwnershipGivenUp { organization_id, .. } => {
            vec![owns(id, organization_id.as_uuid(), false), touched()]
        }
        UserEvent::EmailAddressAdded { address, .. } => listed(id, address),
        UserEvent::EmailAddressChanged { number, address, .. } => vec![Op::new(
            "UPDATE user_email_addresses SET address = $2, fingerprint = $3, verified = $4 WHERE number = $1",
            args![i64::from(*number), secret::column(address), &address.fingerprint, false],
        )],
        UserEvent::EmailAddressVerified { number, .. } => vec![Op::new(
            "UPDATE user_email_addresses SET verified = $2 WHERE number = $1",
            args![i64::from(*number), true],
        )],
        UserEvent::PrimaryEmailAddressChanged { number, .. } => vec![
            unlisted_as_primary(id),
            Op::new(
                "UPDATE user_email_addresses SET is_primary = $2 WHERE number = $1",
                args![number.map_or(-1, i64::from), true],
            ),
        ],
        UserEvent::EmailAddressRemoved { number, .. } => vec![Op::new(
            "DELETE FROM user_email_addresses WHERE number = $1",
            args![i64::from(*number)],
        )],
        // Rules alone look at links.
        UserEvent::LinkIssued { .. } | UserEvent::LinkUsed { .. } => Vec::new(),
        UserEvent::Removed { .. } => removed(id),
        UserEvent::Erased { last_address_number, .. } => {
            // Gone already, but for those that a rebuild has read before.
            let tries = Op::new("DELETE FROM log_ins WHERE user_id = $1", args![id]);
            let number = given(Numbered::EmailAddress, *last_address_number);
            removed(id).into_iter().chain([tries, number]).collect()
        }
    }
}

/// Nothing is left of an account but its events.
fn removed(id: Uuid) -> Vec<Op> {
    ["user_tokens", "user_memberships", "user_groups", "user_email_addresses"]
        .iter()
        .map(|table| Op::new(format!("DELETE FROM {table} WHERE user_id = $1"), args![id]))
        .chain([Op::new("DELETE FROM users WHERE id = $1", args![id])])
        .collect()
}

/// A try is a row of its own; a good one shows at the account.
pub(super) fn log_in(at: At, event: &LogInEvent) -> Vec<Op> {
    let LogInEvent::Tried(tried) = event;
    let At { id, time, .. } = at;
    let user = tried.user_id.map(domain::UserId::as_uuid);
    let login = user.map(|user| user.to_string()).or_else(|| tried.login.clone());
    let row = Op::new(
        "INSERT INTO log_ins (id, at, user_id, login, outcome, method, address, network, times) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            id,
            time,
            user,
            login.unwrap_or_default(),
            tried.outcome.as_str(),
            tried.method.as_str(),
            tried.address.as_ref().map(secret::column),
            print(tried.address.as_ref()),
            i64::from(tried.times)
        ],
    );
    let shown = user.filter(|_| tried.outcome == LogInOutcome::Succeeded).map(|user| {
        Op::new("UPDATE users SET last_log_in_at = $2 WHERE id = $1", args![user, time])
    });
    std::iter::once(row).chain(shown).collect()
}

fn ended(token: &str) -> Op {
    Op::new("DELETE FROM user_tokens WHERE token = $1", args![token])
}

fn created(at: At, created: &UserCreated) -> Vec<Op> {
    let At { id, time, .. } = at;
    let user = Op::new(
        "INSERT INTO users (id, username, username_fingerprint, email, email_fingerprint, phone, phone_fingerprint, password, password_at, superuser, staff, active, expires_on, language, time_zone, permissions, epoch, created_at, modified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $17)",
        args![
            id,
            secret::column(&created.username),
            &created.username.fingerprint,
            created.email.as_ref().map(secret::column),
            print(created.email.as_ref()),
            created.phone.as_ref().map(secret::column),
            print(created.phone.as_ref()),
            created.password.as_ref().map(secret::column),
            created.password.as_ref().map(|_| created.password_since.unwrap_or(time)),
            created.superuser,
            created.staff,
            !created.disabled,
            created.expires_on.map(|day| day.to_string()),
            &created.language,
            &created.time_zone,
            names(created.permissions),
            time
        ],
    );
    let details = created.profile.iter().map(|(field, value)| {
        Op::new(
            format!("UPDATE users SET {} = $2 WHERE id = $1", field.as_str()),
            args![id, secret::column(value)],
        )
    });
    let memberships = created.memberships.iter().map(|membership| joined(at, *membership));
    let groups = created.all_groups().into_iter().map(|group| entered(id, group.as_uuid()));
    let addresses = created.addresses.iter().flat_map(|address| listed(id, address));
    std::iter::once(user).chain(details).chain(memberships).chain(groups).chain(addresses).collect()
}

fn joined(at: At, membership: Membership) -> Op {
    Op::new(
        "INSERT INTO user_memberships (user_id, organization_id, manager, owner, added) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id, organization_id) DO UPDATE SET manager = excluded.manager, owner = excluded.owner",
        args![
            at.id,
            membership.organization_id.as_uuid(),
            membership.manager,
            membership.owner,
            at.position
        ],
    )
}

fn owns(user: Uuid, organization: Uuid, owner: bool) -> Op {
    Op::new(
        "UPDATE user_memberships SET owner = $3 WHERE user_id = $1 AND organization_id = $2",
        args![user, organization, owner],
    )
}

fn entered(user: Uuid, group: Uuid) -> Op {
    Op::new(
        "INSERT INTO user_groups (user_id, group_id) VALUES ($1, $2) ON CONFLICT (user_id, group_id) DO NOTHING",
        args![user, group],
    )
}

fn listed(user: Uuid, address: &EmailAddress) -> Vec<Op> {
    let others = address.primary.then(|| unlisted_as_primary(user));
    let added = Op::new(
        "INSERT INTO user_email_addresses (number, user_id, address, fingerprint, verified, is_primary) VALUES ($1, $2, $3, $4, $5, $6)",
        args![
            i64::from(address.number),
            user,
            secret::column(&address.address),
            &address.address.fingerprint,
            address.verified,
            address.primary
        ],
    );
    others.into_iter().chain([added, given(Numbered::EmailAddress, address.number)]).collect()
}

fn unlisted_as_primary(user: Uuid) -> Op {
    Op::new(
        "UPDATE user_email_addresses SET is_primary = $2 WHERE user_id = $1",
        args![user, false],
    )
}

/// Numbers are given upwards, but for two that were decided at once.
fn given(kind: Numbered, number: u32) -> Op {
    Op::new(
        "INSERT INTO account_numbers (kind, last) VALUES ($1, $2)
         ON CONFLICT (kind) DO UPDATE SET last = CASE WHEN excluded.last > account_numbers.last THEN excluded.last ELSE account_numbers.last END",
        args![kind.as_str(), i64::from(number)],
    )
}

pub(super) fn permission_group(at: At, event: &PermissionGroupEvent) -> Vec<Op> {
    let At { id, time, .. } = at;
    let set = |assignment: &str, value: String| {
        vec![Op::new(
            format!(
                "UPDATE permission_groups SET {assignment} = $2, modified_at = $3 WHERE id = $1"
            ),
            args![id, value, time],
        )]
    };
    match event {
        PermissionGroupEvent::Created(created) => vec![
            Op::new(
                "INSERT INTO permission_groups (id, number, name, permissions, created_at, modified_at) VALUES ($1, $2, $3, $4, $5, $5)",
                args![
                    id,
                    i64::from(created.number),
                    &created.name,
                    names(created.permissions),
                    time
                ],
            ),
            given(Numbered::PermissionGroup, created.number),
        ],
        PermissionGroupEvent::Renamed { to, .. } => set("name", to.clone()),
        PermissionGroupEvent::PermissionsChanged { to, .. } => set("permissions", names(*to)),
        PermissionGroupEvent::PermissionsIntroduced { permissions } => vec![Op::new(
            "UPDATE permission_groups SET permissions = permissions || ',' || $2, modified_at = $3 WHERE id = $1",
            args![id, names(*permissions), time],
        )],
        PermissionGroupEvent::Removed { .. } => {
            vec![Op::new("DELETE FROM permission_groups WHERE id = $1", args![id])]
        }
    }
}

/// With commas between; read by [`super::groups::permissions`].
fn names(permissions: Permissions) -> String {
    let names: Vec<&str> = permissions.iter().map(domain::Permission::name).collect();
    names.join(",")
}

fn print(sealed: Option<&domain::Sealed>) -> Option<String> {
    sealed.map(|sealed| sealed.fingerprint.clone())
}
