use domain::{
    Permission, Permissions,
    accounts::{
        LinkPurpose, LogInEvent, LogInOutcome, Membership, PermissionGroupEvent, ProfileField,
        UserCreated, UserEvent,
    },
    authority::Role,
};

use super::{Sentence, shared::renamed};
use crate::history::names::quoted;

pub(super) fn permission_group(event: &PermissionGroupEvent) -> Sentence {
    match event {
        PermissionGroupEvent::Created(created) => Sentence::new(
            format!("permission group made as {}", quoted(&created.name)),
            &["name", "permissions"],
        ),
        PermissionGroupEvent::Renamed { from, to } => renamed(from, to),
        PermissionGroupEvent::PermissionsChanged { from, to } => {
            Sentence::new(permissions_changed(*from, *to), &["permissions"])
        }
        PermissionGroupEvent::PermissionsIntroduced { permissions } => Sentence::new(
            format!("allows what a newer program knows: {}", listed(*permissions)),
            &["permissions"],
        ),
        PermissionGroupEvent::Removed { .. } => Sentence::new("permission group removed", &[]),
    }
}

fn permissions_changed(from: Permissions, to: Permissions) -> String {
    let parts: Vec<String> = [("added", to.without(from)), ("removed", from.without(to))]
        .into_iter()
        .filter(|(_, permissions)| !permissions.is_empty())
        .map(|(what, permissions)| format!("{what} {}", listed(permissions)))
        .collect();
    format!("permissions changed: {}", parts.join(", "))
}

fn listed(permissions: Permissions) -> String {
    permissions.iter().map(Permission::name).collect::<Vec<_>>().join(", ")
}

pub(super) fn log_in(event: &LogInEvent) -> Sentence {
    let LogInEvent::Tried(tried) = event;
    let text = match tried.outcome {
        LogInOutcome::Succeeded => "logged in",
        LogInOutcome::WrongPassword => "did not log in: the password was wrong",
        LogInOutcome::UnknownAccount => "did not log in: there is no such account",
        LogInOutcome::Inactive => "did not log in: the account does not work",
        LogInOutcome::Limited => "did not log in: too many tries",
    };
    Sentence::new(text, &[])
}

/// Names and addresses of people are sealed: they are not in sentences.
pub(super) fn user(event: &UserEvent) -> Sentence {
    match event {
        UserEvent::Created(created) => self::created(created),
        UserEvent::Renamed { .. } => Sentence::new("user name changed", &["username"]),
        UserEvent::EmailChanged { email: Some(_), .. } => {
            Sentence::new("e-mail address changed", &["email"])
        }
        UserEvent::EmailChanged { email: None, .. } => {
            Sentence::new("e-mail address taken away", &["email"])
        }
        UserEvent::PhoneChanged { phone: Some(_), .. } => {
            Sentence::new("phone number changed", &["phone"])
        }
        UserEvent::PhoneChanged { phone: None, .. } => {
            Sentence::new("phone number taken away", &["phone"])
        }
        UserEvent::ProfileChanged { profile, .. } => {
            let fields: Vec<&str> = profile.keys().map(|field| field.as_str()).collect();
            let changed: Vec<&'static str> = profile.keys().map(|field| field.as_str()).collect();
            let text = format!("personal details changed: {}", fields.join(", ").replace('_', " "));
            Sentence { text, changed }
        }
        UserEvent::PreferencesChanged { .. } => {
            Sentence::new("language or time zone changed", &["language", "time_zone"])
        }
        UserEvent::ExpiryChanged { expires_on, .. } => {
            let text = match expires_on {
                Some(day) => format!("expires after {day}"),
                None => "does not expire any more".to_owned(),
            };
            Sentence::new(text, &["expires_on"])
        }
        UserEvent::StaffChanged { staff: true, .. } => Sentence::new("made staff", &["staff"]),
        UserEvent::StaffChanged { staff: false, .. } => {
            Sentence::new("not staff any more", &["staff"])
        }
        UserEvent::SuperuserChanged { superuser: true, .. } => {
            Sentence::new("made a superuser", &["superuser"])
        }
        UserEvent::SuperuserChanged { superuser: false, .. } => {
            Sentence::new("not a superuser any more", &["superuser"])
        }
        UserEvent::GroupsChanged { .. } => Sentence::new("permission groups changed", &["groups"]),
        UserEvent::PermissionsChanged { from, to, .. } => {
            Sentence::new(permissions_changed(*from, *to), &["permissions"])
        }
        UserEvent::PasswordChanged { .. } => Sentence::new("password changed", &["password"]),
        UserEvent::PasswordRehashed { .. } => {
            Sentence::new("password kept under another hash", &["password"])
        }
        UserEvent::TokenIssued { .. } => Sentence::new("token issued", &["tokens"]),
        UserEvent::TokenRevoked { .. } => Sentence::new("token revoked", &["tokens"]),
        UserEvent::NamedTokenIssued { .. } => {
            Sentence::new("token for a purpose made", &["tokens"])
        }
        UserEvent::NamedTokenRevoked { .. } => {
            Sentence::new("token for a purpose revoked", &["tokens"])
        }
        UserEvent::TokensEnded { .. } => Sentence::new("all tokens ended", &["tokens"]),
        UserEvent::Enabled { .. } => Sentence::new("enabled", &["active"]),
        UserEvent::Disabled { .. } => Sentence::new("disabled", &["active"]),
        UserEvent::MembershipAdded { membership, .. } => {
            Sentence::new(joined(*membership), &["memberships"])
        }
        UserEvent::MembershipChanged { manager: true, .. } => {
            Sentence::new("made a manager of the organization", &["memberships"])
        }
        UserEvent::MembershipChanged { manager: false, .. } => {
            Sentence::new("not a manager of the organization any more", &["memberships"])
        }
        UserEvent::MembershipRemoved { .. } => {
            Sentence::new("does not belong to the organization any more", &["memberships"])
        }
        UserEvent::OwnershipTaken { .. } => {
            Sentence::new("owns the organization", &["memberships"])
        }
        UserEvent::OwnershipGivenUp { .. } => {
            Sentence::new("does not own the organization any more", &["memberships"])
        }
        UserEvent::EmailAddressAdded { .. } => {
            Sentence::new("listed an e-mail address", &["addresses"])
        }
        UserEvent::EmailAddressChanged { .. } => {
            Sentence::new("a listed e-mail address changed", &["addresses"])
        }
        UserEvent::EmailAddressVerified { .. } => {
            Sentence::new("a listed e-mail address was verified", &["addresses"])
        }
        UserEvent::LinkIssued { link, .. } => Sentence::new(link_issued(link.purpose), &[]),
        UserEvent::LinkUsed { purpose, .. } => Sentence::new(link_used(*purpose), &[]),
        UserEvent::PrimaryEmailAddressChanged { number: Some(_), .. } => {
            Sentence::new("another listed e-mail address is the primary one", &["addresses"])
        }
        UserEvent::PrimaryEmailAddressChanged { number: None, .. } => {
            Sentence::new("no listed e-mail address is the primary one", &["addresses"])
        }
        UserEvent::EmailAddressRemoved { .. } => {
            Sentence::new("a listed e-mail address was removed", &["addresses"])
        }
        UserEvent::Removed { .. } => Sentence::new("account closed", &[]),
        UserEvent::Erased { .. } => Sentence::new("person erased", &[]),
    }
}

