//! Webhooks, and what was delivered to them.

mod deliveries;

use chrono::{DateTime, Utc};
use domain::{
    Event, OrganizationId, WebhookId,
    authority::ReadScope,
    webhook::{WebhookEvent, WebhookSelection, WhyDisabled},
};
use store::{Fault, Mode, Op, Projection, Query, Recorded, Row, Store, StoreError, args};

use crate::{
    NamedOrder, SealedText, Stretch, Stretched, catalogue, conditions::Conditions, first,
    render_inputs::At,
};

pub use deliveries::{
    DELIVERY_COLUMNS, DeliveryFilter, DeliveryKind, DeliveryRow, DeliveryState, Waiting,
    deliveries, delivery, read_delivery, waiting,
};

/// Fills the table of webhooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Webhooks;

impl Projection for Webhooks {
    fn name(&self) -> &'static str {
        "webhooks.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        &["webhooks"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type.starts_with("webhook.")
    }

    fn apply(&self, recorded: &Recorded) -> Result<Vec<Op>, Fault> {
        let event = catalogue::decode(recorded)?;
        let at = At {
            id: catalogue::stream(recorded)?,
            position: recorded.position,
            time: recorded.recorded_at,
        };
        let Event::Webhook(event) = &*event else { return Ok(Vec::new()) };
        fold(at, event)
    }
}

fn fold(at: At, event: &WebhookEvent) -> Result<Vec<Op>, Fault> {
    let At { id, position, time } = at;
    let set = |assignments: &str, mut values: Vec<store::Arg>| {
        let sql = format!("UPDATE webhooks SET {assignments}, modified_at = $2 WHERE id = $1");
        let mut args = args![id, time];
        args.append(&mut values);
        Ok(vec![Op::new(sql, args)])
    };
    let json = |selection: &WebhookSelection| {
        serde_json::to_string(selection).map_err(|error| Fault(error.to_string()))
    };
    match event {
        WebhookEvent::Created(created) => Ok(vec![Op::new(
            "INSERT INTO webhooks (id, organization_id, name, url, selection, secret, state, begins, active_at, created_at, modified_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $8, $8, $8)",
            args![
                id,
                created.organization_id.map(OrganizationId::as_uuid),
                &created.name,
                &created.url,
                json(&created.selection)?,
                created.secret.envelope.to_string(),
                position,
                time
            ],
        )]),
        WebhookEvent::Renamed { to, .. } => set("name = $3", args![to]),
        WebhookEvent::UrlChanged { url, .. } => set("url = $3", args![url]),
        WebhookEvent::SelectionChanged { selection, .. } => {
            set("selection = $3", args![json(selection)?])
        }
        WebhookEvent::SecretRotated { secret, previous_until, .. } => set(
            "previous_secret = secret, previous_until = $3, secret = $4",
            args![*previous_until, secret.envelope.to_string()],
        ),
        WebhookEvent::Paused { .. } => set("state = 'paused'", args![]),
        WebhookEvent::Resumed { .. } => {
            set("state = 'active', why = NULL, since = NULL, active_at = $2", args![])
        }
        WebhookEvent::Disabled { since, why, .. } => {
            set("state = 'disabled', since = $3, why = $4", args![*since, why.as_str()])
        }
        WebhookEvent::Removed { .. } => {
            Ok(vec![Op::new("DELETE FROM webhooks WHERE id = $1", args![id])])
        }
    }
}

/// Does a webhook deliver?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookState {
    /// It does.
    Active,
    /// Somebody paused it.
    Paused,
    /// The program gave it up.
    Disabled,
}

impl WebhookState {
    fn parse(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "disabled" => Self::Disabled,
            _ => Self::Paused,
        }
    }
}

/// A webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookRow {
    /// The webhook.
    pub id: WebhookId,
    /// The owner; none is the whole installation.
    pub organization_id: Option<OrganizationId>,
    /// What people call it.
    pub name: String,
    /// Where events go.
    pub url: String,
    /// Which events.
    pub selection: WebhookSelection,
    /// What it signs with.
    pub secret: SealedText,
    /// What it signed with before, and signs with, too, until then.
    pub previous: Option<(SealedText, DateTime<Utc>)>,
    /// Does it deliver?
    pub state: WebhookState,
    /// Why it was given up, and since when nothing could be delivered.
    pub disabled: Option<(WhyDisabled, DateTime<Utc>)>,
    /// Events after this position are delivered.
    pub begins: i64,
    /// When it was made or resumed.
    pub active_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, organization_id, name, url, selection, secret, previous_secret, previous_until, state, why, since, begins, active_at, created_at, modified_at";
const WIDTH: usize = 15;

