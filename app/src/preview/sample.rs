//! Looks at some of the devices that a change of what they share reaches, before it is accepted.
//!
//! Halves of an attack may be harmless alone and meet only in a device's rendering. A template, a group or an organization may
//! reach so many devices that not all can be rendered while somebody waits; the first ones are.

use std::collections::HashSet;

use domain::{DeviceId, Event};
use projections::{
    configuration::{DeviceInputs, InputsBatch, inputs_of},
    device,
};
use uuid::Uuid;

use super::{
    Previews,
    change::{NONE, SharedChange},
    device_edit::DeviceEdit,
};
use crate::{
    Failure,
    configurations::{Computation, Layered, SharedTemplates, adding},
};

/// Devices that are rendered.
const SAMPLE: u32 = 200;
/// Devices that one thread renders before others get their turn.
const TURN: usize = 20;

/// A device without and with the change.
struct Pair {
    before: Option<Computation>,
    after: Computation,
}

impl Previews<'_> {
    /// Refuses what was decided about templates, groups and organizations if it brings something that nobody planned into the
    /// rendering of one of the first devices that it reaches.
    pub(crate) async fn refuse_shared(
        &self,
        field: &'static str,
        events: &[(Uuid, Event)],
    ) -> Result<(), Failure> {
        if self.0.configurations().allows_findings() {
            return Ok(());
        }
        let change = self.shared_by(events).await?;
        let mut waiting = self.sample(&change).await?.into_iter();
        loop {
            let turn: Vec<Pair> = waiting.by_ref().take(TURN).collect();
            if turn.is_empty() {
                return Ok(());
            }
            let permit = self.0.render_permits().acquire_owned().await;
            let cache = self.0.template_cache();
            let judged = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let mut shared = SharedTemplates::new(&cache);
                turn.iter().try_for_each(|Pair { before, after }| {
                    // What makes no files brings nothing in.
                    let Ok(rendering) = after.rendering_with(&mut shared) else { return Ok(()) };
                    after.refuse_beyond(field, before.as_ref(), &adding(&rendering))
                })
            });
            judged.await.map_err(|error| Failure::Broken(Box::new(error)))??;
        }
    }

    async fn sample(&self, change: &SharedChange) -> Result<Vec<Pair>, Failure> {
        let mut seen: HashSet<DeviceId> = HashSet::new();
        let mut pairs = Vec::new();
        for filter in change.reach() {
            let mut ids =
                device::ids_after(self.0.store(), crate::RULES, &filter, None, SAMPLE).await?;
            ids.retain(|id| seen.len() < SAMPLE as usize && seen.insert(*id));
            if ids.is_empty() {
                continue;
            }
            let batch = inputs_of(self.0.store(), &ids).await?;
            for inputs in &batch.devices {
                let mut edit = DeviceEdit::of(inputs);
                change.edit(&mut edit, (self.0.world().now(), batch.position));
                let Some(after) = change.layered(&edit, &batch) else { continue };
                let configurations = self.0.configurations();
                let before = match present(inputs, &batch) {
                    Some(present) => Some(configurations.computation(present).await?),
                    None => None,
                };
                pairs.push(Pair { before, after: configurations.computation(after).await? });
            }
        }
        Ok(pairs)
    }
}

/// What a device's archive is made of at present; nothing without configuration.
pub(super) fn present<'a>(inputs: &'a DeviceInputs, batch: &'a InputsBatch) -> Option<Layered<'a>> {
    let template = |id| batch.templates.get(id).filter(|template| !template.removed);
    let organization = batch.organizations.get(&inputs.device.organization_id);
    let group = inputs.device.group_id.and_then(|id| batch.groups.get(&id));
    Some(Layered {
        device: &inputs.device,
        configuration: inputs.configuration.as_ref()?,
        templates: inputs.templates.iter().filter_map(template).collect(),
        organization: organization.map_or(&NONE, |shared| &shared.variables),
        group: group.map_or(&NONE, |shared| &shared.variables),
    })
}
