//! What follows from the removal of an organization: jobs that remove what was its.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Event, OrganizationId, accounts::OrganizationEvent};
use serde::{Deserialize, Serialize};
use store::{Fault, Jobs, NewJob, Op};

/// The kind of these jobs, as leases name it.
pub const REMOVAL: &str = "organizations.remove";

/// Requests that began before the removal have ended by then, and with them whatever they have still made.
const LATER: TimeDelta = TimeDelta::seconds(60);

/// A job as the table keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalOrder {
    /// Of the event that made it necessary.
    pub position: i64,
    /// What is removed.
    pub organization_id: OrganizationId,
    /// Is nothing made for it any more?
    pub last: bool,
}

/// The jobs that an event makes necessary: one for now, and one for what requests have made meanwhile.
pub(crate) fn jobs(event: &Event, position: i64, time: DateTime<Utc>) -> Result<Vec<Op>, Fault> {
    let Event::Organization(OrganizationEvent::RemovalStarted { organization_id }) = event else {
        return Ok(Vec::new());
    };
    [(false, time), (true, time + LATER)]
        .into_iter()
        .map(|(last, run_after)| {
            let order = RemovalOrder { position, organization_id: *organization_id, last };
            let payload =
                serde_json::to_string(&order).map_err(|error| Fault(error.to_string()))?;
            Ok(Jobs::enqueue_op(NewJob {
                kind: REMOVAL.to_owned(),
                key: format!("{REMOVAL}:{position}:{last}"),
                organization_id: Some(organization_id.as_uuid()),
                payload,
                total: None,
                run_after,
                created_at: time,
            }))
        })
        .collect()
}
