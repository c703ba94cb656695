//! What handlers answer when all goes well.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::docs::Description;

/// An answer that says what it is.
pub(super) trait Answer {
    /// Says it.
    fn describe(description: &mut Description<'_>);
}

impl<T: Serialize + ToSchema> Answer for Json<T> {
    fn describe(description: &mut Description<'_>) {
        description.object::<T>(StatusCode::OK);
    }
}

/// Something new, and where it is if it says so.
pub(super) struct Created<T> {
    body: T,
    location: Option<HeaderValue>,
}

impl<T> Created<T> {
    pub(super) fn new(body: T) -> Self {
        Self { body, location: None }
    }

    /// Points there.
    pub(super) fn at(self, location: Option<HeaderValue>) -> Self {
        Self { location, ..self }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let location = self.location.map(|place| [(header::LOCATION, place)]);
        let location = location.map(axum::response::AppendHeaders);
        (StatusCode::CREATED, location, Json(self.body)).into_response()
    }
}

impl<T: Serialize + ToSchema> Answer for Created<T> {
    fn describe(description: &mut Description<'_>) {
        description.object::<T>(StatusCode::CREATED);
    }
}

/// It is there no more.
pub(super) struct Gone;

impl IntoResponse for Gone {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Answer for Gone {
    fn describe(description: &mut Description<'_>) {
        description.nothing();
    }
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct List<T> {
    /// Of all pages.
    pub(super) count: u64,
    pub(super) next: Option<String>,
    pub(super) previous: Option<String>,
    pub(super) results: Vec<T>,
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl<T: Serialize + ToSchema> Answer for List<T> {
    fn describe(description: &mut Description<'_>) {
        description.list::<T>();
    }
}

/// An archive that a device downloads.
pub(super) struct Archive(pub(super) Response);

impl IntoResponse for Archive {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for Archive {
    fn describe(description: &mut Description<'_>) {
        description.archive();
    }
}
