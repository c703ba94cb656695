//! `/api/v1/docs/`: what REST can do, for programs and on a page to try it at (manual 12, `OPENWISP_API_DOCS`). `web/docs` makes the
//! files of the page.

mod description;
mod document;
mod refusals;

use std::sync::{Arc, LazyLock, OnceLock};

use app::ControllerSettings;
use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any, get},
};
use bytes::Bytes;

pub(super) use self::description::Description;
use crate::{
    ApiState,
    form::Form,
    page,
    routes::{Audience, Route, Routes},
    site::{Built, NO_SNIFFING, Site, accepts},
};

const PAGE: &str = "/api/v1/docs/";
const DOCUMENT: &str = "/api/v1/docs/openapi.json";
const FILES: &str = "/api/v1/docs/assets/";

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let built = Built {
        script: include_bytes!("../../assets/docs/page.js.gz"),
        style: include_bytes!("../../assets/docs/style.css.gz"),
        licenses: include_bytes!("../../assets/docs/LICENSES.gz"),
        html: include_str!("../../assets/docs/page.html"),
    };
    Site::new(&built, FILES, &[("document", DOCUMENT)])
});

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
    Routes::default()
        .add(route(PAGE), |state| {
            served(state, || {
                let document = Document::default();
                get(
                    async move |State(state): State<ApiState>,
                                query: RawQuery,
                                headers: HeaderMap| {
                        page(&state, &document, query, &headers)
                    },
                )
            })
        })
        .add(route(DOCUMENT), |state| {
            served(state, || {
                let document = Document::default();
                get(async move |State(state): State<ApiState>| document.answer(&state))
            })
        })
        .add(route(&format!("{FILES}{{name}}")), |state| served(state, || get(file)))
}

fn served(state: &ApiState, make: fn() -> MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    if state.docs.enabled { make() } else { any(page::not_found) }
}

/// Browsers get the page, programs the document.
fn page(
    state: &ApiState,
    document: &Document,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let wants_page = query.given("format").is_none_or(|format| format == "api");
    let vary = [(header::VARY, HeaderValue::from_static("accept"))];
    if wants_page && accepts(headers, &header::ACCEPT, "text/html") {
        (vary, SITE.page()).into_response()
    } else {
        (vary, document.answer(state)).into_response()
    }
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match SITE.file(&name, &headers) {
        Some(file) => file,
        None => page::not_found().await,
    }
}

/// The document, made when somebody asks for it first.
#[derive(Clone, Default)]
struct Document(Arc<OnceLock<Bytes>>);

impl Document {
    fn answer(&self, state: &ApiState) -> Response {
        let bytes = self.0.get_or_init(|| {
            let made = document::document(&state.docs, &state.app.settings().controller);
            made.to_json().unwrap_or_default().into()
        });
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            NO_SNIFFING,
        ];
        (headers, bytes.clone()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_unzips_and_the_page_names_them() {
        assert!(SITE.checked().contains("swagger-ui 5."));
    }
}
