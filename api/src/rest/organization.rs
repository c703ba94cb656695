//! `/api/v1/users/organization/`: tenants (manual chapter 03, "Organizations").

mod change;
mod create;
mod delete;
mod get;
mod list;
mod sent;
mod shape;

use axum::routing::get;

pub(super) use sent::{device_limit, is_email, is_url};
pub(super) use shape::limit;

use super::endpoint::{self, Endpoint};
use crate::routes::Routes;

const LIST: Endpoint = Endpoint {
    path: "/api/v1/users/organization/",
    name: "Organization List Create",
    methods: endpoint::LIST,
    open: false,
};

const DETAIL: Endpoint = Endpoint {
    path: "/api/v1/users/organization/{id}/",
    name: "Organization Detail",
    methods: endpoint::DETAIL,
    open: false,
};

pub(super) fn routes() -> Routes {
    let list = get(list::handle).post(create::handle);
    let detail = get(get::handle).put(change::change).patch(change::change).delete(delete::handle);
    let routes = endpoint::add(Routes::default(), &LIST, list);
    endpoint::add(routes, &DETAIL, detail)
}
