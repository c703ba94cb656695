//! An operation on many devices as the use case of each would decide it.
//!
//! The rules that choose templates are asked, not repeated; their answers are kept, because many devices have the same
//! lists, groups and organizations. So ten thousand devices cost the statements of a few.

use std::{collections::HashMap, sync::Arc};

use domain::{
    Document, GroupId, OrganizationId, Problem, TemplateId,
    configuration::{Backend, ConfigurationCreated, ConfigurationStatus},
};
use projections::{
    configuration::{DeviceInputs, InputsBatch, SharedTemplate},
    group::{self, GroupRow},
    template,
};

use super::{change::NONE, device_edit::DeviceEdit, judge::Check, unsaved::shared};
use crate::{
    App, By, ConfigurationChange, DeviceChange, Failure, Operation, Refusal,
    bulk::{Effect, Present, is_about_device},
    configurations::{Layered, append},
};

/// Decides one operation for many devices.
pub(super) struct FleetOperation<'a> {
    app: &'a App,
    by: &'a By,
    operation: Operation,
    groups: HashMap<GroupId, Option<Arc<GroupRow>>>,
    /// What a list that somebody chose becomes, or why it is refused.
    chosen: HashMap<(OrganizationId, Backend, Vec<TemplateId>), Choice>,
    initial: HashMap<(OrganizationId, Backend, Option<GroupId>), Vec<TemplateId>>,
    fitting: HashMap<(GroupId, Backend), Vec<TemplateId>>,
    /// Templates that devices come to have.
    templates: HashMap<TemplateId, SharedTemplate>,
}

/// A checked list, or why it is refused.
type Choice = Result<Vec<TemplateId>, String>;

/// What the operation comes to for one device.
pub(super) enum Decided {
    /// Its files stay as they are.
    Nothing,
    /// The use case refuses, in these words.
    Refused(String),
    /// Its files are made of something else.
    Render {
        edit: Box<DeviceEdit>,
        /// Of its group from then on.
        group: Arc<Document>,
        check: Option<Box<Check>>,
    },
}

impl<'a> FleetOperation<'a> {
    pub(super) fn new(app: &'a App, by: &'a By, operation: Operation) -> Self {
        Self {
            app,
            by,
            operation,
            groups: HashMap::new(),
            chosen: HashMap::new(),
            initial: HashMap::new(),
            fitting: HashMap::new(),
            templates: HashMap::new(),
        }
    }

    pub(super) async fn decide(
        &mut self,
        inputs: &DeviceInputs,
        batch: &InputsBatch,
    ) -> Result<Decided, Failure> {
        let listed = present_templates(inputs, batch);
        let configuration = inputs.configuration.as_ref();
        let effect = self.operation.effect(&Present {
            active: inputs.device.active,
            group: inputs.device.group_id,
            templates: &listed,
            variables: configuration.map_or(&NONE, |configuration| &configuration.variables),
        });
        let decided = match effect {
            Effect::Nothing => Ok(Decided::Nothing),
            Effect::Activate => self.activate(inputs, batch).await,
            Effect::Deactivate => Ok(deactivate(inputs, batch)),
            Effect::Change(change) => self.change(inputs, batch, listed, *change).await,
        };
        match decided {
            Err(failure) if is_about_device(&failure) => Ok(Decided::Refused(failure.to_string())),
            decided => decided,
        }
    }

