use std::net::IpAddr;

use domain::{
    DeviceId, OrganizationId, TemplateId,
    configuration::{Configuration, ConfigurationCommand, CreateConfiguration},
    device::{
        ChangeInformation, Device, DeviceCommand, Information, RegisterDevice, consistent_key,
    },
    kind,
};
use projections::{
    configuration,
    device::{self, DeviceRow},
    organization::{self, OrganizationRow},
};
use secrecy::ExposeSecret as _;
use tracing::instrument;

use super::{Agents, Peer};
use crate::{
    By, Failure, Refusal, RefusedKind,
    configurations::{Configurations, NewConfiguration, append},
    devices::{self, checked, in_words},
    presence::{Contact, ContactKind},
    sealing::Place,
    work::decide,
};

/// What an agent sends. Required values are there; whether they are acceptable is decided here.
#[derive(Clone)]
pub struct Registration {
    /// The organization's.
    pub secret: String,
    /// Host name or MAC address.
    pub name: String,
    /// The primary interface's.
    pub mac_address: String,
    /// One that the settings allow.
    pub backend: String,
    /// What the agent computed, or nothing.
    pub key: Option<String>,
    /// Of the hardware.
    pub hardware_id: Option<String>,
    /// What it is; absent leaves the old value of a returning device, empty overwrites it.
    pub model: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// Its hardware.
    pub system: Option<String>,
    /// Tags of templates; unknown ones are ignored.
    pub tags: Vec<String>,
}

/// The identity that a device gets.
#[derive(Clone)]
pub struct Registered {
    /// The device.
    pub device_id: DeviceId,
    /// What it proves itself with.
    pub key: String,
    /// As stored, which may differ from what was sent.
    pub name: String,
    /// Was it unknown before?
    pub is_new: bool,
}

/// Why an agent is turned away.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationRefused {
    /// No active organization has this secret.
    #[error("unrecognized secret")]
    UnrecognizedSecret,
    /// The organization does not take new devices.
    #[error("registration disabled")]
    Closed,
    /// The device is known and not served.
    #[error("device deactivated")]
    Deactivated,
    /// Only devices that an operator made may come.
    #[error("device not found in the system")]
    SelfCreationOff,
    /// Values, limits, or our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<store::StoreError> for RegistrationRefused {
    fn from(error: store::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl RegistrationRefused {
    /// For the table of refusals.
    fn reason(&self) -> &'static str {
        match self {
            Self::UnrecognizedSecret => "unrecognized_secret",
            Self::Closed => "registration_closed",
            Self::Deactivated => "deactivated",
            Self::SelfCreationOff => "self_creation_off",
            Self::Failed(Failure::Invalid(_)) => "invalid",
            Self::Failed(Failure::Taken(_)) => "taken",
            Self::Failed(Failure::LimitReached { .. }) => "limit_reached",
            Self::Failed(Failure::RateLimited) => "rate_limited",
            Self::Failed(_) => "failed",
        }
    }
}

/// Why a new device could not be made.
enum Unmade {
    /// Somebody else registered a device with this key in the meantime.
    KeyTaken,
    Failed(Failure),
}

