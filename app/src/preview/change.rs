//! What is tried out, and what it means for what devices share.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use chrono::{DateTime, Utc};
use domain::{
    Document, Event, GroupId, OrganizationId, TemplateId,
    accounts::OrganizationEvent,
    configuration::{Backend, ConfigurationCreated, ConfigurationStatus, TemplateEvent},
    device::GroupEvent,
};
use projections::{
    FanOutJob,
    configuration::{InputsBatch, SharedTemplate},
    device::{DeviceFilter, DeviceRow},
    template,
};
use uuid::Uuid;

use super::{Previews, device_edit::DeviceEdit, unsaved::shared};
use crate::{
    By, Failure, GroupChange, NewConfiguration, NewTemplate, Operation, OrganizationChange,
    Selection, TemplateChange,
    configurations::{Layered, append},
    work::Rehearsal,
};

/// A change that reaches many devices.
#[derive(Clone, Debug)]
pub enum Change {
    /// Make a template: a default or required one reaches the devices that it is for.
    CreateTemplate(NewTemplate),
    /// Change a template.
    ChangeTemplate(TemplateId, TemplateChange),
    /// Let a template not exist any more.
    RemoveTemplate(TemplateId),
    /// Change a device group.
    ChangeGroup(GroupId, GroupChange),
    /// Let a device group not exist any more.
    RemoveGroup(GroupId),
    /// Change an organization: its configuration variables reach all its devices.
    ChangeOrganization(OrganizationId, OrganizationChange),
    /// Do something with many devices.
    Bulk(Selection, Operation),
}

/// What devices share, as a change would leave it, and what would follow for their lists of templates.
pub(super) struct SharedChange {
    /// What the decision makes necessary, in its order: the same jobs that the events would order.
    jobs: Vec<FanOutJob>,
    /// Changed templates, and those that a list may come to hold.
    templates: HashMap<TemplateId, SharedTemplate>,
    /// Owners of templates that would become default or required; none is shared.
    owners: HashMap<TemplateId, Option<OrganizationId>>,
    /// Which of them new devices get.
    defaults: HashSet<TemplateId>,
    groups: HashMap<GroupId, Arc<Document>>,
    organizations: HashMap<OrganizationId, Arc<Document>>,
    /// What a device of a group gets that has no configuration; nothing of a group without templates.
    first: HashMap<GroupId, FirstConfiguration>,
}

/// A configuration that is made because a group has templates.
struct FirstConfiguration {
    backend: Backend,
    templates: Vec<TemplateId>,
}

impl Previews<'_> {
    /// Lets the use case decide and reads what devices would share afterwards.
    pub(super) async fn shared_change(
        &self,
        by: &By,
        change: Change,
    ) -> Result<SharedChange, Failure> {
        let rehearsal = Rehearsal::default();
        let by = &by.rehearsing(&rehearsal);
        let outcome = match change {
            Change::CreateTemplate(new) => self.0.templates().create(by, new).await,
            Change::ChangeTemplate(id, change) => self.0.templates().change(by, id, change).await,
            Change::RemoveTemplate(id) => self.0.templates().remove(by, id).await,
            Change::ChangeGroup(id, change) => self.0.groups().change(by, id, change).await,
            Change::RemoveGroup(id) => self.0.groups().remove(by, id).await,
            Change::ChangeOrganization(id, change) => {
                self.0.organizations().change(by, id, change).await
            }
            Change::Bulk(..) => Err(Failure::Broken("an operation changes nothing shared".into())),
        };
        self.shared_by(&Self::decided(&rehearsal, outcome)?).await
    }

    /// Reads what devices would share after these events.
    pub(super) async fn shared_by(
        &self,
        events: &[(Uuid, Event)],
    ) -> Result<SharedChange, Failure> {
        let mut change = SharedChange {
            jobs: events.iter().filter_map(|(id, event)| FanOutJob::of(event, *id)).collect(),
            templates: HashMap::new(),
            owners: HashMap::new(),
            defaults: HashSet::new(),
            groups: HashMap::new(),
            organizations: HashMap::new(),
            first: self.first_configurations(events).await?,
        };
        let mut named: HashSet<TemplateId> = HashSet::new();
        for (id, event) in events {
            match event {
                Event::Template(_) => drop(named.insert(TemplateId::from_uuid(*id))),
                Event::Group(GroupEvent::TemplatesChanged { from, to, .. }) => {
                    named.extend(from.iter().chain(to));
                }
                _ => {}
            }
        }
        named.extend(change.first.values().flat_map(|first| &first.templates));
        let named: Vec<TemplateId> = named.into_iter().collect();
        for row in template::by_ids(self.0.store(), crate::RULES, &named).await? {
            change.owners.insert(row.id, row.organization_id);
            if row.flags.is_default() {
                change.defaults.insert(row.id);
            }
            change.templates.insert(row.id, shared(row));
        }
        for (id, event) in events {
            change.apply(*id, event);
        }
        Ok(change)
    }

    /// Of the groups whose lists change; templates themselves do not change with them.
    async fn first_configurations(
        &self,
        events: &[(Uuid, Event)],
    ) -> Result<HashMap<GroupId, FirstConfiguration>, Failure> {
        let configurations = self.0.configurations();
        let mut first = HashMap::new();
        for (id, event) in events {
            let Event::Group(GroupEvent::TemplatesChanged { organization_id, to, .. }) = event
            else {
                continue;
            };
            if to.is_empty() {
                continue;
            }
            let backend = configurations.backend(&NewConfiguration::default().backend);
            let backend = backend.map_err(|error| Failure::Invalid(vec![error]))?;
            let templates =
                configurations.initial_templates(*organization_id, &backend, to, &[]).await?;
            first.insert(GroupId::from_uuid(*id), FirstConfiguration { backend, templates });
        }
        Ok(first)
    }
}

