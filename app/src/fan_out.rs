//! What follows from one event for many devices, in batches, one page of devices at a time.
//!
//! A job may run twice (a worker died) and meet devices that were changed since: every step decides
//! from the device's present state, so a second time does nothing.

use std::collections::HashSet;

use domain::{
    DeviceId, GroupId, OrganizationId, TemplateId,
    configuration::{Configuration, ConfigurationCommand},
    device::{ChangeInformation, Device, DeviceCommand},
};
use futures::{StreamExt as _, stream};
use projections::{FanOutJob, Ordered, configuration, device, group, template};
use store::{Query, args};
use uuid::Uuid;

use crate::{
    App, By, Failure, NewConfiguration, Refusal, Rendering, configurations::append, work::decide,
};

/// Devices whose lists are changed side by side: they share the disk's waits.
const AT_ONCE: usize = 32;

/// Use cases of jobs for many devices; see [`App::fan_outs`].
pub struct FanOuts<'a>(pub(crate) &'a App);

/// What one page of a job came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where the next page begins; none when the job is complete.
    pub cursor: Option<DeviceId>,
    /// Devices of this page.
    pub devices: u64,
    /// Of these, how many were changed.
    pub changed: u64,
}

impl FanOuts<'_> {
    /// How many devices a job is about, at present.
    pub async fn total(&self, ordered: &Ordered) -> Result<u64, Failure> {
        let Some(reach) = self.reach(&ordered.job).await? else { return Ok(0) };
        let sql = format!("SELECT count(*) FROM {}", reach.from());
        let rows = self.0.store().fetch(Query::new(sql, args![reach.id()])).await?;
        let count = rows.first().map(|row| row.int(0)).transpose()?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    /// Works on the devices after the cursor, at most `limit`.
    pub async fn step(
        &self,
        ordered: &Ordered,
        cursor: Option<DeviceId>,
        limit: u32,
    ) -> Result<Step, Failure> {
        let done = Step { cursor: None, devices: 0, changed: 0 };
        let Some(reach) = self.reach(&ordered.job).await? else { return Ok(done) };
        let after = cursor.map_or(Uuid::nil(), DeviceId::as_uuid);
        let id = reach.column();
        let sql =
            format!("SELECT {id} FROM {} AND {id} > $2 ORDER BY {id} LIMIT {limit}", reach.from());
        let rows = self.0.store().fetch(Query::new(sql, args![reach.id(), after])).await?;
        let devices = rows
            .iter()
            .map(|row| row.uuid(0).map(DeviceId::from_uuid))
            .collect::<Result<Vec<_>, _>>()?;
        let causes = self.0.store().identities_at(&[ordered.position]).await?;
        let by = &By::after("fan_out", causes.get(&ordered.position));
        let assign = |device: DeviceId| async move {
            let assigned = self.assign(by, ordered, device).await?;
            Ok::<_, Failure>((device, assigned))
        };
        let assigned: Vec<_> = devices.iter().copied().map(assign).collect();
        let assigned: Vec<_> = stream::iter(assigned).buffer_unordered(AT_ONCE).collect().await;
        let mut changed: HashSet<DeviceId> = HashSet::new();
        for outcome in assigned {
            let (device, assigned) = outcome?;
            changed.extend(assigned.then_some(device));
        }
        for (device, rendering) in self.0.configurations().render_many(&devices).await? {
            changed.extend((rendering == Rendering::Changed).then_some(device));
        }
        let count = |some: usize| u64::try_from(some).unwrap_or(u64::MAX);
        let full = devices.len() >= limit as usize;
        Ok(Step {
            cursor: devices.last().copied().filter(|_| full),
            devices: count(devices.len()),
            changed: count(changed.len()),
        })
    }

    /// Changes what belongs to the device itself. Was there anything to do?
    async fn assign(&self, by: &By, ordered: &Ordered, id: DeviceId) -> Result<bool, Failure> {
        let assigned = match &ordered.job {
            FanOutJob::RenderTemplate { .. }
            | FanOutJob::RenderGroup { .. }
            | FanOutJob::RenderOrganization { .. } => Ok(false),
            FanOutJob::AddTemplate { template_id } => {
                self.reassign(by, ordered, id, ordered.position, |templates| {
                    append(templates, [*template_id]);
                })
                .await
            }
            FanOutJob::PlaceTemplate { template_id } => {
                self.place(by, ordered, id, *template_id).await
            }
            FanOutJob::DropTemplate { template_id } => {
                self.reassign(by, ordered, id, i64::MAX, |templates| {
                    templates.retain(|template| template != template_id);
                })
                .await
            }
            FanOutJob::ReassignGroup { group_id, from, to } => {
                self.regroup(by, ordered, id, *group_id, (from, to)).await
            }
            FanOutJob::LeaveGroup { .. } => {
                let left = decide!(self.0, by, work => {
                    work.handle::<Device>(id.as_uuid(), DeviceCommand::ChangeGroup(None)).await
                });
                left.map(|(changed, _)| changed)
            }
        };
        match assigned {
            // Removed or deactivated since: nothing to do.
            Err(Failure::NotFound(_) | Failure::Refused(Refusal::DeviceDeactivated)) => Ok(false),
            assigned => assigned,
        }
    }

    /// Takes a template that has moved from a device of another organization, and gives it to one that it is for.
    async fn place(
        &self,
        by: &By,
        ordered: &Ordered,
        id: DeviceId,
        template_id: TemplateId,
    ) -> Result<bool, Failure> {
        let store = self.0.store();
        let Some(device) = device::by_id(store, crate::RULES, id).await? else { return Ok(false) };
        let Some(template) = template::by_id(store, crate::RULES, template_id).await? else {
            return Ok(false);
        };
        if template.organization_id.is_some_and(|owner| owner != device.organization_id) {
            let drop = |templates: &mut Vec<TemplateId>| templates.retain(|id| *id != template_id);
            return self.reassign(by, ordered, id, i64::MAX, drop).await;
        }
        let held = configuration::by_device(store, crate::RULES, id).await?;
        let fits = held.is_some_and(|held| held.backend == template.backend);
        if !fits || !template.flags.is_default() || !device.active {
            return Ok(false);
        }
        self.reassign(by, ordered, id, ordered.position, |templates| {
            append(templates, [template_id]);
        })
        .await
    }

    /// Takes a group's former templates from one of its devices and gives it the present ones.
    async fn regroup(
        &self,
        by: &By,
        ordered: &Ordered,
        id: DeviceId,
        group_id: GroupId,
        (from, to): (&[TemplateId], &[TemplateId]),
    ) -> Result<bool, Failure> {
        let Some(held) = configuration::by_device(self.0.store(), crate::RULES, id).await? else {
            return self.configure(by, ordered, id, group_id).await;
        };
        let configurations = self.0.configurations();
        let backend = configurations.backend(&held.backend);
        let backend = backend.map_err(|error| Failure::Invalid(vec![error]))?;
        // Templates of other generators did not come with the group, so they do not go with it.
        let leaving = configurations.of_backend(from, &backend).await?;
        let fitting = configurations.of_backend(to, &backend).await?;
        self.reassign(by, ordered, id, i64::MAX, |templates| {
            templates.retain(|id| !leaving.contains(id) || fitting.contains(id));
            append(templates, fitting.iter().copied());
        })
        .await
    }

    /// Gives a device of a group with templates its configuration, if it has none.
    async fn configure(
        &self,
        by: &By,
        ordered: &Ordered,
        id: DeviceId,
        group_id: GroupId,
    ) -> Result<bool, Failure> {
        let created = decide!(self.0, by, work => {
            // Changes nothing: refuses a device that is not served, and is a conflict for one that changes meanwhile.
            let nothing = DeviceCommand::ChangeInformation(ChangeInformation::default());
            work.handle::<Device>(id.as_uuid(), nothing).await?;
            let Some(device) = device::by_id(self.0.store(), crate::RULES, id).await? else {
                return Ok(false);
            };
            let group = group::by_id(self.0.store(), crate::RULES, group_id).await?;
            let group = group.filter(|group| !group.templates.is_empty());
            let Some(group) = group.filter(|group| device.group_id == Some(group.id)) else {
                return Ok(false);
            };
            if configuration::by_device(self.0.store(), crate::RULES, id).await?.is_some() {
                return Ok(false);
            }
            work.once(key(ordered, id), ordered.position.to_be_bytes().to_vec());
            let wanted = NewConfiguration::default();
            let create = self
                .0
                .devices()
                .first(by, &device, (device.organization_id, &device.name), &wanted, Some(&group))
                .await?;
            let create = ConfigurationCommand::Create(Box::new(create));
            work.handle::<Configuration>(id.as_uuid(), create).await
        });
        created.map(|(created, _)| created)
    }

    /// Changes the list of templates of a device. One whose list was read at `before` or later has been given
    /// the defaults of that time already. Once per event and device: an operator may have decided otherwise
    /// between the first and the second time.
    async fn reassign(
        &self,
        by: &By,
        ordered: &Ordered,
        id: DeviceId,
        before: i64,
        change: impl Fn(&mut Vec<TemplateId>),
    ) -> Result<bool, Failure> {
        let decided = decide!(self.0, by, work => {
            work.open::<Configuration>(id.as_uuid()).await?;
            let Some(held) = configuration::by_device(self.0.store(), crate::RULES, id).await? else {
                return Ok(false);
            };
            if held.defaults_position >= before {
                return Ok(false);
            }
            let mut templates = self.listed(id).await?;
            work.once(key(ordered, id), ordered.position.to_be_bytes().to_vec());
            change(&mut templates);
            let command = ConfigurationCommand::AssignTemplates(templates);
            work.handle::<Configuration>(id.as_uuid(), command).await
        });
        decided.map(|(changed, _)| changed)
    }

    /// The list as it stands, removed templates included.
    async fn listed(&self, id: DeviceId) -> Result<Vec<TemplateId>, Failure> {
        let query = Query::new(
            "SELECT template_id FROM configuration_templates WHERE device_id = $1 ORDER BY ordinal",
            args![id.as_uuid()],
        );
        let rows = self.0.store().fetch(query).await?;
        Ok(rows
            .iter()
            .map(|row| row.uuid(0).map(TemplateId::from_uuid))
            .collect::<Result<_, _>>()?)
    }

    /// Which devices a job is about; none when it is about nothing any more.
    async fn reach(&self, job: &FanOutJob) -> Result<Option<Reach>, Failure> {
        Ok(match job {
            FanOutJob::RenderTemplate { template_id } | FanOutJob::DropTemplate { template_id } => {
                Some(Reach::UsesTemplate(*template_id))
            }
            FanOutJob::PlaceTemplate { template_id } => Some(Reach::MayHave(*template_id)),
            FanOutJob::RenderGroup { group_id }
            | FanOutJob::ReassignGroup { group_id, .. }
            | FanOutJob::LeaveGroup { group_id } => Some(Reach::InGroup(*group_id)),
            FanOutJob::RenderOrganization { organization_id } => {
                Some(Reach::OfOrganization(*organization_id))
            }
            FanOutJob::AddTemplate { template_id } => {
                let row = template::by_id(self.0.store(), crate::RULES, *template_id).await?;
                row.filter(|row| row.flags.is_default()).map(|row| Reach::Eligible {
                    backend: row.backend,
                    organization: row.organization_id,
                })
            }
        })
    }
}

