//! REST below `/api/v1/`, in the form that clients of `OpenWISP` know (manual chapters 03 and 04, "REST API reference").

mod caller;
mod device;
mod endpoint;
mod failure;
mod fields;
mod filters;
mod group;
mod id;
mod input;
mod json;
mod list;
mod moment;
mod negotiation;
mod number;
mod organization;
mod permission_group;
mod references;
mod sentences;
mod template;
mod token;
mod user;

use axum::Router;

use crate::ApiState;

pub(crate) use caller::bearer;

pub(crate) fn router(state: &ApiState) -> Router<ApiState> {
    Router::new()
        .merge(token::router(state))
        .merge(organization::router(state))
        .merge(permission_group::router(state))
        .merge(user::router(state))
        .merge(device::router(state))
        .merge(template::router(state))
        .merge(group::router(state))
}
