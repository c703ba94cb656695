//! All events through all projections, into the temporary tables.

use std::collections::HashMap;

use super::{ProjectionReport, scratch::Scratch, table::Table};
use crate::{
    FollowerState, Mode, Query, Recorded, StoreError, args, filter,
    followers::checkpoint::{self, Checkpoint},
    rebuild::source::Source,
};

const BATCH: i64 = 1000;

/// A projection on its way to its position.
struct Replay<'a> {
    source: &'a Source,
    to: i64,
    tables: Vec<Table>,
    fault: Option<(i64, String)>,
}

/// Who could not take which event.
struct Refusal {
    index: usize,
    position: i64,
    reason: String,
}

pub(super) async fn verify(
    mut scratch: Scratch,
    sources: &[Source],
    mut progress: impl FnMut(i64, i64),
) -> Result<Vec<ProjectionReport>, StoreError> {
    let mut replays = begin(&mut scratch, sources).await?;
    let last = replays.iter().map(|replay| replay.to).max().unwrap_or(0);
    let mut position = 0;
    while position < last {
        let events = read(&mut scratch, position, last).await?;
        // Positions are dense, but a log from which something was taken must not be read for ever.
        position = events.last().map_or(last, |event| event.position);
        while let Some(refusal) = apply(&mut scratch, &replays, &events).await? {
            replays[refusal.index].fault = Some((refusal.position, refusal.reason));
        }
        progress(position, last);
    }
    let mut reports = Vec::with_capacity(replays.len());
    for replay in replays {
        reports.push(report(&mut scratch, replay).await?);
    }
    scratch.close().await?;
    Ok(reports)
}

async fn begin<'a>(
    scratch: &mut Scratch,
    sources: &'a [Source],
) -> Result<Vec<Replay<'a>>, StoreError> {
    let head = Query::new("SELECT position, chained FROM store_head WHERE id = 1", args![]);
    let head = scratch.fetch(head).await?;
    let chained = head.first().map_or(Ok(0), |row| row.int(1))?;
    let rows = scratch.fetch(Query::new(checkpoint::ALL, args![])).await?;
    let checkpoints = rows.iter().map(Checkpoint::from_row).collect::<Result<Vec<_>, _>>()?;
    let checkpoints = checkpoints
        .into_iter()
        .filter(|row| row.state != FollowerState::Rebuilding)
        .map(|row| (row.name, row.position))
        .collect::<HashMap<_, _>>();

    let mut replays = Vec::with_capacity(sources.len());
    for source in sources {
        let mut tables = Vec::new();
        for name in source.tables() {
            tables.push(Table::copy(scratch, name).await?);
        }
        let to = match source.mode() {
            Mode::Inline => chained,
            Mode::Following => checkpoints.get(source.name()).copied().unwrap_or(0),
        };
        replays.push(Replay { source, to, tables, fault: None });
    }
    Ok(replays)
}

async fn read(scratch: &mut Scratch, after: i64, last: i64) -> Result<Vec<Recorded>, StoreError> {
    let query = Query::new(
        format!(
            "SELECT {} FROM events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3",
            filter::COLUMNS
        ),
        args![after, last, BATCH],
    );
    scratch.fetch(query).await?.into_iter().map(filter::recorded).collect()
}

/// A batch as a whole, or nothing of it and who could not take it.
async fn apply(
    scratch: &mut Scratch,
    replays: &[Replay<'_>],
    events: &[Recorded],
) -> Result<Option<Refusal>, StoreError> {
    scratch.run("SAVEPOINT batch").await?;
    for event in events {
        let position = event.position;
        let wanting = replays.iter().enumerate().filter(|(_, replay)| replay.wants(position));
        for (index, replay) in wanting {
            let refused = match replay.source.ops(event) {
                Ok(ops) => {
                    let mut refused = None;
                    for op in &ops {
                        match scratch.execute(op).await {
                            Ok(()) => {}
                            Err(error @ StoreError::Unavailable { .. }) => return Err(error),
                            Err(error) => {
                                refused = Some(checkpoint::chain(&error));
                                break;
                            }
                        }
                    }
                    refused
                }
                Err(fault) => Some(fault.to_string()),
            };
            if let Some(reason) = refused {
                scratch.run("ROLLBACK TO SAVEPOINT batch").await?;
                return Ok(Some(Refusal { index, position, reason }));
            }
        }
    }
    scratch.run("RELEASE SAVEPOINT batch").await?;
    Ok(None)
}

impl Replay<'_> {
    fn wants(&self, position: i64) -> bool {
        self.fault.is_none() && position <= self.to
    }
}

async fn report(scratch: &mut Scratch, replay: Replay<'_>) -> Result<ProjectionReport, StoreError> {
    let Replay { source, to, tables, fault } = replay;
    let mut report = ProjectionReport {
        name: source.name(),
        position: to,
        rows: 0,
        differences: Vec::new(),
        more: false,
        fault,
    };
    for op in source.finish() {
        scratch.execute(&op).await?;
    }
    for table in tables {
        report.rows += table.count(scratch).await?;
        // A half replay differs everywhere.
        if report.fault.is_none() {
            let (differences, more) = table.differences(scratch).await?;
            report.differences.extend(differences);
            report.more |= more;
        }
    }
    Ok(report)
}
