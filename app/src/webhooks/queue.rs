//! The queues of webhooks: a cursor on the log, and the deliveries that were made of the events before it.
//!
//! A delivery is queued in the transaction that moves the cursor, and leaves the queue when the receiver has answered: whatever
//! ends the program in between, it is delivered again. First deliveries of a stream wait for each other: one that failed holds
//! back what happened later to the same thing, and nothing else.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    WebhookId,
    webhook::{Webhook, WebhookCommand, WhyDisabled},
};
use projections::webhook::{
    self, DELIVERY_COLUMNS, DUE, DeliveryKind, DeliveryRow, DeliveryState, read_delivery,
};
use sha2::{Digest as _, Sha256};
use store::{Arg, Op, Query, Recorded, args};
use uuid::Uuid;

use super::sending::{Endpoint, Wants};
use crate::{App, By, Failure, work::decide};

/// First deliveries that wait at most; then the cursor waits.
const MOST_WAITING: i64 = 10_000;
/// Whoever is further behind looks for itself.
const FAR: i64 = 1_000;
/// Positions that one question looks at.
const WINDOW: i64 = 50_000;
/// Events that one question gets.
const PAGE: u32 = 500;
/// Rows of one statement.
const ROWS: usize = 100;
/// A cursor that moved over nothing is kept after so many positions.
const WORTH_KEEPING: i64 = 5_000;
/// Deliveries of one round.
const ROUND: i64 = 256;
/// Characters of an error that are kept.
const LONGEST_ERROR: usize = 300;

/// What the workers ask; see [`App::webhook_queues`].
pub struct WebhookQueues<'a>(pub(crate) &'a App);

/// What there is to do.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Webhooks that something waits for.
    pub busy: Vec<WebhookId>,
    /// Webhooks that nothing new is for, up to a position.
    pub seen: Vec<(WebhookId, i64)>,
}

/// The right to deliver for a webhook, for a while.
#[derive(Clone, Debug)]
pub struct DeliveryTurn {
    id: WebhookId,
    owner: String,
    /// Up to here everything is a delivery, or is not selected.
    position: i64,
    /// What the table says of that.
    kept: i64,
}

impl DeliveryTurn {
    /// Up to here everything is a delivery, or is not selected.
    pub fn position(&self) -> i64 {
        self.position
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// The receiver took it.
    Delivered {
        /// 200 to 299.
        status: u16,
    },
    /// There is nothing to deliver.
    Nothing,
    /// It did not.
    Failed {
        /// What it answered, if it did.
        status: Option<u16>,
        /// Says why, without what the receiver said.
        reason: String,
        /// It wants to be left alone for so long.
        later: Option<Duration>,
    },
}

/// Status 410: the receiver does not want any more.
const GONE: u16 = 410;

impl WebhookQueues<'_> {
    /// Looks for webhooks that have something to do and nobody who does it. `seen` tells how far somebody looked already.
    pub async fn look(&self, seen: &HashMap<WebhookId, i64>) -> Result<Look, Failure> {
        let store = self.0.store();
        let found = webhook::idle(store, self.0.world().now()).await?;
        let head = store.head();
        let mut look = Look::default();
        let mut behind = Vec::new();
        for one in found {
            let from = one.position.max(seen.get(&one.id).copied().unwrap_or_default());
            let far = head - from > FAR || from - one.position >= WORTH_KEEPING;
            if one.due || (one.active && far) {
                look.busy.push(one.id);
            } else if one.active && from < head {
                behind.push((one.id, from, Wants::new(one.organization_id, &one.selection)));
            }
        }
        let Some(first) = behind.iter().map(|(_, from, _)| *from).min() else { return Ok(look) };
        // Most events are of no concern to most webhooks: what is new is looked at once for all of them, in memory.
        let mut feed = store.feed(first);
        while feed.position() < head && !behind.is_empty() {
            let events = feed.next().await?;
            behind.retain(|(id, from, wants)| {
                let wanted = events.iter().any(|it| it.position > *from && wants.takes(it));
                if wanted {
                    look.busy.push(*id);
                }
                !wanted
            });
        }
        let reached = feed.position();
        look.seen.extend(behind.into_iter().map(|(id, ..)| (id, reached)));
        Ok(look)
    }

