//! One operation on many devices, as a job with progress: each device through its ordinary use case, on behalf of the
//! person who started it.

mod job;
mod operation;
mod selection;
mod step;

use domain::{Actor, Permission};
use store::{Job, JobFilter, Jobs, NewJob, Sha256};
use tracing::instrument;

pub use job::{BulkJob, JobId, JobPage};
pub use operation::Operation;
pub(crate) use operation::{Effect, Present};
pub use selection::Selection;
pub use step::Stepped;

use self::job::Order;
use crate::{App, By, Failure, Refusal};

/// The kind of these jobs, as leases name it.
pub const BULK: &str = "devices.bulk";

/// Characters of a client's id of a request.
const LONGEST_KEY: usize = 200;
/// Jobs of one page, at most.
const MOST_JOBS: u32 = 100;
/// Jobs that are looked at for one page: those of others are left out after they were read.
const MOST_READ: u32 = 1000;

const MODEL: &str = "Job";

/// Use cases of operations on many devices; see [`App::bulk`].
pub struct Bulk<'a>(pub(crate) &'a App);

/// Is it the device's business, and the next one may fare better?
pub(crate) fn is_about_device(failure: &Failure) -> bool {
    match failure {
        Failure::Invalid(_)
        | Failure::Refused(_)
        | Failure::Taken(_)
        | Failure::LimitReached { .. }
        | Failure::NotFound(_)
        | Failure::Forbidden
        | Failure::Busy
        | Failure::Stale => true,
        Failure::Unauthenticated
        | Failure::RateLimited
        | Failure::Throttled(_)
        | Failure::Unavailable
        | Failure::ReadOnly
        | Failure::Broken(_) => false,
    }
}

