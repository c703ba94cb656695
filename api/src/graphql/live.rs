//! Subscriptions: what happens, as it happens, over a WebSocket at `GET /graphql` with the subprotocol
//! `graphql-transport-ws` (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).
//!
//! The token comes with `connection_init` (`{"Authorization": "Bearer <token>"}` or `{"token": "<token>"}`), or as a header
//! of the request. Why a connection is closed stands in its code:
//!
//! | code | why | connect again? |
//! | --- | --- | --- |
//! | 1001 | the server stops | yes |
//! | 1013 | the database cannot be read at present | yes |
//! | 4008 | the client took nothing for too long; the reason names the position to go on after | yes |
//! | 4400 | a message that is none of the protocol's | no |
//! | 4401 | no token, a wrong one, or one that is not valid any more | with another token |
//! | 4403 | what the account may see has changed | yes |
//! | 4408 | `connection_init` did not come within 10 seconds | yes |
//! | 4409 | two operations with one id | no |
//! | 4429 | a second `connection_init` | no |

mod devices;
mod events;
mod farewell;
mod jobs;
mod operations;
mod progress;
mod protocol;
mod session;
mod sockets;

use app::{Ended, Listener};
use async_graphql::{Context, Error, ErrorExtensions as _, MergedSubscription, Result};
use futures::stream::BoxStream;

pub use self::sockets::{SocketLimits, Sockets};
pub(super) use self::sockets::{is_upgrade, serve};

use self::{
    devices::DeviceSubscription, events::EventSubscription, jobs::JobSubscription,
    progress::Progress,
};
use super::error::{failure, unauthenticated};

/// What can be listened to. Operations end with `complete`, or with an error that says why.
#[derive(Default, MergedSubscription)]
pub(super) struct Subscription(EventSubscription, DeviceSubscription, JobSubscription);

/// What a subscription gives.
type Answers<T> = BoxStream<'static, Result<T>>;

/// Who listens.
fn listener<'a>(ctx: &Context<'a>) -> Result<&'a Listener> {
    ctx.data_opt::<Listener>().ok_or_else(unauthenticated)
}

/// How far the operation has come.
fn progress<'a>(ctx: &Context<'a>) -> Result<&'a Progress> {
    ctx.data::<Progress>()
}

/// Why a subscription ends, as its last answer.
fn ended(ended: Ended) -> Error {
    let code = match ended {
        Ended::Failed(cause) => return failure(cause),
        Ended::Token => "UNAUTHENTICATED",
        Ended::Rights => "FORBIDDEN",
    };
    Error::new(ended.to_string()).extend_with(|_, extensions| extensions.set("code", code))
}
