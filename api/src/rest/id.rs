//! Ids in paths: UUIDs with dashes, lower case. Other shapes match no route.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
    response::Response,
};
use uuid::Uuid;

use crate::{controller::dashed, page};

/// The id of the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(pub(super) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        match of(parts).await {
            Ok(Some(id)) => Ok(Self(id)),
            Ok(None) | Err(NoId) => Err(page::not_found().await),
        }
    }
}

/// What stands in the path is not an id.
#[derive(Debug)]
pub(super) struct NoId;

/// The id of the path, if the route has one.
pub(super) async fn of(parts: &mut Parts) -> Result<Option<Uuid>, NoId> {
    let parameters = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| NoId)?;
    match parameters.iter().find(|(name, _)| *name == "id") {
        Some((_, text)) => dashed(text).map(Some).ok_or(NoId),
        None => Ok(None),
    }
}
