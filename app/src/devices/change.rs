use std::{net::IpAddr, sync::LazyLock};

use domain::{
    DeviceId, Document, FieldError, GroupId, OrganizationId, Permission, TemplateId,
    configuration::{Configuration, ConfigurationCommand, CreateConfiguration},
    device::{ChangeInformation, Device, DeviceCommand, HardwareId, key_problems},
};
use projections::{
    configuration::{self, ConfigurationRow, Inputs},
    device::DeviceRow,
    group::GroupRow,
    organization::OrganizationRow,
};
use secrecy::ExposeSecret as _;
use tracing::instrument;

use super::{
    Devices,
    create::{Predefined, in_words},
    limited,
};
use crate::{
    By, Done, Failure, Refusal,
    bulk::Present,
    configurations::{ConfigurationChange, Configurations, NewConfiguration, append},
    sealing::Place,
    work::decide,
};

/// New values for some of a device; `None` leaves the old one.
#[derive(Clone, Debug, Default)]
pub struct DeviceChange {
    /// Unique inside the organization.
    pub name: Option<String>,
    /// Unique inside the organization.
    pub mac_address: Option<String>,
    /// What it proves itself with.
    pub key: Option<String>,
    /// Of the hardware; `Some(None)` takes it away.
    pub hardware_id: Option<Option<String>>,
    /// What it is.
    pub model: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// Its hardware.
    pub system: Option<String>,
    /// Free text.
    pub notes: Option<String>,
    /// A group of its organization; `Some(None)` leaves all groups.
    pub group: Option<Option<GroupId>>,
    /// Where it is reached; `Some(None)` is nowhere.
    pub management_ip: Option<Option<IpAddr>>,
    /// Where its requests come from, until the next one; `Some(None)` is unknown.
    pub last_ip: Option<Option<IpAddr>>,
    /// Another owner: templates of the old one go, required ones of the new one come.
    pub organization_id: Option<OrganizationId>,
    /// Its configuration, which is made if there is none.
    pub configuration: Option<ConfigurationChange>,
}

/// What a device has before a change.
struct Held {
    device: DeviceRow,
    configuration: Option<ConfigurationRow>,
    templates: Vec<TemplateId>,
}

impl Held {
    fn present(&self) -> Present<'_> {
        Present {
            active: self.device.active,
            group: self.device.group_id,
            templates: &self.templates,
            variables: self.configuration.as_ref().map_or(&NONE, |held| &held.variables),
        }
    }
}

/// Variables of a device without configuration.
static NONE: LazyLock<Document> = LazyLock::new(Document::new);

/// What a change is decided from.
struct Facts {
    device: DeviceRow,
    configuration: Option<ConfigurationRow>,
    templates: Vec<TemplateId>,
    /// Where it is to belong.
    organization: OrganizationRow,
    moves: bool,
    group: Option<GroupRow>,
    group_before: Vec<TemplateId>,
}

impl Facts {
    /// Puts the variables in that the device has where it is to be, and says in which field they come, if they are others.
    fn surround(&self, change: &DeviceChange, inputs: &mut Inputs) -> Option<&'static str> {
        let mut field = None;
        let mut put = |held: &mut Document, variables: &Document, from| {
            if held != variables {
                held.clone_from(variables);
                field = Some(from);
            }
        };
        let group = self.group.as_ref().map_or(&*NONE, |group| &group.variables);
        put(&mut inputs.organization_variables, &self.organization.variables, "organization");
        put(&mut inputs.group_variables, group, "group");
        if let Some(id) = change.hardware_id.as_ref().filter(|id| **id != self.device.hardware_id) {
            inputs.device.hardware_id.clone_from(id);
            field = Some("hardware_id");
        }
        field
    }
}

/// Where a device's own contents are refused.
const OF_CONTENTS: &str = "config.config";