    /// What the device's archive would be made of; none without configuration.
    pub(super) fn layered<'b>(
        &'b self,
        edit: &'b DeviceEdit,
        batch: &'b InputsBatch,
        group: &'b Document,
    ) -> Option<Layered<'b>> {
        let organization = batch.organizations.get(&edit.device.organization_id);
        let template = |id: &TemplateId| {
            let template = batch.templates.get(id).or_else(|| self.templates.get(id));
            template.filter(|template| !template.removed)
        };
        Some(Layered {
            device: &edit.device,
            configuration: edit.configuration.as_ref()?,
            templates: edit.templates.iter().filter_map(template).collect(),
            organization: organization.map_or(&NONE, |organization| &*organization.variables),
            group,
        })
    }

    /// As [`Devices::change`](crate::Devices::change) decides it.
    async fn change(
        &mut self,
        inputs: &DeviceInputs,
        batch: &InputsBatch,
        listed: Vec<TemplateId>,
        change: DeviceChange,
    ) -> Result<Decided, Failure> {
        let (device, organization) = (&inputs.device, inputs.device.organization_id);
        let group = self.group(change.group.unwrap_or(device.group_id)).await?;
        let group = group.filter(|group| group.organization_id == organization);
        if let (Some(Some(id)), None) = (change.group, &group) {
            return Err(Failure::field("group", Problem::Unknown(id.to_string())));
        }
        if !device.active {
            return Err(Failure::Refused(Refusal::DeviceDeactivated));
        }
        let mut edit = DeviceEdit::of(inputs);
        edit.device.group_id = group.as_ref().map(|group| group.id);
        let Some(held) = &inputs.configuration else {
            return self.first_configuration(edit, batch, group, change.configuration).await;
        };
        let backend = self.backend(&held.backend)?;
        let wanted = change.configuration.unwrap_or_default();
        let regrouped = device.group_id != edit.device.group_id;
        let mut templates = match &wanted.templates {
            Some(chosen) => match self.chosen(organization, &backend, chosen).await? {
                Ok(templates) => templates,
                Err(reason) => return Ok(Decided::Refused(reason)),
            },
            None => listed,
        };
        if regrouped {
            let before = self.group(device.group_id).await?;
            let leaving = match &before {
                Some(group) => self.fitting(group, &backend).await?,
                None => Vec::new(),
            };
            let fitting = match &group {
                Some(group) => self.fitting(group, &backend).await?,
                None => Vec::new(),
            };
            templates.retain(|id| !leaving.contains(id) || fitting.contains(id));
            append(&mut templates, fitting);
        }
        edit.templates = templates;
        if let (Some(configuration), Some(variables)) = (&mut edit.configuration, wanted.context) {
            configuration.variables = variables;
        }
        self.load(&edit, batch).await?;

        let before = batch.group(device).variables;
        let variables = match &group {
            Some(group) if regrouped => Arc::new(group.variables.clone()),
            Some(_) => Arc::clone(&before),
            None => Arc::default(),
        };
        let before = if self.app.configurations().allows_findings() {
            None
        } else {
            let held = DeviceEdit::of(inputs);
            self.load(&held, batch).await?;
            match self.layered(&held, batch, &before) {
                Some(layered) => Some(self.app.configurations().computation(layered).await?),
                None => None,
            }
        };
        let config = held.config.clone();
        let check = Some(Box::new(Check { backend, config, before }));
        Ok(Decided::Render { edit: Box::new(edit), group: variables, check })
    }

    /// A device without configuration gets one when something is to be in it.
    async fn first_configuration(
        &mut self,
        mut edit: DeviceEdit,
        batch: &InputsBatch,
        group: Option<Arc<GroupRow>>,
        wanted: Option<ConfigurationChange>,
    ) -> Result<Decided, Failure> {
        let grouped = group.as_ref().is_some_and(|group| !group.templates.is_empty());
        if wanted.is_none() && !grouped {
            return Ok(Decided::Nothing);
        }
        let wanted = wanted.unwrap_or_default();
        let organization_id = edit.device.organization_id;
        let backend = self.backend(wanted.backend.as_deref().unwrap_or_default())?;
        let mut templates = self.initial(organization_id, &backend, group.as_deref()).await?;
        let chosen = wanted.templates.unwrap_or_default();
        match self.chosen(organization_id, &backend, &chosen).await? {
            Ok(chosen) => append(&mut templates, chosen),
            Err(reason) => return Ok(Decided::Refused(reason)),
        }
        let created = ConfigurationCreated {
            device_id: edit.device.id,
            organization_id,
            backend,
            config: Document::new(),
            variables: wanted.context.unwrap_or_default(),
            templates,
            defaults_position: batch.position,
        };
        edit.create(&created, self.app.world().now());
        self.load(&edit, batch).await?;
        let group = group.map(|group| Arc::new(group.variables.clone())).unwrap_or_default();
        Ok(Decided::Render { edit: Box::new(edit), group, check: None })
    }

    /// As [`Devices::activate`](crate::Devices::activate) decides it.
    async fn activate(
        &mut self,
        inputs: &DeviceInputs,
        batch: &InputsBatch,
    ) -> Result<Decided, Failure> {
        let mut edit = DeviceEdit::of(inputs);
        let Some(held) = &inputs.configuration else { return Ok(Decided::Nothing) };
        let backend = self.backend(&held.backend)?;
        let group = self.group(inputs.device.group_id).await?;
        let templates =
            self.initial(inputs.device.organization_id, &backend, group.as_deref()).await?;
        if ended(held.status) {
            edit.templates = templates;
        }
        self.load(&edit, batch).await?;
        let group = batch.group(&inputs.device).variables;
        Ok(Decided::Render { edit: Box::new(edit), group, check: None })
    }

    fn backend(&self, name: &str) -> Result<Backend, Failure> {
        let backend = self.app.configurations().backend(name);
        backend.map_err(|error| Failure::Invalid(vec![error]))
    }

    /// None for none, and for a removed one.
    async fn group(&mut self, id: Option<GroupId>) -> Result<Option<Arc<GroupRow>>, Failure> {
        let Some(id) = id else { return Ok(None) };
        if let Some(known) = self.groups.get(&id) {
            return Ok(known.clone());
        }
        let row = group::by_id(self.app.store(), crate::RULES, id).await?.map(Arc::new);
        self.groups.insert(id, row.clone());
        Ok(row)
    }

    async fn chosen(
        &mut self,
        organization: OrganizationId,
        backend: &Backend,
        list: &[TemplateId],
    ) -> Result<Choice, Failure> {
        let key = (organization, backend.clone(), list.to_vec());
        if let Some(known) = self.chosen.get(&key) {
            return Ok(known.clone());
        }
        let configurations = self.app.configurations();
        let chosen = configurations.chosen_templates(self.by, organization, backend, list).await;
        let chosen = match chosen {
            Err(failure) if is_about_device(&failure) => Err(failure.to_string()),
            chosen => Ok(chosen?),
        };
        self.chosen.insert(key, chosen.clone());
        Ok(chosen)
    }

    async fn initial(
        &mut self,
        organization: OrganizationId,
        backend: &Backend,
        group: Option<&GroupRow>,
    ) -> Result<Vec<TemplateId>, Failure> {
        let key = (organization, backend.clone(), group.map(|group| group.id));
        if let Some(known) = self.initial.get(&key) {
            return Ok(known.clone());
        }
        let configurations = self.app.configurations();
        let of_group = group.map(|group| group.templates.as_slice()).unwrap_or_default();
        let initial =
            configurations.initial_templates(organization, backend, of_group, &[]).await?;
        self.initial.insert(key, initial.clone());
        Ok(initial)
    }

    /// The group's templates of this backend.
    async fn fitting(
        &mut self,
        group: &GroupRow,
        backend: &Backend,
    ) -> Result<Vec<TemplateId>, Failure> {
        let key = (group.id, backend.clone());
        if let Some(known) = self.fitting.get(&key) {
            return Ok(known.clone());
        }
        let fitting = self.app.configurations().of_backend(&group.templates, backend).await?;
        self.fitting.insert(key, fitting.clone());
        Ok(fitting)
    }

    /// Reads templates that are in the list and that no device of the batch has at present.
    async fn load(&mut self, edit: &DeviceEdit, batch: &InputsBatch) -> Result<(), Failure> {
        let unknown: Vec<TemplateId> = edit
            .templates
            .iter()
            .filter(|id| !batch.templates.contains_key(id) && !self.templates.contains_key(id))
            .copied()
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        for row in template::by_ids(self.app.store(), crate::RULES, &unknown).await? {
            self.templates.insert(row.id, shared(row));
        }
        Ok(())
    }
}

/// As [`Devices::deactivate`](crate::Devices::deactivate) decides it.
fn deactivate(inputs: &DeviceInputs, batch: &InputsBatch) -> Decided {
    let mut edit = DeviceEdit::of(inputs);
    let Some(configuration) = &mut edit.configuration else { return Decided::Nothing };
    if !ended(configuration.status) {
        configuration.config = Document::new();
        edit.templates = Vec::new();
    }
    let group = batch.group(&inputs.device).variables;
    Decided::Render { edit: Box::new(edit), group, check: None }
}

fn ended(status: ConfigurationStatus) -> bool {
    matches!(status, ConfigurationStatus::Deactivating | ConfigurationStatus::Deactivated)
}

fn present_templates(inputs: &DeviceInputs, batch: &InputsBatch) -> Vec<TemplateId> {
    let there = |id: &TemplateId| batch.templates.get(id).is_some_and(|template| !template.removed);
    inputs.templates.iter().copied().filter(there).collect()
}
