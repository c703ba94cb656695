//! REST below `/api/v1/`, in the form that clients of `OpenWISP` know (manual chapters 03 and 04, "REST API reference").

mod answer;
mod caller;
mod conditional;
mod device;
mod docs;
mod endpoint;
mod events;
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
mod operation;
mod organization;
mod permission_group;
mod query;
mod references;
mod sent;
mod sentences;
mod template;
mod token;
mod user;

use self::endpoint::Endpoints;
use crate::routes::Routes;

pub use docs::{DocsSettings, openapi_text};

pub(crate) use caller::bearer;
pub use events::asyncapi;

pub(crate) fn routes() -> Routes {
    endpoints().routes().merge(docs::routes()).merge(events::routes())
}

fn endpoints() -> Endpoints {
    [
        token::endpoints(),
        organization::endpoints(),
        limits::endpoints(),
        permission_group::endpoints(),
        user::endpoints(),
        device::endpoints(),
        template::endpoints(),
        group::endpoints(),
    ]
    .into_iter()
    .fold(Endpoints::default(), Endpoints::merge)
}
