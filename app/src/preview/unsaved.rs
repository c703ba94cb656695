//! One device with changes that nobody has saved.

use std::{collections::HashMap, sync::Arc};

use domain::{DeviceId, Document, Event, Problem, TemplateId, device::DeviceEvent};
use projections::{
    configuration::{SharedTemplate, inputs_of},
    group, organization, template,
};
use tracing::instrument;

use super::{Previews, RenderedConfiguration, RenderedFile, device_edit::DeviceEdit};
use crate::{
    By, DeviceChange, Failure, NewDevice, Refusal,
    configurations::{Layered, without_key},
    work::Rehearsal,
};

impl Previews<'_> {
    /// The files that a device would get if it were changed so. Nothing is stored; the failures are those of
    /// [`Devices::change`](crate::Devices::change), except that values which must be unique may be taken.
    ///
    /// A move to another organization is refused: what a device brings along there is decided when it moves.
    #[instrument(name = "device.preview", skip_all, fields(device.id = %id))]
    pub async fn preview(
        &self,
        by: &By,
        id: DeviceId,
        unsaved: DeviceChange,
    ) -> Result<RenderedConfiguration, Failure> {
        let row = self.0.devices().row(by, id).await?;
        if unsaved.organization_id.is_some_and(|to| to != row.organization_id) {
            let problem = "a move cannot be previewed: move the device first";
            return Err(Failure::field("organization", Problem::Rule(problem.to_owned())));
        }
        let rehearsal = Rehearsal::default();
        let outcome = self.0.devices().change(&by.rehearsing(&rehearsal), id, unsaved).await;
        let events = Self::decided(&rehearsal, outcome)?;
        let batch = inputs_of(self.0.store(), &[id]).await?;
        let inputs = batch.devices.first().ok_or(Failure::NotFound("Device"))?;
        let mut edit = DeviceEdit::of(inputs);
        let now = self.0.world().now();
        for (_, event) in &events {
            edit.apply(event, now);
        }
        self.render(edit).await
    }

    /// The files that a device would get if it were made so; the failures are those of
    /// [`Devices::create`](crate::Devices::create), except that values which must be unique may be taken.
    #[instrument(name = "device.preview_new", skip_all, fields(organization.id = %new.organization_id))]
    pub async fn preview_new(
        &self,
        by: &By,
        new: NewDevice,
    ) -> Result<RenderedConfiguration, Failure> {
        let rehearsal = Rehearsal::default();
        let outcome = self.0.devices().create(&by.rehearsing(&rehearsal), new).await;
        let events = Self::decided(&rehearsal, outcome)?;
        let now = self.0.world().now();
        let registered = events.iter().find_map(|(_, event)| match event {
            Event::Device(DeviceEvent::Registered(registered)) => Some(registered),
            _ => None,
        });
        let registered = registered.ok_or(Failure::NotFound("Device"))?;
        let mut edit = DeviceEdit::registered(registered, now);
        for (_, event) in &events {
            edit.apply(event, now);
        }
        self.render(edit).await
    }

    async fn render(&self, edit: DeviceEdit) -> Result<RenderedConfiguration, Failure> {
        let DeviceEdit { device, configuration, templates } = edit;
        let configuration = configuration.ok_or(Failure::NotFound("Config"))?;
        let store = self.0.store();
        let organization = organization::by_id(store, crate::RULES, device.organization_id).await?;
        let organization = organization.map(|row| row.variables).unwrap_or_default();
        let group = match device.group_id {
            Some(id) => group::by_id(store, crate::RULES, id).await?.map(|row| row.variables),
            None => None,
        };
        let rows: HashMap<TemplateId, SharedTemplate> =
            template::by_ids(store, crate::RULES, &templates)
                .await?
                .into_iter()
                .map(|row| (row.id, shared(row)))
                .collect();
        let layered = Layered {
            device: &device,
            configuration: &configuration,
            templates: templates.iter().filter_map(|id| rows.get(id)).collect(),
            organization: &organization,
            group: &group.unwrap_or_else(Document::new),
        };
        let computation = self.0.configurations().computation(layered).await?;
        let context = computation.context().clone();
        let permit = self.0.render_permits().acquire_owned().await;
        let rendered = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            computation.rendering().map(|rendering| (rendering.archive(), rendering))
        });
        let rendered = rendered.await.map_err(|error| Failure::Broken(Box::new(error)))?;
        let (archive, rendering) =
            rendered.map_err(|message| Failure::Refused(Refusal::TemplateConflict { message }))?;
        let mut files: Vec<RenderedFile> = rendering
            .files()
            .iter()
            .map(|file| RenderedFile {
                path: without_key(&file.path, &context),
                mode: file.mode,
                // Who may try out any contents may not see the key by that.
                text: without_key(&String::from_utf8_lossy(&file.contents), &context),
            })
            .collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let (md5, archive) = (archive.md5, archive.bytes.into());
        Ok(RenderedConfiguration { name: device.name, md5, files, archive })
    }
}

/// A template as renderings of many devices read it.
pub(super) fn shared(row: template::TemplateRow) -> SharedTemplate {
    SharedTemplate {
        config: Arc::new(row.config),
        default_values: Arc::new(row.default_values),
        backend: row.backend,
        removed: false,
        changed: 0,
    }
}
