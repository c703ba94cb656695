use domain::{Authority, DeviceId, OrganizationId, authority::Scope};
use uuid::Uuid;

/// Who asks and why; one per outside request or job.
#[derive(Clone, Debug)]
pub struct By {
    /// Who, and how far that goes.
    pub authority: Authority,
    /// The request's id, which all its events carry.
    pub correlation_id: Option<Uuid>,
    /// What made it necessary: `event:<uuid>` | `report:<telemetry position>` | `job:<id>`.
    pub causation: Option<String>,
}

impl By {
    /// On behalf of an account, or of whoever the authority is.
    pub fn new(authority: Authority, correlation_id: Option<Uuid>) -> Self {
        Self { authority, correlation_id, causation: None }
    }

    /// A part of the program.
    pub fn system(worker: &'static str) -> Self {
        Self::new(Authority::system(worker), None)
    }

    /// A part of the program that works on a job.
    pub fn job(worker: &'static str, job: Uuid) -> Self {
        Self { causation: Some(format!("job:{job}")), ..Self::system(worker) }
    }

    /// An agent at the door, for one organization.
    pub(crate) fn agent(organization: OrganizationId, correlation_id: Option<Uuid>) -> Self {
        let actor = domain::Actor::Agent(organization);
        Self::new(Authority { actor, scope: Scope::Registration(organization) }, correlation_id)
    }

    /// A device that proved its key.
    pub(crate) fn device(
        device: DeviceId,
        organization: OrganizationId,
        correlation_id: Option<Uuid>,
    ) -> Self {
        let actor = domain::Actor::Device(device);
        Self::new(Authority { actor, scope: Scope::Device(device, organization) }, correlation_id)
    }
}
