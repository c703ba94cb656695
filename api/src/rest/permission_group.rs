//! `/api/v1/users/group/`: permission groups. Their ids are numbers here.

mod change;
mod create;
mod read;
mod shape;

use axum::routing::get;

use super::endpoint::{self, Endpoint};
use crate::routes::Routes;

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

pub(super) fn routes() -> Routes {
    let list = get(read::list).post(create::handle);
    let detail = get(read::one).put(change::change).patch(change::change).delete(change::remove);
    let routes = endpoint::add(Routes::default(), &LIST, list);
    endpoint::add(routes, &DETAIL, detail)
}
