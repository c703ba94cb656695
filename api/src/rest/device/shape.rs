//! A device as clients see it: with little of its configuration in lists, with all of it alone.

use app::DeviceDetail;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::super::moment;

/// As in lists.
pub(super) fn short(detail: &DeviceDetail, hardware_ids: bool) -> Value {
    let configuration = detail.configuration.as_ref().map(|held| {
        json!({
            "status": held.status.as_str(),
            "error_reason": held.error_reason,
            "backend": held.backend,
        })
    });
    Value::Object(shape(detail, hardware_ids, false, configuration))
}

/// As alone.
pub(super) fn full(detail: &DeviceDetail, hardware_ids: bool) -> Value {
    let configuration = detail.configuration.as_ref().map(|held| {
        json!({
            "status": held.status.as_str(),
            "error_reason": held.error_reason,
            "backend": held.backend,
            "templates": detail.templates,
            "context": held.variables,
            "config": held.config,
        })
    });
    Value::Object(shape(detail, hardware_ids, true, configuration))
}

fn shape(
    detail: &DeviceDetail,
    hardware_ids: bool,
    alone: bool,
    configuration: Option<Value>,
) -> Map<String, Value> {
    let device = &detail.device;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    put("id", json!(device.id));
    put("name", json!(device.name));
    put("organization", json!(device.organization_id));
    put("group", json!(device.group_id));
    put("mac_address", json!(device.mac_address));
    if hardware_ids {
        put("hardware_id", json!(device.hardware_id));
    }
    put("key", json!(detail.key.as_ref().map(ExposeSecret::expose_secret)));
    put("last_ip", json!(detail.presence.last_ip));
    put("management_ip", json!(detail.presence.management_ip));
    if alone {
        put("is_deactivated", json!(!device.active));
    }
    put("model", json!(device.information.model));
    put("os", json!(device.information.os));
    put("system", json!(device.information.system));
    put("notes", json!(device.notes));
    put("config", configuration.unwrap_or_default());
    put("created", json!(moment::show(device.created_at)));
    put("modified", json!(moment::show(device.modified_at)));
    fields
}
