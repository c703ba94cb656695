use domain::webhook::{WebhookEvent, WhyDisabled};

use super::{Sentence, shared::renamed};
use crate::history::names::quoted;

pub(super) fn sentence(event: &WebhookEvent) -> Sentence {
    match event {
        WebhookEvent::Created(created) => Sentence::new(
            format!("webhook made as {}", quoted(&created.name)),
            &["organization", "name", "url", "selection", "secret"],
        ),
        WebhookEvent::Renamed { from, to, .. } => renamed(from, to),
        WebhookEvent::UrlChanged { .. } => Sentence::new("address changed", &["url"]),
        WebhookEvent::SelectionChanged { .. } => {
            Sentence::new("other events selected", &["selection"])
        }
        WebhookEvent::SecretRotated { .. } => Sentence::new("secret changed", &["secret"]),
        WebhookEvent::Paused { .. } => Sentence::new("paused", &["state"]),
        WebhookEvent::Resumed { .. } => Sentence::new("resumed", &["state"]),
        WebhookEvent::Disabled { why, .. } => {
            let why = match why {
                WhyDisabled::Failing => "nothing could be delivered for too long",
                WhyDisabled::Gone => "its receiver does not want any more",
            };
            Sentence::new(format!("given up: {why}"), &["state"])
        }
        WebhookEvent::Removed { .. } => Sentence::new("removed", &[]),
    }
}
