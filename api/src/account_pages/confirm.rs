//! `/accounts/confirm-email/<key>/`: proving that one reads the mail of an address.

use axum::{extract::State, http::StatusCode, response::Response};
use domain::accounts::LinkPurpose;

use super::{
    Key, failed, invalid, opened,
    page::Page,
    words::{Words, words},
};
use crate::{ApiState, language::Language, request::Sender};

const TITLE: Words = words(
    "Confirm your e-mail address",
    "Bestätige deine E-Mail-Adresse",
    "Conferma il tuo indirizzo e-mail",
);
const WHAT: Words = words(
    "Confirm that the address to which this link was sent is yours.",
    "Bestätige, dass die Adresse, an die dieser Link ging, deine ist.",
    "Conferma che l'indirizzo a cui è stato inviato questo link è tuo.",
);
const CONFIRM: Words = words("Confirm", "Bestätigen", "Conferma");
const CONFIRMED: Words = words(
    "Your e-mail address is confirmed",
    "Deine E-Mail-Adresse ist bestätigt",
    "Il tuo indirizzo e-mail è confermato",
);
const DONE: Words = words(
    "You can close this page.",
    "Du kannst diese Seite schließen.",
    "Puoi chiudere questa pagina.",
);

pub(super) async fn ask(
    State(state): State<ApiState>,
    Key(key): Key,
    language: Language,
) -> Response {
    let page = || Page::new(language, TITLE).paragraph(WHAT).form(&[], CONFIRM);
    opened(&state, key, LinkPurpose::Confirmation, language, page).await
}

pub(super) async fn confirmed(
    State(state): State<ApiState>,
    Key(key): Key,
    sender: Sender,
    language: Language,
) -> Response {
    let Some(key) = key else { return invalid(language) };
    match state.app.accounts().confirm_address(&key, sender.correlation_id).await {
        Ok(_) => Page::new(language, CONFIRMED).paragraph(DONE).answer(StatusCode::OK),
        Err(failure) => failed(language, &failure),
    }
}
