//! `/api/v1/events…`: the log for those who listen, and what is in it. Our own: the reference has no log.

mod asyncapi;
mod catalogue;
mod frame;
mod listen;
mod question;
mod stream;

use axum::{extract::Request, routing::get};

pub use asyncapi::asyncapi;

use crate::{
    rest::failure::RestError,
    routes::{Audience, Route, Routes},
};

pub(super) fn routes() -> Routes {
    // Without a slash, so that programs need not follow redirects.
    let route =
        Route { path: "/api/v1/events".to_owned(), methods: METHODS, audience: Audience::Accounts };
    let log = Routes::default().add(route, |_| get(listen::handle).fallback(other_method));
    log.merge(catalogue::routes())
}

const METHODS: &str = "GET, HEAD";

async fn other_method(request: Request) -> axum::response::Response {
    use axum::{
        http::{StatusCode, header},
        response::IntoResponse as _,
    };
    let sentence = format!("Method \"{}\" not allowed.", request.method());
    let refused = RestError::Detail(StatusCode::METHOD_NOT_ALLOWED, sentence);
    ([(header::ALLOW, METHODS)], refused).into_response()
}
