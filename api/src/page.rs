//! Small pages for people, and redirects.

use axum::{
    extract::{RawPathParams, rejection::RawPathParamsRejection},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use crate::controller;

/// The content type of pages.
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A page with a title and nothing else.
pub(crate) fn page(status: StatusCode, title: &str) -> Response {
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
    );
    (status, [(header::CONTENT_TYPE, HTML)], body).into_response()
}

/// Nothing is there.
pub(crate) async fn not_found() -> Response {
    page(StatusCode::NOT_FOUND, "Not Found")
}

/// Points a path without its slash at the one with it; whatever the method, and the query stays. Where the path has no id
/// in the place of one, there is nothing to point at.
pub(crate) async fn slash(
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    uri: Uri,
) -> Response {
    let is_id = |(name, text): (&str, &str)| name != "id" || controller::parse(text).is_some();
    if !parameters.is_ok_and(|parameters| parameters.iter().all(is_id)) {
        return not_found().await;
    }
    redirect(&uri).await
}

async fn redirect(uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::from_str(&format!("{}/{query}", uri.path())) {
        Ok(location) => {
            let headers = [(header::LOCATION, location), (header::CONTENT_TYPE, HTML)];
            (StatusCode::MOVED_PERMANENTLY, headers).into_response()
        }
        Err(_) => not_found().await,
    }
}

/// Text as it is shown inside a page.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_redirect_keeps_the_query() {
        let answer = redirect(&Uri::from_static("/controller/checksum/x?key=a%20b&c")).await;
        assert_eq!(answer.status(), StatusCode::MOVED_PERMANENTLY);
        assert_eq!(answer.headers()["location"], "/controller/checksum/x/?key=a%20b&c");
    }
}
