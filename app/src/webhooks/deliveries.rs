//! What was delivered, once more, as a test, or not at all.

use domain::{Permission, Problem, WebhookId};
use projections::{
    Stretch, Stretched,
    webhook::{self, DeliveryFilter, DeliveryKind, DeliveryRow, DeliveryState},
};
use store::{Op, Query, args};
use tracing::instrument;
use uuid::Uuid;

use super::{MODEL, Webhooks};
use crate::{By, Failure};

/// Events of one request.
const MOST: u32 = 1000;
/// Positions of one request.
const WIDEST: i64 = 100_000;
/// Tests and repetitions that wait at most.
const MOST_WAITING: i64 = 10_000;
/// What tests say they are.
const TEST: &str = "webhook.test";

/// What is delivered once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redelivered {
    /// Events that were queued again; those that are queued already are not among them.
    pub count: u64,
    /// Everything of the range up to here was looked at: where the next request goes on.
    pub up_to: i64,
}

/// Whether a delivery was taken out of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped(pub DeliveryRow);

impl Webhooks<'_> {
    /// A stretch of the deliveries of a webhook, the newest first.
    pub async fn deliveries(
        &self,
        by: &By,
        id: WebhookId,
        filter: DeliveryFilter,
        stretch: Stretch,
    ) -> Result<Stretched<DeliveryRow>, Failure> {
        self.webhook(by, id, Permission::ViewWebhook).await?;
        Ok(webhook::deliveries(self.0.store(), id, &filter, stretch).await?)
    }

    /// Delivers something that never happened, also while the webhook is paused: whether that worked is told with the delivery.
    #[instrument(name = "webhook.test", skip_all, fields(webhook.id = %id))]
    pub async fn test(&self, by: &By, id: WebhookId) -> Result<DeliveryRow, Failure> {
        let row = self.webhook(by, id, Permission::ChangeWebhook).await?;
        self.has_room(id).await?;
        let test = self.0.new_id();
        let owner = row.organization_id.map(domain::OrganizationId::as_uuid);
        let now = self.0.world().now();
        let op = Op::new(
            "INSERT INTO webhook_deliveries (id, webhook_id, organization_id, kind, state, position, event_type, lane, attempts, next_at, created_at)
             VALUES ($1, $2, $3, 'test', 'queued', 0, $4, '', 0, $5, $5)",
            args![test, id.as_uuid(), owner, TEST, now],
        );
        self.0.store().execute(vec![op]).await?;
        self.found(id, test).await
    }

    /// Delivers events once more that were delivered or left out, with the same `webhook-id`: those that the webhook selects,
    /// from one position to another. At most 1000 events and 100,000 positions: the answer says how far it came.
    #[instrument(name = "webhook.redeliver", skip_all, fields(webhook.id = %id))]
    pub async fn redeliver(
        &self,
        by: &By,
        id: WebhookId,
        (from, to): (i64, i64),
    ) -> Result<Redelivered, Failure> {
        let row = self.webhook(by, id, Permission::ChangeWebhook).await?;
        Self::readable(by, row.organization_id, &row.selection)?;
        if from < 1 || to < from {
            let rule = "must not be before the first one".to_owned();
            return Err(Failure::field("to", Problem::Rule(rule)));
        }
        self.has_room(id).await?;
        let Some(endpoint) = self.0.webhook_queues().endpoint(id).await? else {
            return Err(Failure::NotFound(MODEL));
        };
        // What is not queued yet is going to be delivered anyway, and in its order.
        let reached = webhook::waiting(self.0.store(), id).await?.position.unwrap_or(row.begins);
        // What was before the webhook is there for nobody who made it: it may be wanted all the same.
        let up_to = to.min(from.saturating_add(WIDEST - 1)).min(reached);
        if up_to < from {
            return Ok(Redelivered { count: 0, up_to: to });
        }
        let filter = endpoint.wants().filter(up_to);
        let events = self.0.store().events(&filter, from - 1, MOST).await?;
        let full = events.len() == MOST as usize;
        let last = events.last().map(|event| event.position).filter(|_| full).unwrap_or(up_to);
        let owner = row.organization_id.map(domain::OrganizationId::as_uuid);
        let now = self.0.world().now();
        let queue = |event: &store::Recorded| {
            Op::new(
                "INSERT INTO webhook_deliveries (id, webhook_id, organization_id, kind, state, position, event_type, lane, attempts, next_at, created_at)
                 SELECT $1, $2, $3, 'redelivery', 'queued', $4, $5, $6, 0, $7, $7
                 WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = $2 AND d.lane = $6 AND d.position = $4 AND d.state = 'queued')",
                args![
                    self.0.new_id(),
                    id.as_uuid(),
                    owner,
                    event.position,
                    &event.event_type,
                    &event.aggregate_id,
                    now
                ],
            )
        };
        let ops = events.iter().map(queue).collect();
        let count = self.0.store().execute(ops).await?.iter().sum();
        // Beyond what was reached there is nothing to repeat.
        let up_to = if last == reached { to } else { last };
        Ok(Redelivered { count, up_to })
    }

    /// Gives up one delivery that is queued, so that what waits for it goes on.
    #[instrument(name = "webhook.skip_delivery", skip_all, fields(webhook.id = %id, delivery.id = %delivery))]
    pub async fn skip_delivery(
        &self,
        by: &By,
        id: WebhookId,
        delivery: Uuid,
    ) -> Result<Skipped, Failure> {
        self.webhook(by, id, Permission::ChangeWebhook).await?;
        let found = self.found(id, delivery).await?;
        if found.state != DeliveryState::Queued {
            return Ok(Skipped(found));
        }
        let skip = Op::new(
            "UPDATE webhook_deliveries SET state = 'skipped' WHERE id = $1 AND webhook_id = $2 AND state = 'queued'",
            args![delivery, id.as_uuid()],
        );
        let mut ops = vec![skip];
        if found.kind == DeliveryKind::Event {
            // What waited for it need not wait any longer.
            ops.push(Op::new(
                "UPDATE webhook_deliveries SET next_at = $3 WHERE webhook_id = $1 AND lane = $2 AND state = 'queued' AND kind = 'event' AND attempts = 0",
                args![id.as_uuid(), &found.lane, self.0.world().now()],
            ));
        }
        self.0.store().execute(ops).await?;
        Ok(Skipped(self.found(id, delivery).await?))
    }

    async fn has_room(&self, id: WebhookId) -> Result<(), Failure> {
        let query = Query::new(
            "SELECT count(*) FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'queued' AND kind <> 'event'",
            args![id.as_uuid()],
        );
        let rows = self.0.store().fetch(query).await?;
        let waiting = rows.first().map_or(Ok(0), |row| row.int(0))?;
        if waiting < MOST_WAITING { Ok(()) } else { Err(Failure::RateLimited) }
    }

    async fn found(&self, id: WebhookId, delivery: Uuid) -> Result<DeliveryRow, Failure> {
        let found = webhook::delivery(self.0.store(), id, delivery).await?;
        found.ok_or(Failure::NotFound("WebhookDelivery"))
    }
}