/// Under which a job changes a device once.
fn key(ordered: &Ordered, id: DeviceId) -> String {
    format!("fan_out:{}:{id}", ordered.position)
}

/// The devices of a job.
enum Reach {
    UsesTemplate(TemplateId),
    /// Those that have it, and those that it is for.
    MayHave(TemplateId),
    InGroup(GroupId),
    OfOrganization(OrganizationId),
    /// Those that a default template is for; deactivated ones are left out.
    Eligible {
        backend: String,
        organization: Option<OrganizationId>,
    },
}

impl Reach {
    /// Table and condition, with one placeholder.
    fn from(&self) -> String {
        match self {
            Self::UsesTemplate(_) => "configuration_templates WHERE template_id = $1".to_owned(),
            Self::MayHave(_) => "configurations WHERE
                (device_id IN (SELECT device_id FROM configuration_templates WHERE template_id = $1)
                 OR EXISTS (SELECT 1 FROM templates t WHERE t.id = $1 AND t.is_default AND NOT t.removed
                     AND t.backend = configurations.backend
                     AND (t.organization_id IS NULL OR t.organization_id = configurations.organization_id)
                     AND configurations.status NOT IN ('deactivating', 'deactivated')))"
                .to_owned(),
            Self::InGroup(_) => "devices WHERE group_id = $1".to_owned(),
            Self::OfOrganization(_) => "devices WHERE organization_id = $1".to_owned(),
            Self::Eligible { organization, .. } => {
                let of = organization
                    // Ids are UUIDs: nothing in them needs quoting.
                    .map(|id| format!(" AND organization_id = '{id}'"))
                    .unwrap_or_default();
                format!(
                    "configurations WHERE backend = $1{of} AND status NOT IN ('deactivating', 'deactivated')"
                )
            }
        }
    }

    fn column(&self) -> &'static str {
        match self {
            Self::UsesTemplate(_) | Self::MayHave(_) | Self::Eligible { .. } => "device_id",
            Self::InGroup(_) | Self::OfOrganization(_) => "id",
        }
    }

    fn id(&self) -> store::Arg {
        match self {
            Self::UsesTemplate(id) | Self::MayHave(id) => id.as_uuid().into(),
            Self::InGroup(id) => id.as_uuid().into(),
            Self::OfOrganization(id) => id.as_uuid().into(),
            Self::Eligible { backend, .. } => backend.into(),
        }
    }
}

impl crate::Configurations<'_> {
    /// Renders devices whose own inputs changed and that nobody asked for since. How many were looked at.
    pub async fn render_stale(&self, limit: usize) -> Result<usize, Failure> {
        let stale = self.0.edge().stale(limit);
        self.render_many(&stale).await?;
        Ok(stale.len())
    }
}