    /// Takes the right to deliver for a webhook, if nobody has it.
    pub async fn take(
        &self,
        endpoint: &Endpoint,
        owner: &str,
        hold: Duration,
        seen: i64,
    ) -> Result<Option<DeliveryTurn>, Failure> {
        let (id, begins) = (endpoint.row.id, endpoint.row.begins);
        let now = self.0.world().now();
        let op = Op::new(
            "INSERT INTO webhook_queues (webhook_id, position, lease_owner, lease_until) VALUES ($1, $2, $3, $4)
             ON CONFLICT (webhook_id) DO UPDATE SET lease_owner = $3, lease_until = $4
                 WHERE webhook_queues.lease_until IS NULL OR webhook_queues.lease_until <= $5
             RETURNING position",
            args![id.as_uuid(), begins, owner, now + hold, now],
        );
        let rows = self.0.store().returning(op).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let kept = row.int(0)?;
        Ok(Some(DeliveryTurn { id, owner: owner.to_owned(), position: kept.max(seen), kept }))
    }

    /// Holds the right longer. No is the answer when somebody else has it.
    pub async fn renew(&self, turn: &DeliveryTurn, hold: Duration) -> Result<bool, Failure> {
        let until = self.0.world().now() + hold;
        let op = Op::new(
            "UPDATE webhook_queues SET lease_until = $3 WHERE webhook_id = $1 AND lease_owner = $2",
            args![turn.id.as_uuid(), &turn.owner, until],
        );
        Ok(self.0.store().execute(vec![op]).await?.iter().sum::<u64>() > 0)
    }

    /// Gives the right back.
    pub async fn give_back(&self, turn: &DeliveryTurn) -> Result<(), Failure> {
        let op = Op::new(
            "UPDATE webhook_queues SET lease_owner = NULL, lease_until = NULL WHERE webhook_id = $1 AND lease_owner = $2",
            args![turn.id.as_uuid(), &turn.owner],
        );
        self.0.store().execute(vec![op]).await?;
        Ok(())
    }

    /// Gives back what a process had that is gone; its owners are those whose names begin with its name and a slash.
    pub async fn release_of(&self, process: &str) -> Result<u64, Failure> {
        let prefix = format!("{process}/");
        let op = Op::new(
            "UPDATE webhook_queues SET lease_owner = NULL, lease_until = NULL WHERE substr(lease_owner, 1, length($1)) = $1",
            args![prefix],
        );
        Ok(self.0.store().execute(vec![op]).await?.iter().sum())
    }

    /// Makes deliveries of the next events. Are there more to look at at once?
    pub async fn fill(
        &self,
        endpoint: &Endpoint,
        turn: &mut DeliveryTurn,
    ) -> Result<bool, Failure> {
        let head = self.0.store().head();
        if !endpoint.is_active() {
            return Ok(false);
        }
        let webhook = endpoint.row.id.as_uuid();
        if turn.position >= head {
            if turn.position - turn.kept >= WORTH_KEEPING {
                self.0.store().execute(vec![moved(webhook, turn.position)]).await?;
                turn.kept = turn.position;
            }
            return Ok(false);
        }
        let query = Query::new(
            "SELECT count(*) FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'queued' AND kind = 'event'",
            args![webhook],
        );
        let waiting = self.0.store().fetch(query).await?;
        if waiting.first().map_or(Ok(0), |row| row.int(0))? >= MOST_WAITING {
            return Ok(false);
        }
        let up_to = head.min(turn.position.saturating_add(WINDOW));
        let filter = endpoint.wants().filter(up_to);
        let events = self.0.store().events(&filter, turn.position, PAGE).await?;
        let full = events.len() == PAGE as usize;
        let last = events.last().map(|event| event.position).filter(|_| full).unwrap_or(up_to);
        if !events.is_empty() || last - turn.kept >= WORTH_KEEPING {
            let now = self.0.world().now();
            let mut ops: Vec<Op> = events
                .chunks(ROWS)
                .enumerate()
                .map(|(number, events)| queued(endpoint, events, number * ROWS, now))
                .collect();
            ops.push(moved(webhook, last));
            self.0.store().execute(ops).await?;
            turn.kept = last;
        }
        turn.position = last;
        Ok(last < head)
    }

