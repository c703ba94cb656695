//! One operation on many devices, as a job with progress.

mod input;
mod mutation;

use app::{
    BulkJob, JobId, JobPage, Operation, Selection,
    store::{Arg, JobState},
};
use async_graphql::{
    Context, Enum, ID, Object, Result,
    connection::{Connection, Edge},
};
use chrono::{DateTime, Utc};
use domain::{DeviceId, TemplateId};
use projections::Place;

pub(super) use input::{InputNames, StartBulkOperationInput};
pub(super) use mutation::BulkMutation;

use super::{
    connection::{Cursor, Window, cost},
    device::Device,
    error::{failure, shared},
    group::Group,
    request::{app, by, loaders},
    scalar::uuid,
    template::{Template, in_order},
};

/// Jobs of a page at most.
const MOST: u32 = 50;
/// The order of the list, as cursors remember it.
const ORDER: &str = "bulkOperations";

/// A page of operations, the newest first.
type BulkOperationList = Connection<Cursor, BulkOperation>;

/// An operation on many devices and how far it is. It goes on whatever becomes of whoever started it, device by device, each
/// through the ordinary change on the starter's behalf; a device that refuses does not stop it.
pub(super) struct BulkOperation(pub(super) BulkJob);

/// What is happening to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "JobState")]
enum BulkOperationState {
    /// Waits for its turn.
    Queued,
    /// Goes on.
    Running,
    /// Every device was looked at.
    Done,
    /// Given up; it can be resumed.
    Failed,
    /// Ended by a person. What was done stays done.
    Cancelled,
    /// Stopped by a person, to go on where it was.
    Paused,
}

/// What is done with each device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
enum DeviceOperation {
    /// It comes into a group, or out of all groups.
    SetGroup,
    /// Templates are appended to its list.
    AddTemplates,
    /// Templates are taken out of its list.
    RemoveTemplates,
    /// Some of its variables get values.
    MergeVariables,
    /// Some of its variables are taken away.
    RemoveVariables,
    /// It is served again.
    Activate,
    /// It is not served any more.
    Deactivate,
}

/// An operation on many devices and how far it is. It goes on whatever becomes of whoever started it, device by device, each
/// through the ordinary change on the starter's behalf; a device that refuses does not stop it.
#[Object]
impl BulkOperation {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What is happening to it.
    async fn state(&self) -> BulkOperationState {
        self.0.state.into()
    }

    /// What is done with each device.
    async fn operation(&self) -> DeviceOperation {
        match &self.0.operation {
            Operation::SetGroup(_) => DeviceOperation::SetGroup,
            Operation::AddTemplates(_) => DeviceOperation::AddTemplates,
            Operation::RemoveTemplates(_) => DeviceOperation::RemoveTemplates,
            Operation::MergeVariables(_) => DeviceOperation::MergeVariables,
            Operation::RemoveVariables(_) => DeviceOperation::RemoveVariables,
            Operation::Activate => DeviceOperation::Activate,
            Operation::Deactivate => DeviceOperation::Deactivate,
        }
    }

    /// The group that devices come into, as it is today; null of other operations, and of one that takes them out of all.
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<Group>> {
        let Operation::SetGroup(Some(id)) = &self.0.operation else { return Ok(None) };
        Ok(loaders(ctx)?.load_one(*id).await.map_err(shared)?.map(Group::Now))
    }

