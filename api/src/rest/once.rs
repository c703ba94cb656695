//! `Idempotency-Key`: a request that is sent again is not carried out again, and gets the same answer for a day.

use app::{Begun, GivenAnswer, Turn};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::{
    caller::Caller,
    endpoint::{LIMIT, unreadable},
    failure::RestError,
    sentences,
};
use crate::{ApiState, body};

pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters of a key.
pub(super) const LONGEST: usize = 200;
/// Bytes of an answer.
const LARGEST: usize = 16 * 1024 * 1024;
/// Headers that belong to an answer; everything else is about the connection.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// Carries out a request, or repeats what a former one with the same key was answered.
pub(super) async fn perform<F>(
    state: &ApiState,
    request: Request,
    carry_out: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(caller), true) = (caller, changes.contains(request.method())) else {
        return carry_out(request).await;
    };
    match key(request.headers()) {
        Ok(None) => carry_out(request).await,
        Ok(Some(key)) => {
            let answer = once(state, &caller, &key, request, carry_out).await;
            answer.unwrap_or_else(RestError::into_response)
        }
        Err(error) => error.into_response(),
    }
}

async fn once<F>(
    state: &ApiState,
    caller: &Caller,
    key: &str,
    request: Request,
    carry_out: impl FnOnce(Request) -> F,
) -> Result<Response, RestError>
where
    F: Future<Output = Response>,
{
    let (parts, content) = request.into_parts();
    let bytes = body::read(content, LIMIT).await.map_err(unreadable)?;
    let place = format!("{} {}", parts.method, parts.uri.path());
    let query = parts.uri.query().unwrap_or_default();
    let mut asked = format!("{query}\n{}\n", body::media_type(&parts.headers)).into_bytes();
    asked.extend_from_slice(&bytes);
    match state.app.requests().begin(&caller.by, &place, key, &asked).await? {
        Begun::Now(turn) => {
            let answer = carry_out(Request::from_parts(parts, Body::from(bytes))).await;
            keep(state, turn, answer).await
        }
        Begun::Before(answer) => Ok(replayed(answer)),
        Begun::Running => Err(RestError::Later(
            StatusCode::CONFLICT,
            "A request with this idempotency key is being carried out.",
        )),
        Begun::Lost => Err(detail(
            StatusCode::CONFLICT,
            "A request with this idempotency key was carried out, but its answer was lost: look what it did.",
        )),
        Begun::Different => Err(detail(
            StatusCode::UNPROCESSABLE_ENTITY,
            "This idempotency key was used for a different request.",
        )),
        Begun::Narrower => Err(RestError::forbidden(sentences::NO_PERMISSION)),
        Begun::TooMany => Err(RestError::Later(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many idempotency keys: wait, or send the request without one.",
        )),
    }
}

/// Keeps what was done. What was refused may be asked again.
async fn keep(state: &ApiState, turn: Turn, answer: Response) -> Result<Response, RestError> {
    let requests = state.app.requests();
    if !answer.status().is_success() {
        if !answer.status().is_server_error() {
            requests.give_up(turn).await?;
        }
        return Ok(answer);
    }
    let (parts, content) = answer.into_parts();
    let bytes = body::read(content, LARGEST).await.map_err(|_| RestError::Broken)?;
    let header = |name: &HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.to_string(), value.to_owned()))
    };
    let given = GivenAnswer {
        status: parts.status.as_u16(),
        headers: KEPT.iter().filter_map(header).collect(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    requests.answer(turn, given).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn replayed(answer: GivenAnswer) -> Response {
    let GivenAnswer { status, headers, body } = answer;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn key(headers: &HeaderMap) -> Result<Option<String>, RestError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    let fits =
        (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if fits && headers.get_all(KEY).iter().count() == 1 {
        Ok(Some(key.to_owned()))
    } else {
        let sentence = "Idempotency-Key must be one key of 1 to 200 visible ASCII characters.";
        Err(detail(StatusCode::BAD_REQUEST, sentence))
    }
}

fn detail(status: StatusCode, sentence: &str) -> RestError {
    RestError::Detail(status, sentence.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_short_word() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(KEY, HeaderValue::from_str(value).unwrap());
            key(&headers)
        };
        assert_eq!(key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(of("\"8e03978e\"").unwrap().as_deref(), Some("\"8e03978e\""));
        for wrong in ["", "a b", &"x".repeat(201)] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        let mut two = HeaderMap::new();
        two.append(KEY, HeaderValue::from_static("a"));
        two.append(KEY, HeaderValue::from_static("b"));
        assert!(key(&two).is_err());
    }
}
