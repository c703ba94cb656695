//! `/api/v1/controller/group/`: device groups (manual chapter 04, "Device Groups").

mod change;
mod create;
mod delete;
mod get;
mod list;
mod shape;

use axum::routing::get;

use super::endpoint::{self, Endpoint};
use crate::routes::Routes;

const LIST: Endpoint = Endpoint {
    path: "/api/v1/controller/group/",
    name: "Device Group List Create",
    methods: endpoint::LIST,
    open: false,
};

const DETAIL: Endpoint = Endpoint {
    path: "/api/v1/controller/group/{id}/",
    name: "Device Group Detail",
    methods: endpoint::DETAIL,
    open: false,
};

pub(super) fn routes() -> Routes {
    let list = get(list::handle).post(create::handle);
    let detail = get(get::handle).put(change::change).patch(change::change).delete(delete::handle);
    let routes = endpoint::add(Routes::default(), &LIST, list);
    endpoint::add(routes, &DETAIL, detail)
}
