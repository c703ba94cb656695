//! How new an answer is: what changed waits for what its answer reads, what is asked waits for what the client has seen, and
//! where two seconds are not enough the answer says that it is stale.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use app::Reads;
use async_graphql::{
    Context, Request, Response, Result, ServerResult, SimpleObject, Value,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest},
};

use super::{error::failure, request::app, scalar::Position};

/// Where a change stands in the log.
#[derive(SimpleObject)]
pub(super) struct Settled {
    /// Of the mutation's last event: to be given as `minPosition` by who wants to see it. Where it was only asked what would
    /// happen, the end of the log.
    position: Position,
    /// Is something of this answer older than the mutation? Where what it reads is behind for more than two seconds, cannot go
    /// on, or is being filled. The mutation is done nevertheless.
    stale: bool,
}

/// Waits for what the answer to a change reads.
pub(super) async fn settled(ctx: &Context<'_>, reads: Reads, position: i64) -> Result<Settled> {
    let fresh = app(ctx)?.fresh(reads, position).await.map_err(failure)?;
    Ok(Settled { position: Position(position), stale: !fresh })
}

/// Waits until an answer can be as new as the client wants it, two seconds at most; after that the answer is told to be
/// stale.
pub(super) async fn as_new_as(
    ctx: &Context<'_>,
    reads: Reads,
    wanted: Option<Position>,
) -> Result<()> {
    let Some(Position(wanted)) = wanted else { return Ok(()) };
    let fresh = app(ctx)?.fresh(reads, wanted).await.map_err(failure)?;
    if let Some(stale) = ctx.data_opt::<Stale>().filter(|_| !fresh) {
        stale.0.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Is something in the answer older than the client wanted?
#[derive(Clone, Default)]
struct Stale(Arc<AtomicBool>);

/// Says `extensions.stale` in answers that are older than the client wanted.
pub(super) struct Staleness;

impl ExtensionFactory for Staleness {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Stale::default())
    }
}

#[async_trait]
impl Extension for Stale {
    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<Request> {
        next.run(ctx, request.data(self.clone())).await
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let answer = next.run(ctx, operation_name).await;
        if self.0.load(Ordering::Relaxed) {
            return answer.extension("stale", Value::Boolean(true));
        }
        answer
    }
}
