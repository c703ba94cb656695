//! `/api/v1/controller/template/`: templates (manual chapter 04, "Configuration Templates").

mod change;
mod configuration;
mod create;
mod delete;
mod get;
mod list;
mod shape;

use axum::routing::get;

use super::endpoint::{self, Endpoint};
use crate::routes::Routes;

const LIST: Endpoint = Endpoint {
    path: "/api/v1/controller/template/",
    name: "Template List Create",
    methods: endpoint::LIST,
    open: false,
};

const DETAIL: Endpoint = Endpoint {
    path: "/api/v1/controller/template/{id}/",
    name: "Template Detail",
    methods: endpoint::DETAIL,
    open: false,
};

const CONFIGURATION: Endpoint = Endpoint {
    path: "/api/v1/controller/template/{id}/configuration/",
    name: "Download Template Configuration",
    methods: endpoint::READ,
    open: false,
};

pub(super) fn routes() -> Routes {
    let list = get(list::handle).post(create::handle);
    let detail = get(get::handle).put(change::change).patch(change::change).delete(delete::handle);
    let routes = endpoint::add(Routes::default(), &LIST, list);
    let routes = endpoint::add(routes, &DETAIL, detail);
    endpoint::add(routes, &CONFIGURATION, get(configuration::handle))
}
