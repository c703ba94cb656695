//! `POST /api/v1/controller/device/`

use app::{DeviceChange, Failure, NewConfiguration, NewDevice};
use axum::extract::State;
use domain::{DeviceId, GroupId, OrganizationId, Permission, kind};

use super::{
    super::{
        answer::Created,
        caller::Caller,
        failure::RestError,
        sent::{Body, Reader},
    },
    sent::Sent,
    shape::{self, DeviceListed},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Body<Sent>,
) -> Result<Created<DeviceListed>, RestError> {
    caller.may(Permission::AddDevice)?;
    let (sent, fields) = body.read(Reader::of(&state, &caller)).await?;
    // A configuration that says nothing is not made, but clients of the reference get it back.
    let as_sent = fields.as_sent("config");
    sent.check(fields, &state.app, &caller).await?;
    let (last_ip, management_ip) = (sent.last_ip.flatten(), sent.management_ip.flatten());
    let settings = &state.app.settings().controller;
    let default_backend = settings.backends.first().map_or("", String::as_str);
    let id = DeviceId::from_uuid(state.app.new_id());
    let key_given = sent.key.as_deref().is_some_and(|key| !key.is_empty());
    let new = new(sent, id, default_backend).ok_or(RestError::Broken)?;

    let devices = state.app.devices();
    let created = devices.create(&caller.by, new).await;
    created.map_err(|failure| if key_given { failure } else { without_key(failure) })?;
    if last_ip.is_some() || management_ip.is_some() {
        let change = DeviceChange {
            last_ip: Some(last_ip),
            management_ip: Some(management_ip),
            ..DeviceChange::default()
        };
        devices.change(&caller.by, id, change).await?;
    }
    let detail = devices.get(&caller.by, id).await?;
    let shown = shape::short(&detail, settings.hardware_id_enabled);
    Ok(Created::new(shown.without_configuration(as_sent)))
}

fn new(sent: Sent, id: DeviceId, default_backend: &str) -> Option<NewDevice> {
    let configuration =
        sent.configuration.filter(|configuration| configuration.says_something(default_backend));
    Some(NewDevice {
        id,
        organization_id: OrganizationId::from_uuid(sent.organization?),
        name: sent.name?,
        mac_address: sent.mac_address?,
        key: sent.key.filter(|key| !key.is_empty()),
        hardware_id: sent.hardware_id,
        model: sent.model.unwrap_or_default(),
        os: sent.os.unwrap_or_default(),
        system: sent.system.unwrap_or_default(),
        notes: sent.notes.unwrap_or_default(),
        group_id: sent.group.flatten().map(GroupId::from_uuid),
        configuration: configuration.map(|configuration| NewConfiguration {
            backend: configuration.backend.unwrap_or_default(),
            config: configuration.config.unwrap_or_default(),
            context: configuration.context.unwrap_or_default(),
            templates: configuration.templates.unwrap_or_default(),
        }),
    })
}

/// A derived key is taken whenever the address is that it is derived from, which says more.
fn without_key(failure: Failure) -> Failure {
    match failure {
        Failure::Taken(mut taken) if taken.iter().any(|taken| taken.kind != kind::DEVICE_KEY) => {
            taken.retain(|taken| taken.kind != kind::DEVICE_KEY);
            Failure::Taken(taken)
        }
        failure => failure,
    }
}
