//! `GET /api/v1/events`: a stream for those who ask for one, a page for everybody else.

use app::{Ended, EventsLive, Failure, Listener};
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Version, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{
    question::{Question, refused},
    stream,
};
use crate::{
    ApiState,
    request::{HangUp, Sender, base_url},
    rest::{bearer, failure::RestError},
};

const STREAM: &str = "text/event-stream";

pub(super) async fn handle(State(state): State<ApiState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let answer = if wants_stream(&parts.headers) {
        streamed(&state, &parts).await
    } else {
        paged(&state, &parts).await
    };
    answer.unwrap_or_else(RestError::into_response)
}

/// Does the client ask for a stream by name?
fn wants_stream(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = ranges.flat_map(|ranges| ranges.split(','));
    ranges.any(|range| {
        let range = range.split(';').next().unwrap_or_default();
        range.trim().eq_ignore_ascii_case(STREAM)
    })
}

/// Who asks, what, and the events from there on.
async fn asked(
    state: &ApiState,
    parts: &Parts,
) -> Result<(Listener, Question, EventsLive), RestError> {
    let token = bearer(&parts.headers).map_err(RestError::Unauthenticated)?;
    let live = state.app.live();
    let listener = live.listener(token, Sender::of(parts).correlation_id).await?;
    let question = Question::read(parts)?;
    let Question { after, selection, confidential, .. } = &question;
    let events = live.events(&listener, selection.clone(), *after, *confidential).await;
    Ok((listener, question, events.map_err(refused)?))
}

async fn paged(state: &ApiState, parts: &Parts) -> Result<Response, RestError> {
    let (_, question, mut events) = asked(state, parts).await?;
    let page = events.page(question.limit).await.map_err(|ended| match ended {
        Ended::Token => Failure::Unauthenticated,
        // It has changed since the request began.
        Ended::Rights => Failure::Busy,
        Ended::Failed(failure) => failure,
    })?;
    let query = Question::next(parts, page.position);
    let next = format!("{}{}?{query}", base_url(parts), parts.uri.path());
    let told: Vec<Value> = page.events.iter().map(app::LiveEvent::cloud_event).collect();
    let body = json!({
        "events": told,
        "position": page.position,
        "caught_up": page.caught_up,
        "next": next,
    });
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body))
        .into_response())
}

async fn streamed(state: &ApiState, parts: &Parts) -> Result<Response, RestError> {
    let (listener, _, events) = asked(state, parts).await?;
    let Some(place) = state.streams.place() else {
        metrics::counter!("wisptrail_event_streams_refused_total").increment(1);
        let sentence = "There are as many streams as there may be: try again later.";
        return Err(RestError::Later(StatusCode::SERVICE_UNAVAILABLE, sentence));
    };
    let alone = parts.version <= Version::HTTP_11;
    let hang_up = parts.extensions.get::<HangUp>().cloned();
    let connection = stream::Connection { hang_up, alone };
    let body = stream::begin(&state.streams, place, &listener, events, connection);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(STREAM)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies that keep answers back until they are whole.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    let mut answer = (headers, body).into_response();
    if alone {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}
