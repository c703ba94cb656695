//! A device and its configuration as events would leave them.

use chrono::{DateTime, Utc};
use domain::{
    Event, Sealed, TemplateId,
    configuration::{ConfigurationCreated, ConfigurationEvent, ConfigurationStatus},
    device::{DeviceEvent, DeviceRegistered},
};
use projections::{
    SealedText,
    configuration::{ConfigurationRow, DeviceInputs},
    device::DeviceRow,
};

/// What only one device has, as a change would leave it. Keeps what rendering sees and nothing else up to date.
#[derive(Clone, Debug)]
pub(super) struct DeviceEdit {
    pub(super) device: DeviceRow,
    pub(super) configuration: Option<ConfigurationRow>,
    /// First to last; removed ones may be among them.
    pub(super) templates: Vec<TemplateId>,
}

impl DeviceEdit {
    /// As it stands.
    pub(super) fn of(inputs: &DeviceInputs) -> Self {
        Self {
            device: inputs.device.clone(),
            configuration: inputs.configuration.clone(),
            templates: inputs.templates.clone(),
        }
    }

    /// A device that is not there yet.
    pub(super) fn registered(registered: &DeviceRegistered, now: DateTime<Utc>) -> Self {
        Self {
            device: DeviceRow {
                id: registered.device_id,
                organization_id: registered.organization_id,
                name: registered.name.as_str().to_owned(),
                mac_address: registered.mac_address.as_str().to_owned(),
                key: text(&registered.key),
                key_fingerprint: registered.key.fingerprint.clone(),
                hardware_id: registered.hardware_id.as_ref().map(|id| id.as_str().to_owned()),
                information: registered.information.clone(),
                notes: registered.notes.clone(),
                group_id: registered.group_id,
                management_ip: None,
                active: true,
                created_at: now,
                modified_at: now,
            },
            configuration: None,
            templates: Vec::new(),
        }
    }

    /// Takes an event over.
    pub(super) fn apply(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::Device(event) => self.apply_to_device(event),
            Event::Configuration(ConfigurationEvent::Created(created)) => self.create(created, now),
            Event::Configuration(event) => self.apply_to_configuration(event),
            Event::Gone
            | Event::Group(_)
            | Event::LogIn(_)
            | Event::Organization(_)
            | Event::PermissionGroup(_)
            | Event::SecretReading(_)
            | Event::Template(_)
            | Event::User(_)
            | Event::Webhook(_) => {}
        }
    }

    fn apply_to_device(&mut self, event: &DeviceEvent) {
        let device = &mut self.device;
        match event {
            DeviceEvent::Renamed { to, .. } => to.as_str().clone_into(&mut device.name),
            DeviceEvent::MacAddressChanged { to, .. } => {
                to.as_str().clone_into(&mut device.mac_address);
            }
            DeviceEvent::KeyChanged { key, .. } => device.key = text(key),
            DeviceEvent::HardwareIdChanged { to, .. } => {
                device.hardware_id = to.as_ref().map(|id| id.as_str().to_owned());
            }
            DeviceEvent::InformationChanged { information, .. } => {
                device.information = information.clone();
            }
            DeviceEvent::GroupChanged { to, .. } => device.group_id = *to,
            DeviceEvent::Moved(moved) => {
                device.organization_id = moved.to;
                device.key = text(&moved.key);
                device.group_id = None;
            }
            DeviceEvent::Registered(_)
            | DeviceEvent::RegisteredAgain { .. }
            | DeviceEvent::NotesChanged { .. }
            | DeviceEvent::ManagementAddressChanged { .. }
            | DeviceEvent::Deactivated { .. }
            | DeviceEvent::Activated { .. }
            | DeviceEvent::Removed { .. } => {}
        }
    }

    pub(super) fn create(&mut self, created: &ConfigurationCreated, now: DateTime<Utc>) {
        self.templates.clone_from(&created.templates);
        self.configuration = Some(ConfigurationRow {
            device_id: created.device_id,
            organization_id: created.organization_id,
            backend: created.backend.as_str().to_owned(),
            config: created.config.clone(),
            variables: created.variables.clone(),
            status: ConfigurationStatus::Modified,
            error_reason: String::new(),
            undecided: false,
            archive: None,
            failure: None,
            defaults_position: created.defaults_position,
            created_at: now,
            modified_at: now,
        });
    }

    fn apply_to_configuration(&mut self, event: &ConfigurationEvent) {
        let Some(configuration) = &mut self.configuration else { return };
        match event {
            ConfigurationEvent::ContentsChanged { config, .. } => {
                configuration.config.clone_from(config);
            }
            ConfigurationEvent::VariablesChanged { variables, .. } => {
                configuration.variables.clone_from(variables);
            }
            ConfigurationEvent::BackendChanged { to, .. } => {
                to.as_str().clone_into(&mut configuration.backend);
            }
            ConfigurationEvent::TemplatesChanged { to, .. } => self.templates.clone_from(to),
            ConfigurationEvent::Moved { to, templates, .. } => {
                configuration.organization_id = *to;
                self.templates.clone_from(templates);
            }
            // Of the status, not of what is rendered; activations do not come here.
            _ => {}
        }
    }
}

fn text(sealed: &Sealed) -> SealedText {
    SealedText::new(sealed.envelope.to_string())
}