fn read(row: &Row) -> Result<WebhookRow, StoreError> {
    let why = row.text_or_null(9)?.and_then(|why| WhyDisabled::parse(&why));
    Ok(WebhookRow {
        id: WebhookId::from_uuid(row.uuid(0)?),
        organization_id: row.uuid_or_null(1)?.map(OrganizationId::from_uuid),
        name: row.text(2)?,
        url: row.text(3)?,
        selection: selection(row, 4)?,
        secret: SealedText::new(row.text(5)?),
        previous: row.text_or_null(6)?.map(SealedText::new).zip(row.time_or_null(7)?),
        state: WebhookState::parse(&row.text(8)?),
        disabled: why.zip(row.time_or_null(10)?),
        begins: row.int(11)?,
        active_at: row.time(12)?,
        created_at: row.time(13)?,
        modified_at: row.time(14)?,
    })
}

/// What cannot be read must not select everything.
fn selection(row: &Row, column: usize) -> Result<WebhookSelection, StoreError> {
    serde_json::from_str(&row.text(column)?).map_err(|_| StoreError::column(column, "a selection"))
}

/// One webhook, if it exists.
pub async fn by_id(
    store: &Store,
    scope: &ReadScope,
    id: WebhookId,
) -> Result<Option<WebhookRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.with("id = ?", id.as_uuid());
    conditions.reached(scope, "organization_id");
    first(store, conditions.query(&format!("SELECT {COLUMNS} FROM webhooks"), ""), read).await
}

/// A stretch of the webhooks, of one organization or of all in reach, with or without those of the whole installation.
pub async fn stretch(
    store: &Store,
    scope: &ReadScope,
    (organization, shared): (Option<OrganizationId>, bool),
    (order, descending): (NamedOrder, bool),
    stretch: Stretch,
) -> Result<Stretched<WebhookRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.reached(scope, "organization_id");
    if let Some(organization) = organization {
        conditions.with("organization_id = ?", organization.as_uuid());
    }
    if !shared {
        conditions.plain("organization_id IS NOT NULL");
    }
    let from = (COLUMNS, WIDTH, "webhooks");
    conditions.stretch(store, from, order.sorting(descending), stretch, read).await
}

/// How many webhooks an organization has, or the whole installation has for itself.
pub async fn count(store: &Store, owner: Option<OrganizationId>) -> Result<u32, StoreError> {
    let query = match owner {
        Some(owner) => Query::new(
            "SELECT count(*) FROM webhooks WHERE organization_id = $1",
            args![owner.as_uuid()],
        ),
        None => Query::new("SELECT count(*) FROM webhooks WHERE organization_id IS NULL", args![]),
    };
    let count = first(store, query, |row| row.int(0)).await?.unwrap_or_default();
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A webhook that may have something to do, and where its queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The webhook.
    pub id: WebhookId,
    /// The owner; none is the whole installation.
    pub organization_id: Option<OrganizationId>,
    /// Which events.
    pub selection: WebhookSelection,
    /// Up to here events are deliveries already, or are not selected.
    pub position: i64,
    /// Is a delivery due?
    pub due: bool,
    /// Does it deliver events, too, or only what somebody asked for by name?
    pub active: bool,
}

/// Webhooks that nobody is delivering for. Those of organizations that are not served wait, like those that are paused.
pub async fn idle(store: &Store, now: DateTime<Utc>) -> Result<Vec<Busy>, StoreError> {
    let query = Query::new(
        format!(
            "SELECT w.id, COALESCE(q.position, w.begins), CASE WHEN w.state = 'active' THEN 1 ELSE 0 END,
                CASE WHEN EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.id AND {DUE} AND (w.state = 'active' OR d.kind <> 'event')) THEN 1 ELSE 0 END, w.organization_id, w.selection
             FROM webhooks w LEFT JOIN webhook_queues q ON q.webhook_id = w.id
             WHERE (q.lease_until IS NULL OR q.lease_until <= $1)
                 AND (w.organization_id IS NULL OR EXISTS (SELECT 1 FROM organizations o WHERE o.id = w.organization_id AND o.active))",
        ),
        args![now],
    );
    let rows = store.fetch(query).await?;
    let busy = |row: &Row| {
        Ok(Busy {
            id: WebhookId::from_uuid(row.uuid(0)?),
            position: row.int(1)?,
            active: row.int(2)? == 1,
            due: row.int(3)? == 1,
            organization_id: row.uuid_or_null(4)?.map(OrganizationId::from_uuid),
            selection: selection(row, 5)?,
        })
    };
    rows.iter().map(busy).collect()
}

/// May a delivery `d` leave at `$1`? The first deliveries of a stream wait for each other.
pub const DUE: &str = "d.state = 'queued' AND d.next_at <= $1 AND (d.kind <> 'event' OR NOT EXISTS (
    SELECT 1 FROM webhook_deliveries e WHERE e.webhook_id = d.webhook_id AND e.state = 'queued' AND e.kind = 'event'
        AND e.lane = d.lane AND e.position < d.position AND e.next_at > $1))";