impl SharedChange {
    /// Which devices it reaches; one device may be in several.
    pub(super) fn reach(&self) -> Vec<DeviceFilter> {
        let placed = self.jobs.iter().filter_map(|job| match job {
            FanOutJob::PlaceTemplate { template_id } => Some(*template_id),
            _ => None,
        });
        // Those that have it may lose it where it was; where it comes to, it may be for all.
        let come_to = placed.filter(|id| self.defaults.contains(id)).map(|id| self.all_of(id));
        self.jobs.iter().map(|job| self.reach_of(job)).chain(come_to).collect()
    }

    /// Those that a default template is for.
    fn all_of(&self, template: TemplateId) -> DeviceFilter {
        DeviceFilter {
            backend: Some(self.backend(template).to_owned()),
            organizations: self.owner(template).map(|owner| vec![owner]),
            active: Some(true),
            ..DeviceFilter::default()
        }
    }

    fn reach_of(&self, job: &FanOutJob) -> DeviceFilter {
        match job {
            FanOutJob::PlaceTemplate { template_id }
            | FanOutJob::RenderTemplate { template_id }
            | FanOutJob::DropTemplate { template_id } => {
                DeviceFilter { templates: vec![*template_id], ..DeviceFilter::default() }
            }
            FanOutJob::RenderGroup { group_id }
            | FanOutJob::ReassignGroup { group_id, .. }
            | FanOutJob::LeaveGroup { group_id } => {
                DeviceFilter { group: Some(*group_id), ..DeviceFilter::default() }
            }
            FanOutJob::RenderOrganization { organization_id } => DeviceFilter {
                organizations: Some(vec![*organization_id]),
                ..DeviceFilter::default()
            },
            FanOutJob::AddTemplate { template_id } => self.all_of(*template_id),
        }
    }

    /// Changes a device's list of templates as the jobs would, at a time and a position of the log.
    pub(super) fn edit(&self, edit: &mut DeviceEdit, (now, position): (DateTime<Utc>, i64)) {
        let Some(configuration) = &edit.configuration else {
            let group = edit.device.group_id.filter(|_| edit.device.active);
            if let Some(first) = group.and_then(|id| self.first.get(&id)) {
                let created = ConfigurationCreated {
                    device_id: edit.device.id,
                    organization_id: edit.device.organization_id,
                    backend: first.backend.clone(),
                    config: Document::new(),
                    variables: Document::new(),
                    templates: first.templates.clone(),
                    defaults_position: position,
                };
                edit.create(&created, now);
            }
            return;
        };
        let ended = [ConfigurationStatus::Deactivating, ConfigurationStatus::Deactivated];
        if ended.contains(&configuration.status) {
            return;
        }
        let backend = &configuration.backend;
        let list = &mut edit.templates;
        for job in &self.jobs {
            match job {
                FanOutJob::AddTemplate { template_id } => {
                    let owner = self.owner(*template_id);
                    if self.backend(*template_id) == backend
                        && owner.is_none_or(|owner| owner == edit.device.organization_id)
                    {
                        append(list, [*template_id]);
                    }
                }
                FanOutJob::DropTemplate { template_id } => list.retain(|id| id != template_id),
                FanOutJob::ReassignGroup { group_id, from, to } => {
                    if edit.device.group_id == Some(*group_id) {
                        let fits = |id: &TemplateId| self.backend(*id) == backend;
                        list.retain(|id| !from.contains(id) || to.contains(id) || !fits(id));
                        append(list, to.iter().copied().filter(fits));
                    }
                }
                FanOutJob::PlaceTemplate { template_id } => {
                    let owner = self.owner(*template_id);
                    if owner.is_some_and(|owner| owner != edit.device.organization_id) {
                        list.retain(|id| id != template_id);
                    } else if edit.device.active
                        && self.defaults.contains(template_id)
                        && self.backend(*template_id) == backend
                    {
                        append(list, [*template_id]);
                    }
                }
                FanOutJob::RenderTemplate { .. }
                | FanOutJob::RenderGroup { .. }
                | FanOutJob::RenderOrganization { .. }
                | FanOutJob::LeaveGroup { .. } => {}
            }
        }
    }

