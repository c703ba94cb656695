//! `/accounts/log-in/key/<key>/`: logging in without a password. As long as browsers have no sessions here, the visitor is
//! shown a token.

use axum::{extract::State, http::StatusCode, response::Response};
use domain::accounts::LinkPurpose;

use super::{
    Key, failed, invalid, opened,
    page::Page,
    words::{Words, words},
};
use crate::{ApiState, language::Language, request::Sender};

const LOG_IN: Words = words("Log in", "Anmelden", "Accedi");
const LOGGED_IN: Words =
    words("You are logged in", "Du bist angemeldet", "Hai effettuato l'accesso");
const TOKEN: Words = words(
    "This token is yours; programs send it as Authorization: Bearer. Give it to nobody.",
    "Dieses Token gehört dir; Programme senden es als Authorization: Bearer. Gib es niemandem.",
    "Questo token è tuo; i programmi lo inviano come Authorization: Bearer. Non darlo a nessuno.",
);

pub(super) async fn ask(
    State(state): State<ApiState>,
    Key(key): Key,
    language: Language,
) -> Response {
    let page = || Page::new(language, LOG_IN).form(&[], LOG_IN);
    opened(&state, key, LinkPurpose::LogIn, language, page).await
}

pub(super) async fn logged_in(
    State(state): State<ApiState>,
    Key(key): Key,
    sender: Sender,
    language: Language,
) -> Response {
    let Some(key) = key else { return invalid(language) };
    match state.app.accounts().log_in_by_link(&key, Some(sender.peer())).await {
        Ok(token) => {
            Page::new(language, LOGGED_IN).paragraph(TOKEN).output(&token).answer(StatusCode::OK)
        }
        Err(failure) => failed(language, &failure),
    }
}
