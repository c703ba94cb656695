//! REST below `/api/v1/`, in the form that clients of `OpenWISP` know (manual chapters 03 and 04, "REST API reference").

mod caller;
mod conditional;
mod device;
mod endpoint;
mod failure;
mod fields;
mod filters;
mod group;
mod id;
mod input;
mod json;
mod language;
mod limits;
mod list;
mod moment;
mod negotiation;
mod number;
mod once;
mod organization;
mod permission_group;
mod references;
mod sentences;
mod template;
mod token;
mod user;

use crate::routes::Routes;

pub(crate) use caller::bearer;

pub(crate) fn routes() -> Routes {
    [
        token::routes(),
        organization::routes(),
        limits::routes(),
        permission_group::routes(),
        user::routes(),
        device::routes(),
        template::routes(),
        group::routes(),
    ]
    .into_iter()
    .fold(Routes::default(), Routes::merge)
}
