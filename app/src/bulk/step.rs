//! The work itself: a few devices at a time.

use domain::{Actor, Authority, DeviceId, Permission, UserId, authority::Scope};
use futures::{StreamExt as _, stream};
use projections::accounts;
use store::{Job, Progress};

use super::{
    Bulk, Operation, is_about_device,
    job::{Course, Order},
    operation::{Effect, Present},
};
use crate::{By, Failure, Once};

/// How a job goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// There is more to do.
    More(Progress),
    /// That was the last part.
    Complete(Progress),
    /// It must not go on: why, for people.
    Stopped(String),
}

/// Devices side by side: they share the disk's waits.
const AT_ONCE: usize = 16;

impl Bulk<'_> {
    /// Works on the next devices of a job that the worker holds, at most `limit`. Whether the starter may still do it is asked
    /// every time.
    pub async fn step(
        &self,
        job: &Job,
        progress: &Progress,
        limit: u32,
    ) -> Result<Stepped, Failure> {
        let Some(order) = Order::of(job) else {
            return Ok(Stepped::Stopped("the order cannot be read".to_owned()));
        };
        let by = match self.on_behalf(&order, job).await? {
            Ok(by) => by,
            Err(reason) => return Ok(Stepped::Stopped(reason.to_owned())),
        };
        let mut course = Course::of(progress.cursor.as_deref());
        let page = order.selection.page(self.0, &by, course.after, limit).await?;
        let looked_at = page.devices.len() + page.missing.len();
        for device in page.missing {
            course.fail(device, &Failure::NotFound("Device").to_string());
        }
        let one = |device: DeviceId| {
            let once = Once {
                key: format!("bulk:{}:{device}", job.id),
                fingerprint: job.id.as_bytes().to_vec(),
            };
            let (by, operation) = (by.clone().once(once), &order.operation);
            async move { (device, self.one(&by, device, operation).await) }
        };
        let outcomes: Vec<_> = page.devices.into_iter().map(one).collect();
        // In the order of ids, as they are told.
        let outcomes: Vec<_> = stream::iter(outcomes).buffered(AT_ONCE).collect().await;
        for (device, outcome) in outcomes {
            match outcome {
                Ok(changed) => course.changed += u64::from(changed),
                Err(failure) if is_about_device(&failure) => {
                    course.fail(device, &failure.to_string());
                }
                Err(failure) => return Err(failure),
            }
        }
        course.after = page.last;
        let done = progress.done + i64::try_from(looked_at).unwrap_or(0);
        let cursor =
            serde_json::to_string(&course).map_err(|error| Failure::Broken(error.into()))?;
        let further = |total| Progress { cursor: Some(cursor), done, total };
        Ok(match page.last {
            // Devices may have come since they were counted.
            Some(_) => Stepped::More(further(progress.total.map(|total| total.max(done)))),
            None => Stepped::Complete(further(Some(done))),
        })
    }

    /// Does the operation with one device. Was there anything to do?
    async fn one(&self, by: &By, id: DeviceId, operation: &Operation) -> Result<bool, Failure> {
        // A worker that died after this device and before it said so.
        if self.0.repeated(by).await?.is_some() {
            return Ok(true);
        }
        let devices = self.0.devices();
        if let Some(active) = operation.activation() {
            let device = devices.device(by, id, Permission::ChangeDevice).await?;
            if device.active == active {
                return Ok(false);
            }
            let done = if active {
                devices.activate(by, id).await
            } else {
                devices.deactivate(by, id).await
            };
            return done.map(|_| true);
        }
        // Told from what the device has when it is changed: nobody's change in between is lost.
        let wanted = |present: &Present<'_>| match operation.effect(present) {
            Effect::Change(change) => Some(*change),
            Effect::Nothing | Effect::Activate | Effect::Deactivate => None,
        };
        Ok(devices.change_as(by, id, wanted).await?.is_some())
    }

    /// The starter, with what it is allowed at present; or why it may not go on.
    async fn on_behalf(
        &self,
        order: &Order,
        job: &Job,
    ) -> Result<Result<By, &'static str>, Failure> {
        let unlimited = |actor| Authority { actor, scope: Scope::Everything };
        let authority = match order.started_by.split_once(':') {
            Some(("user", id)) => {
                let Ok(id) = id.parse::<UserId>() else { return Ok(Err(UNREADABLE)) };
                match accounts::by_id(self.0.store(), id).await? {
                    Some(user) if user.active => crate::accounts::authority(&user),
                    _ => return Ok(Err("whoever started it is not active any more")),
                }
            }
            Some(("local", name)) => unlimited(Actor::Local(name.to_owned())),
            Some(("system", _)) => Authority::system("bulk"),
            _ => return Ok(Err(UNREADABLE)),
        };
        let allowed = match &order.organizations {
            None => authority.is_unlimited(),
            Some(organizations) => {
                authority.require_anywhere(Permission::ChangeDevice).is_ok()
                    && organizations
                        .iter()
                        .all(|id| authority.require(Permission::ChangeDevice, Some(*id)).is_ok())
            }
        };
        if !allowed {
            return Ok(Err("whoever started it may not change these devices any more"));
        }
        let by = By::new(authority, order.correlation_id);
        Ok(Ok(By { causation: Some(format!("job:{}", job.id)), ..by }))
    }
}

const UNREADABLE: &str = "the order does not say who started it";