    /// The templates that are appended or taken away, as they are today; none of other operations.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn templates(&self, ctx: &Context<'_>) -> Result<Vec<Template>> {
        let ids: &[TemplateId] = match &self.0.operation {
            Operation::AddTemplates(ids) | Operation::RemoveTemplates(ids) => ids,
            _ => &[],
        };
        in_order(ctx, ids).await
    }

    /// Names of the variables that get values or are taken away; none of other operations. Values may be secrets.
    async fn variable_names(&self) -> Vec<&str> {
        match &self.0.operation {
            Operation::MergeVariables(variables) => variables.keys().map(String::as_str).collect(),
            Operation::RemoveVariables(names) => names.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The devices that were named one by one, at most 1000; null where a filter selects them.
    async fn selected_ids(&self) -> Option<Vec<ID>> {
        let Selection::Ids(ids) = &self.0.selection else { return None };
        Some(ids.iter().map(|id| id.to_string().into()).collect())
    }

    /// Who started it: `user:<id>`, `local:<unix user>` or `system:<part of the program>`.
    async fn started_by(&self) -> &str {
        &self.0.started_by
    }

    /// Devices to look at, as counted at the start; a filter may find others when their turn comes.
    async fn total(&self) -> Option<u64> {
        self.0.total
    }

    /// Devices that were looked at.
    async fn done(&self) -> u64 {
        self.0.done
    }

    /// How many of them were changed; others were so already.
    async fn changed(&self) -> u64 {
        self.0.changed
    }

    /// How many of them refused.
    async fn failed(&self) -> u64 {
        self.0.failed
    }

    /// How much is done, in percent: 0 to 100. It is 100 only when every device was looked at.
    async fn progress(&self) -> f64 {
        progress(&self.0)
    }

    /// The first 50 devices that refused, and why.
    #[graphql(complexity = "1 + 50 * child_complexity")]
    async fn failures(&self) -> Vec<BulkOperationFailure> {
        let failures = self.0.failures.iter().cloned();
        failures.map(|(device, reason)| BulkOperationFailure { device, reason }).collect()
    }

    /// Why it does not go on, or what went wrong last; null where nothing did.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// When it was ordered.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it went on last.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

/// A job that goes on is never complete, even if a filter finds more devices than were counted.
fn progress(job: &BulkJob) -> f64 {
    /// Devices are no more than this; as floating point it is exact.
    const BOUND: u64 = u32::MAX as u64;
    let bounded = |number: u64| f64::from(u32::try_from(number.min(BOUND)).unwrap_or(u32::MAX));
    if job.state == JobState::Done {
        return 100.0;
    }
    match job.total {
        Some(total) if total > 0 => (bounded(job.done) / bounded(total) * 100.0).clamp(0.0, 99.0),
        _ => 0.0,
    }
}

/// A device that refused an operation.
struct BulkOperationFailure {
    device: DeviceId,
    reason: String,
}

/// A device that refused an operation.
#[Object]
impl BulkOperationFailure {
    /// Its id.
    async fn id(&self) -> ID {
        self.device.to_string().into()
    }

    /// The device; null where there is none that the viewer may see.
    async fn device(&self, ctx: &Context<'_>) -> Result<Option<Device>> {
        let found = loaders(ctx)?.load_one(self.device).await;
        Ok(found.map_err(shared)?.map(Device::Now))
    }

    /// Why, for people.
    async fn reason(&self) -> &str {
        &self.reason
    }
}

#[derive(Default)]
pub(super) struct BulkQuery;

#[Object]
impl BulkQuery {
    /// One operation, for whoever started it, and for those who may see the devices of all organizations that it may reach.
    /// Ended ones are forgotten some day.
    async fn bulk_operation(&self, ctx: &Context<'_>, id: ID) -> Result<BulkOperation> {
        let id = JobId::from_uuid(uuid("id", &id)?);
        app(ctx)?.bulk().job(by(ctx)?, id).await.map(BulkOperation).map_err(failure)
    }

    /// The operations that the viewer may see, the newest first.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn bulk_operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Operations on the page: 20 if left out, 50 at most.")] first: Option<i32>,
        #[graphql(desc = "A cursor: only older ones.")] after: Option<String>,
    ) -> Result<BulkOperationList> {
        let window = Window { first, after, ..Window::default() };
        let stretch = window.stretch(ORDER)?;
        let limit = stretch.limit.min(MOST);
        let before = stretch.after.and_then(|place| match place.value {
            Arg::Time(Some(moment)) => Some((moment, JobId::from_uuid(place.id))),
            _ => None,
        });
        // One more tells whether there are more.
        let page = JobPage { limit: limit + 1, before };
        let mut jobs = app(ctx)?.bulk().jobs(by(ctx)?, page).await.map_err(failure)?;
        let more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let mut list = Connection::new(before.is_some(), more);
        list.edges = jobs
            .into_iter()
            .map(|job| {
                let place = Place { value: job.created_at.into(), id: job.id.as_uuid() };
                Edge::new(Cursor::of(ORDER, &place), BulkOperation(job))
            })
            .collect();
        Ok(list)
    }
}
