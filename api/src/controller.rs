//! The agents' protocol, below `/controller/`. Every path exists twice: with `device/`, as agents send it today, and
//! without, as old ones do.

mod answer;
mod checksum;
mod download_config;
mod id;
mod params;
mod register;
mod report_status;
mod sentences;
mod update_info;
mod vpn;

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, any, get, post},
};

use crate::{ApiState, page};

/// Tells agents that no captive portal answered.
const CONTROLLER: HeaderName = HeaderName::from_static("x-openwisp-controller");

/// Made anew for each of the two paths.
type Endpoint = fn() -> MethodRouter<ApiState>;

pub(crate) fn router() -> Router<ApiState> {
    let post_endpoints: [(&str, Endpoint); 3] = [
        ("register/", || posted(post(register::handle))),
        ("update-info/{id}/", || posted(post(update_info::handle))),
        ("report-status/{id}/", || posted(post(report_status::handle))),
    ];
    let get_endpoints: [(&str, Endpoint); 2] = [
        ("checksum/{id}/", || polled(get(checksum::handle))),
        ("download-config/{id}/", || polled(get(download_config::handle))),
    ];
    let mut router = Router::new();
    for (path, endpoint) in post_endpoints.into_iter().chain(get_endpoints) {
        for family in ["/controller/", "/controller/device/"] {
            router = slashed(router, &format!("{family}{path}"), endpoint());
        }
    }
    for path in ["checksum/{id}/", "download-config/{id}/"] {
        router = slashed(router, &format!("/controller/vpn/{path}"), any(vpn::handle));
    }
    router
}

/// The endpoint, and the redirect to it from the path without its slash.
fn slashed(
    router: Router<ApiState>,
    path: &str,
    endpoint: MethodRouter<ApiState>,
) -> Router<ApiState> {
    router.route(path, endpoint).route(path.trim_end_matches('/'), any(page::slash))
}

/// Other methods of the endpoints that take a form.
fn posted(endpoint: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    const ALLOW: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
    endpoint.options(async || allow(StatusCode::OK, ALLOW)).fallback(async || {
        // Clients of the reference see an empty page.
        allow(StatusCode::METHOD_NOT_ALLOWED, ALLOW)
    })
}

/// Other methods of the endpoints that are polled. The reference takes them for forged forms before it looks at the method.
fn polled(endpoint: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
    endpoint.options(async || allow(StatusCode::OK, ALLOW)).fallback(async || {
        let forbidden = page::page(StatusCode::FORBIDDEN, "Forbidden");
        ([(header::ALLOW, ALLOW)], forbidden).into_response()
    })
}

fn allow(status: StatusCode, methods: HeaderValue) -> Response {
    (status, [(header::ALLOW, methods), (header::CONTENT_TYPE, page::HTML)]).into_response()
}

/// Puts `X-Openwisp-Controller: true` on every answer below `/controller/`, also on those that never reach an endpoint:
/// agents exit for good when an answer comes without it. For the server, around everything that may answer itself.
pub async fn mark_controller_answers<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let ours = request.uri().path().starts_with("/controller/");
    let mut answer = next(request).await;
    if ours {
        answer.headers_mut().insert(CONTROLLER, HeaderValue::from_static("true"));
    }
    answer
}

/// For the one answer elsewhere that carries the header too.
pub(crate) fn marked(mut answer: Response) -> Response {
    answer.headers_mut().insert(CONTROLLER, HeaderValue::from_static("true"));
    answer
}

pub(crate) use answer::archive;
pub(crate) use id::{dashed, parse};
pub(crate) use sentences::limit;
