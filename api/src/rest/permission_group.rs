//! `/api/v1/users/group/`: permission groups. Their ids are numbers here.

mod change;
mod create;
mod read;
mod shape;

use super::{
    endpoint::{self, Endpoint, Endpoints},
    operation::Methods,
};

const LIST: Endpoint = Endpoint {
    path: "/api/v1/users/group/",
    name: "Group List",
    methods: endpoint::LIST,
    open: false,
};
const DETAIL: Endpoint = Endpoint {
    path: "/api/v1/users/group/{number}/",
    name: "Group Detail",
    methods: endpoint::DETAIL,
    open: false,
};

pub(super) fn endpoints() -> Endpoints {
    let list = Methods::default().get("users_group_list", "Permission groups", read::list).post(
        "users_group_create",
        "A new permission group",
        create::handle,
    );
    let detail = Methods::default()
        .get("users_group_read", "A permission group", read::one)
        .put("users_group_update", "All of a permission group", change::change)
        .patch("users_group_partial_update", "Parts of a permission group", change::change)
        .delete("users_group_delete", "Its people lose its permissions", change::remove);
    Endpoints::default().add(&LIST, list).add(&DETAIL, detail)
}
