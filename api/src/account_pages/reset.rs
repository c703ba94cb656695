//! `/accounts/password/reset/`: asking for a link; `…/key/<key>/`: choosing another password with it.

use app::{Failure, LinkKey, Refusal};
use axum::{body::Body, extract::State, http::StatusCode, response::Response};
use domain::accounts::LinkPurpose;
use secrecy::SecretString;

use super::{
    ASK_AGAIN, Key, failed, form, invalid, opened,
    page::{Field, Page},
    words::{self, Words, words},
};
use crate::{ApiState, language::Language, request::Sender};

const NAME: Field = Field {
    name: "input",
    label: words(
        "User name, e-mail address or phone number",
        "Benutzername, E-Mail-Adresse oder Telefonnummer",
        "Nome utente, indirizzo e-mail o numero di telefono",
    ),
    kind: "text",
    autocomplete: "username",
};
const PASSWORDS: [Field; 2] = [
    Field {
        name: "new_password1",
        label: words("New password", "Neues Passwort", "Nuova password"),
        kind: "password",
        autocomplete: "new-password",
    },
    Field {
        name: "new_password2",
        label: words("The same again", "Noch einmal dasselbe", "Di nuovo la stessa"),
        kind: "password",
        autocomplete: "new-password",
    },
];
const WHAT: Words = words(
    "We send you a link with which you can choose one.",
    "Wir schicken dir einen Link, mit dem du eines wählen kannst.",
    "Ti inviamo un link con cui puoi sceglierne una.",
);
const SEND: Words = words("Send the link", "Link schicken", "Invia il link");
const NO_NAME: Words = words(
    "Write what you log in with.",
    "Schreibe, womit du dich anmeldest.",
    "Scrivi ciò con cui accedi.",
);
const SENT: Words = words("Look at your mail", "Sieh in deine Mails", "Controlla la posta");
const PERHAPS: Words = words(
    "If there is an account with this name, a link is on its way to it.",
    "Wenn es ein Konto mit diesem Namen gibt, ist ein Link dorthin unterwegs.",
    "Se esiste un account con questo nome, un link è in arrivo.",
);
const CHOOSE: Words =
    words("Choose a new password", "Wähle ein neues Passwort", "Scegli una nuova password");
const CHANGE: Words = words("Change the password", "Passwort ändern", "Cambia la password");
const DIFFERENT: Words = words(
    "The two passwords are not the same.",
    "Die beiden Passwörter sind nicht gleich.",
    "Le due password non sono uguali.",
);
const PRESENT: Words = words(
    "Choose another one than the present one.",
    "Wähle ein anderes als das jetzige.",
    "Scegline una diversa da quella attuale.",
);
const FORMER: Words = words(
    "You had this one before: choose another one.",
    "Dieses hattest du schon: wähle ein anderes.",
    "Questa l'hai già avuta: scegline un'altra.",
);
const CHANGED: Words = words(
    "Your password was changed",
    "Dein Passwort wurde geändert",
    "La tua password è stata cambiata",
);
const LOG_IN: Words = words(
    "Log in with the new one. Whoever was logged in before is not any more.",
    "Melde dich mit dem neuen an. Wer vorher angemeldet war, ist es nicht mehr.",
    "Accedi con quella nuova. Chi aveva effettuato l'accesso prima non è più connesso.",
);

fn asking(language: Language, wrong: Option<Words>) -> Page {
    Page::new(language, ASK_AGAIN)
        .wrong(wrong.map(|wrong| wrong.say(language)))
        .paragraph(WHAT)
        .form(&[NAME], SEND)
}

pub(super) async fn ask(language: Language) -> Response {
    asking(language, None).answer(StatusCode::OK)
}

pub(super) async fn asked(
    State(state): State<ApiState>,
    sender: Sender,
    language: Language,
    content: Body,
) -> Response {
    let form = form(content).await;
    let Some(name) = form.get("input").filter(|name| !name.trim().is_empty()) else {
        return asking(language, Some(NO_NAME)).answer(StatusCode::BAD_REQUEST);
    };
    match state.app.accounts().request_password_reset(name, sender.address).await {
        Ok(()) => Page::new(language, SENT).paragraph(PERHAPS).answer(StatusCode::OK),
        Err(failure) => failed(language, &failure),
    }
}

fn choosing(language: Language, wrong: Option<&str>) -> Page {
    Page::new(language, CHOOSE).wrong(wrong).form(&PASSWORDS, CHANGE)
}

pub(super) async fn choose(
    State(state): State<ApiState>,
    Key(key): Key,
    language: Language,
) -> Response {
    let page = || choosing(language, None);
    opened(&state, key, LinkPurpose::PasswordReset, language, page).await
}

pub(super) async fn chosen(
    State(state): State<ApiState>,
    Key(key): Key,
    sender: Sender,
    language: Language,
    content: Body,
) -> Response {
    let Some(key) = key else { return invalid(language) };
    let form = form(content).await;
    let password = |name| form.get(name).unwrap_or_default();
    if password("new_password1") != password("new_password2") {
        let wrong = Some(DIFFERENT.say(language));
        return choosing(language, wrong).answer(StatusCode::BAD_REQUEST);
    }
    change(&state, &key, password("new_password1").into(), (sender, language)).await
}

async fn change(
    state: &ApiState,
    key: &LinkKey,
    new: SecretString,
    (sender, language): (Sender, Language),
) -> Response {
    let again = |wrong: &str| choosing(language, Some(wrong)).answer(StatusCode::BAD_REQUEST);
    let accounts = state.app.accounts();
    match accounts.reset_password(key, new, "password", sender.correlation_id).await {
        Ok(_) => Page::new(language, CHANGED).paragraph(LOG_IN).answer(StatusCode::OK),
        Err(Failure::Refused(Refusal::SamePassword)) => again(PRESENT.say(language)),
        Err(Failure::Refused(Refusal::FormerPassword)) => again(FORMER.say(language)),
        Err(Failure::Invalid(errors)) => {
            let told = errors.iter().map(|error| words::problem(&error.problem, language));
            again(&told.collect::<Vec<_>>().join(" "))
        }
        Err(failure) => failed(language, &failure),
    }
}
