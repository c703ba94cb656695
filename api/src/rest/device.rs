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

use axum::{
    Router,
    routing::{get, post},
};

use super::endpoint::{self, Endpoint};
use crate::ApiState;

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

pub(super) fn router(state: &ApiState) -> Router<ApiState> {
    let list = get(list::handle).post(create::handle);
    let detail = get(get::handle).put(change::replace).patch(change::update).delete(delete::handle);
    let router = endpoint::add(Router::new(), state, &LIST, list);
    let router = endpoint::add(router, state, &DETAIL, detail);
    let router = endpoint::add(router, state, &ACTIVATE, post(activation::activate));
    let router = endpoint::add(router, state, &DEACTIVATE, post(activation::deactivate));
    endpoint::add(router, state, &CONFIGURATION, get(configuration::handle))
}
