use serde::{Deserialize, Serialize};

use super::{
    ArchiveRendered, ConfigurationCommand, ConfigurationCreated, ConfigurationError,
    ConfigurationEvent, ConfigurationStatus, CreateConfiguration, DownloadedArchive,
    ReportedStatus,
};
use crate::{
    Document, FieldError, OrganizationId, TemplateId, configuration::Backend, fact::aggregate,
    field,
};

/// What is written down when an agent gives no reason.
const NO_REASON: &str = "Reason not reported by the device.";
/// Longest reason in characters.
const REASON: usize = 1024;
const TRUNCATED: &str = "\n[truncated]";

/// Just enough state to decide the next command.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum Configuration {
    /// No event yet, or removed.
    #[default]
    Absent,
    /// Of a device.
    Present(Box<Present>),
}

/// What the rules remember of a configuration.
#[derive(Debug, Serialize, Deserialize)]
pub struct Present {
    organization_id: OrganizationId,
    backend: Backend,
    config: Document,
    variables: Document,
    templates: Vec<TemplateId>,
    status: ConfigurationStatus,
    /// Of the present archive.
    archive: Option<Hashes>,
    /// Why the inputs make no archive at present.
    failure: Option<String>,
    /// What the agent said with the last error, and the last report on an old archive.
    reason: Option<String>,
    outdated_report: Option<(String, Option<String>, String)>,
    /// The next rendering decides whether an activation or deactivation changed anything, unless the device
    /// says so before, or somebody wants to hear it from the device.
    undecided: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hashes {
    sha256: String,
    md5: String,
}

aggregate!(
    Configuration,
    "configuration",
    ConfigurationCommand,
    ConfigurationEvent,
    ConfigurationError
);

type Decision = Result<Vec<ConfigurationEvent>, ConfigurationError>;

impl Configuration {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(&self, command: ConfigurationCommand) -> Decision {
        match (self, command) {
            (Self::Absent, ConfigurationCommand::Create(new)) => create(*new),
            (Self::Absent, ConfigurationCommand::Remove) => Ok(vec![]),
            (Self::Absent, _) => Err(ConfigurationError::Unknown),
            (Self::Present(_), ConfigurationCommand::Create(_)) => Err(ConfigurationError::Exists),
            (Self::Present(configuration), ConfigurationCommand::AcceptRendering(archive)) => {
                Ok(configuration.accept(archive))
            }
            (Self::Present(configuration), command) => {
                Ok(configuration.decide(command)?.into_iter().collect())
            }
        }
    }

