//! `/api/v1/users/user/`: accounts, their passwords and e-mail addresses (manual 03, "List of Endpoints").

mod change;
mod create;
mod email;
mod password;
mod read;
mod sent;
mod shape;
mod token;

use axum::routing::{get, post, put};

use super::endpoint::{self, Endpoint};
use crate::routes::Routes;

const LIST: Endpoint = Endpoint {
    path: "/api/v1/users/user/",
    name: "User List",
    methods: endpoint::LIST,
    open: false,
};
const DETAIL: Endpoint = Endpoint {
    path: "/api/v1/users/user/{id}/",
    name: "User Detail",
    methods: endpoint::DETAIL,
    open: false,
};
const PASSWORD: Endpoint = Endpoint {
    path: "/api/v1/users/user/{id}/password/",
    name: "Change Password",
    methods: endpoint::REPLACE,
    open: false,
};
const OWN_PASSWORD: Endpoint = Endpoint {
    path: "/api/v1/users/user/password/change/",
    name: "Password Change",
    methods: endpoint::DO,
    open: false,
};
const EMAILS: Endpoint = Endpoint {
    path: "/api/v1/users/user/{id}/email/",
    name: "Email List",
    methods: endpoint::LIST,
    open: false,
};
const EMAIL: Endpoint = Endpoint {
    path: "/api/v1/users/user/{id}/email/{number}/",
    name: "Email Detail",
    methods: endpoint::DETAIL,
    open: false,
};

const TOKENS: Endpoint = Endpoint {
    path: "/api/v1/users/user/{id}/token/",
    name: "Token List",
    methods: endpoint::LIST,
    open: false,
};
const TOKEN: Endpoint = Endpoint {
    path: "/api/v1/users/user/{id}/token/{inner}/",
    name: "Token Detail",
    methods: endpoint::ONCE,
    open: false,
};

pub(super) fn routes() -> Routes {
    let list = get(read::list).post(create::handle);
    let detail = get(read::one).put(change::change).patch(change::change).delete(change::remove);
    let emails = get(email::list).post(email::add);
    let email = get(email::one).put(email::change).patch(email::change).delete(email::remove);
    let routes = endpoint::add(Routes::default(), &LIST, list);
    let routes = endpoint::add(routes, &DETAIL, detail);
    let routes = endpoint::add(routes, &PASSWORD, put(password::of_somebody));
    let routes = endpoint::add(routes, &OWN_PASSWORD, post(password::own));
    let routes = endpoint::add(routes, &EMAILS, emails);
    let routes = endpoint::add(routes, &EMAIL, email);
    let tokens = get(token::list).post(token::add);
    let token = get(token::one).delete(token::remove);
    let routes = endpoint::add(routes, &TOKENS, tokens);
    endpoint::add(routes, &TOKEN, token)
}
