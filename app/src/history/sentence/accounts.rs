use domain::{
    accounts::{DeviceLimit, OrganizationEvent, UserEvent},
    authority::Role,
};

use super::{Sentence, shared::renamed};
use crate::history::names::quoted;

pub(super) fn organization(event: &OrganizationEvent) -> Sentence {
    match event {
        OrganizationEvent::Created(created) => Sentence::new(
            format!(
                "organization made as {} with slug {}",
                quoted(&created.name),
                quoted(&created.slug)
            ),
            &[
                "name",
                "slug",
                "description",
                "email",
                "url",
                "active",
                "registration_open",
                "shared_secret",
                "variables",
                "device_limit",
            ],
        ),
        OrganizationEvent::Renamed { from, to, .. } => renamed(from, to),
        OrganizationEvent::SlugChanged { from, to, .. } => Sentence::new(
            format!("slug changed from {} to {}", quoted(from), quoted(to)),
            &["slug"],
        ),
        OrganizationEvent::DetailsChanged { .. } => {
            Sentence::new("description or contact changed", &["description", "email", "url"])
        }
        OrganizationEvent::Enabled { .. } => Sentence::new("enabled", &["active"]),
        OrganizationEvent::Disabled { .. } => Sentence::new("disabled", &["active"]),
        OrganizationEvent::RegistrationOpened { .. } => {
            Sentence::new("opened for the registration of devices", &["registration_open"])
        }
        OrganizationEvent::RegistrationClosed { .. } => {
            Sentence::new("closed for the registration of devices", &["registration_open"])
        }
        OrganizationEvent::SharedSecretChanged { .. } => {
            Sentence::new("shared secret changed", &["shared_secret"])
        }
        OrganizationEvent::VariablesChanged { .. } => {
            Sentence::new("configuration variables changed", &["variables"])
        }
        OrganizationEvent::DeviceLimitChanged { limit, .. } => {
            let text = match limit {
                DeviceLimit::Unlimited => "limit of devices taken away".to_owned(),
                DeviceLimit::AtMost(most) => format!("limited to {most} devices"),
                DeviceLimit::NoDevices => "limited to no devices".to_owned(),
            };
            Sentence::new(text, &["device_limit"])
        }
    }
}

/// Names and addresses of people are sealed: they are not in sentences.
pub(super) fn user(event: &UserEvent) -> Sentence {
    match event {
        UserEvent::Created(created) => {
            let mut rights: Vec<String> = Vec::new();
            if created.superuser {
                rights.push("superuser".to_owned());
            }
            rights.extend(created.roles.iter().map(|role| {
                match role {
                    Role::Administrator => "administrator",
                    Role::Operator => "operator",
                }
                .to_owned()
            }));
            let managed = created.memberships.iter().filter(|held| held.manager).count();
            let belonging = created.memberships.len() - managed;
            for (verb, count) in [("manages", managed), ("belongs to", belonging)] {
                match count {
                    0 => {}
                    1 => rights.push(format!("{verb} 1 organization")),
                    many => rights.push(format!("{verb} {many} organizations")),
                }
            }
            let text = if rights.is_empty() {
                "account made".to_owned()
            } else {
                format!("account made: {}", rights.join(", "))
            };
            Sentence::new(
                text,
                &["username", "email", "password", "superuser", "staff", "roles", "memberships"],
            )
        }
        UserEvent::PasswordChanged { .. } => Sentence::new("password changed", &["password"]),
        UserEvent::TokenIssued { .. } => Sentence::new("token issued", &["tokens"]),
        UserEvent::TokenRevoked { .. } => Sentence::new("token revoked", &["tokens"]),
        UserEvent::Enabled { .. } => Sentence::new("enabled", &["active"]),
        UserEvent::Disabled { .. } => Sentence::new("disabled", &["active"]),
    }
}
