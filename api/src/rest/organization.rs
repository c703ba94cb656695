//! `/api/v1/users/organization/`: tenants (manual chapter 03, "Organizations").

mod change;
mod create;
mod delete;
mod get;
mod list;
mod sent;
mod shape;

use axum::{Router, routing::get};

pub(super) use sent::{is_email, is_url};

use super::endpoint::{self, Endpoint};
use crate::ApiState;

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

pub(super) fn router(state: &ApiState) -> Router<ApiState> {
    let list = get(list::handle).post(create::handle);
    let detail = get(get::handle).put(change::replace).patch(change::update).delete(delete::handle);
    let router = endpoint::add(Router::new(), state, &LIST, list);
    endpoint::add(router, state, &DETAIL, detail)
}
