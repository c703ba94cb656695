//! The way back: a device's own values of a moment become present again, through ordinary commands.

mod causes;

use domain::{
    DeviceId, GroupId, OrganizationId, Permission, TemplateId,
    configuration::{Backend, Configuration, ConfigurationCommand},
    device::{Device, DeviceCommand},
    field,
};
use projections::{configuration, device::DeviceRow, group, template};
use tracing::instrument;

pub use causes::{Cause, FileCount, StillDifferent};

use super::{History, fold::ConfigurationPast, whole::Whole};
use crate::{By, Done, Failure, FilesDiff, Moment, Refusal, work::decide};

/// What came of going back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reverted {
    /// Up to the last event that it took.
    pub done: Done,
    /// Values that are again what they were: `group`, `backend`, `config`, `variables`, `templates`.
    pub restored: Vec<&'static str>,
    /// What the device had then and cannot have again.
    pub gone: Vec<Gone>,
    /// From the archive of that moment to the one of now.
    pub files: FilesDiff,
    /// Why the archive is another one than then, and which files each of the reasons accounts for.
    pub still_different: Vec<StillDifferent>,
}

/// Something that does not exist any more, or belongs to another organization than the device does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// A generator that the settings do not offer any more.
    Backend {
        /// By its name on the wire.
        name: String,
    },
    /// The group; the present one, if any, stays.
    Group {
        /// Which.
        id: GroupId,
        /// Its name then.
        name: String,
    },
    /// A template.
    Template {
        /// Which.
        id: TemplateId,
        /// Its name then.
        name: String,
    },
}

