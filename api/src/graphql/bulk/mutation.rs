//! Starting and controlling operations on many devices.

use app::{JobId, Once};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{BulkOperation, InputNames, StartBulkOperationInput};
use crate::graphql::{
    error::failure,
    request::{app, by, fingerprint},
    scalar::uuid,
};

/// Which operation.
#[derive(InputObject)]
struct BulkOperationIdInput {
    /// Which operation.
    id: ID,
}

impl BulkOperationIdInput {
    fn read(&self) -> Result<JobId> {
        uuid("id", &self.id).map(JobId::from_uuid)
    }
}

/// An operation after a mutation. It is no event: there is no position to wait for.
#[derive(SimpleObject)]
struct BulkOperationPayload {
    /// As it is now.
    job: BulkOperation,
}

#[derive(Default)]
pub(in crate::graphql) struct BulkMutation;

#[Object]
impl BulkMutation {
    /// Starts an operation on many devices and answers at once; `dryRun` tells before what it would do. Whether it fits a
    /// device is decided when its turn comes: a device that refuses is counted among the failed ones.
    async fn start_bulk_operation(
        &self,
        ctx: &Context<'_>,
        input: StartBulkOperationInput,
    ) -> Result<BulkOperationPayload> {
        let key = input.client_mutation_id.clone();
        let once = Once { key: key.clone(), fingerprint: fingerprint(ctx)? };
        let (bulk, by) = (app(ctx)?.bulk(), by(ctx)?);
        let (selection, operation) = input.read(ctx)?;
        let names = InputNames::of(&selection, &operation);
        let id = bulk.start(&by.clone().once(once), selection, operation, &key).await;
        let id = id.map_err(|refused| failure(names.tell(refused)))?;
        let job = bulk.job(by, id).await.map_err(failure)?;
        Ok(BulkOperationPayload { job: BulkOperation(job) })
    }

    /// Ends an operation; what was done stays done. Nothing happens to one that is complete.
    async fn cancel_bulk_operation(
        &self,
        ctx: &Context<'_>,
        input: BulkOperationIdInput,
    ) -> Result<BulkOperationPayload> {
        let job = app(ctx)?.bulk().cancel(by(ctx)?, input.read()?).await.map_err(failure)?;
        Ok(BulkOperationPayload { job: BulkOperation(job) })
    }

    /// Lets an operation stand still until it is resumed. Nothing happens to one that has ended.
    async fn pause_bulk_operation(
        &self,
        ctx: &Context<'_>,
        input: BulkOperationIdInput,
    ) -> Result<BulkOperationPayload> {
        let job = app(ctx)?.bulk().pause(by(ctx)?, input.read()?).await.map_err(failure)?;
        Ok(BulkOperationPayload { job: BulkOperation(job) })
    }

    /// Lets a paused or failed operation go on where it was. Nothing happens to others.
    async fn resume_bulk_operation(
        &self,
        ctx: &Context<'_>,
        input: BulkOperationIdInput,
    ) -> Result<BulkOperationPayload> {
        let job = app(ctx)?.bulk().resume(by(ctx)?, input.read()?).await.map_err(failure)?;
        Ok(BulkOperationPayload { job: BulkOperation(job) })
    }
}
