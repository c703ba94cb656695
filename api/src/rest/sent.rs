//! What clients send about something: read from fields at each request, and once more to describe it.

use std::{borrow::Cow, marker::PhantomData};

use app::ControllerSettings;
use axum::extract::{FromRequest, Request};

use super::{
    caller::Caller,
    endpoint::{LIMIT, Unread},
    failure::RestError,
    fields::{Extent, Fields},
};
use crate::ApiState;

/// What can be read from the fields of a body.
pub(super) trait Sent: Sized {
    /// What descriptions call it by.
    const NAME: &'static str;
    /// Largest body.
    const LIMIT: usize = LIMIT;

    /// Reads it; what is wrong is noted in the fields. Whatever is read on any path must be read where nothing is there.
    fn read(fields: &mut Fields<'_>, reader: Reader<'_>) -> Self;
}

/// What reading depends on beside the request.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) controller: &'a ControllerSettings,
    /// May the sender do everything?
    pub(super) unlimited: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn of(state: &'a ApiState, caller: &Caller) -> Self {
        let unlimited = caller.by.authority.is_unlimited();
        Self { controller: &state.app.settings().controller, unlimited }
    }

    pub(super) fn anybody(state: &'a ApiState) -> Self {
        Self { controller: &state.app.settings().controller, unlimited: false }
    }
}

/// The body of a request, to be read once the caller is known to be allowed to send it.
pub(super) struct Body<T> {
    unread: Unread,
    extent: Extent,
    kind: PhantomData<fn() -> T>,
}

impl<T: Sent> Body<T> {
    /// What was sent, and its fields, for those who find more wrong with them.
    pub(super) async fn read(self, reader: Reader<'_>) -> Result<(T, Fields<'static>), RestError> {
        let input = self.unread.input(T::LIMIT).await?;
        let mut fields = Fields::of(Cow::Owned(input), self.extent);
        let sent = T::read(&mut fields, reader);
        Ok((sent, fields))
    }

    /// The same where nothing else can be wrong.
    pub(super) async fn checked(self, reader: Reader<'_>) -> Result<T, RestError> {
        let (sent, fields) = self.read(reader).await?;
        fields.check()?;
        Ok(sent)
    }
}

impl<S: Send + Sync, T> FromRequest<S> for Body<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let extent = Extent::of(request.method());
        let unread = Unread::from_request(request, state).await?;
        Ok(Self { unread, extent, kind: PhantomData })
    }
}
