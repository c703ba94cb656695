//! Parameters behind the path: read at each request, and once more to describe them.

use std::marker::PhantomData;

use app::ControllerSettings;
use axum::{extract::FromRequestParts, http::request::Parts};

use super::filters::Filters;
use crate::{ApiState, form::Form};

/// What can be read from parameters.
pub(super) trait Narrowing: Sized {
    /// Reads it; what is wrong is noted in the filters. Whatever is read on any path must be read where nothing is there.
    fn read(filters: &mut Filters<'_>, controller: &ControllerSettings) -> Self;
}

/// Nothing is looked at.
impl Narrowing for () {
    fn read(_: &mut Filters<'_>, _: &ControllerSettings) -> Self {}
}

/// The parameters of a request.
pub(super) struct Query<N> {
    form: Form,
    kind: PhantomData<fn() -> N>,
}

impl<N> Query<N> {
    pub(super) fn new(form: Form) -> Self {
        Self { form, kind: PhantomData }
    }

    /// All of them.
    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// What was asked for, and the filters, for those who find more wrong with them.
    pub(super) fn read(&self, state: &ApiState) -> (N, Filters<'_>)
    where
        N: Narrowing,
    {
        let mut filters = Filters::new(&self.form);
        let asked = N::read(&mut filters, &state.app.settings().controller);
        (asked, filters)
    }
}

impl<S: Send + Sync, N> FromRequestParts<S> for Query<N> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::new(Form::parse(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}
