//! Goes through all devices that a change reaches, a few hundred at a time.

use std::collections::HashSet;

use domain::{DeviceId, Permission};
use netjson::RENDERER_VERSION;
use projections::{
    configuration::{DeviceInputs, InputsBatch, inputs_of},
    device::{self, DeviceFilter},
};
use tracing::instrument;

use super::{
    Previews,
    change::{Change, SharedChange},
    device_edit::DeviceEdit,
    fleet_operation::{Decided, FleetOperation},
    judge::{Candidate, Verdict},
    sample::present,
    tally::{DryRun, Tally},
};
use crate::{By, Failure, configurations::Layered};

/// Devices that are read at once.
const PAGE: u32 = 500;

impl Previews<'_> {
    /// What a change would do to every device that it reaches. Nothing is stored; the failures are those of the change, except
    /// that values which must be unique may be taken. Two at once; others wait.
    #[instrument(name = "change.dry_run", skip_all)]
    pub async fn dry_run(&self, by: &By, change: Change) -> Result<DryRun, Failure> {
        // Refused to those to whom the change is.
        let permission = match &change {
            Change::Bulk(..) => Permission::ChangeDevice,
            _ => Permission::ViewDevice,
        };
        by.authority
            .require_anywhere(permission)
            .map_err(|denied| Failure::denied(denied, "Device"))?;
        let _permit = self.0.dry_run_permits().acquire_owned().await;
        let head = self.0.store().snapshot(Vec::new()).await?.head;
        let mut tally = Tally::at(head);
        match change {
            Change::Bulk(selection, operation) => {
                selection.check()?;
                operation.check(self.0, by).await?;
                let mut fleet = FleetOperation::new(self.0, by, operation);
                let mut after = None;
                loop {
                    let page = selection.page(self.0, by, after, PAGE).await?;
                    for device in page.missing {
                        let reason = Failure::NotFound("Device").to_string();
                        tally.add(device, Verdict::Failed { reason, already: false });
                    }
                    let batch = inputs_of(self.0.store(), &page.devices).await?;
                    self.operate(&mut fleet, batch, &mut tally).await?;
                    after = page.last;
                    if after.is_none() {
                        break;
                    }
                }
            }
            change => {
                let change = self.shared_change(by, change).await?;
                let reach = change.reach();
                let mut seen: HashSet<DeviceId> = HashSet::new();
                for filter in &reach {
                    let once = (reach.len() > 1).then_some(&mut seen);
                    self.reach(&change, filter, once, &mut tally).await?;
                }
            }
        }
        let head = self.0.store().snapshot(Vec::new()).await?.head;
        Ok(tally.finish(head))
    }

    /// Goes through the devices that pass a filter and were not seen before.
    async fn reach(
        &self,
        change: &SharedChange,
        filter: &DeviceFilter,
        mut seen: Option<&mut HashSet<DeviceId>>,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let mut ids =
                device::ids_after(self.0.store(), crate::RULES, filter, after, PAGE).await?;
            after = ids.last().copied().filter(|_| ids.len() == PAGE as usize);
            if let Some(seen) = &mut seen {
                ids.retain(|id| seen.insert(*id));
            }
            let batch = inputs_of(self.0.store(), &ids).await?;
            tally.read_at(batch.position);
            let mut candidates = Vec::with_capacity(batch.devices.len());
            for inputs in &batch.devices {
                let mut edit = DeviceEdit::of(inputs);
                change.edit(&mut edit, (self.0.world().now(), batch.position));
                match change.layered(&edit, &batch) {
                    None => tally.add(inputs.device.id, Verdict::Unchanged),
                    Some(layered) => {
                        candidates.push(self.candidate(inputs, &batch, layered).await?);
                    }
                }
            }
            for (device, verdict) in self.judge(sorted(candidates)).await? {
                tally.add(device, verdict);
            }
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn operate(
        &self,
        fleet: &mut FleetOperation<'_>,
        batch: InputsBatch,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        tally.read_at(batch.position);
        let mut candidates = Vec::with_capacity(batch.devices.len());
        for inputs in &batch.devices {
            let id = inputs.device.id;
            match fleet.decide(inputs, &batch).await? {
                Decided::Nothing => tally.add(id, Verdict::Unchanged),
                Decided::Refused(reason) => {
                    tally.add(id, Verdict::Failed { reason, already: false });
                }
                Decided::Render { edit, group, check } => {
                    match fleet.layered(&edit, &batch, &group) {
                        None => tally.add(id, Verdict::Unchanged),
                        Some(layered) => {
                            let candidate = self.candidate(inputs, &batch, layered).await?;
                            candidates.push(Candidate { check, ..candidate });
                        }
                    }
                }
            }
        }
        for (device, verdict) in self.judge(sorted(candidates)).await? {
            tally.add(device, verdict);
        }
        Ok(())
    }

    /// What is rendered with a change, and what without it where that is not known.
    async fn candidate(
        &self,
        inputs: &DeviceInputs,
        batch: &InputsBatch,
        after: Layered<'_>,
    ) -> Result<Candidate, Failure> {
        let configurations = self.0.configurations();
        let held = inputs.configuration.as_ref();
        let stale = held.is_some() && batch.stale(inputs, RENDERER_VERSION);
        let present = match present(inputs, batch).filter(|_| stale) {
            Some(layered) => Some(configurations.computation(layered).await?),
            None => None,
        };
        Ok(Candidate {
            device: inputs.device.id,
            organization: inputs.device.organization_id,
            name: inputs.device.name.clone(),
            held: held.and_then(|held| held.archive.clone()),
            failure: held.and_then(|held| held.failure.clone()),
            present,
            after: configurations.computation(after).await?,
            check: None,
        })
    }
}

fn sorted(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by_key(|candidate| candidate.device);
    candidates
}
