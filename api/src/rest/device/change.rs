//! `PUT` and `PATCH /api/v1/controller/device/{id}/`. Fields that are left out stay as they are, also those of the
//! configuration; defaults that are sent reset it.

use app::{ConfigurationChange, DeviceChange};
use axum::{Json, extract::State};
use domain::{DeviceId, GroupId, OrganizationId, Permission};

use super::{
    super::{
        caller::Caller,
        failure::RestError,
        id::Id,
        sent::{Body, Reader},
        sentences::NO_PERMISSION,
    },
    get::shown,
    sent::Sent,
    shape::Device,
};
use crate::ApiState;

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<Sent>,
) -> Result<Json<Device>, RestError> {
    let id = DeviceId::from_uuid(id);
    caller.may(Permission::ChangeDevice)?;
    let devices = state.app.devices();
    let held = devices.get(&caller.by, id).await?;
    if !held.device.active {
        return Err(RestError::forbidden(NO_PERMISSION));
    }
    let (sent, fields) = body.read(Reader::of(&state, &caller)).await?;
    sent.check(fields, &state.app, &caller).await?;
    let backends = &state.app.settings().controller.backends;
    let default_backend = backends.first().map_or("", String::as_str);
    // A configuration that says nothing is not made, but one that is there is reset.
    let configuration = sent
        .configuration
        .filter(|sent| held.configuration.is_some() || sent.says_something(default_backend))
        .map(|sent| ConfigurationChange {
            backend: sent.backend,
            config: sent.config,
            context: sent.context,
            templates: sent.templates,
        });
    let change = DeviceChange {
        name: sent.name,
        mac_address: sent.mac_address,
        key: sent.key,
        hardware_id: sent.hardware_id.map(Some),
        model: sent.model,
        os: sent.os,
        system: sent.system,
        notes: sent.notes,
        group: sent.group.map(|group| group.map(GroupId::from_uuid)),
        management_ip: sent.management_ip,
        last_ip: sent.last_ip,
        organization_id: sent.organization.map(OrganizationId::from_uuid),
        configuration,
    };
    devices.change(&caller.by, id, change).await?;
    Ok(Json(shown(&state, &caller, id).await?))
}
