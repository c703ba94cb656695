//! What follows from one event for many devices: a job in batches, each exactly once.

use domain::{
    Event, GroupId, OrganizationId, TemplateId,
    accounts::OrganizationEvent,
    configuration::{TemplateEvent, TemplateFlags},
    device::GroupEvent,
};
use serde::{Deserialize, Serialize};
use store::{Fault, Jobs, Mode, NewJob, Op, Projection, Recorded};

use crate::{catalogue, removal};

/// A job for many devices. Its position is that of the event that made it necessary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum FanOutJob {
    /// Render the devices that use a template again.
    RenderTemplate {
        /// The template.
        template_id: TemplateId,
    },
    /// Render the devices of a group again.
    RenderGroup {
        /// The group.
        group_id: GroupId,
    },
    /// Render the devices of an organization again.
    RenderOrganization {
        /// The organization.
        organization_id: OrganizationId,
    },
    /// Give a template that became default or required to the devices that it is for.
    AddTemplate {
        /// The template.
        template_id: TemplateId,
    },
    /// Take a template that has moved from the devices of other organizations, and give it to those that it is for.
    PlaceTemplate {
        /// The template.
        template_id: TemplateId,
    },
    /// Take a template that was removed out of the lists of its devices.
    DropTemplate {
        /// The template.
        template_id: TemplateId,
    },
    /// Give the devices of a group its templates, with a configuration where there is none, and take away those that are
    /// not its any more.
    ReassignGroup {
        /// The group.
        group_id: GroupId,
        /// Before.
        from: Vec<TemplateId>,
        /// From here on.
        to: Vec<TemplateId>,
    },
    /// Let the devices of a removed group be in none.
    LeaveGroup {
        /// The group.
        group_id: GroupId,
    },
}

impl FanOutJob {
    /// All kinds, as leases name them.
    pub const KINDS: &'static [&'static str] =
        &["configurations.render", "configurations.reassign", "devices.leave_group"];

    /// Which worker takes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RenderTemplate { .. }
            | Self::RenderGroup { .. }
            | Self::RenderOrganization { .. } => "configurations.render",
            Self::AddTemplate { .. }
            | Self::PlaceTemplate { .. }
            | Self::DropTemplate { .. }
            | Self::ReassignGroup { .. } => "configurations.reassign",
            Self::LeaveGroup { .. } => "devices.leave_group",
        }
    }

    /// What an event of this stream makes necessary.
    pub fn of(event: &Event, stream: uuid::Uuid) -> Option<Self> {
        match event {
            Event::Template(event) => Self::of_template(event, TemplateId::from_uuid(stream)),
            Event::Group(event) => Self::of_group(event, GroupId::from_uuid(stream)),
            Event::Organization(OrganizationEvent::VariablesChanged {
                organization_id, ..
            }) => Some(Self::RenderOrganization { organization_id: *organization_id }),
            Event::Organization(_)
            | Event::Configuration(_)
            | Event::Device(_)
            | Event::Gone
            | Event::LogIn(_)
            | Event::PermissionGroup(_)
            | Event::SecretReading(_)
            | Event::User(_)
            | Event::Webhook(_) => None,
        }
    }

    fn of_template(event: &TemplateEvent, template_id: TemplateId) -> Option<Self> {
        match event {
            TemplateEvent::Created(created) => {
                created.flags.is_default().then_some(Self::AddTemplate { template_id })
            }
            // What is default no more stays where it is; what was required is everywhere already.
            TemplateEvent::FlagsChanged { from, to, .. } => (to.is_default()
                && *from != TemplateFlags::Required)
                .then_some(Self::AddTemplate { template_id }),
            TemplateEvent::ContentsChanged { .. }
            | TemplateEvent::DefaultValuesChanged { .. }
            | TemplateEvent::BackendChanged { .. } => Some(Self::RenderTemplate { template_id }),
            TemplateEvent::Moved { .. } => Some(Self::PlaceTemplate { template_id }),
            TemplateEvent::Removed { .. } => Some(Self::DropTemplate { template_id }),
            TemplateEvent::Renamed { .. }
            | TemplateEvent::TagsChanged { .. }
            | TemplateEvent::NotesChanged { .. } => None,
        }
    }

    fn of_group(event: &GroupEvent, group_id: GroupId) -> Option<Self> {
        match event {
            GroupEvent::VariablesChanged { .. } => Some(Self::RenderGroup { group_id }),
            GroupEvent::TemplatesChanged { from, to, .. } => {
                Some(Self::ReassignGroup { group_id, from: from.clone(), to: to.clone() })
            }
            GroupEvent::Removed { .. } => Some(Self::LeaveGroup { group_id }),
            GroupEvent::Created(_)
            | GroupEvent::Renamed { .. }
            | GroupEvent::DescriptionChanged { .. }
            | GroupEvent::MetaDataChanged { .. } => None,
        }
    }
}

/// Orders the jobs; owns no tables, because a job that was done is not done again by a rebuild.
#[derive(Clone, Copy, Debug, Default)]
pub struct FanOut;

impl Projection for FanOut {
    fn name(&self) -> &'static str {
        "fan_out.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Following
    }

    fn tables(&self) -> &'static [&'static str] {
        &[]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type.starts_with("template.")
            || event_type.starts_with("device_group.")
            || event_type == "organization.variables_changed"
            || event_type == "organization.removal_started"
    }

    fn apply(&self, recorded: &Recorded) -> Result<Vec<Op>, Fault> {
        let event = catalogue::decode(recorded)?;
        let Some(job) = FanOutJob::of(&event, catalogue::stream(recorded)?) else {
            return removal::jobs(&event, recorded.position, recorded.recorded_at);
        };
        let payload =
            serde_json::to_string(&Ordered { position: recorded.position, job: job.clone() })
                .map_err(|error| Fault(error.to_string()))?;
        Ok(vec![Jobs::enqueue_op(NewJob {
            kind: job.kind().to_owned(),
            key: format!("{}:{}", self.name(), recorded.position),
            organization_id: recorded.organization_id,
            payload,
            total: None,
            run_after: recorded.recorded_at,
            created_at: recorded.recorded_at,
        })])
    }
}

/// A job as the table keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// Of the event that made it necessary.
    pub position: i64,
    /// What is to be done.
    #[serde(flatten)]
    pub job: FanOutJob,
}
