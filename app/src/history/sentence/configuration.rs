use domain::configuration::ConfigurationEvent;

use super::{Sentence, told};
use crate::history::names::Names;

pub(super) fn sentence(event: &ConfigurationEvent, names: &Names, at: i64) -> Sentence {
    match event {
        ConfigurationEvent::Created(created) => {
            let text = if created.templates.is_empty() {
                format!("configuration made for {}", created.backend)
            } else {
                let templates = names.templates(&created.templates, at);
                format!("configuration made for {} with templates {templates}", created.backend)
            };
            Sentence::new(text, &["backend", "config", "variables", "templates", "status"])
        }
        ConfigurationEvent::ContentsChanged { .. } => {
            Sentence::new("configuration changed", &["config"])
        }
        ConfigurationEvent::VariablesChanged { .. } => {
            Sentence::new("configuration variables changed", &["variables"])
        }
        ConfigurationEvent::BackendChanged { from, to, .. } => {
            Sentence::new(format!("backend changed from {from} to {to}"), &["backend"])
        }
        ConfigurationEvent::TemplatesChanged { from, to, .. } => Sentence::new(
            super::templates_changed("template list", from, to, names, at),
            &["templates"],
        ),
        ConfigurationEvent::Rendered { archive, .. } => Sentence::new(
            format!("files changed: an archive of {} bytes to be downloaded", archive.size),
            &["archive", "status", "failure"],
        ),
        ConfigurationEvent::RenderingFailed { reason, .. } => Sentence::new(
            format!("files could not be made, the archive before stays: {}", told(reason)),
            &["failure"],
        ),
        ConfigurationEvent::RenderingRecovered { .. } => {
            Sentence::new("files could be made again, the same as before", &["failure"])
        }
        ConfigurationEvent::ConfirmationRequired { reason, .. } => {
            let text = match reason.as_str() {
                "device_renamed" => "to be confirmed by the device, because it was renamed".into(),
                reason => format!("to be confirmed by the device: {}", told(reason)),
            };
            Sentence::new(text, &["status"])
        }
        ConfigurationEvent::Applied { .. } => {
            Sentence::new("configuration applied by the device", &["status"])
        }
        ConfigurationEvent::ApplyFailed { reason, .. } => Sentence::new(
            format!("configuration could not be applied by the device: {}", told(reason)),
            &["status", "error_reason"],
        ),
        ConfigurationEvent::ReportedModified { .. } => {
            Sentence::new("configuration reported as not confirmed by the device", &["status"])
        }
        ConfigurationEvent::ReportedOutdated { status, reason, .. } => {
            let why = reason.as_ref().map(|reason| format!(": {}", told(reason)));
            Sentence::new(
                format!(
                    "reported {} about an archive that is not the present one{}",
                    told(status),
                    why.unwrap_or_default()
                ),
                &[],
            )
        }
        ConfigurationEvent::DeactivationStarted { templates, .. } => {
            let lost = if templates.is_empty() {
                String::new()
            } else {
                format!(", templates {} taken away", names.templates(templates, at))
            };
            Sentence::new(
                format!("configuration emptied{lost}"),
                &["config", "templates", "status"],
            )
        }
        ConfigurationEvent::Deactivated { .. } => {
            Sentence::new("configuration deactivated", &["status"])
        }
        ConfigurationEvent::Activated { templates, .. } => {
            let given = if templates.is_empty() {
                String::new()
            } else {
                format!(" with templates {}", names.templates(templates, at))
            };
            Sentence::new(format!("configuration activated{given}"), &["templates", "status"])
        }
        ConfigurationEvent::Moved { from, templates, .. } => {
            let given = if templates.is_empty() {
                ", without templates".to_owned()
            } else {
                format!(", with templates {}", names.templates(templates, at))
            };
            let from = names.organization(*from, at);
            Sentence::new(
                format!("configuration moved here from {from}{given}"),
                &["organization", "templates"],
            )
        }
        ConfigurationEvent::Removed { .. } => Sentence::new("configuration removed", &[]),
    }
}
