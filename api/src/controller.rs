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
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, any, get, post},
};

use crate::{
    ApiState, page,
    routes::{Audience, Route, Routes},
};

/// Tells agents that no captive portal answered.
const CONTROLLER: HeaderName = HeaderName::from_static("x-openwisp-controller");

/// Made anew for each of the two paths.
type Endpoint = fn() -> MethodRouter<ApiState>;

const POSTED: &str = "POST, OPTIONS";
const POLLED: &str = "GET, HEAD, OPTIONS";

pub(crate) fn routes() -> Routes {
    let endpoints: [(&str, &'static str, Endpoint); 5] = [
        ("register/", POSTED, || posted(post(register::handle))),
        ("update-info/{id}/", POSTED, || posted(post(update_info::handle))),
        ("report-status/{id}/", POSTED, || posted(post(report_status::handle))),
        ("checksum/{id}/", POLLED, || polled(get(checksum::handle))),
        ("download-config/{id}/", POLLED, || polled(get(download_config::handle))),
    ];
    let mut routes = Routes::default();
    for (path, methods, endpoint) in endpoints {
        for family in ["/controller/", "/controller/device/"] {
            let path = format!("{family}{path}");
            let route = Route { path, methods, audience: Audience::Agents };
            routes = routes.add(route, move |_| endpoint());
        }
    }
    for path in ["checksum/{id}/", "download-config/{id}/"] {
        let path = format!("/controller/vpn/{path}");
        let route = Route { path, methods: POLLED, audience: Audience::Agents };
        routes = routes.add(route, |_| any(vpn::handle));
    }
    routes
}

/// Other methods of the endpoints that take a form.
fn posted(endpoint: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    const ALLOW: HeaderValue = HeaderValue::from_static(POSTED);
    endpoint.options(async || allow(StatusCode::OK, ALLOW)).fallback(async || {
        // Clients of the reference see an empty page.
        allow(StatusCode::METHOD_NOT_ALLOWED, ALLOW)
    })
}

/// Other methods of the endpoints that are polled. The reference takes them for forged forms before it looks at the method.
fn polled(endpoint: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    const ALLOW: HeaderValue = HeaderValue::from_static(POLLED);
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

pub(crate) use answer::{archive, failed};
pub(crate) use id::{dashed, parse};
pub(crate) use sentences::limit;
