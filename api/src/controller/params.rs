//! Parameters: of GET only from the query, of POST only from the form.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};

use super::answer;
use crate::{
    ApiState,
    body::{self, BodyError, Kind},
    form::Form,
};

/// Far above what agents send: their longest field is an error of about 1 KiB.
const LIMIT: usize = 64 * 1024;

/// The parameters of a GET.
pub(super) struct QueryParams(pub(super) Form);

impl<S: Send + Sync> FromRequestParts<S> for QueryParams {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(Form::parse(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

/// The parameters of a POST. A body of another type than a form has none.
pub(super) struct FormParams(pub(super) Form);

impl FromRequest<ApiState> for FormParams {
    type Rejection = Response;

    async fn from_request(request: Request, _: &ApiState) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let form = match body::kind(&parts.headers) {
            Kind::Form => {
                body::read(body, LIMIT).await.map(|bytes| Form::parse(&bytes)).map_err(refuse)?
            }
            Kind::Multipart => {
                let bytes = body::read(body, LIMIT).await.map_err(refuse)?;
                body::multipart(&parts.headers, bytes).await.map_err(refuse)?
            }
            Kind::Json | Kind::Other => {
                // Read all the same: an agent that is still sending does not see the answer.
                body::read(body, LIMIT).await.map_err(refuse)?;
                Form::default()
            }
        };
        Ok(Self(form))
    }
}

fn refuse(error: BodyError) -> Response {
    let (status, text) = match error {
        BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "error: the request is too large\n"),
        BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "error: the request took too long\n"),
        BodyError::Broken => (StatusCode::BAD_REQUEST, "error: the form cannot be read\n"),
    };
    answer::text(status, text).into_response()
}
