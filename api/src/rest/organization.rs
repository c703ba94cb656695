//! `/api/v1/users/organization/`: tenants (manual chapter 03, "Organizations").

mod change;
mod create;
mod delete;
mod get;
mod list;
mod sent;
mod shape;

pub(super) use sent::device_limit;
pub(super) use shape::limit;

use super::{
    endpoint::{self, Endpoint, Endpoints},
    operation::Methods,
};

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

pub(super) fn endpoints() -> Endpoints {
    let list = Methods::default()
        .get("users_organization_list", "Organizations, newest first", list::handle)
        .post("users_organization_create", "A new organization", create::handle);
    let detail = Methods::default()
        .get("users_organization_read", "An organization with its settings", get::handle)
        .put("users_organization_update", "All of an organization", change::change)
        .patch("users_organization_partial_update", "Parts of an organization", change::change)
        .delete("users_organization_delete", "Removes all that is its", delete::handle);
    Endpoints::default().add(&LIST, list).add(&DETAIL, detail)
}
