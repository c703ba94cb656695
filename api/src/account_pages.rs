//! Pages of mailed links (manual 03): choosing a password, confirming an address, logging in. Plain HTML without scripts, which
//! works in any browser. Opening a link changes nothing, because mail programs open links, too: the button does.

mod confirm;
mod log_in;
mod page;
mod reset;
mod words;

use app::{Failure, LinkKey, Refusal};
use axum::{
    body::Body,
    extract::{FromRequestParts, Path},
    http::{StatusCode, header, request::Parts},
    response::Response,
    routing::{MethodRouter, get},
};
use domain::accounts::LinkPurpose;

use self::{
    page::Page,
    words::{Words, words},
};
use crate::{
    ApiState, body,
    form::Form,
    language::Language,
    routes::{Audience, Route, Routes},
};

/// Largest form.
const LIMIT: usize = 16 * 1024;
/// Makes what a page is answered with.
type Make = fn() -> MethodRouter<ApiState>;

/// Characters of a key; longer ones are nobody's.
const LONGEST_KEY: usize = 200;

/// All pages, and what they look like.
pub(crate) fn routes() -> Routes {
    let route = |path: &str, methods| Route {
        path: path.to_owned(),
        methods,
        audience: Audience::Everybody,
    };
    let pages: [(&str, Make); 4] = [
        ("/accounts/password/reset/", || get(reset::ask).post(reset::asked)),
        ("/accounts/password/reset/key/{key}/", || get(reset::choose).post(reset::chosen)),
        ("/accounts/confirm-email/{key}/", || get(confirm::ask).post(confirm::confirmed)),
        ("/accounts/log-in/key/{key}/", || get(log_in::ask).post(log_in::logged_in)),
    ];
    let style = route("/accounts/style.css", "GET, HEAD");
    let routes = Routes::default().add(style, |_| get(page::style));
    pages.into_iter().fold(routes, |routes, (path, make)| {
        routes.add(route(path, "GET, HEAD, POST"), move |_| make())
    })
}

/// The key in a link; one that cannot be any is nobody's, like one that is not valid any more.
struct Key(Option<LinkKey>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let key = Path::<String>::from_request_parts(parts, state).await.ok();
        let fits = |Path(key): Path<String>| {
            (key.len() <= LONGEST_KEY).then(|| LinkKey::parse(&key)).flatten()
        };
        Ok(Self(key.and_then(fits)))
    }
}

/// What was filled in; nothing where it cannot be read.
async fn form(content: Body) -> Form {
    match body::read(content, LIMIT).await {
        Ok(bytes) => Form::parse(&bytes),
        Err(_) => Form::default(),
    }
}

const ASK_AGAIN: Words =
    words("Ask for a new password", "Neues Passwort anfordern", "Richiedi una nuova password");

/// The link was used, is too old, or was never one.
fn invalid(language: Language) -> Response {
    const TITLE: Words = words(
        "This link does not work",
        "Dieser Link funktioniert nicht",
        "Questo link non funziona",
    );
    const REASON: Words = words(
        "It was used already, is too old, or your password or address changed since.",
        "Er wurde schon benutzt, ist zu alt, oder dein Passwort oder deine Adresse wurde seitdem geändert.",
        "È già stato usato, è troppo vecchio, oppure la tua password o il tuo indirizzo sono cambiati.",
    );
    Page::new(language, TITLE)
        .paragraph(REASON)
        .link("/accounts/password/reset/", ASK_AGAIN)
        .answer(StatusCode::NOT_FOUND)
}

/// What a link that still works opens: a page with the button that does it.
async fn opened(
    state: &ApiState,
    key: Option<LinkKey>,
    purpose: LinkPurpose,
    language: Language,
    page: impl FnOnce() -> Page,
) -> Response {
    let Some(key) = key else { return invalid(language) };
    match state.app.accounts().link_works(&key, purpose).await {
        Ok(true) => page().answer(StatusCode::OK),
        Ok(false) => invalid(language),
        Err(failure) => failed(language, &failure),
    }
}

/// Something that the visitor can do nothing about.
fn failed(language: Language, failure: &Failure) -> Response {
    const TITLE: Words = words("That did not work", "Das hat nicht geklappt", "Non ha funzionato");
    if matches!(failure, Failure::Refused(Refusal::InvalidLink)) {
        return invalid(language);
    }
    let status = match failure {
        Failure::RateLimited | Failure::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
        Failure::Busy | Failure::Unavailable | Failure::ReadOnly | Failure::Refused(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Failure::Broken(cause) => {
            tracing::error!(error = &**cause as &dyn std::error::Error, "a page failed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::BAD_REQUEST,
    };
    let mut answer = Page::new(language, TITLE).paragraph(words::reason(failure)).answer(status);
    if let Failure::Throttled(after) = failure {
        answer.headers_mut().insert(header::RETRY_AFTER, after.as_secs().max(1).into());
    }
    answer
}
