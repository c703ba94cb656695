//! Sentences in the language of the client. Whatever is not in the catalogue stays English.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use serde_json::Value;

use super::sentences;
use crate::{body, language::Language};

/// Larger answers are not looked through.
const LARGEST: usize = 1024 * 1024;

/// English, German, Italian.
const CATALOGUE: [(&str, &str, &str); 17] = [
    (sentences::REQUIRED, "Dieses Feld ist erforderlich.", "Campo obbligatorio."),
    (sentences::NULL, "Dieses Feld darf nicht null sein.", "Il campo non può essere nullo."),
    (sentences::BLANK, "Dieses Feld darf nicht leer sein.", "Questo campo non può essere omesso."),
    (
        sentences::NO_PERMISSION,
        "Sie sind nicht berechtigt, diese Aktion durchzuführen.",
        "Non hai l'autorizzazione per eseguire questa azione.",
    ),
    (sentences::INVALID_PAGE, "Ungültige Seite.", "Pagina non valida."),
    ("Not found.", "Nicht gefunden.", "Non trovato."),
    (
        "Authentication credentials were not provided.",
        "Anmeldedaten fehlen.",
        "Non sono state immesse le credenziali di autenticazione.",
    ),
    ("Invalid token.", "Ungültiges Token.", "Token non valido."),
    (
        "User inactive or deleted.",
        "Benutzer inaktiv oder gelöscht.",
        "Utente inattivo o eliminato.",
    ),
    (
        "Unable to log in with provided credentials.",
        "Die Anmeldung mit diesen Daten ist nicht möglich.",
        "Impossibile eseguire il login con le credenziali immesse.",
    ),
    (
        "Request was throttled.",
        "Zu viele Anfragen: bitte später noch einmal.",
        "Troppe richieste: riprova più tardi.",
    ),
    (
        "Enter a valid email address.",
        "Geben Sie eine gültige E-Mail-Adresse ein.",
        "Inserisci un indirizzo email valido.",
    ),
    ("Enter a valid URL.", "Geben Sie eine gültige URL ein.", "Inserisci un URL valido."),
    (
        sentences::NO_CHOICE,
        "Treffen Sie eine gültige Auswahl: diese gibt es nicht.",
        "Fai una scelta valida: questa non è disponibile.",
    ),
    (
        "A valid integer is required.",
        "Es wird eine ganze Zahl benötigt.",
        "È richiesto un numero intero.",
    ),
    (
        "your password has expired: choose another one",
        "Ihr Passwort ist abgelaufen: wählen Sie ein neues.",
        "La tua password è scaduta: scegline un'altra.",
    ),
    ("The request body is too large.", "Die Anfrage ist zu groß.", "La richiesta è troppo grande."),
];

/// Puts the sentences of a refusal into the client's language.
pub(super) async fn translate(asked: &HeaderMap, answer: Response) -> Response {
    let json = Some(&HeaderValue::from_static("application/json"));
    let refused = answer.status().is_client_error() || answer.status().is_server_error();
    let language = Language::wanted(asked);
    if !refused || language == Language::English {
        return answer;
    }
    if answer.headers().get(header::CONTENT_TYPE) != json {
        return answer;
    }
    let (mut parts, content) = answer.into_parts();
    let Ok(bytes) = body::read(content, LARGEST).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let Ok(mut said) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    say(&mut said, language);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Language"));
    Response::from_parts(parts, Body::from(said.to_string()))
}

fn say(value: &mut Value, language: Language) {
    match value {
        Value::String(sentence) => {
            let known = CATALOGUE.iter().find(|(english, ..)| sentence == english);
            if let Some((english, german, italian)) = known {
                let said = match language {
                    Language::English => english,
                    Language::German => german,
                    Language::Italian => italian,
                };
                (*said).clone_into(sentence);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| say(item, language)),
        Value::Object(members) => members.values_mut().for_each(|member| say(member, language)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_found_wherever_they_stand() {
        let mut said = serde_json::json!({ "a": { "b": ["This field is required.", "x"] } });
        say(&mut said, Language::German);
        let expected = serde_json::json!({ "a": { "b": ["Dieses Feld ist erforderlich.", "x"] } });
        assert_eq!(said, expected);
    }
}
