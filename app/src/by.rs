use chrono::{DateTime, Utc};
use domain::{
    Authority, DeviceId, OrganizationId, TokenId,
    authority::{ReadScope, Scope},
};
use store::Identity;
use uuid::Uuid;

use crate::{Peer, work::Rehearsal};

/// Whose rows are read for rules and the program's own work; see [`ReadScope::of_rules`].
pub(crate) const RULES: &ReadScope = &ReadScope::of_rules();

/// Who asks and why; one per outside request or job.
#[derive(Clone, Debug)]
pub struct By {
    /// Who, and how far that goes.
    pub authority: Authority,
    /// The request's id, which all its events carry.
    pub correlation_id: Option<Uuid>,
    /// What made it necessary: `event:<uuid>` | `report:<telemetry position>` | `job:<id>`.
    pub causation: Option<String>,
    /// Where the request came from, where it came from outside.
    pub(crate) peer: Option<Peer>,
    /// The token that was shown, where it is one for a purpose.
    pub(crate) token: Option<UsedToken>,
    /// Where the event is that made it necessary, if it was one: ids have no index.
    pub(crate) cause_position: Option<i64>,
    /// Under which a repetition of the request is recognised.
    pub once: Option<Once>,
    /// The end of the log when the actor last saw what is to be changed: nothing happens where it was changed since.
    pub unchanged_since: Option<i64>,
    /// Nothing is to happen: what would be appended is kept here instead.
    pub(crate) rehearsal: Option<Rehearsal>,
}

/// A token for a purpose that was shown with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UsedToken {
    pub(crate) id: TokenId,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// What makes a repeated request one effect: keys belong to an actor and live 7 days (architecture, decision 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// Chosen by the client, at most 200 characters.
    pub key: String,
    /// Hash of what was asked, see [`App::fingerprint`](crate::App::fingerprint).
    pub fingerprint: Vec<u8>,
}

impl By {
    /// On behalf of an account, or of whoever the authority is.
    pub fn new(authority: Authority, correlation_id: Option<Uuid>) -> Self {
        Self {
            authority,
            correlation_id,
            causation: None,
            peer: None,
            token: None,
            cause_position: None,
            once: None,
            unchanged_since: None,
            rehearsal: None,
        }
    }

    /// The same, from somewhere.
    #[must_use]
    pub fn from(self, peer: Peer) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// The same, done once however often it is asked for.
    #[must_use]
    pub fn once(self, once: Once) -> Self {
        Self { once: Some(once), ..self }
    }

    /// The same, without anything happening: the use case decides and ends before it appends.
    pub(crate) fn rehearsing(&self, rehearsal: &Rehearsal) -> Self {
        Self { once: None, rehearsal: Some(rehearsal.clone()), ..self.clone() }
    }

    /// A part of the program.
    pub fn system(worker: &'static str) -> Self {
        Self::new(Authority::system(worker), None)
    }

    /// A part of the program that does what follows from an event, as a part of the request that the event came from.
    pub(crate) fn after(worker: &'static str, event: Option<&Identity>) -> Self {
        let by = Self::system(worker);
        let Some(event) = event else { return by };
        Self {
            correlation_id: event.correlation_id,
            causation: Some(format!("event:{}", event.event_id)),
            cause_position: Some(event.position),
            ..by
        }
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
