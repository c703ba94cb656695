//! `/api/v1/controller/device/`: devices and their configurations (manual chapter 04).

mod activation;
mod change;
mod configuration;
mod create;
mod delete;
mod get;
mod list;
mod sent;
mod shape;

use axum::routing::{get, post};

use super::endpoint::{self, Endpoint};
use crate::routes::Routes;

const LIST: Endpoint = Endpoint {
    path: "/api/v1/controller/device/",
    name: "Device List Create",
    methods: endpoint::LIST,
    open: false,
};

const DETAIL: Endpoint = Endpoint {
    path: "/api/v1/controller/device/{id}/",
    name: "Device Detail",
    methods: endpoint::DETAIL,
    open: false,
};

const ACTIVATE: Endpoint = Endpoint {
    path: "/api/v1/controller/device/{id}/activate/",
    name: "Device Activate",
    methods: endpoint::DO,
    open: false,
};

const DEACTIVATE: Endpoint = Endpoint {
    path: "/api/v1/controller/device/{id}/deactivate/",
    name: "Device Deactivate",
    methods: endpoint::DO,
    open: false,
};

const CONFIGURATION: Endpoint = Endpoint {
    path: "/api/v1/controller/device/{id}/configuration/",
    name: "Download Device",
    methods: endpoint::READ,
    open: false,
};

pub(super) fn routes() -> Routes {
    let list = get(list::handle).post(create::handle);
    let detail = get(get::handle).put(change::change).patch(change::change).delete(delete::handle);
    let routes = endpoint::add(Routes::default(), &LIST, list);
    let routes = endpoint::add(routes, &DETAIL, detail);
    let routes = endpoint::add(routes, &ACTIVATE, post(activation::activate));
    let routes = endpoint::add(routes, &DEACTIVATE, post(activation::deactivate));
    endpoint::add(routes, &CONFIGURATION, get(configuration::handle))
}
