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
        match named(parts, FIRST).await {
            Ok(Some(id)) => Ok(Self(id)),
            Ok(None) | Err(NoId) => Err(page::not_found().await),
        }
    }
}

/// The id of something inside of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Second(pub(super) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Second {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        match named(parts, SECOND).await {
            Ok(Some(id)) => Ok(Self(id)),
            Ok(None) | Err(NoId) => Err(page::not_found().await),
        }
    }
}

const FIRST: &str = "id";
const SECOND: &str = "inner";

/// What stands in the path is not an id.
#[derive(Debug)]
pub(super) struct NoId;

/// The ids of the path, those that the route has.
pub(super) async fn of(parts: &mut Parts) -> Result<[Option<Uuid>; 2], NoId> {
    Ok([named(parts, FIRST).await?, named(parts, SECOND).await?])
}

async fn named(parts: &mut Parts, wanted: &str) -> Result<Option<Uuid>, NoId> {
    let parameters = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| NoId)?;
    match parameters.iter().find(|(name, _)| *name == wanted) {
        Some((_, text)) => dashed(text).map(Some).ok_or(NoId),
        None => Ok(None),
    }
}
