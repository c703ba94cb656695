//! Why an archive is another one than it was: each reason is tried by rendering as if it alone had not come about.

use domain::{Document, TemplateId, field};
use projections::configuration::{Inputs, InputsTemplate, inputs};

use super::super::{
    History,
    at::TemplateAt,
    diff::{SharedObject, shared_changes},
    whole::Whole,
};
use crate::{By, Failure, FilesDiff, key_mask::KeyMask};

/// Reasons whose files are looked for; further ones are named only.
const TRIED: usize = 20;

/// A reason why an archive is another one than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StillDifferent {
    /// The reason.
    pub cause: Cause,
    /// The files that are as they are because of it; none where that cannot be told.
    pub files: Option<Vec<FileCount>>,
}

/// How much of a file differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCount {
    /// As in the archive.
    pub path: String,
    /// Lines that it has now and would not have.
    pub added: usize,
    /// Lines that it would have and has not.
    pub removed: usize,
}

/// What makes an archive another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Something shared that the device has now as then was changed.
    Changed(SharedObject),
    /// Something shared that the device had then it has not now.
    Missing(SharedObject),
    /// Something shared that the device has now it had not then, such as a template that became required.
    Additional(SharedObject),
    /// A value of the device itself, by its name in the API; such as the name, which does not go back.
    Device(&'static str),
    /// The generators are of another version.
    Renderer,
}

impl History<'_> {
    /// From the archive of then to the one of now, and why.
    pub(super) async fn still_different(
        &self,
        by: &By,
        then: &Whole,
        now: &Whole,
    ) -> Result<(FilesDiff, Vec<StillDifferent>), Failure> {
        if then.sha256() == now.sha256() {
            return Ok((FilesDiff::default(), Vec::new()));
        }
        let files = self.files_between(by, then, now).await?;
        let Some(own) = &then.configuration else {
            // Configurations are not taken away again.
            let cause = Cause::Device("configuration");
            return Ok((files, vec![StillDifferent { cause, files: None }]));
        };
        let Some(held) = &own.archive else {
            let still_different = self.tried(then, now, causes(then, now)).await?;
            return Ok((files, still_different));
        };
        // The archive may have been made of older values than those of the moment.
        let made = Whole::read(self.0.store(), then.id, held.rendered.inputs_position)
            .await?
            .filter(|made| {
                let visible = by.authority.visible();
                visible.is_none_or(|visible| visible.contains(&made.device.organization_id))
            });
        let made = made.as_ref().unwrap_or(then);
        let mut causes = causes(made, now);
        let renderer = |whole: &Whole| {
            let own = whole.configuration.as_ref()?;
            own.archive.as_ref().map(|archive| archive.rendered.renderer)
        };
        if renderer(then) != renderer(now) {
            causes.push(Cause::Renderer);
        }
        let still_different = self.tried(made, now, causes).await?;
        Ok((files, still_different))
    }

    /// Renders without each of the causes; those that make no difference are dropped.
    async fn tried(
        &self,
        made: &Whole,
        now: &Whole,
        causes: Vec<Cause>,
    ) -> Result<Vec<StillDifferent>, Failure> {
        let configurations = self.0.configurations();
        let present = inputs(self.0.store(), now.id).await?;
        let present = match present {
            None => None,
            Some(inputs) => {
                let archive = configurations.compute(&inputs).await?.ok();
                archive.map(|archive| (inputs, bytes::Bytes::from(archive.bytes)))
            }
        };
        // Names of files are all that is told of them.
        let mask = match &present {
            None => KeyMask::default(),
            Some((inputs, _)) => {
                let (owner, key) = (inputs.device.organization_id, inputs.device.key.clone());
                self.0.key_mask(now.id, vec![(owner, key)]).await?
            }
        };
        let mut told = Vec::new();
        for (tried, cause) in causes.into_iter().enumerate() {
            let without = present
                .as_ref()
                .filter(|_| tried < TRIED)
                .and_then(|(inputs, archive)| Some((without(inputs, made, &cause)?, archive)));
            let Some((inputs, archive)) = without else {
                told.push(StillDifferent { cause, files: None });
                continue;
            };
            let files = match configurations.compute(&inputs).await? {
                Ok(other) => {
                    let other = Some(bytes::Bytes::from(other.bytes));
                    let diff = crate::files_diff::computed(other, Some(archive.clone())).await?;
                    Some(diff.files.iter().map(|file| count(file, &mask)).collect::<Vec<_>>())
                }
                Err(_) => None,
            };
            if files.as_ref().is_none_or(|files| !files.is_empty()) {
                told.push(StillDifferent { cause, files });
            }
        }
        Ok(told)
    }
}

fn count(file: &crate::FileDiff, mask: &KeyMask) -> FileCount {
    let (added, removed) = file.lines();
    FileCount { path: mask.text(&file.path), added, removed }
}

