//! `POST /controller/report-status/{id}/`: what became of the configuration (agent protocol, §6).

use app::Peer;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::configuration::ReportedStatus;

use super::{
    answer::{self, BadParameter},
    id::Id,
    params::FormParams,
};
use crate::{ApiState, form::Form, request::Sender};

/// Takes over what the device says and answers with the status that follows from it.
pub(super) async fn handle(
    State(state): State<ApiState>,
    Id(id): Id,
    sender: Sender,
    FormParams(form): FormParams,
) -> Response {
    let peer = Peer { address: sender.address, correlation_id: sender.correlation_id };
    let agents = state.app.agents();
    let key = form.given("key");
    let status = match status(&form) {
        Ok(status) => status,
        // The device and its key come first, whatever is wrong with the status.
        Err(bad) => {
            return match agents.check(id, key, peer).await {
                Ok(()) => bad.into_response(),
                Err(refused) => answer::refused(refused),
            };
        }
    };
    match agents.report(id, key, status, peer).await {
        Ok(status) => {
            let lines = format!("report-result: success\ncurrent-status: {}\n", status.as_str());
            answer::text(StatusCode::OK, lines).into_response()
        }
        Err(refused) => answer::refused(refused),
    }
}

/// Deactivation is the operator's: a device cannot report itself into it.
fn status(form: &Form) -> Result<ReportedStatus, BadParameter> {
    match form.given("status") {
        Some("applied") => Ok(ReportedStatus::Applied),
        Some("error") => Ok(ReportedStatus::Error(form.given("error_reason").map(plain))),
        Some("modified") => Ok(ReportedStatus::Modified),
        Some(_) => Err(BadParameter::Wrong("status")),
        None => Err(BadParameter::Missing("status")),
    }
}

/// The reason is a piece of a device's log, which may hold anything: bytes that are not UTF-8 have become U+FFFD, and
/// U+0000, which cannot be stored everywhere, does too. A refused report would make the agent apply again and again.
fn plain(reason: &str) -> String {
    reason.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(form: &str) -> Result<ReportedStatus, BadParameter> {
        status(&Form::parse(form.as_bytes()))
    }

    #[test]
    fn agents_report_three_states() {
        assert_eq!(of("status=applied&"), Ok(ReportedStatus::Applied));
        assert_eq!(of("status=modified"), Ok(ReportedStatus::Modified));
        assert_eq!(of("status=error"), Ok(ReportedStatus::Error(None)));
        let reason = ReportedStatus::Error(Some("a\u{fffd}b".to_owned()));
        assert_eq!(of("status=error&error_reason=a%00b"), Ok(reason));
    }

    #[test]
    fn other_states_are_refused() {
        for state in ["running", "deactivating", "deactivated", "APPLIED"] {
            let refused = Err(BadParameter::Wrong("status"));
            assert_eq!(of(&format!("status={state}")), refused, "{state}");
        }
        assert_eq!(of("status="), Err(BadParameter::Missing("status")));
    }
}
