//! `POST /controller/update-info/{id}/`: what a device is (agent protocol, §7).

use app::{AgentRefused, Failure, Peer, ReportedInformation};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    answer::{self, BadParameter},
    id::Id,
    params::FormParams,
    sentences,
};
use crate::{ApiState, form::Form, request::Sender};

/// Takes over model, operating system and hardware; saying nothing is a success too.
pub(super) async fn handle(
    State(state): State<ApiState>,
    Id(id): Id,
    sender: Sender,
    FormParams(form): FormParams,
) -> Response {
    let peer = Peer { address: sender.address, correlation_id: sender.correlation_id };
    if form.garbled().is_some() {
        // The device and its key come first, whatever is wrong with the rest.
        return match state.app.agents().check(id, form.given("key"), peer).await {
            Ok(()) => BadParameter::Garbled.into_response(),
            Err(refused) => answer::refused(refused),
        };
    }
    match state.app.agents().update_info(id, form.given("key"), information(&form), peer).await {
        Ok(()) => answer::text(StatusCode::OK, "update-info: success").into_response(),
        Err(AgentRefused::Failed(Failure::Invalid(errors))) => sentences::information(&errors),
        Err(refused) => answer::refused(refused),
    }
}

fn information(form: &Form) -> ReportedInformation {
    let said = |name| {
        let value = form.get(name).map(str::trim).filter(|value| !value.is_empty());
        value.map(str::to_owned)
    };
    ReportedInformation { model: said("model"), os: said("os"), system: said("system") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_values_say_nothing() {
        let form = Form::parse(b"os=&model=++&system=++padded++&name=hacker");
        let ReportedInformation { model, os, system } = information(&form);
        assert_eq!((model, os, system.as_deref()), (None, None, Some("padded")));
    }
}