impl Agents<'_> {
    /// Registers a device, or recognises one that comes back (agent protocol, §3).
    #[instrument(name = "device.register", skip_all)]
    pub async fn register(
        &self,
        registration: Registration,
        peer: Peer,
    ) -> Result<Registered, RegistrationRefused> {
        let mut organization = None;
        let outcome = self.admit(&registration, peer, &mut organization).await;
        if let Err(refused) = &outcome {
            let subject = (registration.mac_address.as_str(), peer.address);
            self.0.refusals().note(
                RefusedKind::Registration,
                refused.reason(),
                organization,
                subject,
                self.0.world().now(),
            );
        }
        outcome
    }

    async fn admit(
        &self,
        registration: &Registration,
        peer: Peer,
        known: &mut Option<OrganizationId>,
    ) -> Result<Registered, RegistrationRefused> {
        let fingerprint = self.0.sealing().shared_secret(&registration.secret);
        let organization = organization::by_secret(self.0.store(), &fingerprint)
            .await?
            .filter(|organization| organization.active)
            .ok_or(RegistrationRefused::UnrecognizedSecret)?;
        *known = Some(organization.id);
        if !organization.registration_open {
            return Err(RegistrationRefused::Closed);
        }
        if !self.0.rates().allow(organization.id, peer.address) {
            return Err(Failure::RateLimited.into());
        }
        let settings = &self.0.settings().controller;
        let sent = registration
            .key
            .as_deref()
            .filter(|key| settings.consistent_registration && !key.is_empty());
        // A lost race for a device key is not a refusal: look again, then it is a returning device.
        for _ in 0..2 {
            if let Some(key) = sent {
                let fingerprint = self.0.sealing().device_key(key);
                if let Some(device) = device::by_key(self.0.store(), &fingerprint).await? {
                    return self.admit_again(registration, &organization, device, peer).await;
                }
            }
            if !settings.registration_self_creation {
                return Err(RegistrationRefused::SelfCreationOff);
            }
            match self.admit_new(registration, &organization, sent, peer).await {
                Ok(registered) => return Ok(registered),
                Err(Unmade::KeyTaken) => {}
                Err(Unmade::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Failure::Busy.into())
    }

    async fn admit_new(
        &self,
        registration: &Registration,
        organization: &OrganizationRow,
        sent: Option<&str>,
        peer: Peer,
    ) -> Result<Registered, Unmade> {
        let by = By::agent(organization.id, peer.correlation_id);
        let id = DeviceId::from_uuid(self.0.new_id());
        let information = Information {
            model: registration.model.clone().unwrap_or_default(),
            os: registration.os.clone().unwrap_or_default(),
            system: registration.system.clone().unwrap_or_default(),
        };
        let settings = &self.0.settings().controller;
        let checked = checked(
            &registration.name,
            &registration.mac_address,
            sent,
            (registration.hardware_id.as_deref(), settings.hardware_id_enabled),
            &information,
        )
        .map_err(Unmade::Failed)?;
        let key = match sent {
            Some(key) => key.to_owned(),
            None if settings.consistent_registration => {
                let address = registration.mac_address.to_ascii_uppercase();
                let base = match &checked.hardware_id {
                    Some(id) if settings.hardware_id_enabled => id.as_str(),
                    _ => &address,
                };
                consistent_key(base, &registration.secret)
            }
            None => self.0.world().secret(16),
        };
        let name = checked.name.as_str().to_owned();
        let place = Place::DeviceKey(id, organization.id);
        let sealed = self.0.sealing().seal(place, &key).await.map_err(Unmade::Failed)?;
        let command = DeviceCommand::Register(Box::new(RegisterDevice {
            id,
            organization_id: organization.id,
            name: checked.name,
            mac_address: checked.mac_address,
            key: sealed,
            hardware_id: checked.hardware_id,
            information,
            notes: String::new(),
            group_id: None,
        }));
        let outcome = decide!(self.0, &by, work => {
            devices::limited(&mut work, organization);
            work.handle::<Device>(id.as_uuid(), command.clone()).await?;
            let create = self.first_configuration(id, organization.id, registration, &[]).await?;
            work.handle::<Configuration>(id.as_uuid(), create).await?;
            Ok(())
        });
        match outcome {
            Ok(_) => {}
            Err(Failure::Taken(taken)) if sent.is_some() && of_key(&taken) => {
                return Err(Unmade::KeyTaken);
            }
            // A derived key says no more than the address that it is derived from.
            Err(Failure::Taken(mut taken)) => {
                if taken.iter().any(|taken| taken.kind != kind::DEVICE_KEY) {
                    taken.retain(|taken| taken.kind != kind::DEVICE_KEY);
                }
                return Err(Unmade::Failed(Failure::Taken(taken)));
            }
            Err(failure) => return Err(Unmade::Failed(in_words(failure, organization))),
        }
        self.registered(id, organization.id, peer);
        Ok(Registered { device_id: id, key, name, is_new: true })
    }

    /// Found by key alone, over all organizations: whoever knows the key and any valid secret is the device.
    async fn admit_again(
        &self,
        registration: &Registration,
        organization: &OrganizationRow,
        found: DeviceRow,
        peer: Peer,
    ) -> Result<Registered, RegistrationRefused> {
        let id = found.id;
        if !found.active {
            return Err(RegistrationRefused::Deactivated);
        }
        let mut errors = Vec::new();
        for problem in domain::device::DeviceName::problems(&registration.name) {
            // The bare address is tolerated: it does not overwrite the name.
            if !is_address(&registration.name, &found.mac_address) {
                errors.push(domain::FieldError::new("name", problem));
            }
        }
        Failure::unless_empty(errors)?;
        let name = registration
            .name
            .parse()
            .ok()
            .filter(|_| !is_address(&registration.name, &found.mac_address));
        let information = ChangeInformation {
            model: registration.model.clone(),
            os: registration.os.clone(),
            system: registration.system.clone(),
        };
        let by = By::agent(organization.id, peer.correlation_id);
        let outcome = decide!(self.0, &by, work => {
            let command = DeviceCommand::RegisterAgain {
                name: name.clone(),
                information: information.clone(),
            };
            work.handle::<Device>(id.as_uuid(), command).await?;
            let commands = self.again(registration, &found, name.as_ref()).await?;
            work.handle_all::<Configuration>(id.as_uuid(), commands).await?;
            Ok(())
        });
        match outcome {
            Ok(_) => {}
            Err(Failure::Refused(Refusal::DeviceDeactivated)) => {
                return Err(RegistrationRefused::Deactivated);
            }
            Err(failure) => return Err(failure.into()),
        }
        self.registered(id, found.organization_id, peer);
        let place = Place::DeviceKey(id, found.organization_id);
        let key = self.0.sealing().open(place, &found.key).await?;
        Ok(Registered {
            device_id: id,
            key: key.expose_secret().to_owned(),
            name: name.map_or(found.name, |name| name.as_str().to_owned()),
            is_new: false,
        })
    }

    /// What a returning device's configuration is asked: to exist, to carry the tagged templates, to be confirmed after a rename.
    async fn again(
        &self,
        registration: &Registration,
        found: &DeviceRow,
        name: Option<&domain::device::DeviceName>,
    ) -> Result<Vec<ConfigurationCommand>, Failure> {
        let (id, organization) = (found.id, found.organization_id);
        if configuration::by_device(self.0.store(), crate::RULES, id).await?.is_none() {
            let group = self.0.devices().group_templates(found.group_id).await?;
            let create = self.first_configuration(id, organization, registration, &group).await?;
            return Ok(vec![create]);
        }
        let mut commands = Vec::new();
        let tagged = self.0.configurations().tagged(organization, &registration.tags).await?;
        if !tagged.is_empty() {
            let mut templates = configuration::templates_of(self.0.store(), id).await?;
            append(&mut templates, tagged);
            commands.push(ConfigurationCommand::AssignTemplates(templates));
        }
        if name.is_some_and(|name| name.as_str() != found.name) {
            commands.push(Configurations::renamed());
        }
        Ok(commands)
    }

    async fn first_configuration(
        &self,
        id: DeviceId,
        organization: OrganizationId,
        registration: &Registration,
        group: &[TemplateId],
    ) -> Result<ConfigurationCommand, Failure> {
        let configurations = self.0.configurations();
        let defaults_position = self.0.store().head();
        let backend = configurations
            .backend(&registration.backend)
            .map_err(|error| Failure::Invalid(vec![error]))?;
        let templates = configurations
            .initial_templates(organization, &backend, group, &registration.tags)
            .await?;
        let NewConfiguration { config, context, .. } = NewConfiguration::default();
        Ok(ConfigurationCommand::Create(Box::new(CreateConfiguration {
            device_id: id,
            organization_id: organization,
            backend,
            config,
            variables: context,
            templates,
            defaults_position,
        })))
    }

    fn registered(&self, device: DeviceId, organization: OrganizationId, peer: Peer) {
        self.0.presence().note(Contact {
            device,
            organization,
            at: self.0.world().now(),
            address: canonical(peer.address),
            management: None,
            kind: ContactKind::Register,
        });
    }
}

fn of_key(taken: &[crate::TakenValue]) -> bool {
    taken.iter().any(|taken| taken.kind == kind::DEVICE_KEY)
}

fn is_address(name: &str, mac_address: &str) -> bool {
    let bare = |text: &str| text.replace([':', '-'], "").to_lowercase();
    bare(name) == bare(mac_address)
}

/// An IPv4 address is one, whichever socket it came through.
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
