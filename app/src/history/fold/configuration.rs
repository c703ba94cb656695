use chrono::{DateTime, Utc};
use domain::{
    Document, Event, TemplateId,
    configuration::{ConfigurationEvent, ConfigurationStatus},
};

use super::{Past, When};
use crate::history::at::ArchiveAt;

/// A configuration without what it names.
#[derive(Clone, Debug)]
pub(in crate::history) struct ConfigurationPast {
    pub(in crate::history) backend: String,
    pub(in crate::history) config: Document,
    pub(in crate::history) variables: Document,
    pub(in crate::history) templates: Vec<TemplateId>,
    pub(in crate::history) status: ConfigurationStatus,
    pub(in crate::history) error_reason: String,
    pub(in crate::history) archive: Option<ArchiveAt>,
    pub(in crate::history) failure: Option<String>,
    pub(in crate::history) created_at: DateTime<Utc>,
    pub(in crate::history) modified_at: DateTime<Utc>,
}

impl Past for ConfigurationPast {
    const KIND: &'static str = "configuration";

    fn apply(past: &mut Option<Self>, when: When, event: &Event) {
        let Event::Configuration(event) = event else { return };
        match (past.as_mut(), event) {
            (_, ConfigurationEvent::Created(created)) => {
                *past = Some(Self {
                    backend: created.backend.as_str().to_owned(),
                    config: created.config.clone(),
                    variables: created.variables.clone(),
                    templates: created.templates.clone(),
                    status: ConfigurationStatus::Modified,
                    error_reason: String::new(),
                    archive: None,
                    failure: None,
                    created_at: when.at,
                    modified_at: when.at,
                });
            }
            (_, ConfigurationEvent::Removed { .. }) => *past = None,
            (Some(configuration), event) => configuration.evolve(when, event),
            (None, _) => {}
        }
    }
}

impl ConfigurationPast {
    fn evolve(&mut self, when: When, event: &ConfigurationEvent) {
        self.modified_at = when.at;
        match event {
            ConfigurationEvent::Created(_)
            | ConfigurationEvent::Removed { .. }
            | ConfigurationEvent::ReportedOutdated { .. } => {}
            ConfigurationEvent::ContentsChanged { config, .. } => self.config.clone_from(config),
            ConfigurationEvent::VariablesChanged { variables, .. } => {
                self.variables.clone_from(variables);
            }
            ConfigurationEvent::BackendChanged { to, .. } => {
                to.as_str().clone_into(&mut self.backend);
            }
            ConfigurationEvent::TemplatesChanged { to, .. } => self.templates.clone_from(to),
            ConfigurationEvent::Rendered { archive, .. } => {
                self.archive = Some(ArchiveAt {
                    rendered: archive.clone(),
                    position: when.position,
                    recorded_at: when.at,
                });
                self.failure = None;
                if matches!(
                    self.status,
                    ConfigurationStatus::Deactivating | ConfigurationStatus::Deactivated
                ) {
                    self.error_reason.clear();
                } else {
                    self.stands(ConfigurationStatus::Modified);
                }
            }
            ConfigurationEvent::RenderingFailed { reason, .. } => {
                self.failure = Some(reason.clone());
            }
            ConfigurationEvent::RenderingRecovered { .. } => self.failure = None,
            ConfigurationEvent::ConfirmationRequired { .. }
            | ConfigurationEvent::ReportedModified { .. } => {
                self.stands(ConfigurationStatus::Modified);
            }
            ConfigurationEvent::Applied { .. } => self.stands(ConfigurationStatus::Applied),
            ConfigurationEvent::ApplyFailed { reason, .. } => {
                self.stands(ConfigurationStatus::Error);
                self.error_reason.clone_from(reason);
            }
            ConfigurationEvent::DeactivationStarted { .. } => {
                self.stands(ConfigurationStatus::Deactivating);
                self.config = Document::new();
                self.templates.clear();
            }
            ConfigurationEvent::Deactivated { .. } => self.stands(ConfigurationStatus::Deactivated),
            ConfigurationEvent::Activated { templates, .. } => {
                self.stands(ConfigurationStatus::Modified);
                self.templates.clone_from(templates);
            }
            ConfigurationEvent::Moved { templates, .. } => self.templates.clone_from(templates),
        }
    }

    fn stands(&mut self, status: ConfigurationStatus) {
        self.status = status;
        self.error_reason.clear();
    }
}
