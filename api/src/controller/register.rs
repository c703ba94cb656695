//! `POST /controller/register/`: an agent introduces its device (agent protocol, §3).

use app::{Peer, Registered, Registration, RegistrationRefused};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    answer::{self, BadParameter},
    params::FormParams,
    sentences,
};
use crate::{ApiState, form::Form, request::Sender};

/// Registers the device, or recognises it, and tells the agent its identity.
pub(super) async fn handle(
    State(state): State<ApiState>,
    sender: Sender,
    FormParams(form): FormParams,
) -> Response {
    let settings = &state.app.settings().controller;
    if !settings.registration_enabled {
        return answer::html(StatusCode::FORBIDDEN, "error: registration disabled");
    }
    let registration = match registration(&form, &settings.backends) {
        Ok(registration) => registration,
        Err(bad) => return bad.into_response(),
    };
    let peer = Peer { address: sender.address, correlation_id: sender.correlation_id };
    match state.app.agents().register(registration, peer).await {
        Ok(registered) => answer::text(StatusCode::CREATED, identity(&registered)).into_response(),
        Err(refused) => refuse(refused),
    }
}

/// Only the names listed here are looked at: a client that chose its own id or notes would be trusted too far.
fn registration(form: &Form, backends: &[String]) -> Result<Registration, BadParameter> {
    if form.garbled().is_some() {
        return Err(BadParameter::Garbled);
    }
    let required = |name| form.given(name).map(str::to_owned).ok_or(BadParameter::Missing(name));
    let registration = Registration {
        secret: required("secret")?,
        name: required("name")?,
        mac_address: required("mac_address")?,
        backend: required("backend")?,
        key: form.given("key").map(str::to_owned),
        hardware_id: form.given("hardware_id").map(str::to_owned),
        // Present and empty overwrites what a returning device had.
        model: form.get("model").map(str::to_owned),
        os: form.get("os").map(str::to_owned),
        system: form.get("system").map(str::to_owned),
        tags: tags(form.get("tags").unwrap_or_default()),
    };
    if !backends.contains(&registration.backend) {
        return Err(BadParameter::Wrong("backend"));
    }
    Ok(registration)
}

/// Words; agents without tags send an error message of their shell, whose words match nothing.
fn tags(text: &str) -> Vec<String> {
    text.split_whitespace().filter(|tag| !tag.contains('\0')).map(str::to_owned).collect()
}

/// Five lines, each ended by a newline; agents pick them out by their first words.
fn identity(registered: &Registered) -> String {
    let Registered { device_id, key, name, is_new } = registered;
    format!(
        "registration-result: success\nuuid: {}\nkey: {key}\nhostname: {name}\nis-new: {}\n",
        device_id.as_uuid().simple(),
        u8::from(*is_new)
    )
}

fn refuse(refused: RegistrationRefused) -> Response {
    let forbidden = |text: &str| answer::text(StatusCode::FORBIDDEN, text).into_response();
    match refused {
        RegistrationRefused::UnrecognizedSecret => forbidden("error: unrecognized secret"),
        RegistrationRefused::Closed => forbidden("error: registration disabled"),
        RegistrationRefused::Deactivated => {
            answer::html(StatusCode::FORBIDDEN, "error: device deactivated")
        }
        RegistrationRefused::SelfCreationOff => answer::html(
            StatusCode::NOT_FOUND,
            "Device not found in the system, please create it first.",
        ),
        RegistrationRefused::Failed(failure) => sentences::registration(failure),
    }
}

#[cfg(test)]
mod tests {
    use domain::DeviceId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_missing_is_told_in_order_and_before_the_backend() {
        let backends = ["netjsonconfig.OpenWrt".to_owned()];
        for (form, expected) in [
            ("", BadParameter::Missing("secret")),
            ("secret=&name=a", BadParameter::Missing("secret")),
            ("secret=s&backend=nope", BadParameter::Missing("name")),
            ("secret=s&name=n&backend=nope", BadParameter::Missing("mac_address")),
            ("secret=s&name=n&mac_address=m", BadParameter::Missing("backend")),
            ("secret=s&name=n&mac_address=m&backend=nope", BadParameter::Wrong("backend")),
        ] {
            let refused = registration(&Form::parse(form.as_bytes()), &backends).err();
            assert_eq!(refused, Some(expected), "{form}");
        }
    }

    #[test]
    fn an_empty_model_is_not_an_absent_one() {
        let form = "secret=s&name=n&mac_address=m&backend=b&model=&key=&hardware_id=&tags=a%20%20b";
        let registration =
            registration(&Form::parse(form.as_bytes()), &["b".to_owned()]).ok().unwrap();
        assert_eq!(registration.model.as_deref(), Some(""));
        assert_eq!(registration.os, None);
        assert_eq!(registration.key, None);
        assert_eq!(registration.hardware_id, None);
        assert_eq!(registration.tags, ["a", "b"]);
    }

    #[test]
    fn the_identity_is_five_lines() {
        let registered = Registered {
            device_id: DeviceId::from_uuid(Uuid::from_u128(
                0x81be_f2da_01b4_4930_9656_cbc6_42ec_7b1c,
            )),
            key: "k".to_owned(),
            name: "router-1".to_owned(),
            is_new: true,
        };
        let expected = "registration-result: success\nuuid: 81bef2da01b449309656cbc642ec7b1c\nkey: k\nhostname: router-1\nis-new: 1\n";
        assert_eq!(identity(&registered), expected);
    }
}
