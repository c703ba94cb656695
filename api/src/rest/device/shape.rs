//! A device as clients see it: with little of its configuration in lists, with all of it alone.

#![expect(
    clippy::option_option,
    reason = "absent where hardware ids are not in use, and null where a device has none"
)]

use app::DeviceDetail;
use chrono::{DateTime, Utc};
use domain::{Document, GroupId, configuration::ConfigurationStatus};
use projections::configuration::ConfigurationRow;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, schema::Type},
};
use uuid::Uuid;

use super::super::moment;

pub(super) const STATUSES: [ConfigurationStatus; 5] = [
    ConfigurationStatus::Modified,
    ConfigurationStatus::Applied,
    ConfigurationStatus::Error,
    ConfigurationStatus::Deactivating,
    ConfigurationStatus::Deactivated,
];

/// A device as in lists.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceListed {
    id: Uuid,
    name: String,
    organization: Uuid,
    #[schema(required)]
    group: Option<Uuid>,
    mac_address: String,
    /// Where hardware ids are in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware_id: Option<Option<String>>,
    /// What the device proves itself with; null for those who may not see secrets.
    #[schema(required)]
    key: Option<String>,
    #[schema(required)]
    last_ip: Option<String>,
    #[schema(required)]
    management_ip: Option<String>,
    model: String,
    os: String,
    system: String,
    notes: String,
    /// Null without one; of a new device that has none, what was sent.
    #[schema(required, value_type = Option<ConfigurationListed>)]
    config: Option<Configured>,
    #[serde(serialize_with = "moment::shown")]
    created: DateTime<Utc>,
    #[serde(serialize_with = "moment::shown")]
    modified: DateTime<Utc>,
}

/// What is shown of the configuration in lists.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Configured {
    Held(ConfigurationListed),
    AsSent(Value),
}

/// A configuration as in lists.
#[derive(Serialize, ToSchema)]
pub(super) struct ConfigurationListed {
    #[schema(required = false, schema_with = status)]
    status: &'static str,
    /// What the agent said with the last error.
    #[schema(required = false)]
    error_reason: String,
    /// Generator of the files.
    #[schema(required = false)]
    backend: String,
}

/// A device alone.
#[derive(Serialize, ToSchema)]
pub(super) struct Device {
    id: Uuid,
    name: String,
    organization: Uuid,
    #[schema(required)]
    group: Option<Uuid>,
    mac_address: String,
    /// Where hardware ids are in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware_id: Option<Option<String>>,
    /// What the device proves itself with; null for those who may not see secrets.
    #[schema(required)]
    key: Option<String>,
    #[schema(required)]
    last_ip: Option<String>,
    #[schema(required)]
    pub(super) management_ip: Option<String>,
    is_deactivated: bool,
    model: String,
    os: String,
    system: String,
    notes: String,
    #[schema(required)]
    pub(super) config: Option<Configuration>,
    #[serde(serialize_with = "moment::shown")]
    created: DateTime<Utc>,
    #[serde(serialize_with = "moment::shown")]
    modified: DateTime<Utc>,
}

/// All of a configuration.
#[derive(Serialize, ToSchema)]
pub(super) struct Configuration {
    #[schema(schema_with = status)]
    status: &'static str,
    /// What the agent said with the last error.
    error_reason: String,
    /// Generator of the files.
    backend: String,
    /// First to last.
    templates: Vec<Uuid>,
    /// Variables.
    #[schema(value_type = Object)]
    context: Document,
    /// `NetJSON`.
    #[schema(value_type = Object)]
    config: Document,
}

fn status() -> ObjectBuilder {
    let words = STATUSES.map(ConfigurationStatus::as_str);
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

/// As in lists.
pub(super) fn short(detail: &DeviceDetail, hardware_ids: bool) -> DeviceListed {
    let config = detail.configuration.as_ref().map(|held| {
        Configured::Held(ConfigurationListed {
            status: held.status.as_str(),
            error_reason: held.error_reason.clone(),
            backend: held.backend.clone(),
        })
    });
    let Device {
        id,
        name,
        organization,
        group,
        mac_address,
        hardware_id,
        key,
        last_ip,
        management_ip,
        is_deactivated: _,
        model,
        os,
        system,
        notes,
        config: _,
        created,
        modified,
    } = shape(detail, hardware_ids, None);
    DeviceListed {
        id,
        name,
        organization,
        group,
        mac_address,
        hardware_id,
        key,
        last_ip,
        management_ip,
        model,
        os,
        system,
        notes,
        config,
        created,
        modified,
    }
}

impl DeviceListed {
    /// Shows what was sent in the place of a configuration that was not made.
    pub(super) fn without_configuration(mut self, sent: Value) -> Self {
        self.config = self.config.or(Some(Configured::AsSent(sent)));
        self
    }
}

/// As alone.
pub(super) fn full(detail: &DeviceDetail, hardware_ids: bool) -> Device {
    let configuration = |held: &ConfigurationRow| Configuration {
        status: held.status.as_str(),
        error_reason: held.error_reason.clone(),
        backend: held.backend.clone(),
        templates: detail.templates.iter().map(|id| id.as_uuid()).collect(),
        context: held.variables.clone(),
        config: held.config.clone(),
    };
    shape(detail, hardware_ids, detail.configuration.as_ref().map(configuration))
}

fn shape(detail: &DeviceDetail, hardware_ids: bool, config: Option<Configuration>) -> Device {
    let device = &detail.device;
    Device {
        id: device.id.as_uuid(),
        name: device.name.clone(),
        organization: device.organization_id.as_uuid(),
        group: device.group_id.map(GroupId::as_uuid),
        mac_address: device.mac_address.clone(),
        hardware_id: hardware_ids.then(|| device.hardware_id.clone()),
        key: detail.key.as_ref().map(|key| key.expose_secret().to_owned()),
        last_ip: detail.presence.last_ip.map(|address| address.to_string()),
        management_ip: detail.presence.management_ip.map(|address| address.to_string()),
        is_deactivated: !device.active,
        model: device.information.model.clone(),
        os: device.information.os.clone(),
        system: device.information.system.clone(),
        notes: device.notes.clone(),
        config,
        created: device.created_at,
        modified: device.modified_at,
    }
}
