//! Many devices at once: what they share is read once, all cores compute, bytes are stored together, events are appended
//! side by side and so share the disk's waits.

use std::collections::HashMap;

use domain::{DeviceId, OrganizationId, configuration::ArchiveRendered};
use futures::{StreamExt as _, stream};
use netjson::{Finding, RENDERER_VERSION};
use projections::configuration::{ConfigurationRow, InputsBatch, inputs_of};

use super::{
    Configurations,
    lint::adding,
    render::{Computation, Layered, Rendering, cause, is_held, known, rendered},
    shared::SharedTemplates,
};
use crate::Failure;

/// Devices that are read, computed and stored together.
const BATCH: usize = 125;
/// Batches under way: one computes while the other one waits for the disk.
const BATCHES: usize = 2;
/// Devices that one thread renders before others get their turn.
const TURN: usize = 20;
/// Appends side by side.
const APPENDS: usize = 64;

/// A device to be rendered.
struct Due {
    row: ConfigurationRow,
    /// Where the event is that it follows from.
    cause: Option<i64>,
    computation: Computation,
}

/// What became of it.
struct Computed {
    row: ConfigurationRow,
    cause: Option<i64>,
    archive: Result<netjson::Archive, String>,
    /// A value that the device reads as more than it is.
    finding: Option<Finding>,
}

impl Configurations<'_> {
    /// Renders those of the devices of which an input changed since the last time, like [`render`](Self::render) each of
    /// them. In no particular order; a device that does not exist is left out.
    pub(crate) async fn render_many(
        &self,
        devices: &[DeviceId],
    ) -> Result<Vec<(DeviceId, Rendering)>, Failure> {
        let mut sorted = devices.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let batches: Vec<_> =
            sorted.chunks(BATCH).map(|batch| self.render_batch(batch.to_vec())).collect();
        let batches: Vec<_> = stream::iter(batches).buffered(BATCHES).collect().await;
        let mut renderings = Vec::with_capacity(sorted.len());
        for batch in batches {
            renderings.extend(batch?);
        }
        Ok(renderings)
    }

    async fn render_batch(
        &self,
        devices: Vec<DeviceId>,
    ) -> Result<Vec<(DeviceId, Rendering)>, Failure> {
        // In the order of ids: whoever else takes several takes them so.
        let mut held = Vec::with_capacity(devices.len());
        for id in &devices {
            held.push(self.0.locks().of(*id).lock_owned().await);
        }
        let batch = inputs_of(self.0.store(), &devices).await?;
        let position = batch.position;
        let (mut renderings, due) = self.due(&batch).await?;
        let computed = self.compute_many(due).await?;
        let mut found = computed.iter().filter_map(|it| Some((&it.row, it.finding.as_ref()?)));
        if let Some((row, finding)) = found.next() {
            let devices = 1 + found.count();
            tracing::warn!(devices, example = %row.device_id, %finding, "devices read more than was planned");
        }

        let mut blobs: HashMap<OrganizationId, Vec<&[u8]>> = HashMap::new();
        for Computed { row, archive, .. } in &computed {
            if let Ok(archive) = archive
                && !is_held(row, &archive.sha256)
            {
                blobs.entry(row.organization_id).or_default().push(&archive.bytes);
            }
        }
        for (organization, blobs) in blobs {
            self.0.blobs().put_many(Some(organization.as_uuid()), &blobs).await?;
        }

        let mut positions: Vec<i64> = computed.iter().filter_map(|it| it.cause).collect();
        positions.sort_unstable();
        positions.dedup();
        let causes = &self.0.store().identities_at(&positions).await?;
        let accept = |Computed { row, cause, archive, .. }: Computed| async move {
            let outcome = archive.map(|archive| rendered(archive, position));
            let cause = cause.and_then(|position| causes.get(&position));
            let rendering = self.accept(&row, position, &outcome, cause).await?;
            Ok::<_, Failure>((row.device_id, rendering, outcome.ok()))
        };
        let accepted: Vec<_> = computed.into_iter().map(accept).collect();
        let accepted: Vec<_> = stream::iter(accepted).buffer_unordered(APPENDS).collect().await;
        let mut failed = None;
        let mut remembered: Vec<(DeviceId, Option<ArchiveRendered>)> = Vec::new();
        for outcome in accepted {
            match outcome {
                Ok((id, rendering, archive)) => {
                    renderings.push((id, rendering));
                    if rendering.is_of_its_inputs() {
                        remembered.push((id, archive));
                    }
                }
                Err(failure) => failed = Some(failure),
            }
        }
        if !remembered.is_empty() {
            self.remember(position, &remembered).await?;
        }
        drop(held);
        failed.map_or(Ok(renderings), Err)
    }

    /// Those that need nothing, and those that have to be computed.
    async fn due(
        &self,
        batch: &InputsBatch,
    ) -> Result<(Vec<(DeviceId, Rendering)>, Vec<Due>), Failure> {
        let (mut settled, mut due) = (Vec::new(), Vec::new());
        for inputs in &batch.devices {
            let id = inputs.device.id;
            let Some(row) = &inputs.configuration else {
                settled.push((id, Rendering::Absent));
                continue;
            };
            if !batch.stale(inputs, RENDERER_VERSION) && !row.undecided {
                self.0.edge().rendered(id, batch.position, row.archive.as_ref().map(known));
                settled.push((id, Rendering::Current));
                continue;
            }
            let template = |id| batch.templates.get(id).filter(|template| !template.removed);
            let layered = Layered {
                device: &inputs.device,
                configuration: row,
                templates: inputs.templates.iter().filter_map(template).collect(),
                organization: &batch.organization(&inputs.device).variables,
                group: &batch.group(&inputs.device).variables,
            };
            let computation = self.computation(layered).await?;
            let cause = cause(batch.changed(inputs), inputs.rendered.as_ref(), row);
            due.push(Due { row: row.clone(), cause, computation });
        }
        Ok((settled, due))
    }

    async fn compute_many(&self, due: Vec<Due>) -> Result<Vec<Computed>, Failure> {
        let mut waiting = due.into_iter();
        let mut turns = Vec::new();
        loop {
            let turn: Vec<Due> = waiting.by_ref().take(TURN).collect();
            if turn.is_empty() {
                break;
            }
            let permit = self.0.render_permits().acquire_owned().await;
            let cache = self.0.template_cache();
            turns.push(tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let mut shared = SharedTemplates::new(&cache);
                turn.into_iter()
                    .map(|Due { row, cause, computation }| {
                        let rendering = computation.rendering_with(&mut shared);
                        let finding = rendering
                            .as_ref()
                            .ok()
                            .and_then(|rendering| adding(rendering).into_iter().next());
                        let archive = rendering.map(|rendering| rendering.archive());
                        Computed { row, cause, archive, finding }
                    })
                    .collect::<Vec<_>>()
            }));
        }
        let mut computed = Vec::new();
        for turn in turns {
            computed.extend(turn.await.map_err(|error| Failure::Broken(Box::new(error)))?);
        }
        Ok(computed)
    }
}
