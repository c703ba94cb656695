//! What is to be delivered to webhooks, and what was.

use chrono::{DateTime, Utc};
use domain::{OrganizationId, WebhookId};
use store::{Query, Row, Store, StoreError, args};
use uuid::Uuid;

use crate::{
    Stretch, Stretched,
    conditions::{Conditions, SortKind, Sorting},
    first,
};

/// Why something is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryKind {
    /// It happened.
    Event,
    /// Somebody wants it once more.
    Redelivery,
    /// Somebody tries whether it works.
    Test,
}

impl DeliveryKind {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Redelivery => "redelivery",
            Self::Test => "test",
        }
    }
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It has to be delivered yet.
    Queued,
    /// The receiver took it.
    Delivered,
    /// Somebody decided that it is not delivered, or there is nothing to deliver.
    Skipped,
    /// A test that the receiver did not take, or something that was wanted once more and could not be delivered for too long.
    Failed,
}

impl DeliveryState {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// The delivery.
    pub id: Uuid,
    /// Where to.
    pub webhook_id: WebhookId,
    /// Whose the webhook is.
    pub organization_id: Option<OrganizationId>,
    /// Why.
    pub kind: DeliveryKind,
    /// How far it has come.
    pub state: DeliveryState,
    /// Of the event; 0 for a test.
    pub position: i64,
    /// Of the event.
    pub event_type: String,
    /// The id of the stream, inside which first deliveries have an order.
    pub lane: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, while it is queued.
    pub next_at: DateTime<Utc>,
    /// The first attempt that failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// The last attempt.
    pub attempted_at: Option<DateTime<Utc>>,
    /// What the receiver answered to it.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
}

/// The columns of [`read_delivery`], in its order.
pub const DELIVERY_COLUMNS: &str = "id, webhook_id, organization_id, kind, state, position, event_type, lane, attempts, next_at, failing_since, attempted_at, status, error, created_at";
const WIDTH: usize = 15;

/// A delivery from a row of [`DELIVERY_COLUMNS`].
pub fn read_delivery(row: &Row) -> Result<DeliveryRow, StoreError> {
    Ok(DeliveryRow {
        id: row.uuid(0)?,
        webhook_id: WebhookId::from_uuid(row.uuid(1)?),
        organization_id: row.uuid_or_null(2)?.map(OrganizationId::from_uuid),
        kind: match row.text(3)?.as_str() {
            "redelivery" => DeliveryKind::Redelivery,
            "test" => DeliveryKind::Test,
            _ => DeliveryKind::Event,
        },
        state: match row.text(4)?.as_str() {
            "delivered" => DeliveryState::Delivered,
            "skipped" => DeliveryState::Skipped,
            "failed" => DeliveryState::Failed,
            _ => DeliveryState::Queued,
        },
        position: row.int(5)?,
        event_type: row.text(6)?,
        lane: row.text(7)?,
        attempts: u32::try_from(row.int(8)?).unwrap_or(u32::MAX),
        next_at: row.time(9)?,
        failing_since: row.time_or_null(10)?,
        attempted_at: row.time_or_null(11)?,
        status: row.int_or_null(12)?.and_then(|status| u16::try_from(status).ok()),
        error: row.text_or_null(13)?,
        created_at: row.time(14)?,
    })
}

/// Which deliveries are listed; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Of this state.
    pub state: Option<DeliveryState>,
    /// Of this kind.
    pub kind: Option<DeliveryKind>,
    /// Those that failed at least once.
    pub failed: bool,
    /// Of the event at this position.
    pub position: Option<i64>,
}

/// A stretch of the deliveries of a webhook, the newest first.
pub async fn deliveries(
    store: &Store,
    webhook: WebhookId,
    filter: &DeliveryFilter,
    stretch: Stretch,
) -> Result<Stretched<DeliveryRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.with("webhook_id = ?", webhook.as_uuid());
    if let Some(state) = filter.state {
        conditions.with("state = ?", state.as_str());
    }
    if let Some(kind) = filter.kind {
        conditions.with("kind = ?", kind.as_str());
    }
    if filter.failed {
        conditions.plain("failing_since IS NOT NULL");
    }
    if let Some(position) = filter.position {
        conditions.with("position = ?", position);
    }
    let newest_first = Sorting { by: "created_at", kind: SortKind::Time, descending: true };
    let from = (DELIVERY_COLUMNS, WIDTH, "webhook_deliveries");
    conditions.stretch(store, from, newest_first, stretch, read_delivery).await
}

/// One delivery of a webhook.
pub async fn delivery(
    store: &Store,
    webhook: WebhookId,
    id: Uuid,
) -> Result<Option<DeliveryRow>, StoreError> {
    let query = Query::new(
        format!(
            "SELECT {DELIVERY_COLUMNS} FROM webhook_deliveries WHERE id = $1 AND webhook_id = $2"
        ),
        args![id, webhook.as_uuid()],
    );
    first(store, query, read_delivery).await
}

/// What a webhook has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Up to here events are deliveries already, or are not selected; none before the first look.
    pub position: Option<i64>,
    /// Deliveries that are queued.
    pub queued: u64,
    /// The oldest failure among them.
    pub failing_since: Option<DateTime<Utc>>,
    /// The last time that something was delivered, as far as the log of deliveries reaches.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// What a webhook has before it.
pub async fn waiting(store: &Store, webhook: WebhookId) -> Result<Waiting, StoreError> {
    let id = webhook.as_uuid();
    let queries = vec![
        Query::new("SELECT position FROM webhook_queues WHERE webhook_id = $1", args![id]),
        Query::new(
            "SELECT count(*), min(failing_since) FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'queued'",
            args![id],
        ),
        Query::new(
            "SELECT max(attempted_at) FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'delivered'",
            args![id],
        ),
    ];
    let mut results = store.snapshot(queries).await?.results.into_iter();
    let mut next = || results.next().and_then(|rows| rows.into_iter().next());
    let (queue, queued, delivered) = (next(), next(), next());
    Ok(Waiting {
        position: queue.map(|row| row.int(0)).transpose()?,
        queued: queued.as_ref().map_or(Ok(0), |row| row.int(0))?.unsigned_abs(),
        failing_since: queued.as_ref().map_or(Ok(None), |row| row.time_or_null(1))?,
        delivered_at: delivered.as_ref().map_or(Ok(None), |row| row.time_or_null(0))?,
    })
}
