//! `/api/v1/users/user/`: accounts, their passwords and e-mail addresses (manual 03, "List of Endpoints").

mod change;
mod create;
mod email;
mod password;
mod read;
mod reset;
mod sent;
mod shape;
mod token;

use super::{
    endpoint::{self, Endpoint, Endpoints},
    operation::Methods,
};

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
const RESET: Endpoint = Endpoint {
    path: "/api/v1/users/password/reset/",
    name: "Password Reset",
    methods: endpoint::DO,
    open: true,
};
const RESET_CONFIRM: Endpoint = Endpoint {
    path: "/api/v1/users/password/reset/confirm/",
    name: "Password Reset Confirm",
    methods: endpoint::DO,
    open: true,
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

pub(super) fn endpoints() -> Endpoints {
    let list = Methods::default()
        .get("users_user_list", "People; who may only find them has to say whom", read::list)
        .post("users_user_create", "A new account", create::handle);
    let detail = Methods::default()
        .get("users_user_read", "An account", read::one)
        .put("users_user_update", "All of an account", change::change)
        .patch("users_user_partial_update", "Parts of an account", change::change)
        .delete("users_user_delete", "Erases a person", change::remove);
    let password = Methods::default().put(
        "users_user_password_update",
        "Sets somebody's password",
        password::of_somebody,
    );
    let own = Methods::default().post(
        "users_user_password_change_create",
        "Changes one's own password",
        password::own,
    );
    let emails = Methods::default()
        .get("users_user_email_list", "Mail addresses of an account", email::list)
        .post("users_user_email_create", "One mail address more", email::add);
    let email = Methods::default()
        .get("users_user_email_read", "A mail address", email::one)
        .put("users_user_email_update", "All of a mail address", email::change)
        .patch("users_user_email_partial_update", "Parts of a mail address", email::change)
        .delete("users_user_email_delete", "One mail address less", email::remove);
    let tokens = Methods::default()
        .get("users_user_token_list", "Tokens for a purpose", token::list)
        .post("users_user_token_create", "A new token, told once", token::add);
    let token = Methods::default()
        .get("users_user_token_read", "A token, but not what it is", token::one)
        .delete("users_user_token_delete", "Revokes a token", token::remove);
    let reset = Methods::default().post(
        "users_password_reset_create",
        "Mails a link to choose another password",
        reset::request,
    );
    let confirm = Methods::default().post(
        "users_password_reset_confirm_create",
        "Chooses another password by a mailed link",
        reset::confirm,
    );
    Endpoints::default()
        .add(&LIST, list)
        .add(&DETAIL, detail)
        .add(&PASSWORD, password)
        .add(&OWN_PASSWORD, own)
        .add(&RESET, reset)
        .add(&RESET_CONFIRM, confirm)
        .add(&EMAILS, emails)
        .add(&EMAIL, email)
        .add(&TOKENS, tokens)
        .add(&TOKEN, token)
}