/// Everything that archives are made of and that is not the same.
fn causes(made: &Whole, now: &Whole) -> Vec<Cause> {
    let has = |whole: &Whole, id: TemplateId| whole.templates.iter().any(|each| each.id == id);
    let of = |cause: fn(SharedObject) -> Cause, one: &Whole, other: &Whole| -> Vec<Cause> {
        let lacking = one.templates.iter().filter(|template| !has(other, template.id));
        lacking.map(|template| cause(SharedObject::template(template))).collect()
    };
    let changed = shared_changes(made, now).into_iter().map(|change| Cause::Changed(change.object));
    let mut causes: Vec<Cause> = changed
        .chain(of(Cause::Missing, made, now))
        .chain(of(Cause::Additional, now, made))
        .collect();
    if made.device.group_id != now.device.group_id {
        causes.extend(made.group.as_ref().map(SharedObject::group).map(Cause::Missing));
        causes.extend(now.group.as_ref().map(SharedObject::group).map(Cause::Additional));
    }
    if made.device.organization_id != now.device.organization_id {
        causes.extend(
            now.organization.as_ref().map(SharedObject::organization).map(Cause::Additional),
        );
    }
    let (one, other) = (&made.device, &now.device);
    let own = |whole: &Whole| {
        whole
            .configuration
            .as_ref()
            .map(|own| (own.backend.clone(), own.config.clone(), own.variables.clone()))
            .unwrap_or_default()
    };
    let (old, new) = (own(made), own(now));
    let same = [
        ("name", one.name == other.name),
        ("mac_address", one.mac_address == other.mac_address),
        ("hardware_id", one.hardware_id == other.hardware_id),
        ("os", one.information.os == other.information.os),
        ("key", one.key_fingerprint == other.key_fingerprint),
        ("backend", old.0 == new.0),
        ("config", field::same(&old.1, &new.1)),
        ("variables", field::same(&old.2, &new.2)),
    ];
    causes.extend(
        same.into_iter().filter_map(|(field, same)| (!same).then_some(Cause::Device(field))),
    );
    causes
}

/// What would be rendered if the cause had not come about; nothing where that cannot be said.
fn without(inputs: &Inputs, made: &Whole, cause: &Cause) -> Option<Inputs> {
    let mut inputs = inputs.clone();
    match cause {
        Cause::Changed(SharedObject::Template { id, .. }) => {
            let old = made.templates.iter().find(|old| old.id == *id)?;
            *inputs.templates.iter_mut().find(|new| new.id == *id)? = as_input(old);
        }
        Cause::Missing(SharedObject::Template { id, .. }) => {
            let place = made.templates.iter().position(|old| old.id == *id)?;
            // After the nearest of those before it that is still there.
            let before = made.templates[..place]
                .iter()
                .rev()
                .find_map(|old| inputs.templates.iter().position(|new| new.id == old.id));
            let place_now = before.map_or(0, |before| before + 1);
            inputs.templates.insert(place_now, as_input(&made.templates[place]));
        }
        Cause::Additional(SharedObject::Template { id, .. }) => {
            inputs.templates.retain(|new| new.id != *id);
        }
        Cause::Changed(SharedObject::Group { .. })
        | Cause::Missing(SharedObject::Group { .. })
        | Cause::Additional(SharedObject::Group { .. }) => {
            inputs.group_variables =
                made.group.as_ref().map_or_else(Document::new, |group| group.variables.clone());
        }
        Cause::Changed(SharedObject::Organization { .. })
        | Cause::Missing(SharedObject::Organization { .. })
        | Cause::Additional(SharedObject::Organization { .. }) => {
            inputs.organization_variables.clone_from(&made.organization.as_ref()?.variables);
        }
        Cause::Device(field) => {
            let (device, own) = (&made.device, made.configuration.as_ref()?);
            match *field {
                "name" => inputs.device.name.clone_from(&device.name),
                "mac_address" => inputs.device.mac_address.clone_from(&device.mac_address),
                "hardware_id" => inputs.device.hardware_id.clone_from(&device.hardware_id),
                "os" => inputs.device.information.os.clone_from(&device.information.os),
                "backend" => inputs.configuration.backend.clone_from(&own.backend),
                "config" => inputs.configuration.config.clone_from(&own.config),
                "variables" => inputs.configuration.variables.clone_from(&own.variables),
                // The key of then is not opened for this.
                _ => return None,
            }
        }
        Cause::Renderer => return None,
    }
    Some(inputs)
}

fn as_input(template: &TemplateAt) -> InputsTemplate {
    InputsTemplate {
        id: template.id,
        backend: template.backend.clone(),
        config: template.config.clone(),
        default_values: template.default_values.clone(),
    }
}
