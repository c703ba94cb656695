//! Numbers in paths: what has one instead of an id. Other shapes match no route.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
    response::Response,
};

use crate::page;

/// The number of the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) u32);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        match of(parts).await {
            Ok(Some(number)) => Ok(Self(number)),
            Ok(None) | Err(NoNumber) => Err(page::not_found().await),
        }
    }
}

/// What stands in the path is not a number.
#[derive(Debug)]
pub(super) struct NoNumber;

/// The number of the path, if the route has one. One that is too large is nobody's.
pub(super) async fn of(parts: &mut Parts) -> Result<Option<u32>, NoNumber> {
    let parameters = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| NoNumber)?;
    match parameters.iter().find(|(name, _)| *name == "number") {
        Some((_, text)) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Some(text.parse().unwrap_or(u32::MAX)))
        }
        Some(_) => Err(NoNumber),
        None => Ok(None),
    }
}