    /// What a device's archive would be made of; none for a device without configuration.
    pub(super) fn layered<'a>(
        &'a self,
        edit: &'a DeviceEdit,
        batch: &'a InputsBatch,
    ) -> Option<Layered<'a>> {
        let device: &DeviceRow = &edit.device;
        let changed = device.group_id.and_then(|id| self.groups.get(&id));
        let held = device.group_id.and_then(|id| batch.groups.get(&id));
        let group = changed.or(held.map(|group| &group.variables));
        let held = batch.organizations.get(&device.organization_id);
        let organization = self.organizations.get(&device.organization_id);
        let organization = organization.or(held.map(|organization| &organization.variables));
        let template = |id: &TemplateId| {
            let template = self.templates.get(id).or_else(|| batch.templates.get(id));
            template.filter(|template| !template.removed)
        };
        Some(Layered {
            device,
            configuration: edit.configuration.as_ref()?,
            templates: edit.templates.iter().filter_map(template).collect(),
            organization: organization.map_or(&NONE, |variables| &**variables),
            group: group.map_or(&NONE, |variables| &**variables),
        })
    }

    fn backend(&self, id: TemplateId) -> &str {
        self.templates.get(&id).filter(|template| !template.removed).map_or("", |t| &t.backend)
    }

    fn owner(&self, id: TemplateId) -> Option<OrganizationId> {
        self.owners.get(&id).copied().flatten()
    }

    fn apply(&mut self, id: Uuid, event: &Event) {
        match event {
            Event::Template(event) => self.apply_to_template(TemplateId::from_uuid(id), event),
            Event::Group(GroupEvent::VariablesChanged { variables, .. }) => {
                self.groups.insert(GroupId::from_uuid(id), Arc::new(variables.clone()));
            }
            Event::Group(GroupEvent::Removed { .. }) => {
                self.groups.insert(GroupId::from_uuid(id), Arc::default());
            }
            Event::Organization(OrganizationEvent::VariablesChanged { variables, .. }) => {
                let id = OrganizationId::from_uuid(id);
                self.organizations.insert(id, Arc::new(variables.clone()));
            }
            _ => {}
        }
    }

    fn apply_to_template(&mut self, id: TemplateId, event: &TemplateEvent) {
        if let TemplateEvent::Created(created) = event {
            self.owners.insert(id, created.organization_id);
            if created.flags.is_default() {
                self.defaults.insert(id);
            }
            let template = SharedTemplate {
                config: Arc::new(created.config.clone()),
                default_values: Arc::new(created.default_values.clone()),
                backend: created.backend.as_str().to_owned(),
                removed: false,
                changed: 0,
            };
            self.templates.insert(id, template);
        }
        match event {
            TemplateEvent::Moved { to, .. } => drop(self.owners.insert(id, *to)),
            TemplateEvent::FlagsChanged { to, .. } if to.is_default() => {
                self.defaults.insert(id);
            }
            TemplateEvent::FlagsChanged { .. } => drop(self.defaults.remove(&id)),
            _ => {}
        }
        let Some(template) = self.templates.get_mut(&id) else { return };
        match event {
            TemplateEvent::ContentsChanged { config, .. } => {
                template.config = Arc::new(config.clone());
            }
            TemplateEvent::DefaultValuesChanged { default_values, .. } => {
                template.default_values = Arc::new(default_values.clone());
            }
            TemplateEvent::BackendChanged { to, .. } => {
                to.as_str().clone_into(&mut template.backend);
            }
            TemplateEvent::Removed { .. } => template.removed = true,
            _ => {}
        }
    }
}

/// No variables.
pub(super) static NONE: LazyLock<Document> = LazyLock::new(Document::new);
