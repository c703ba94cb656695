//! Steps as one transaction.

use sqlx::{Executor, PgPool};

use super::{
    open::Open,
    statement::{execute, fetch, trouble},
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
    for (step, what) in transaction.steps.into_iter().enumerate() {
        core.live.count_statements(1);
        match what {
            Step::Guard { query, expect } => {
                if !expect.holds(&fetch(&mut open, &query).await?) {
                    open.rollback().await.map_err(trouble("roll back"))?;
                    return Ok(TransactOutcome::GuardFailed { step });
                }
            }
            Step::Op(op) => affected.push(execute(&mut open, &op).await?),
            Step::Read(query) => rows.push(fetch(&mut open, &query).await?),
            Step::Compute(compute) => {
                for op in compute(&rows)? {
                    core.live.count_statements(1);
                    affected.push(execute(&mut open, &op).await?);
                }
            }
        }
    }
    open.commit().await.map_err(trouble("commit"))?;
    Ok(TransactOutcome::Committed { affected, rows })
}
