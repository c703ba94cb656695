//! The page for people at `/graphql`: an editor behind a sign-in, made by `web/graphiql`.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get},
};

use super::no_page;
use crate::{
    ApiState,
    page::not_found,
    site::{Built, Site, accepts},
};

/// Where subscriptions are served.
const SUBSCRIPTIONS: &str = "/graphql";

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let built = Built {
        script: include_bytes!("../../assets/graphiql/page.js.gz"),
        style: include_bytes!("../../assets/graphiql/style.css.gz"),
        licenses: include_bytes!("../../assets/graphiql/LICENSES.gz"),
        html: include_str!("../../assets/graphiql/page.html"),
    };
    Site::new(&built, "/graphql/assets/", &[("subscriptions", SUBSCRIPTIONS)])
});

/// The files of the page.
pub(super) fn assets() -> MethodRouter<ApiState> {
    get(asset)
}

/// The page for browsers; others are told to send POST.
pub(super) async fn show(headers: HeaderMap) -> Response {
    let vary = [(header::VARY, HeaderValue::from_static("accept"))];
    if !accepts(&headers, &header::ACCEPT, "text/html") {
        return (vary, no_page().await).into_response();
    }
    (vary, SITE.page()).into_response()
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match SITE.file(&name, &headers) {
        Some(file) => file,
        None => not_found().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_unzips_and_the_page_names_them() {
        assert!(SITE.checked().contains("graphiql 3."));
    }
}