    fn evolve(&mut self, event: ConfigurationEvent) {
        match (&mut *self, event) {
            (Self::Absent, ConfigurationEvent::Created(created)) => {
                *self = Self::Present(Box::new(Present::from(*created)));
            }
            (Self::Present(_), ConfigurationEvent::Removed { .. }) => *self = Self::Absent,
            (Self::Present(configuration), event) => configuration.evolve(event),
            (Self::Absent, _) => {}
        }
    }
}

fn create(new: CreateConfiguration) -> Decision {
    let CreateConfiguration {
        device_id,
        organization_id,
        backend,
        config,
        variables,
        templates,
        defaults_position,
    } = new;
    checked("config.config", &config)?;
    checked("config.context", &variables)?;
    Ok(vec![ConfigurationEvent::Created(Box::new(ConfigurationCreated {
        device_id,
        organization_id,
        backend,
        config,
        variables,
        templates,
        defaults_position,
    }))])
}

impl Present {
    fn decide(
        &self,
        command: ConfigurationCommand,
    ) -> Result<Option<ConfigurationEvent>, ConfigurationError> {
        let organization_id = self.organization_id;
        Ok(match command {
            ConfigurationCommand::Create(_) => return Err(ConfigurationError::Exists),
            ConfigurationCommand::AcceptRendering(_) => None,
            ConfigurationCommand::ChangeContents(config) => {
                self.editable()?;
                checked("config.config", &config)?;
                (!field::same(&config, &self.config))
                    .then_some(ConfigurationEvent::ContentsChanged { organization_id, config })
            }
            ConfigurationCommand::ChangeVariables(variables) => {
                self.editable()?;
                checked("config.context", &variables)?;
                (!field::same(&variables, &self.variables))
                    .then_some(ConfigurationEvent::VariablesChanged { organization_id, variables })
            }
            ConfigurationCommand::ChangeBackend(to) => {
                self.editable()?;
                (to != self.backend).then(|| ConfigurationEvent::BackendChanged {
                    organization_id,
                    from: self.backend.clone(),
                    to,
                })
            }
            ConfigurationCommand::AssignTemplates(to) => {
                self.editable()?;
                (to != self.templates).then(|| ConfigurationEvent::TemplatesChanged {
                    organization_id,
                    from: self.templates.clone(),
                    to,
                })
            }
            ConfigurationCommand::AcceptFailure { inputs_position, reason } => {
                (self.failure.as_ref() != Some(&reason)).then_some(
                    ConfigurationEvent::RenderingFailed {
                        organization_id,
                        inputs_position,
                        reason,
                    },
                )
            }
            ConfigurationCommand::RequireConfirmation(reason) => {
                // Also where a rendering would settle an activation as applied.
                (!self.ends() && (self.undecided || self.status != ConfigurationStatus::Modified))
                    .then(|| ConfigurationEvent::ConfirmationRequired {
                        organization_id,
                        reason: reason.to_owned(),
                    })
            }
            ConfigurationCommand::Report { status, archive } => self.report(status, archive),
            ConfigurationCommand::Deactivate => {
                (!self.ends()).then(|| ConfigurationEvent::DeactivationStarted {
                    organization_id,
                    templates: self.templates.clone(),
                })
            }
            ConfigurationCommand::Activate { templates, defaults_position } => {
                self.ends().then_some(ConfigurationEvent::Activated {
                    organization_id,
                    templates,
                    defaults_position,
                })
            }
            ConfigurationCommand::Move { to, templates } => (to != organization_id)
                .then_some(ConfigurationEvent::Moved { from: organization_id, to, templates }),
            ConfigurationCommand::Remove => Some(ConfigurationEvent::Removed { organization_id }),
        })
    }

    fn ends(&self) -> bool {
        matches!(self.status, ConfigurationStatus::Deactivating | ConfigurationStatus::Deactivated)
    }

    fn editable(&self) -> Result<(), ConfigurationError> {
        if self.ends() { Err(ConfigurationError::Deactivated) } else { Ok(()) }
    }

    /// Equal bytes make no event, unless they settle an activation, a deactivation or a failure.
    fn accept(&self, archive: ArchiveRendered) -> Vec<ConfigurationEvent> {
        let organization_id = self.organization_id;
        let equal = self.archive.as_ref().is_some_and(|held| held.sha256 == archive.sha256);
        if !equal {
            return vec![ConfigurationEvent::Rendered { organization_id, archive }];
        }
        let recovered = || ConfigurationEvent::RenderingRecovered {
            organization_id,
            inputs_position: archive.inputs_position,
        };
        let settled = match (self.undecided, self.status) {
            (true, ConfigurationStatus::Deactivating) => {
                Some(ConfigurationEvent::Deactivated { organization_id })
            }
            (true, ConfigurationStatus::Modified) => Some(ConfigurationEvent::Applied {
                organization_id,
                md5: Some(archive.md5.clone()),
            }),
            _ => None,
        };
        self.failure.is_some().then(recovered).into_iter().chain(settled).collect()
    }

    fn report(
        &self,
        status: ReportedStatus,
        downloaded: DownloadedArchive,
    ) -> Option<ConfigurationEvent> {
        let organization_id = self.organization_id;
        match self.status {
            ConfigurationStatus::Deactivating => {
                return Some(ConfigurationEvent::Deactivated { organization_id });
            }
            ConfigurationStatus::Deactivated => return None,
            ConfigurationStatus::Modified
            | ConfigurationStatus::Applied
            | ConfigurationStatus::Error => {}
        }
        let present = self.archive.as_ref().map(|held| held.md5.as_str());
        if let DownloadedArchive::Known(md5) = downloaded
            && Some(md5.as_str()) != present
        {
            let (status, reason) = match status {
                ReportedStatus::Applied => ("applied", None),
                ReportedStatus::Modified => ("modified", None),
                ReportedStatus::Error(reason) => ("error", Some(reason_of(reason))),
            };
            let report = (status.to_owned(), reason, md5);
            return (self.outdated_report.as_ref() != Some(&report)).then(|| {
                let (status, reason, md5) = report;
                ConfigurationEvent::ReportedOutdated { organization_id, status, reason, md5 }
            });
        }
        match status {
            ReportedStatus::Applied => (self.status != ConfigurationStatus::Applied).then(|| {
                let md5 = present.map(str::to_owned);
                ConfigurationEvent::Applied { organization_id, md5 }
            }),
            ReportedStatus::Modified => (self.status != ConfigurationStatus::Modified)
                .then_some(ConfigurationEvent::ReportedModified { organization_id }),
            ReportedStatus::Error(reason) => {
                let reason = reason_of(reason);
                let known = self.status == ConfigurationStatus::Error
                    && self.reason.as_ref() == Some(&reason);
                (!known).then_some(ConfigurationEvent::ApplyFailed { organization_id, reason })
            }
        }
    }

