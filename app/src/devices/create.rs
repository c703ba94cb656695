use std::sync::Arc;

use domain::{
    DeviceId, Document, FieldError, GroupId, OrganizationId, Permission, Problem, TemplateId,
    configuration::{Configuration, ConfigurationCommand, CreateConfiguration},
    device::{
        Device, DeviceCommand, DeviceName, HardwareId, Information, MacAddress, RegisterDevice,
        key_problems,
    },
};
use projections::{
    group::{self, GroupRow},
    organization::{self, OrganizationRow},
    template,
};
use tracing::instrument;

use super::{Devices, MODEL, limited};
use crate::{
    By, Done, Failure,
    configurations::{Computation, Configurations, Layers, NewConfiguration, hostname},
    sealing::Place,
    work::decide,
};

/// A device that an operator makes.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Chosen by the caller, so that a retry stays one device.
    pub id: DeviceId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Unique inside the organization.
    pub name: String,
    /// Unique inside the organization.
    pub mac_address: String,
    /// None is derived from the address and the organization's secret.
    pub key: Option<String>,
    /// Of the hardware.
    pub hardware_id: Option<String>,
    /// What it is.
    pub model: String,
    /// Its operating system.
    pub os: String,
    /// Its hardware.
    pub system: String,
    /// Free text.
    pub notes: String,
    /// A group of the same organization.
    pub group_id: Option<GroupId>,
    /// None makes a device without configuration, which agents do not see, unless its group has templates.
    pub configuration: Option<NewConfiguration>,
}

/// Texts that became values.
pub(crate) struct Checked {
    pub(crate) name: DeviceName,
    pub(crate) mac_address: MacAddress,
    pub(crate) hardware_id: Option<HardwareId>,
}

/// Parses the values of a new device; all problems at once, in the order of the fields.
pub(crate) fn checked(
    name: &str,
    mac_address: &str,
    key: Option<&str>,
    (hardware_id, hardware_id_required): (Option<&str>, bool),
    information: &Information,
) -> Result<Checked, Failure> {
    let mut errors: Vec<FieldError> = Vec::new();
    let mut found = |field, problems: Vec<Problem>| {
        errors.extend(problems.into_iter().map(|problem| FieldError::new(field, problem)));
    };
    found("name", DeviceName::problems(name));
    found("mac_address", MacAddress::problems(mac_address));
    found("key", key.map(key_problems).unwrap_or_default());
    let long = |text: &str, max| domain::field::text(text, max).err().into_iter().collect();
    found("model", long(&information.model, 64));
    found("os", long(&information.os, 128));
    found("system", long(&information.system, 128));
    let hardware_id = hardware_id.filter(|id| !id.is_empty());
    let parsed = match hardware_id.map(str::parse::<HardwareId>) {
        None if hardware_id_required => {
            found("hardware_id", vec![Problem::Blank]);
            None
        }
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(problem)) => {
            found("hardware_id", vec![problem]);
            None
        }
    };
    match (name.parse(), mac_address.parse()) {
        (Ok(name), Ok(mac_address)) if errors.is_empty() => {
            Ok(Checked { name, mac_address, hardware_id: parsed })
        }
        _ => Err(Failure::Invalid(errors)),
    }
}

