//! Events as they are told: what is confidential in them is masked, or opened for those who may see it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    DeviceId, Document, OrganizationId, Permission,
    accounts::SecretKind,
    classified::{self, Class},
};
use projections::SealedText;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use store::Recorded;
use uuid::Uuid;

use super::{Ended, Listener};
use crate::{Failure, sealing::Place};

/// What a listener wants to be told of what is confidential; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confidential {
    /// Configurations, variables, meta data, notes and reasons: for superusers, others are refused.
    pub sensitive: bool,
    /// Keys of devices and shared secrets, as far as the listener may see them at that moment; each reading is an event. Who
    /// may see none at all is refused.
    pub secrets: bool,
}

/// An event as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveEvent {
    /// Where in the log.
    pub position: i64,
    /// Unique for ever.
    pub event_id: Uuid,
    /// Such as `device.renamed`.
    pub event_type: String,
    /// A whole number as text.
    pub event_version: String,
    /// Kind of the stream.
    pub aggregate_type: String,
    /// Which stream of that kind.
    pub aggregate_id: String,
    /// 1, 2, 3 … inside the stream.
    pub sequence: i64,
    /// Whose it was at that time.
    pub organization_id: Option<OrganizationId>,
    /// `user:<id>` | `device:<id>` | `agent:<organization>` | `system:<worker>` | `local:<unix user>`; none for foreign events.
    pub actor: Option<String>,
    /// The request that it came from.
    pub correlation_id: Option<Uuid>,
    /// `event:<uuid>` | `report:<telemetry position>` | `job:<id>`.
    pub causation: Option<String>,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// As stored, with masks in the places of what is not told.
    pub payload: Document,
}

/// Where events come from: with the id, unique everywhere.
const SOURCE: &str = "/api/v1/events";

impl LiveEvent {
    pub(crate) fn told(event: &Recorded, up_to: Class) -> Self {
        Self {
            position: event.position,
            event_id: event.event_id,
            event_type: event.event_type.clone(),
            event_version: event.event_version.clone(),
            aggregate_type: event.aggregate_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
            sequence: event.sequence,
            organization_id: event.organization_id.map(OrganizationId::from_uuid),
            actor: event.actor.clone(),
            correlation_id: event.correlation_id,
            causation: event.causation.clone(),
            at: event.recorded_at,
            payload: classified::told(&event.event_type, &event.payload, up_to),
        }
    }

    /// The event as a `CloudEvent` 1.0 in its JSON format. Numbers of attributes end at 2³¹ there, so ours are texts.
    pub fn cloud_event(&self) -> Value {
        let mut event = json!({
            "specversion": "1.0",
            "id": self.event_id.to_string(),
            "source": SOURCE,
            "type": self.event_type,
            "subject": format!("{}/{}", self.aggregate_type, self.aggregate_id),
            "time": self.at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            "datacontenttype": "application/json",
            "position": self.position.to_string(),
            "streamsequence": self.sequence.to_string(),
            "eventversion": self.event_version,
        });
        let extensions = [
            ("organization", self.organization_id.map(|id| id.to_string())),
            ("actor", self.actor.clone()),
            ("correlationid", self.correlation_id.map(|id| id.to_string())),
            ("causation", self.causation.clone()),
        ];
        // Attributes have no null.
        for (name, value) in extensions {
            if let Some(value) = value {
                event[name] = value.into();
            }
        }
        event["data"] = Value::Object(self.payload.clone());
        event
    }
}

/// Tells events to who may see them. Which secrets are among them is noted before.
pub(super) async fn told(
    listener: &Listener,
    events: &[Arc<Recorded>],
    confidential: Confidential,
) -> Result<Vec<LiveEvent>, Ended> {
    let up_to = if confidential.sensitive { Class::Sensitive } else { Class::Plain };
    let mut told: Vec<LiveEvent> =
        events.iter().map(|event| LiveEvent::told(event, up_to)).collect();
    if confidential.secrets {
        for kind in [SecretKind::DeviceKey, SecretKind::SharedSecret] {
            open(listener, kind, (events, &mut told)).await?;
        }
    }
    Ok(told)
}

/// A secret in an event.
struct Found {
    /// Which of the events.
    number: usize,
    of: Uuid,
    organization: OrganizationId,
    variant: String,
    envelope: Value,
}

/// Puts secrets of a kind into the places of their masks, as far as the listener may see them now.
async fn open(
    listener: &Listener,
    kind: SecretKind,
    (events, told): (&[Arc<Recorded>], &mut [LiveEvent]),
) -> Result<(), Ended> {
    let (aggregate, field) = match kind {
        SecretKind::DeviceKey => ("device", "key"),
        SecretKind::SharedSecret => ("organization", "secret"),
    };
    let mut found = Vec::new();
    for (number, event) in events.iter().enumerate() {
        if event.aggregate_type == aggregate
            && let Some((variant, envelope)) = envelope(&event.payload, field)
            && let Ok(of) = event.aggregate_id.parse()
            && let Some(organization) = owner(listener, kind, of).await?
        {
            found.push(Found { number, of, organization, variant, envelope });
        }
    }
    let read: Vec<(Uuid, OrganizationId)> =
        found.iter().map(|one| (one.of, one.organization)).collect();
    listener.app().note_reading(listener.by(), kind, &read).await?;
    for Found { number, of, organization, variant, envelope } in found {
        let place = match kind {
            SecretKind::DeviceKey => Place::DeviceKey(DeviceId::from_uuid(of), organization),
            SecretKind::SharedSecret => Place::SharedSecret(organization),
        };
        let opened =
            listener.app().sealing().open(place, &SealedText::new(envelope.to_string())).await;
        match opened {
            Ok(secret) => told[number].payload[&variant][field] = json!(secret.expose_secret()),
            Err(failure @ (Failure::Unavailable | Failure::Busy)) => return Err(failure.into()),
            // What cannot be opened stays masked.
            Err(failure) => {
                let position = told[number].position;
                tracing::warn!(position, "a secret in an event cannot be opened: {failure}");
            }
        }
    }
    Ok(())
}

/// Whose secret it is at this moment, if the listener may see it. A device that has moved kept its key: who had the device
/// before does not see it any more, and of what was removed only superusers do.
async fn owner(
    listener: &Listener,
    kind: SecretKind,
    of: Uuid,
) -> Result<Option<OrganizationId>, Ended> {
    let by = listener.by();
    let organization = match kind {
        SecretKind::SharedSecret => Some(OrganizationId::from_uuid(of)),
        SecretKind::DeviceKey => {
            match listener.app().devices().row(by, DeviceId::from_uuid(of)).await {
                Ok(row) => Some(row.organization_id),
                Err(Failure::NotFound(_) | Failure::Forbidden) => None,
                Err(failure) => return Err(failure.into()),
            }
        }
    };
    let may = |organization: &OrganizationId| {
        by.authority.require(Permission::SeeSecrets, Some(*organization)).is_ok()
    };
    Ok(organization.filter(may))
}

/// The sealed value of a field, and what happened.
fn envelope(payload: &str, field: &str) -> Option<(String, Value)> {
    let payload: Document = serde_json::from_str(payload).ok()?;
    let (variant, mut fields) = payload.into_iter().next()?;
    let envelope = fields.get_mut(field)?.get_mut("envelope")?.take();
    Some((variant, envelope))
}