impl Devices<'_> {
    /// Changes a device and its configuration in one step, and renders before it answers.
    #[instrument(name = "device.change", skip_all, fields(device.id = %id))]
    pub async fn change(
        &self,
        by: &By,
        id: DeviceId,
        change: DeviceChange,
    ) -> Result<Done, Failure> {
        let changed = self.change_as(by, id, |_| Some(change.clone())).await?;
        Ok(changed.unwrap_or_else(|| Done::nothing(self.0)))
    }

    /// The same where the change depends on what the device has: asked for again whenever somebody else was faster.
    /// None where there is nothing to do.
    pub(crate) async fn change_as(
        &self,
        by: &By,
        id: DeviceId,
        wanted: impl Fn(&Present<'_>) -> Option<DeviceChange>,
    ) -> Result<Option<Done>, Failure> {
        let mut target = None;
        let outcome = decide!(self.0, by, work => {
            work.open::<Device>(id.as_uuid()).await?;
            work.open::<Configuration>(id.as_uuid()).await?;
            let held = self.held(by, id).await?;
            let Some(change) = wanted(&held.present()) else { return Ok(None) };
            let facts = self.facts(by, held, &change).await?;
            if !facts.device.active {
                return Err(Failure::Refused(Refusal::DeviceDeactivated));
            }
            target = Some(facts.organization.clone());
            if facts.moves {
                limited(&mut work, &facts.organization);
                self.carry_archive(&facts).await?;
            }
            let commands = self.device_commands(&facts, &change).await?;
            work.handle_all::<Device>(id.as_uuid(), commands).await?;
            let commands = self.configuration_commands(by, &facts, &change).await?;
            work.handle_all::<Configuration>(id.as_uuid(), commands).await?;
            Ok(Some((facts.organization.id, change)))
        });
        let (changed, done) = match (outcome, target) {
            (Ok(done), _) => done,
            (Err(failure), Some(organization)) => return Err(in_words(failure, &organization)),
            (Err(failure), None) => return Err(failure),
        };
        let Some((organization, change)) = changed else { return Ok(None) };
        if change.organization_id.is_some() {
            self.0.presence().moved(id, organization);
        }
        if let Some(address) = change.last_ip {
            self.0.presence().set_last_ip(id, organization, address);
        }
        if let Some(address) = change.management_ip {
            self.0.presence().set_management(id, organization, address);
        }
        self.0.configurations().render(id).await?;
        Ok(Some(done))
    }

    async fn held(&self, by: &By, id: DeviceId) -> Result<Held, Failure> {
        Ok(Held {
            device: self.device(by, id, Permission::ChangeDevice).await?,
            configuration: configuration::by_device(self.0.store(), crate::RULES, id).await?,
            templates: configuration::templates_of(self.0.store(), id).await?,
        })
    }

    async fn facts(&self, by: &By, held: Held, change: &DeviceChange) -> Result<Facts, Failure> {
        let Held { device, configuration, templates } = held;
        let target = change.organization_id.unwrap_or(device.organization_id);
        let organization = self.owner(by, Permission::ChangeDevice, target).await?;
        let moves = target != device.organization_id;
        let wanted = match change.group {
            Some(group) => group,
            None if moves => None,
            None => device.group_id,
        };
        // A group that was removed reads as none until its devices have left it.
        let group = match (change.group, self.group(target, wanted).await) {
            (None, Err(Failure::Invalid(_))) => None,
            (_, group) => group?,
        };
        Ok(Facts {
            configuration,
            templates,
            group,
            group_before: self.group_templates(device.group_id).await?,
            device,
            organization,
            moves,
        })
    }

    async fn device_commands(
        &self,
        facts: &Facts,
        change: &DeviceChange,
    ) -> Result<Vec<DeviceCommand>, Failure> {
        let device = &facts.device;
        let mut errors: Vec<FieldError> = Vec::new();
        let mut commands = Vec::new();
        let mut refuse = |field, problem| errors.push(FieldError::new(field, problem));

        let place = Place::DeviceKey(device.id, facts.organization.id);
        if facts.moves {
            let before = Place::DeviceKey(device.id, device.organization_id);
            let key = self.0.sealing().open(before, &device.key).await?;
            let key = self.0.sealing().seal(place, key.expose_secret()).await?;
            commands.push(DeviceCommand::Move { to: facts.organization.id, key });
        }
        match change.name.as_deref().map(str::parse) {
            Some(Ok(name)) => commands.push(DeviceCommand::Rename(name)),
            Some(Err(problem)) => refuse("name", problem),
            None => {}
        }
        match change.mac_address.as_deref().map(str::parse) {
            Some(Ok(address)) => commands.push(DeviceCommand::ChangeMacAddress(address)),
            Some(Err(problem)) => refuse("mac_address", problem),
            None => {}
        }
        if let Some(key) = change.key.as_deref().filter(|key| !key.is_empty()) {
            if let Some(problem) = key_problems(key).into_iter().next() {
                refuse("key", problem);
            } else {
                let sealed = self.0.sealing().seal(place, key).await?;
                commands.push(DeviceCommand::ChangeKey(sealed));
            }
        }
        if let Some(id) = &change.hardware_id {
            let id = id.as_deref().filter(|id| !id.is_empty()).map(str::parse::<HardwareId>);
            match id.transpose() {
                Ok(id) => commands.push(DeviceCommand::ChangeHardwareId(id)),
                Err(problem) => refuse("hardware_id", problem),
            }
        }
        Failure::unless_empty(errors)?;
        commands.push(DeviceCommand::ChangeInformation(ChangeInformation {
            model: change.model.clone(),
            os: change.os.clone(),
            system: change.system.clone(),
        }));
        commands.extend(change.notes.clone().map(DeviceCommand::ChangeNotes));
        commands.push(DeviceCommand::ChangeGroup(facts.group.as_ref().map(|group| group.id)));
        commands.extend(change.management_ip.map(DeviceCommand::ChangeManagementAddress));
        Ok(commands)
    }

    async fn configuration_commands(
        &self,
        by: &By,
        facts: &Facts,
        change: &DeviceChange,
    ) -> Result<Vec<ConfigurationCommand>, Failure> {
        let Some(held) = &facts.configuration else {
            return self.first_configuration(by, facts, change).await;
        };
        let configurations = self.0.configurations();
        let wanted = change.configuration.clone().unwrap_or_default();
        let backend = configurations
            .backend(wanted.backend.as_deref().unwrap_or(&held.backend))
            .map_err(|error| Failure::Invalid(vec![error]))?;
        let mut commands = Vec::new();
        let organization = facts.organization.id;
        let rebuilt = backend.as_str() != held.backend;

        if facts.moves {
            let required = configurations.required(organization, &backend).await?;
            let templates = required.into_iter().map(|template| template.id).collect();
            commands.push(ConfigurationCommand::Move { to: organization, templates });
        }
        if rebuilt {
            commands.push(ConfigurationCommand::ChangeBackend(backend.clone()));
        }
        if let Some(config) = &wanted.config {
            commands.push(ConfigurationCommand::ChangeContents(config.clone()));
        }
        commands.extend(wanted.context.clone().map(ConfigurationCommand::ChangeVariables));

        let group_after = facts.group.as_ref().map(|group| group.templates.clone());
        let group_after = group_after.unwrap_or_default();
        let regrouped = facts.device.group_id != facts.group.as_ref().map(|group| group.id);
        let chosen = match &wanted.templates {
            Some(chosen) => {
                Some(configurations.chosen_templates(by, organization, &backend, chosen).await?)
            }
            None if rebuilt && !facts.moves => {
                // Required templates of the other generator come in; nobody else's are asked about.
                let held = &facts.templates;
                Some(configurations.chosen_templates(by, organization, &backend, held).await?)
            }
            None if regrouped && !facts.moves => Some(facts.templates.clone()),
            None if regrouped => Some(
                configurations
                    .required(organization, &backend)
                    .await?
                    .into_iter()
                    .map(|template| template.id)
                    .collect(),
            ),
            None => None,
        };
        if let Some(mut templates) = chosen {
            if regrouped || rebuilt {
                let fitting = configurations.of_backend(&group_after, &backend).await?;
                // Of a group's templates only those of the device's own generator, the old or the new one, come
                // and go; others are in the list because somebody put them there.
                let before = &facts.group_before;
                let mut leaving = configurations.of_backend(before, &backend).await?;
                if let Some(old) = held.backend.parse().ok().filter(|_| rebuilt) {
                    leaving.extend(configurations.of_backend(before, &old).await?);
                }
                templates.retain(|id| !leaving.contains(id) || fitting.contains(id));
                append(&mut templates, fitting.iter().copied());
            }
            commands.push(ConfigurationCommand::AssignTemplates(templates));
        }
        let renamed = change.name.as_ref().is_some_and(|name| *name != facts.device.name);
        if renamed {
            commands.push(Configurations::renamed());
        }
        let surroundings = |inputs: &mut Inputs| facts.surround(change, inputs);
        self.fits(facts.device.id, &backend, &commands, surroundings).await?;
        Ok(commands)
    }

    async fn first_configuration(
        &self,
        by: &By,
        facts: &Facts,
        change: &DeviceChange,
    ) -> Result<Vec<ConfigurationCommand>, Failure> {
        let grouped = facts.group.as_ref().is_some_and(|group| !group.templates.is_empty());
        let wanted = match &change.configuration {
            Some(wanted) => wanted.clone(),
            None if grouped => ConfigurationChange::default(),
            None => return Ok(Vec::new()),
        };
        let wanted = NewConfiguration {
            backend: wanted.backend.unwrap_or_default(),
            config: wanted.config.unwrap_or_default(),
            context: wanted.context.unwrap_or_default(),
            templates: wanted.templates.unwrap_or_default(),
        };
        let name = change.name.as_deref().unwrap_or(&facts.device.name);
        let create = self
            .first(by, &facts.device, (facts.organization.id, name), &wanted, facts.group.as_ref())
            .await?;
        Ok(vec![ConfigurationCommand::Create(Box::new(create))])
    }

    /// What the first configuration of a device is made of, which is to belong to an organization under a name.
    pub(crate) async fn first(
        &self,
        by: &By,
        device: &DeviceRow,
        (organization, name): (OrganizationId, &str),
        wanted: &NewConfiguration,
        group: Option<&GroupRow>,
    ) -> Result<CreateConfiguration, Failure> {
        let place = Place::DeviceKey(device.id, device.organization_id);
        let key = self.0.sealing().open(place, &device.key).await?;
        let identity = Predefined {
            key: key.expose_secret(),
            mac_address: &device.mac_address,
            name,
            hardware_id: device.hardware_id.as_deref().unwrap_or_default(),
            os: &device.information.os,
        };
        self.configuration(by, device.id, organization, wanted, group, &identity).await
    }

    /// Contents that fit alone must fit together with the templates too, and with what else becomes different about the
    /// device: `surroundings` puts that in, and says in which field it came.
    pub(crate) async fn fits(
        &self,
        id: DeviceId,
        backend: &domain::configuration::Backend,
        commands: &[ConfigurationCommand],
        surroundings: impl FnOnce(&mut Inputs) -> Option<&'static str>,
    ) -> Result<(), Failure> {
        let Some(stored) = configuration::inputs(self.0.store(), id).await? else {
            return Ok(());
        };
        let mut inputs = stored.clone();
        let surrounded = surroundings(&mut inputs);
        let mut field = surrounded.unwrap_or("config.templates");
        let mut relevant = false;
        for command in commands {
            match command {
                ConfigurationCommand::ChangeContents(config) => {
                    field = OF_CONTENTS;
                    inputs.configuration.config.clone_from(config);
                }
                ConfigurationCommand::ChangeVariables(variables) => {
                    field = if field == OF_CONTENTS { field } else { "config.context" };
                    inputs.configuration.variables.clone_from(variables);
                }
                ConfigurationCommand::AssignTemplates(ids)
                | ConfigurationCommand::Move { templates: ids, .. } => {
                    inputs.templates = self.0.configurations().input_templates(ids).await?;
                }
                ConfigurationCommand::ChangeBackend(_) => {
                    backend.as_str().clone_into(&mut inputs.configuration.backend);
                }
                _ => continue,
            }
            relevant = true;
        }
        if !relevant {
            // Who only moves a device does not have to mend its configuration.
            if surrounded.is_some()
                && let Ok(findings) = self.0.configurations().fit(&inputs).await?
            {
                self.0.configurations().refuse_beyond(field, &stored, &findings).await?;
            }
            return Ok(());
        }
        let context = self.0.configurations().context(&inputs).await?;
        let own = &inputs.configuration.config;
        Configurations::validate(backend, "config.config", own, &context)?;
        let fit = self.0.configurations().fit(&inputs).await?;
        let findings =
            fit.map_err(|message| Failure::Refused(Refusal::TemplateConflict { message }))?;
        self.0.configurations().refuse_beyond(field, &stored, &findings).await
    }

    /// The new owner has the archive that the device has, sealed for it.
    async fn carry_archive(&self, facts: &Facts) -> Result<(), Failure> {
        let archive = facts.configuration.as_ref().and_then(|held| held.archive.as_ref());
        let Some(archive) = archive else { return Ok(()) };
        let before = facts.device.organization_id;
        let held = self
            .0
            .configurations()
            .archive(before, &facts.device.name, &archive.sha256, &archive.md5)
            .await?;
        self.0.blobs().put(Some(facts.organization.id.as_uuid()), &held.bytes).await?;
        Ok(())
    }
}
