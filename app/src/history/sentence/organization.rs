use domain::accounts::{DeviceLimit, OrganizationEvent};

use super::{Sentence, shared::renamed};
use crate::history::names::quoted;

pub(super) fn sentence(event: &OrganizationEvent) -> Sentence {
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
        OrganizationEvent::RemovalStarted { .. } => Sentence::new("removal started", &[]),
        OrganizationEvent::Removed { .. } => Sentence::new("removed", &[]),
    }
}