    /// The deliveries that are due, by what is delivered in order.
    pub async fn due(&self, endpoint: &Endpoint) -> Result<Vec<Vec<DeliveryRow>>, Failure> {
        let asked = if endpoint.is_active() { "" } else { " AND d.kind <> 'event'" };
        let query = Query::new(
            format!(
                "SELECT {DELIVERY_COLUMNS} FROM webhook_deliveries d WHERE d.webhook_id = $2 AND {DUE}{asked} ORDER BY d.position, d.id LIMIT {ROUND}"
            ),
            args![self.0.world().now(), endpoint.row.id.as_uuid()],
        );
        let rows = self.0.store().fetch(query).await?;
        let mut lanes: Vec<Vec<DeliveryRow>> = Vec::new();
        for row in rows.iter().map(read_delivery) {
            let row = row?;
            let ordered = row.kind == DeliveryKind::Event;
            let same = |lane: &&mut Vec<DeliveryRow>| {
                lane.first()
                    .is_some_and(|one| one.kind == DeliveryKind::Event && one.lane == row.lane)
            };
            match lanes.iter_mut().find(same).filter(|_| ordered) {
                Some(lane) => lane.push(row),
                None => lanes.push(vec![row]),
            }
        }
        Ok(lanes)
    }

    /// Notes how attempts ended, all at once, and gives the webhook up where one failed for too long.
    pub async fn record(
        &self,
        endpoint: &Endpoint,
        ended: &[(DeliveryRow, DeliveryEnd)],
    ) -> Result<(), Failure> {
        if ended.is_empty() {
            return Ok(());
        }
        let now = self.0.world().now();
        let mut ops = Vec::new();
        let mut disable = None;
        for (row, end) in ended {
            match end {
                DeliveryEnd::Delivered { status } => {
                    ops.push(done(row, DeliveryState::Delivered, Some(*status), None, now));
                }
                DeliveryEnd::Nothing => {
                    ops.push(done(row, DeliveryState::Skipped, None, None, now));
                }
                DeliveryEnd::Failed { status, reason, later } => {
                    let reason: String = reason.chars().take(LONGEST_ERROR).collect();
                    let since = row.failing_since.unwrap_or(now).max(endpoint.row.active_at);
                    let too_long = now - since >= self.disable_after();
                    let gone = *status == Some(GONE);
                    if row.kind == DeliveryKind::Event && (too_long || gone) {
                        let why = if gone { WhyDisabled::Gone } else { WhyDisabled::Failing };
                        disable = Some(WebhookCommand::Disable { since, why });
                    }
                    let given_up = match row.kind {
                        DeliveryKind::Event => false,
                        DeliveryKind::Redelivery => too_long || gone,
                        DeliveryKind::Test => true,
                    };
                    if given_up {
                        ops.push(done(row, DeliveryState::Failed, *status, Some(reason), now));
                    } else {
                        let next = now + self.pause(row.attempts, *later);
                        ops.extend(again(row, *status, reason, next, now));
                    }
                }
            }
        }
        self.0.store().execute(ops).await?;
        let Some(disable) = disable else { return Ok(()) };
        let by = By::system("webhooks");
        let disabled = decide!(self.0, &by, work => {
            work.handle::<Webhook>(endpoint.row.id.as_uuid(), disable.clone()).await
        });
        match disabled {
            Ok(_) => {
                tracing::warn!(webhook.id = %endpoint.row.id, "a webhook was given up");
            }
            // Somebody removed it meanwhile.
            Err(Failure::NotFound(_)) => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// What waits because it failed is tried at once.
    pub(super) async fn hurry(&self, id: WebhookId) -> Result<(), Failure> {
        let op = Op::new(
            "UPDATE webhook_deliveries SET next_at = $2, attempts = 0 WHERE webhook_id = $1 AND state = 'queued'",
            args![id.as_uuid(), self.0.world().now()],
        );
        self.0.store().execute(vec![op]).await?;
        Ok(())
    }

    /// Forgets deliveries that ended long ago, and those to webhooks that are not any more. How many rows.
    pub async fn prune(&self) -> Result<u64, Failure> {
        let keep = self.0.settings().webhooks.keep_deliveries;
        let keep = TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
        let now = self.0.world().now();
        let before = now.checked_sub_signed(keep).unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
        let mut removed = 0;
        loop {
            let ops = vec![
                Op::new(
                    "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE state <> 'queued' AND created_at < $1 ORDER BY created_at LIMIT 1000)",
                    args![before],
                ),
                Op::new(
                    "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = webhook_deliveries.webhook_id) LIMIT 1000)",
                    Vec::new(),
                ),
                Op::new(
                    "DELETE FROM webhook_queues WHERE NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = webhook_queues.webhook_id)",
                    Vec::new(),
                ),
            ];
            let rows: u64 = self.0.store().execute(ops).await?.iter().sum();
            removed += rows;
            if rows == 0 {
                return Ok(removed);
            }
        }
    }

    fn disable_after(&self) -> TimeDelta {
        let after = self.0.settings().webhooks.disable_after;
        TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX)
    }

    /// Doubles from attempt to attempt, and is a quarter longer or shorter, so that what failed together does not come back
    /// together. A receiver that wants more is given more, as far as we ever wait.
    fn pause(&self, attempts: u32, later: Option<Duration>) -> Duration {
        let settings = &self.0.settings().webhooks;
        let pause = settings.first_retry.saturating_mul(1 << attempts.min(20));
        let mut random = [0; 2];
        self.0.world().fill(&mut random);
        let jitter = 0.75 + f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0;
        let pause = pause.min(settings.longest_retry).mul_f64(jitter);
        pause.max(later.unwrap_or_default().min(settings.longest_retry))
    }
}

/// Moves the cursor. Whoever comes later with an older place moves nothing back.
fn moved(webhook: Uuid, position: i64) -> Op {
    Op::new(
        "UPDATE webhook_queues SET position = $2 WHERE webhook_id = $1 AND position < $2",
        args![webhook, position],
    )
}

/// Puts the deliveries of some events into the queue; those that are there already stay as they are.
fn queued(endpoint: &Endpoint, events: &[Recorded], before: usize, now: DateTime<Utc>) -> Op {
    let webhook = endpoint.row.id;
    let owner = endpoint.row.organization_id.map(domain::OrganizationId::as_uuid);
    let mut args = args![webhook.as_uuid(), owner, now];
    let mut rows = Vec::new();
    for (number, event) in events.iter().enumerate() {
        // Lists are in the order in which things were queued.
        let micros = i64::try_from(before + number).unwrap_or_default();
        let first = args.len() + 1;
        let more: [Arg; 5] = [
            id(webhook, event.position).into(),
            event.position.into(),
            (&event.event_type).into(),
            (&event.aggregate_id).into(),
            (now + TimeDelta::microseconds(micros)).into(),
        ];
        args.extend(more);
        rows.push(format!(
            "(${first}, $1, $2, 'event', 'queued', ${}, ${}, ${}, 0, $3, ${})",
            first + 1,
            first + 2,
            first + 3,
            first + 4
        ));
    }
    Op::new(
        format!(
            "INSERT INTO webhook_deliveries (id, webhook_id, organization_id, kind, state, position, event_type, lane, attempts, next_at, created_at)
             VALUES {} ON CONFLICT DO NOTHING",
            rows.join(", ")
        ),
        args,
    )
}

/// Of the first delivery of an event.
fn id(webhook: WebhookId, position: i64) -> Uuid {
    static DOMAIN: LazyLock<Sha256> = LazyLock::new(|| Sha256::new_with_prefix("webhook delivery"));
    let mut hash = DOMAIN.clone();
    hash.update(webhook.as_uuid().as_bytes());
    hash.update(position.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// It leaves the queue.
fn done(
    row: &DeliveryRow,
    state: DeliveryState,
    status: Option<u16>,
    error: Option<String>,
    now: DateTime<Utc>,
) -> Op {
    Op::new(
        "UPDATE webhook_deliveries SET state = $2, status = $3, error = $4, attempted_at = $5, attempts = attempts + 1,
             failing_since = CASE WHEN $2 = 'failed' THEN COALESCE(failing_since, $5) ELSE failing_since END
         WHERE id = $1 AND state = 'queued'",
        args![row.id, state.as_str(), status.map(i64::from), error, now],
    )
}

/// It is tried again, and what has to wait for it waits.
fn again(
    row: &DeliveryRow,
    status: Option<u16>,
    reason: String,
    next: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Vec<Op> {
    let mut ops = vec![Op::new(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, status = $2, error = $3, next_at = $4, attempted_at = $5,
             failing_since = COALESCE(failing_since, $5)
         WHERE id = $1 AND state = 'queued'",
        args![row.id, status.map(i64::from), reason, next, now],
    )];
    if row.kind == DeliveryKind::Event {
        ops.push(Op::new(
            "UPDATE webhook_deliveries SET next_at = $4 WHERE webhook_id = $1 AND lane = $2 AND state = 'queued' AND kind = 'event'
                 AND position > $3 AND next_at < $4",
            args![row.webhook_id.as_uuid(), &row.lane, row.position, next],
        ));
    }
    ops
}
