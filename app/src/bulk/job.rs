//! A job as people see it, and as the table keeps it.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use domain::{DeviceId, OrganizationId, Permission};
use serde::{Deserialize, Serialize};
use store::{Job, JobState, NewJob};
use uuid::Uuid;

use super::{Operation, Selection};
use crate::By;

/// Failed devices that a job remembers by name.
const FAILURES: usize = 50;
/// Characters of a reason.
const REASON: usize = 300;

/// A job on many devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Uuid);

impl JobId {
    /// Wraps an existing UUID, for example one read from a request.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The UUID itself.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// The job that is ordered under this key.
    pub(super) fn of_key(key: &str) -> Self {
        let job = NewJob {
            kind: String::new(),
            key: key.to_owned(),
            organization_id: None,
            payload: String::new(),
            total: None,
            run_after: DateTime::UNIX_EPOCH,
            created_at: DateTime::UNIX_EPOCH,
        };
        Self(job.id())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A part of the list of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobPage {
    /// How many, at most 100.
    pub limit: u32,
    /// Older than this one: the last of the page before, by its time and id.
    pub before: Option<(DateTime<Utc>, JobId)>,
}

/// A job on many devices and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkJob {
    /// The job.
    pub id: JobId,
    /// What is happening to it.
    pub state: JobState,
    /// With which devices.
    pub selection: Selection,
    /// What is done with them.
    pub operation: Operation,
    /// `user:<id>` | `local:<unix user>` | `system:<part of the program>`.
    pub started_by: String,
    /// The organizations that it may reach; none is all.
    pub organizations: Option<Vec<OrganizationId>>,
    /// Devices to look at, as counted at the start.
    pub total: Option<u64>,
    /// Devices that were looked at.
    pub done: u64,
    /// Of these, those that were changed.
    pub changed: u64,
    /// Of these, those that refused.
    pub failed: u64,
    /// The first 50 of them and why, for people.
    pub failures: Vec<(DeviceId, String)>,
    /// Why the job does not go on, or what went wrong last.
    pub error: Option<String>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

impl BulkJob {
    pub(super) fn of(job: Job, order: Order) -> Self {
        let Course { changed, failed, failures, .. } = Course::of(job.cursor.as_deref());
        Self {
            id: JobId(job.id),
            state: job.state,
            selection: order.selection,
            operation: order.operation,
            started_by: order.started_by,
            organizations: order.organizations,
            total: job.total.map(i64::unsigned_abs),
            done: job.done.unsigned_abs(),
            changed,
            failed,
            failures,
            error: job.error,
            created_at: job.created_at,
            updated_at: job.updated_at,
        }
    }
}

/// What was ordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(super) started_by: String,
    pub(super) correlation_id: Option<Uuid>,
    /// That the starter could reach; none is all.
    pub(super) organizations: Option<Vec<OrganizationId>>,
    pub(super) selection: Selection,
    pub(super) operation: Operation,
    /// Hash of what was asked, where the edge told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<String>,
}

impl Order {
    /// None when the row is damaged.
    pub(crate) fn of(job: &Job) -> Option<Self> {
        serde_json::from_str(&job.payload).ok()
    }

    /// Is it the same? Moments that are told from now on, such as those of "heard within a minute", are others when they are
    /// asked for again; what was asked is not.
    pub(super) fn is_repeated_by(&self, wanted: &Self) -> bool {
        match (&self.fingerprint, &wanted.fingerprint) {
            (Some(one), Some(other)) => one == other,
            _ => self.selection == wanted.selection && self.operation == wanted.operation,
        }
    }

    pub(super) fn is_seen_by(&self, by: &By) -> bool {
        self.is_allowed(by, Permission::ViewDevice)
    }

    pub(super) fn is_controlled_by(&self, by: &By) -> bool {
        self.is_allowed(by, Permission::ChangeDevice)
    }

    fn is_allowed(&self, by: &By, permission: Permission) -> bool {
        let everywhere = || match &self.organizations {
            None => by.authority.is_unlimited(),
            // A job about no organization at all is its starter's business.
            Some(organizations) => {
                !organizations.is_empty()
                    && organizations
                        .iter()
                        .all(|id| by.authority.require(permission, Some(*id)).is_ok())
            }
        };
        by.authority.is_unlimited()
            || self.started_by == by.authority.actor.to_string()
            || everywhere()
    }
}

/// How far a job is: what its row keeps as the cursor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Course {
    pub(super) after: Option<DeviceId>,
    pub(super) changed: u64,
    pub(super) failed: u64,
    pub(super) failures: Vec<(DeviceId, String)>,
}

impl Course {
    pub(super) fn of(cursor: Option<&str>) -> Self {
        cursor.and_then(|cursor| serde_json::from_str(cursor).ok()).unwrap_or_default()
    }

    pub(super) fn fail(&mut self, device: DeviceId, reason: &str) {
        self.failed += 1;
        if self.failures.len() < FAILURES {
            let reason = reason.chars().filter(|c| *c != '\0').take(REASON).collect();
            self.failures.push((device, reason));
        }
    }
}
