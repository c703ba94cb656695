//! Steps as one transaction.

use sqlx::{Executor, PgPool};

use super::{
    open::Open,
    statement::{fetch, trouble},
    together::execute_all,
};
use crate::{Step, StoreError, TransactOutcome, Transaction, store::Core};

/// Runs the steps; dropping the future rolls back.
pub(super) async fn transact(
    pool: &PgPool,
    transaction: Transaction,
    core: &Core,
) -> Result<TransactOutcome, StoreError> {
    core.live.count_statements(2);
    let mut open = Open::begin(pool, "BEGIN").await.map_err(trouble("begin a transaction"))?;
    if transaction.under_head_lock {
        core.live.count_statements(1);
        // Work that keeps appends out is a rebuild's: it may take longer than a request.
        open.execute(sqlx::raw_sql(
            "SET LOCAL statement_timeout = '15min'; SELECT 1 FROM store_head WHERE id = 1 FOR UPDATE",
        ))
        .await
        .map_err(trouble("lock the head of the log"))?;
    }
    let (mut affected, mut rows) = (Vec::new(), Vec::new());
    let mut steps = transaction.steps.into_iter().enumerate().peekable();
    while let Some((step, what)) = steps.next() {
        core.live.count_statements(1);
        let ops = match what {
            Step::Guard { query, expect } => {
                if !expect.holds(&fetch(&mut open, &query).await?) {
                    open.rollback().await.map_err(trouble("roll back"))?;
                    return Ok(TransactOutcome::GuardFailed { step });
                }
                continue;
            }
            Step::Read(query) => {
                rows.push(fetch(&mut open, &query).await?);
                continue;
            }
            Step::Op(op) => {
                let mut ops = vec![op];
                while let Some((_, Step::Op(op))) =
                    steps.next_if(|(_, next)| matches!(next, Step::Op(_)))
                {
                    core.live.count_statements(1);
                    ops.push(op);
                }
                ops
            }
            Step::Compute(compute) => {
                let ops = compute(&rows)?;
                core.live.count_statements(ops.len() as u64);
                ops
            }
        };
        // An error closes the connection with what was prepared on it.
        let ops: Vec<_> = ops.iter().collect();
        let written = execute_all(&mut open, &ops).await;
        affected.extend(written.map_err(|stuck| stuck.trouble)?);
    }
    open.commit().await.map_err(trouble("commit"))?;
    Ok(TransactOutcome::Committed { affected, rows })
}