fn link_issued(purpose: LinkPurpose) -> &'static str {
    match purpose {
        LinkPurpose::PasswordReset => "a link to choose another password was mailed",
        LinkPurpose::Confirmation => "a link to confirm an e-mail address was mailed",
        LinkPurpose::LogIn => "a link to log in was mailed",
    }
}

fn link_used(purpose: LinkPurpose) -> &'static str {
    match purpose {
        LinkPurpose::PasswordReset => "a password was chosen by a mailed link",
        LinkPurpose::Confirmation => "an e-mail address was confirmed by a mailed link",
        LinkPurpose::LogIn => "logged in by a mailed link",
    }
}

fn joined(membership: Membership) -> &'static str {
    match membership {
        Membership { owner: true, .. } => "manages and owns the organization",
        Membership { manager: true, .. } => "manages the organization",
        _ => "belongs to the organization",
    }
}

fn created(created: &UserCreated) -> Sentence {
    let mut rights: Vec<String> = Vec::new();
    if created.superuser {
        rights.push("superuser".to_owned());
    }
    let groups = created.all_groups();
    let known = Role::ALL.iter().filter(|role| groups.contains(&role.group()));
    let known: Vec<String> = known.map(|role| role.name().to_lowercase()).collect();
    let others = groups.len() - known.len();
    rights.extend(known);
    let managed = created.memberships.iter().filter(|held| held.manager).count();
    let belonging = created.memberships.len() - managed;
    for (verb, count, what) in [
        ("in", others, "other permission group"),
        ("manages", managed, "organization"),
        ("belongs to", belonging, "organization"),
    ] {
        match count {
            0 => {}
            1 => rights.push(format!("{verb} 1 {what}")),
            many => rights.push(format!("{verb} {many} {what}s")),
        }
    }
    let text = if rights.is_empty() {
        "account made".to_owned()
    } else {
        format!("account made: {}", rights.join(", "))
    };
    let mut changed =
        vec!["username", "email", "password", "superuser", "staff", "groups", "memberships"];
    if created.phone.is_some() {
        changed.push("phone");
    }
    changed.extend(created.profile.keys().copied().map(ProfileField::as_str));
    Sentence { text, changed }
}