impl History<'_> {
    /// Brings back what a device had of its own at a moment (field `to`): configuration, variables, backend, group and
    /// the list of templates, in one step. Required templates stay, name and address are left alone, and what templates,
    /// group and organization hold now is not touched: the answer says what differs because of them.
    #[instrument(name = "device.revert", skip_all, fields(device.id = %id))]
    pub async fn revert_device(
        &self,
        by: &By,
        id: DeviceId,
        to: Moment,
    ) -> Result<Reverted, Failure> {
        let devices = self.0.devices();
        devices.device(by, id, Permission::ChangeDevice).await?;
        let then = self.whole(by, id, to, "to").await?;
        let before = self.present(id).await?;
        let (gone, done) = decide!(self.0, by, work => {
            work.open::<Device>(id.as_uuid()).await?;
            work.open::<Configuration>(id.as_uuid()).await?;
            let row = devices.device(by, id, Permission::ChangeDevice).await?;
            if !row.active {
                return Err(Failure::Refused(Refusal::DeviceDeactivated));
            }
            let mut gone = Vec::new();
            if let Some(group) = self.group_again(&row, &then, &mut gone).await? {
                work.handle::<Device>(id.as_uuid(), DeviceCommand::ChangeGroup(group)).await?;
            }
            if let Some(own) = &then.configuration {
                let commands = self.own_again(by, &row, &then, own, &mut gone).await?;
                work.handle_all::<Configuration>(id.as_uuid(), commands).await?;
            }
            Ok(gone)
        })?;
        self.0.configurations().render(id).await?;

        let now = self.present(id).await?;
        let (files, still_different) = self.still_different(by, &then, &now).await?;
        Ok(Reverted { done, restored: restored(&before, &now), gone, files, still_different })
    }

    async fn present(&self, id: DeviceId) -> Result<Whole, Failure> {
        let head = Moment::Now.resolve(self.0.store(), "at").await?;
        let whole = Whole::read(self.0.store(), id, head).await?;
        whole.ok_or(Failure::NotFound(crate::devices::MODEL))
    }

    /// The group that the device is to have; nothing where the one it had is gone.
    async fn group_again(
        &self,
        row: &DeviceRow,
        then: &Whole,
        gone: &mut Vec<Gone>,
    ) -> Result<Option<Option<GroupId>>, Failure> {
        let Some(wanted) = &then.group else { return Ok(Some(None)) };
        let found = group::by_id(self.0.store(), crate::RULES, wanted.id).await?;
        if found.is_some_and(|found| found.organization_id == row.organization_id) {
            return Ok(Some(Some(wanted.id)));
        }
        gone.push(Gone::Group { id: wanted.id, name: wanted.name.clone() });
        Ok(None)
    }

    async fn own_again(
        &self,
        by: &By,
        row: &DeviceRow,
        then: &Whole,
        own: &ConfigurationPast,
        gone: &mut Vec<Gone>,
    ) -> Result<Vec<ConfigurationCommand>, Failure> {
        let configurations = self.0.configurations();
        let Some(held) = configuration::by_device(self.0.store(), crate::RULES, row.id).await?
        else {
            return Ok(Vec::new());
        };
        let backend: Backend = if let Ok(backend) = configurations.backend(&own.backend) {
            backend
        } else {
            gone.push(Gone::Backend { name: own.backend.clone() });
            configurations.backend(&held.backend).map_err(|error| Failure::Invalid(vec![error]))?
        };
        let mut wanted = self.templates_again(row.organization_id, then, gone).await?;
        let organization = row.organization_id;
        let required = configurations.required(organization, &backend).await?;
        let present = configuration::templates_of(self.0.store(), row.id).await?;
        let required = |id: &TemplateId| required.iter().any(|template| template.id == *id);
        keep_in_place(&mut wanted, &present, required);
        let templates =
            configurations.chosen_templates(by, organization, &backend, &wanted).await?;
        let commands = vec![
            ConfigurationCommand::ChangeBackend(backend.clone()),
            ConfigurationCommand::ChangeContents(own.config.clone()),
            ConfigurationCommand::ChangeVariables(own.variables.clone()),
            ConfigurationCommand::AssignTemplates(templates),
        ];
        self.0.devices().fits(row.id, &backend, &commands, |_| None).await?;
        Ok(commands)
    }

    /// The templates of that moment that the device can have, in their order.
    async fn templates_again(
        &self,
        organization: OrganizationId,
        then: &Whole,
        gone: &mut Vec<Gone>,
    ) -> Result<Vec<TemplateId>, Failure> {
        let ids: Vec<TemplateId> = then.templates.iter().map(|template| template.id).collect();
        let rows = template::by_ids(self.0.store(), crate::RULES, &ids).await?;
        let allowed = |id: TemplateId| {
            rows.iter().any(|row| {
                row.id == id && row.organization_id.is_none_or(|owner| owner == organization)
            })
        };
        let (wanted, lost): (Vec<_>, Vec<_>) =
            then.templates.iter().partition(|template| allowed(template.id));
        gone.extend(
            lost.into_iter()
                .map(|template| Gone::Template { id: template.id, name: template.name.clone() }),
        );
        Ok(wanted.into_iter().map(|template| template.id).collect())
    }
}

/// What cannot be taken away stays after what it comes after at present.
fn keep_in_place(
    wanted: &mut Vec<TemplateId>,
    present: &[TemplateId],
    required: impl Fn(&TemplateId) -> bool,
) {
    for (place, id) in present.iter().enumerate() {
        if wanted.contains(id) || !required(id) {
            continue;
        }
        let before = present[..place]
            .iter()
            .rev()
            .find_map(|before| wanted.iter().position(|wanted| wanted == before));
        wanted.insert(before.map_or(0, |before| before + 1), *id);
    }
}

/// Which of the values that go back did change.
fn restored(before: &Whole, now: &Whole) -> Vec<&'static str> {
    let mut restored = Vec::new();
    let mut note = |field, same: bool| {
        if !same {
            restored.push(field);
        }
    };
    note("group", before.device.group_id == now.device.group_id);
    if let (Some(old), Some(new)) = (&before.configuration, &now.configuration) {
        note("backend", old.backend == new.backend);
        note("config", field::same(&old.config, &new.config));
        note("variables", field::same(&old.variables, &new.variables));
        note("templates", old.templates == new.templates);
    }
    restored
}
