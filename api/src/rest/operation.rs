//! What may be done at a path. Handlers say by their types what they take and what they answer; the description of REST is
//! made of that, so that neither can be without the other.

use axum::{extract::State, handler::Handler, routing::MethodRouter};
use utoipa::openapi::HttpMethod;

use super::{
    answer::Answer,
    caller::Caller,
    docs::Description,
    failure::RestError,
    id::{Id, Second},
    list::Wanted,
    number::Number,
    query::{Narrowing, Query},
    sent::{Body, Sent},
};
use crate::{ApiState, request::Sender};

/// A method of a path.
pub(crate) struct Operation {
    pub(super) method: HttpMethod,
    /// As clients' generators name it: that of the reference where it has it.
    pub(super) id: &'static str,
    /// For people.
    pub(super) summary: &'static str,
    pub(super) describe: fn(&mut Description<'_>),
}

/// The methods of a path, with who handles them.
#[derive(Default)]
pub(super) struct Methods {
    pub(super) router: MethodRouter<ApiState>,
    pub(super) operations: Vec<Operation>,
}

/// A handler whose types say what it takes and what it answers.
pub(super) trait Described<Parts> {
    /// Says it.
    fn describe(description: &mut Description<'_>);
}

/// What a handler takes of a request.
pub(super) trait Part {
    /// Says what it is. Ids are in the path, which says it itself.
    fn describe(_: &mut Description<'_>) {}
}

impl Part for State<ApiState> {}
impl Part for Caller {}
impl Part for Sender {}
impl Part for Id {}
impl Part for Second {}
impl Part for Number {}

impl<N: Narrowing> Part for Query<N> {
    fn describe(description: &mut Description<'_>) {
        description.query::<N>();
    }
}

impl<N: Narrowing> Part for Wanted<N> {
    fn describe(description: &mut Description<'_>) {
        description.query::<N>();
        description.pages();
    }
}

impl<T: Sent> Part for Body<T> {
    fn describe(description: &mut Description<'_>) {
        description.body::<T>();
    }
}

macro_rules! described {
    ($($part:ident),*) => {
        impl<F, Fut, A, $($part),*> Described<($($part,)*)> for F
        where
            F: Fn($($part),*) -> Fut,
            Fut: Future<Output = Result<A, RestError>>,
            A: Answer,
            $($part: Part),*
        {
            fn describe(description: &mut Description<'_>) {
                $($part::describe(description);)*
                A::describe(description);
            }
        }
    };
}

described!(P1, P2);
described!(P1, P2, P3);
described!(P1, P2, P3, P4);
described!(P1, P2, P3, P4, P5);

macro_rules! methods {
    ($($name:ident, $method:ident;)+) => {$(
        /// One method more.
        pub(super) fn $name<H, T, P>(mut self, id: &'static str, summary: &'static str, handler: H) -> Self
        where
            H: Handler<T, ApiState> + Described<P>,
            T: 'static,
        {
            let describe = <H as Described<P>>::describe;
            self.operations.push(Operation { method: HttpMethod::$method, id, summary, describe });
            self.router = self.router.$name(handler);
            self
        }
    )+};
}

impl Methods {
    methods! {
        get, Get;
        post, Post;
        put, Put;
        patch, Patch;
        delete, Delete;
    }
}
