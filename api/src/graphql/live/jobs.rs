//! `jobProgress`: an operation on many devices as it goes on.

use app::{JobId, JobLive};
use async_graphql::{Context, ID, Result, Subscription};
use futures::{StreamExt as _, stream};

use super::{Answers, ended, listener};
use crate::graphql::{bulk::BulkOperation, error::failure, request::app, scalar::uuid};

#[derive(Default)]
pub(super) struct JobSubscription;

#[Subscription]
impl JobSubscription {
    /// An operation on many devices: at once, and then each time that it changed, at most four times a second. Complete when
    /// it is done or cancelled; paused and failed ones may go on. One that the viewer cannot see is `NOT_FOUND`.
    #[graphql(complexity = "50 + child_complexity")]
    async fn job_progress(&self, ctx: &Context<'_>, id: ID) -> Result<Answers<BulkOperation>> {
        let id = JobId::from_uuid(uuid("id", &id)?);
        let live = app(ctx)?.live().job(listener(ctx)?, id).await.map_err(failure)?;
        let next = |live: Option<JobLive>| async move {
            let mut live = live?;
            match live.next().await {
                Ok(job) => job.map(|job| (Ok(BulkOperation(job)), Some(live))),
                Err(reason) => Some((Err(ended(reason)), None)),
            }
        };
        Ok(stream::unfold(Some(live), next).boxed())
    }
}
