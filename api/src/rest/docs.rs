//! `/api/v1/docs/`: what REST can do, for programs (manual 12, `OPENWISP_API_DOCS`).

mod description;
mod document;
mod refusals;

use std::sync::{Arc, OnceLock};

use app::ControllerSettings;
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any, get},
};
use bytes::Bytes;

pub(super) use self::description::Description;
use crate::{
    ApiState, page,
    routes::{Audience, Route, Routes},
};

const PAGE: &str = "/api/v1/docs/";
const DOCUMENT: &str = "/api/v1/docs/openapi.json";

const NO_SNIFFING: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// What the description of REST says about itself.
#[derive(Clone, Debug)]
pub struct DocsSettings {
    /// Is it served?
    pub enabled: bool,
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub description: String,
}

impl Default for DocsSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            title: "Wisptrail".to_owned(),
            description: "The REST interface of Wisptrail.".to_owned(),
        }
    }
}

/// The description as it is with default settings, for the repository.
pub fn openapi_text() -> String {
    let document = document::document(&DocsSettings::default(), &ControllerSettings::default());
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

pub(super) fn routes() -> Routes {
    let route = |path: &str| Route {
        path: path.to_owned(),
        methods: "GET, HEAD",
        audience: Audience::Everybody,
    };
    Routes::default().add(route(PAGE), served).add(route(DOCUMENT), served)
}

/// The document is made when somebody asks for it first.
fn served(state: &ApiState) -> MethodRouter<ApiState> {
    if !state.docs.enabled {
        return any(page::not_found);
    }
    let document = Arc::new(OnceLock::new());
    get(async move |State(state): State<ApiState>| described(&state, &document))
}

fn described(state: &ApiState, document: &OnceLock<Bytes>) -> Response {
    let controller = &state.app.settings().controller;
    let make = || {
        let made = document::document(&state.docs, controller);
        Bytes::from(made.to_json().unwrap_or_default())
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        NO_SNIFFING,
    ];
    (headers, document.get_or_init(make).clone()).into_response()
}
