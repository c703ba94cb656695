//! Sentences in the language of the client (`Accept-Language`, RFC 9110 §12.5.4). English is what the rest of the program
//! speaks; whatever is not in the catalogue stays English.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use serde_json::Value;

use super::sentences;
use crate::body;

/// Larger answers are not looked through.
const LARGEST: usize = 1024 * 1024;

/// A language that there are sentences in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    German,
    Italian,
}

/// English, German, Italian.
const CATALOGUE: [(&str, &str, &str); 16] = [
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
    ("The request body is too large.", "Die Anfrage ist zu groß.", "La richiesta è troppo grande."),
];

/// Puts the sentences of a refusal into the client's language.
pub(super) async fn translate(asked: &HeaderMap, answer: Response) -> Response {
    let json = Some(&HeaderValue::from_static("application/json"));
    let refused = answer.status().is_client_error() || answer.status().is_server_error();
    let Some(language) = wanted(asked).filter(|_| refused) else { return answer };
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

impl Language {
    fn tag(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::Italian => "it",
        }
    }
}

fn say(value: &mut Value, language: Language) {
    match value {
        Value::String(sentence) => {
            let known = CATALOGUE.iter().find(|(english, ..)| sentence == english);
            if let Some((_, german, italian)) = known {
                let said = match language {
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

/// The language that the client likes best of all; none where that is English or nothing that we know.
fn wanted(headers: &HeaderMap) -> Option<Language> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(u32, Option<Language>)> = None;
    for range in accepted.split(',').take(32) {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
        let language = match tag.split('-').next().unwrap_or_default() {
            "de" => Some(Language::German),
            "it" => Some(Language::Italian),
            "en" | "*" => None,
            _ => continue,
        };
        if quality > 0 && best.is_none_or(|(known, _)| quality > known) {
            best = Some((quality, language));
        }
    }
    best.and_then(|(_, language)| language)
}

/// `0.8` is 800; what is no quality is none.
fn thousandths(quality: &str) -> u32 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = format!("{whole}{:0<3}", fraction.get(..3).unwrap_or(fraction));
    digits.parse().unwrap_or(0).min(1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(accepted: &str) -> Option<Language> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accepted).ok()?);
        wanted(&headers)
    }

    #[test]
    fn the_best_liked_language_that_we_know_is_spoken() {
        assert_eq!(of("de"), Some(Language::German));
        assert_eq!(of("it-IT,it;q=0.9,en;q=0.8"), Some(Language::Italian));
        assert_eq!(of("en, de;q=0.5"), None);
        assert_eq!(of("en;q=0.5, de;q=0.75"), Some(Language::German));
        assert_eq!(of("fr, it;q=0.1"), Some(Language::Italian));
        assert_eq!(of("fr"), None);
        assert_eq!(of("de;q=0"), None);
        assert_eq!(wanted(&HeaderMap::new()), None);
    }

    #[test]
    fn sentences_are_found_wherever_they_stand() {
        let mut said = serde_json::json!({ "a": { "b": ["This field is required.", "x"] } });
        say(&mut said, Language::German);
        let expected = serde_json::json!({ "a": { "b": ["Dieses Feld ist erforderlich.", "x"] } });
        assert_eq!(said, expected);
    }

    proptest! {
        #[test]
        fn any_header_is_understood_or_not(accepted in "[a-z0-9;=.,* -]{0,60}") {
            let _ = of(&accepted);
        }
    }
}
