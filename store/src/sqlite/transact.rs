//! Steps as one transaction of the writing connection.

use rusqlite::{Connection, TransactionBehavior};

use super::statement::{execute, fetch, trouble};
use crate::{Step, StoreError, TransactOutcome, Transaction, store::Core};

/// Runs the steps; appends wait, because this is the writing thread.
pub(super) fn transact(
    connection: &mut Connection,
    transaction: Transaction,
    core: &Core,
) -> Result<TransactOutcome, StoreError> {
    // Dropping it rolls back.
    let open = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(trouble("begin a transaction"))?;
    let (mut affected, mut rows) = (Vec::new(), Vec::new());
    for (step, what) in transaction.steps.into_iter().enumerate() {
        core.live.count_statements(1);
        match what {
            Step::Guard { query, expect } => {
                if !expect.holds(&fetch(&open, &query)?) {
                    return Ok(TransactOutcome::GuardFailed { step });
                }
            }
            Step::Op(op) => affected.push(execute(&open, &op)?),
            Step::Read(query) => rows.push(fetch(&open, &query)?),
            Step::Compute(compute) => {
                for op in compute(&rows)? {
                    core.live.count_statements(1);
                    affected.push(execute(&open, &op)?);
                }
            }
        }
    }
    open.commit().map_err(trouble("commit"))?;
    Ok(TransactOutcome::Committed { affected, rows })
}