    fn evolve(&mut self, event: ConfigurationEvent) {
        match event {
            ConfigurationEvent::Created(_) | ConfigurationEvent::Removed { .. } => {}
            ConfigurationEvent::ContentsChanged { config, .. } => self.config = config,
            ConfigurationEvent::VariablesChanged { variables, .. } => self.variables = variables,
            ConfigurationEvent::BackendChanged { to, .. } => self.backend = to,
            ConfigurationEvent::TemplatesChanged { to, .. } => self.templates = to,
            ConfigurationEvent::Rendered { archive, .. } => {
                self.archive = Some(Hashes { sha256: archive.sha256, md5: archive.md5 });
                self.failure = None;
                self.undecided = false;
                if !self.ends() {
                    self.stands(ConfigurationStatus::Modified);
                }
            }
            ConfigurationEvent::RenderingFailed { reason, .. } => self.failure = Some(reason),
            ConfigurationEvent::RenderingRecovered { .. } => self.failure = None,
            ConfigurationEvent::ConfirmationRequired { .. }
            | ConfigurationEvent::ReportedModified { .. } => {
                self.undecided = false;
                self.stands(ConfigurationStatus::Modified);
            }
            ConfigurationEvent::Applied { .. } => {
                self.undecided = false;
                self.stands(ConfigurationStatus::Applied);
            }
            ConfigurationEvent::ApplyFailed { reason, .. } => {
                self.undecided = false;
                self.stands(ConfigurationStatus::Error);
                self.reason = Some(reason);
            }
            ConfigurationEvent::ReportedOutdated { status, reason, md5, .. } => {
                self.outdated_report = Some((status, reason, md5));
            }
            ConfigurationEvent::DeactivationStarted { .. } => {
                self.config = Document::new();
                self.templates = Vec::new();
                self.undecided = true;
                self.stands(ConfigurationStatus::Deactivating);
            }
            ConfigurationEvent::Deactivated { .. } => {
                self.undecided = false;
                self.stands(ConfigurationStatus::Deactivated);
            }
            ConfigurationEvent::Activated { templates, .. } => {
                self.templates = templates;
                self.undecided = true;
                self.stands(ConfigurationStatus::Modified);
            }
            ConfigurationEvent::Moved { to, templates, .. } => {
                self.organization_id = to;
                self.templates = templates;
            }
        }
    }

    fn stands(&mut self, status: ConfigurationStatus) {
        self.status = status;
        self.reason = None;
        self.outdated_report = None;
    }
}

impl From<ConfigurationCreated> for Present {
    fn from(created: ConfigurationCreated) -> Self {
        Self {
            organization_id: created.organization_id,
            backend: created.backend,
            config: created.config,
            variables: created.variables,
            templates: created.templates,
            status: ConfigurationStatus::Modified,
            archive: None,
            failure: None,
            reason: None,
            outdated_report: None,
            undecided: false,
        }
    }
}

fn reason_of(reason: Option<String>) -> String {
    let reason = reason.unwrap_or_default().replace('\0', "");
    if reason.is_empty() {
        return NO_REASON.to_owned();
    }
    if reason.chars().count() <= REASON {
        return reason;
    }
    let kept = REASON - TRUNCATED.len();
    reason.chars().take(kept).chain(TRUNCATED.chars()).collect()
}

fn checked(name: &'static str, document: &Document) -> Result<(), FieldError> {
    field::document(document).map_err(|problem| FieldError::new(name, problem))
}
