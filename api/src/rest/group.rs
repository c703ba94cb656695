//! `/api/v1/controller/group/`: device groups (manual chapter 04, "Device Groups").

mod change;
mod create;
mod delete;
mod get;
mod list;
mod shape;

use super::{
    endpoint::{self, Endpoint, Endpoints},
    operation::Methods,
};

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

pub(super) fn endpoints() -> Endpoints {
    let list = Methods::default()
        .get("controller_group_list", "Device groups, newest first", list::handle)
        .post("controller_group_create", "A new device group", create::handle);
    let detail = Methods::default()
        .get("controller_group_read", "A device group", get::handle)
        .put("controller_group_update", "All of a device group", change::change)
        .patch("controller_group_partial_update", "Parts of a device group", change::change)
        .delete("controller_group_delete", "Its devices are in no group any more", delete::handle);
    Endpoints::default().add(&LIST, list).add(&DETAIL, detail)
}
