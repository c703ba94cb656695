//! What is sent: an event as the streams tell it, signed at that moment.

use std::{collections::BTreeSet, fmt};

use bytes::Bytes;
use domain::{OrganizationId, WebhookId, classified::Class, webhook::WebhookSelection};
use projections::webhook::{self, DeliveryKind, DeliveryRow, WebhookRow, WebhookState};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{EventFilter, Recorded};
use uuid::Uuid;

use super::{
    READABLE, WebhookQueues,
    signature::{SigningKey, signed},
};
use crate::{Failure, LiveEvent, sealing::Place};

/// A webhook that delivers, with its keys.
pub struct Endpoint {
    pub(super) row: WebhookRow,
    keys: Vec<SigningKey>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.row.id).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The webhook.
    pub fn id(&self) -> WebhookId {
        self.row.id
    }

    /// Are events delivered, and not only what somebody asked for by name?
    pub fn is_active(&self) -> bool {
        self.row.state == WebhookState::Active
    }

    /// Which events it gets.
    pub(super) fn wants(&self) -> Wants {
        Wants::new(self.row.organization_id, &self.row.selection)
    }
}

/// Which events a webhook gets.
pub(super) struct Wants {
    /// None is all.
    types: Option<BTreeSet<&'static str>>,
    /// None is all. An event belongs to the organization of its time: what moves leaves its past.
    organizations: Option<Vec<Uuid>>,
}

impl Wants {
    pub(super) fn new(owner: Option<OrganizationId>, selection: &WebhookSelection) -> Self {
        let selected = selection.event_types();
        let types = || {
            let own = |aggregate: &str| {
                owner.is_none() || READABLE.iter().any(|(name, _)| *name == aggregate)
            };
            let all = domain::event_types().into_iter().filter(|(name, _)| own(name));
            all.flat_map(|(_, types)| types.iter().copied())
                .filter(|name| selected.as_ref().is_none_or(|selected| selected.contains(name)))
                .collect()
        };
        let everything = owner.is_none() && selected.is_none();
        let organizations = match owner {
            Some(own) => Some(vec![own.as_uuid()]),
            None if selection.organizations.is_empty() => None,
            None => Some(selection.organizations.iter().map(|id| id.as_uuid()).collect()),
        };
        Self { types: (!everything).then(types), organizations }
    }

    pub(super) fn takes(&self, event: &Recorded) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(event.event_type.as_str()))
            && self.organizations.as_ref().is_none_or(|organizations| {
                event.organization_id.is_some_and(|id| organizations.contains(&id))
            })
    }

    /// As the store filters.
    pub(super) fn filter(&self, up_to: i64) -> EventFilter {
        let organizations = match &self.types {
            // No type at all selects nothing.
            Some(types) if types.is_empty() => Some(Vec::new()),
            _ => self.organizations.clone(),
        };
        let types = self.types.iter().flatten();
        EventFilter {
            event_types: types.map(|name| (*name).to_owned()).collect(),
            organizations,
            up_to: Some(up_to),
            ..EventFilter::default()
        }
    }
}

/// A request as it is sent. Shows nothing of its content when printed.
pub struct Outgoing {
    /// Where to.
    pub url: String,
    /// Names and values, beside what every request has.
    pub headers: [(&'static str, String); 4],
    /// JSON.
    pub body: Bytes,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

impl WebhookQueues<'_> {
    /// A webhook with its keys; none where it is not any more.
    pub async fn endpoint(&self, id: WebhookId) -> Result<Option<Endpoint>, Failure> {
        let row = webhook::by_id(self.0.store(), crate::RULES, id).await?;
        let Some(row) = row else { return Ok(None) };
        let place = Place::WebhookSecret(id, row.organization_id);
        let now = self.0.world().now();
        let previous = row.previous.as_ref().filter(|(_, until)| *until > now);
        let mut keys = Vec::new();
        for sealed in [Some(&row.secret), previous.map(|(sealed, _)| sealed)].into_iter().flatten()
        {
            let text = self.0.sealing().open(place, sealed).await?;
            let key = SigningKey::parse(&text);
            keys.push(key.map_err(|_| Failure::Broken("a secret of a webhook is none".into()))?);
        }
        Ok(Some(Endpoint { row, keys }))
    }

    /// A delivery as it is sent at this moment; none where there is nothing to send any more.
    pub async fn outgoing(
        &self,
        endpoint: &Endpoint,
        delivery: &DeliveryRow,
    ) -> Result<Option<Outgoing>, Failure> {
        let now = self.0.world().now();
        let (id, event) = if delivery.kind == DeliveryKind::Test {
            let event = json!({
                "specversion": "1.0",
                "id": delivery.id.to_string(),
                "source": "/api/v1/events",
                "type": delivery.event_type,
                "subject": format!("webhook/{}", endpoint.row.id),
                "time": delivery.created_at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
                "datacontenttype": "application/json",
                "data": { "test": { "webhook_id": endpoint.row.id } },
            });
            (delivery.id, event)
        } else {
            let found = self.0.store().events_at(&[delivery.position]).await?;
            let Some(event) = found.first() else { return Ok(None) };
            (event.event_id, LiveEvent::told(event, Class::Plain).cloud_event())
        };
        let id = message_id(endpoint.row.id, id);
        let body = Bytes::from(event.to_string());
        let timestamp = now.timestamp();
        let signature = signed(&endpoint.keys, &id, timestamp, &body);
        Ok(Some(Outgoing {
            url: endpoint.row.url.clone(),
            headers: [
                ("content-type", "application/cloudevents+json; charset=utf-8".to_owned()),
                ("webhook-id", id),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", signature),
            ],
            body,
        }))
    }
}

/// The same for every delivery of an event to a webhook, so that a receiver knows what it has already.
fn message_id(webhook: WebhookId, event: Uuid) -> String {
    let mut hash = Sha256::new();
    hash.update(webhook.as_uuid().as_bytes());
    hash.update(event.as_bytes());
    format!("msg_{}", hex::encode(&hash.finalize()[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_one_id_per_webhook() {
        let of = |webhook, event| {
            message_id(WebhookId::from_uuid(Uuid::from_u128(webhook)), Uuid::from_u128(event))
        };
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(2, 2));
        assert_ne!(of(1, 2), of(1, 3));
        assert_eq!(of(1, 2).len(), 36);
    }
}