impl Bulk<'_> {
    /// Orders the operation and answers at once. `key` is the client's id of the request, at most 200 characters: a second
    /// request of the same actor under it is the same job; for something else it is refused. What is the same, `by.once`
    /// says by its fingerprint; without one it is the same selection and operation. The key of `by.once` is not looked at.
    #[instrument(name = "bulk.start", skip_all, fields(operation = operation.name()))]
    pub async fn start(
        &self,
        by: &By,
        selection: Selection,
        operation: Operation,
        key: &str,
    ) -> Result<JobId, Failure> {
        by.authority
            .require_anywhere(Permission::ChangeDevice)
            .map_err(|denied| Failure::denied(denied, "Device"))?;
        let started_by = match &by.authority.actor {
            actor @ (Actor::User(_) | Actor::Local(_) | Actor::System(_)) => actor.to_string(),
            Actor::Device(_) | Actor::Agent(_) => return Err(Failure::Forbidden),
        };
        let key = domain::field::name(key, LONGEST_KEY)
            .map_err(|problem| Failure::field("id", problem))?;
        let theirs = format!("bulk:{started_by}|");
        let key = format!("{theirs}{key}");
        let fingerprint = by.once.as_ref().map(|once| Sha256::of(&once.fingerprint).to_string());
        let order = Order {
            started_by,
            correlation_id: by.correlation_id,
            organizations: None,
            selection: selection.clone(),
            operation: operation.clone(),
            fingerprint,
        };
        if let Some(known) = self.known(&key, &order).await? {
            return Ok(known);
        }
        selection.check()?;
        operation.check(self.0, by).await?;
        let organizations = selection.organizations(self.0, by).await?;
        let only = match organizations.as_deref() {
            Some([only]) => Some(only.as_uuid()),
            _ => None,
        };
        let total = i64::try_from(selection.count(self.0, by).await?).ok();
        let order = Order { organizations, ..order };
        // One at a time, so that requests at once are counted.
        let _turn = self.0.bulk_turn().lock().await;
        let most = self.0.settings().controller.operations_per_account;
        if self.0.jobs().open_under(BULK, &theirs).await? >= u64::from(most) {
            return match self.known(&key, &order).await? {
                Some(known) => Ok(known),
                None => Err(Failure::Refused(Refusal::TooManyOperations { most })),
            };
        }
        let now = self.0.world().now();
        let job = NewJob {
            kind: BULK.to_owned(),
            key: key.clone(),
            organization_id: only,
            payload: serde_json::to_string(&order)
                .map_err(|error| Failure::Broken(error.into()))?,
            total,
            run_after: now,
            created_at: now,
        };
        self.0.store().execute(vec![Jobs::enqueue_op(job)]).await?;
        // Of two requests at once, one was first.
        let known = self.known(&key, &order).await?;
        known.ok_or_else(|| Failure::Broken("the job was not stored".into()))
    }

    /// One job, for those who may see its organizations, and for whoever started it and may still see devices.
    pub async fn job(&self, by: &By, id: JobId) -> Result<BulkJob, Failure> {
        let (job, order) = self.seen(by, id).await?;
        Ok(BulkJob::of(job, order))
    }

    /// The newest jobs first, of those that the actor may see.
    pub async fn jobs(&self, by: &By, page: JobPage) -> Result<Vec<BulkJob>, Failure> {
        Self::require(by, Permission::ViewDevice)?;
        let limit = page.limit.min(MOST_JOBS) as usize;
        let mut filter = JobFilter {
            kinds: vec![BULK.to_owned()],
            before: page.before.map(|(time, id)| (time, id.as_uuid())),
            ..JobFilter::default()
        };
        let (mut jobs, mut read) = (Vec::new(), 0);
        while jobs.len() < limit && read < MOST_READ {
            let rows = self.0.jobs().list(&filter, MOST_JOBS).await?;
            let Some(last) = rows.last() else { break };
            filter.before = Some((last.created_at, last.id));
            read += MOST_JOBS;
            let end = rows.len() < MOST_JOBS as usize;
            for row in rows {
                match Order::of(&row) {
                    Some(order) if jobs.len() < limit && order.is_seen_by(by) => {
                        jobs.push(BulkJob::of(row, order));
                    }
                    _ => {}
                }
            }
            if end {
                break;
            }
        }
        Ok(jobs)
    }

    /// Ends a job; what was done stays done. Nothing happens to one that is complete.
    #[instrument(name = "bulk.cancel", skip_all, fields(job.id = %id))]
    pub async fn cancel(&self, by: &By, id: JobId) -> Result<BulkJob, Failure> {
        self.controlled(by, id).await?;
        self.0.jobs().cancel(id.as_uuid(), self.0.world().now()).await?;
        self.job(by, id).await
    }

    /// Lets a job stand still until it is resumed.
    #[instrument(name = "bulk.pause", skip_all, fields(job.id = %id))]
    pub async fn pause(&self, by: &By, id: JobId) -> Result<BulkJob, Failure> {
        self.controlled(by, id).await?;
        self.0.jobs().pause(id.as_uuid(), self.0.world().now()).await?;
        self.job(by, id).await
    }

    /// Lets a paused or failed job go on where it was.
    #[instrument(name = "bulk.resume", skip_all, fields(job.id = %id))]
    pub async fn resume(&self, by: &By, id: JobId) -> Result<BulkJob, Failure> {
        self.controlled(by, id).await?;
        self.0.jobs().resume(id.as_uuid(), self.0.world().now()).await?;
        self.job(by, id).await
    }

    /// The job under this key, if it is about the same.
    async fn known(&self, key: &str, wanted: &Order) -> Result<Option<JobId>, Failure> {
        let id = JobId::of_key(key);
        let Some(job) = self.0.jobs().get(id.as_uuid()).await? else { return Ok(None) };
        match Order::of(&job) {
            Some(order) if order.is_repeated_by(wanted) => Ok(Some(id)),
            _ => Err(Failure::Refused(Refusal::KeyReused)),
        }
    }

    /// Asked before anything is looked up.
    fn require(by: &By, permission: Permission) -> Result<(), Failure> {
        let denied = |denied| Failure::denied(denied, MODEL);
        by.authority.require_anywhere(permission).map_err(denied)
    }

    async fn seen(&self, by: &By, id: JobId) -> Result<(Job, Order), Failure> {
        Self::require(by, Permission::ViewDevice)?;
        let job = self.0.jobs().get(id.as_uuid()).await?.filter(|job| job.kind == BULK);
        let job = job.ok_or(Failure::NotFound(MODEL))?;
        let order = Order::of(&job).filter(|order| order.is_seen_by(by));
        Ok((job, order.ok_or(Failure::NotFound(MODEL))?))
    }

    async fn controlled(&self, by: &By, id: JobId) -> Result<(), Failure> {
        Self::require(by, Permission::ChangeDevice)?;
        let (_, order) = self.seen(by, id).await?;
        if order.is_controlled_by(by) { Ok(()) } else { Err(Failure::Forbidden) }
    }
}
