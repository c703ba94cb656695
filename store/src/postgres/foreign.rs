//! Events that programs without our writer appended: the next append takes them into the chain.

use std::collections::HashSet;

use sqlx::{Executor, PgConnection};

use super::{
    facts,
    statement::{execute, fetch, trouble},
    write::{self, Rows, classify},
};
use crate::{
    ClaimChange, EventFilter, Recorded, anchor,
    error::Trouble,
    filter,
    plan::{EventType, Failed, Head, InlineOp, Rules, Wanted, adopt as plan},
    request::Stream,
    store::Core,
    writer::BatchError,
};

const PAGE: u32 = 500;

/// What the chain got.
#[derive(Default)]
pub(super) struct Adopted {
    pub(super) types: Vec<EventType>,
    /// The last page, and before it those that are anchors.
    pub(super) events: Vec<Recorded>,
}

/// Chains all that is not chained, under the head lock; moves the head.
pub(super) async fn adopt(
    connection: &mut PgConnection,
    head: &mut Head,
    core: &Core,
    known_types: &HashSet<EventType>,
) -> Result<Adopted, BatchError> {
    let mut known_types = known_types.clone();
    let mut adopted = Adopted::default();
    while head.chained < head.position {
        let query = EventFilter::default().query(head.chained, PAGE);
        let rows = fetch(connection, &query).await;
        let events = rows.and_then(|rows| rows.into_iter().map(filter::recorded).collect());
        let events: Vec<Recorded> = events.map_err(Trouble::from)?;
        let Some(last) = events.last().map(|event| event.position) else {
            // Somebody deleted them: verification tells, appends go on.
            tracing::error!("events after position {} are missing", head.chained);
            head.chained = head.position;
            break;
        };
        let events = events.into_iter().map(|event| (claims(&event, core), event));
        let events = events.map(|(claims, event)| (event, claims)).collect::<Vec<_>>();
        let mut wanted = Wanted::default();
        for (event, claims) in &events {
            wanted.name(&Stream::of(event), claims);
        }
        let facts = facts::read(connection, head.clone(), &wanted).await.map_err(classify)?;
        let rules = Rules {
            projections: &core.projections,
            known_types: &known_types,
            now: core.clock.now(),
        };
        let mut adoption = plan(events, facts, &rules);
        chain(connection, &adoption.events).await?;
        let rows = Rows {
            claims: &adoption.claims,
            counts: &adoption.counts,
            types: &adoption.types,
            ..Rows::default()
        };
        write::write(connection, rows).await?;
        let refused = project(connection, &adoption.inline).await?;
        adoption.failures.extend(refused);
        for failure in &adoption.failures {
            fail(connection, failure).await?;
        }
        *head = adoption.head;
        debug_assert_eq!(head.chained, last, "the page was chained to its end");
        known_types.extend(adoption.types.iter().map(|(pair, _)| pair.clone()));
        adopted.types.extend(adoption.types.into_iter().map(|(pair, _)| pair));
        adopted.events.retain(anchor::due);
        adopted.events.extend(adoption.events);
    }
    Ok(adopted)
}

/// They happened, understood or not.
fn claims(event: &Recorded, core: &Core) -> Vec<ClaimChange> {
    core.interpreter.claims(event).unwrap_or_else(|fault| {
        tracing::warn!(
            position = event.position,
            %fault,
            "the foreign event at {} has claims that are not understood",
            event.position
        );
        Vec::new()
    })
}

async fn chain(connection: &mut PgConnection, events: &[Recorded]) -> Result<(), BatchError> {
    let query = sqlx::query(
        "UPDATE events SET payload_hash = n.payload_hash, hash = n.hash
         FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS n (position, payload_hash, hash)
         WHERE events.position = n.position",
    )
    .bind(events.iter().map(|event| event.position).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.payload_hash.as_deref()).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.hash.as_deref()).collect::<Vec<_>>());
    let chained = connection.execute(query).await;
    chained.map(drop).map_err(|error| classify(trouble("chain foreign events")(error)))
}

/// Runs the operations, those of one event and projection together; those that fail leave their projection behind.
async fn project(
    connection: &mut PgConnection,
    ops: &[InlineOp],
) -> Result<Vec<Failed>, BatchError> {
    let during = trouble("project foreign events");
    let mut failures = Vec::new();
    for group in
        ops.chunk_by(|one, next| (one.projection, one.position) == (next.projection, next.position))
    {
        connection.execute("SAVEPOINT foreign_event").await.map_err(&during)?;
        for inline in group {
            let Err(trouble) = execute(connection, &inline.op).await else { continue };
            match classify(trouble) {
                BatchError::Trouble(trouble) if !trouble.passing => {
                    let (projection, position) = (inline.projection, inline.position);
                    let reason = trouble.failure.to_string();
                    failures.push(Failed { projection, position, reason });
                    connection
                        .execute("ROLLBACK TO SAVEPOINT foreign_event")
                        .await
                        .map_err(&during)?;
                    break;
                }
                error => return Err(error),
            }
        }
        connection.execute("RELEASE SAVEPOINT foreign_event").await.map_err(&during)?;
    }
    Ok(failures)
}

/// The projection lacks an event from here on, until it is rebuilt. The first failure stays.
async fn fail(connection: &mut PgConnection, failure: &Failed) -> Result<(), BatchError> {
    let Failed { projection, position, reason } = failure;
    tracing::error!(
        projection,
        position,
        reason,
        "projection {projection} cannot take a foreign event"
    );
    let query = sqlx::query(
        "INSERT INTO projection_checkpoints (name, generation, position, state, error, error_position)
         VALUES ($1, coalesce((SELECT max(generation) FROM projection_checkpoints WHERE name = $1 AND state IN ('running', 'failed')), 1), $2 - 1, 'failed', $3, $2)
         ON CONFLICT (name, generation) DO UPDATE SET state = 'failed', error = excluded.error, error_position = excluded.error_position, updated_at = now()
         WHERE projection_checkpoints.state = 'running'",
    );
    let done = connection.execute(query.bind(projection).bind(position).bind(reason)).await;
    done.map(drop).map_err(|error| classify(trouble("mark a projection as failed")(error)))
}