impl Devices<'_> {
    /// Brings a device under management.
    #[instrument(name = "device.create", skip_all, fields(device.id = %new.id, organization.id = %new.organization_id))]
    pub async fn create(&self, by: &By, new: NewDevice) -> Result<Done, Failure> {
        by.authority
            .require_anywhere(Permission::AddDevice)
            .map_err(|denied| Failure::denied(denied, MODEL))?;
        let organization = self.owner(by, Permission::AddDevice, new.organization_id).await?;
        self.0.unused(new.id.as_uuid()).await?;
        let group = self.group(organization.id, new.group_id).await?;

        let information = Information {
            model: new.model.clone(),
            os: new.os.clone(),
            system: new.system.clone(),
        };
        let given = new.key.as_deref().filter(|key| !key.is_empty());
        let hardware_ids = self.0.settings().controller.hardware_id_enabled;
        let checked = checked(
            &new.name,
            &new.mac_address,
            given,
            (new.hardware_id.as_deref(), hardware_ids),
            &information,
        )?;
        let key = match given {
            Some(key) => key.to_owned(),
            None => {
                self.derived_key(&organization, &new.mac_address, new.hardware_id.as_deref())
                    .await?
            }
        };
        let clear = key;
        let identity = Predefined {
            key: &clear,
            mac_address: &new.mac_address,
            name: &new.name,
            hardware_id: new.hardware_id.as_deref().unwrap_or_default(),
            os: &new.os,
        };
        let key = self.0.sealing().seal(Place::DeviceKey(new.id, organization.id), &clear).await?;
        let command = DeviceCommand::Register(Box::new(RegisterDevice {
            id: new.id,
            organization_id: organization.id,
            name: checked.name,
            mac_address: checked.mac_address,
            key,
            hardware_id: checked.hardware_id,
            information,
            notes: new.notes.clone(),
            group_id: new.group_id,
        }));
        let wanted = wanted(new.configuration, group.as_ref());
        let outcome = decide!(self.0, by, work => {
            limited(&mut work, &organization);
            work.handle::<Device>(new.id.as_uuid(), command.clone()).await?;
            if let Some(wanted) = &wanted {
                let create = self
                    .configuration(by, new.id, organization.id, wanted, group.as_ref(), &identity)
                    .await?;
                let create = ConfigurationCommand::Create(Box::new(create));
                work.handle::<Configuration>(new.id.as_uuid(), create).await?;
            }
            Ok(())
        });
        let ((), done) = outcome.map_err(|failure| in_words(failure, &organization))?;
        self.0.configurations().render(new.id).await?;
        Ok(done)
    }

    /// The organization that something new is to belong to. One that the actor may not see does not exist.
    pub(crate) async fn owner(
        &self,
        by: &By,
        permission: Permission,
        id: OrganizationId,
    ) -> Result<OrganizationRow, Failure> {
        let unknown = || Failure::field("organization", Problem::Unknown(id.to_string()));
        by.authority.require(permission, Some(id)).map_err(|_| unknown())?;
        organization::by_id(self.0.store(), crate::RULES, id).await?.ok_or_else(unknown)
    }

    /// The group, if it is one of the organization's.
    pub(crate) async fn group(
        &self,
        organization: OrganizationId,
        id: Option<GroupId>,
    ) -> Result<Option<GroupRow>, Failure> {
        let Some(id) = id else { return Ok(None) };
        let row = group::by_id(self.0.store(), crate::RULES, id).await?;
        match row.filter(|row| row.organization_id == organization) {
            Some(row) => Ok(Some(row)),
            None => Err(Failure::field("group", Problem::Unknown(id.to_string()))),
        }
    }

    /// What a new configuration is made of.
    pub(super) async fn configuration(
        &self,
        by: &By,
        id: DeviceId,
        organization: OrganizationId,
        wanted: &NewConfiguration,
        group: Option<&GroupRow>,
        identity: &Predefined<'_>,
    ) -> Result<CreateConfiguration, Failure> {
        let configurations = self.0.configurations();
        let defaults_position = self.0.store().head();
        let backend = configurations
            .backend(&wanted.backend)
            .map_err(|error| Failure::Invalid(vec![error]))?;
        let group_variables = group.map(|group| group.variables.clone()).unwrap_or_default();
        let group = group.map(|group| group.templates.clone()).unwrap_or_default();
        let mut templates =
            configurations.initial_templates(organization, &backend, &group, &[]).await?;
        let chosen =
            configurations.chosen_templates(by, organization, &backend, &wanted.templates).await?;
        let given = templates.len();
        crate::configurations::append(&mut templates, chosen);
        let rows = template::by_ids(self.0.store(), crate::RULES, &templates).await?;
        let organization_variables =
            projections::organization::by_id(self.0.store(), crate::RULES, organization)
                .await?
                .map(|row| row.variables)
                .unwrap_or_default();
        let of = |templates: &[TemplateId]| {
            let row = |id: &TemplateId| rows.iter().find(|row| row.id == *id);
            templates.iter().filter_map(row).collect::<Vec<_>>()
        };
        let context = |own, templates: &[TemplateId]| {
            configurations.layers(&Layers {
                defaults: of(templates).into_iter().map(|row| &row.default_values).collect(),
                predefined: [
                    ("id", &id.to_string()),
                    ("key", identity.key),
                    ("mac_address", identity.mac_address),
                    ("name", identity.name),
                ],
                organization: &organization_variables,
                group: &group_variables,
                hardware_id: identity.hardware_id,
                own,
            })
        };
        let evaluated = context(&wanted.context, &templates);
        Configurations::validate(&backend, "config.config", &wanted.config, &evaluated)?;
        let field = [
            (!wanted.config.is_empty(), "config.config"),
            (!wanted.context.is_empty(), "config.context"),
            (templates.len() > given, "config.templates"),
        ];
        if let Some((_, field)) = field.into_iter().find(|(is_given, _)| *is_given) {
            let dsa = configurations.dsa(identity.os);
            let computation = |config: &Document, templates: &[TemplateId], context| {
                let layers = of(templates).into_iter().map(|row| Arc::new(row.config.clone()));
                let system = (hostname(config, identity.name), dsa);
                Computation::of(
                    backend.as_str(),
                    (config.clone(), layers.collect()),
                    context,
                    system,
                )
            };
            let (nothing, given) = (Document::new(), &templates[..given]);
            let before = computation(&nothing, given, context(&nothing, given));
            let after = computation(&wanted.config, &templates, evaluated);
            configurations.refuse_unfit(field, before, after).await?;
        }
        Ok(CreateConfiguration {
            device_id: id,
            organization_id: organization,
            backend,
            config: wanted.config.clone(),
            variables: wanted.context.clone(),
            templates,
            defaults_position,
        })
    }
}

/// What variables say about a device that is not there yet.
pub(super) struct Predefined<'a> {
    pub(super) key: &'a str,
    pub(super) mac_address: &'a str,
    pub(super) name: &'a str,
    pub(super) hardware_id: &'a str,
    /// Not a variable; it decides about the syntax.
    pub(super) os: &'a str,
}

/// A device of a group with templates has a configuration, whether or not one was asked for.
fn wanted(given: Option<NewConfiguration>, group: Option<&GroupRow>) -> Option<NewConfiguration> {
    let grouped = group.is_some_and(|group| !group.templates.is_empty());
    given.or_else(|| grouped.then(NewConfiguration::default))
}

/// Names the organization whose limit is reached.
pub(crate) fn in_words(failure: Failure, organization: &OrganizationRow) -> Failure {
    match failure {
        Failure::LimitReached { .. } => {
            Failure::LimitReached { organization: organization.name.clone() }
        }
        failure => failure,
    }
}
