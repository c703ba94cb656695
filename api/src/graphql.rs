//! GraphQL at `/graphql`: everything that people and programs do, over one endpoint. Queries and mutations come by POST,
//! subscriptions over a WebSocket.
//!
//! Types wrap rows and use cases, never aggregates or events. One file per noun; lists are connections; what a page refers
//! to is read in batches; failures have one table of codes.

mod batches;
mod blame;
mod bulk;
mod coded;
mod configuration;
mod connection;
mod device;
mod dry_run;
mod error;
mod expansion;
mod group;
mod history;
mod link;
mod literals;
mod live;
mod loaders;
mod node;
mod organization;
mod page;
mod permission_group;
mod preview;
mod refused;
mod request;
mod scalar;
mod schema;
mod settled;
mod template;
mod unchanging;
mod user;
mod viewer;
mod webhook;

use app::{By, Failure, Refusal, exact_json};
use async_graphql::{BatchRequest, BatchResponse, Request, Response as Answer, ServerError};
use axum::{
    Json,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any},
};

pub use live::{SocketLimits, Sockets};
pub use schema::{GraphqlLimits, schema_text};

use self::{batches::Batches, loaders::Loaders, request::Expired, schema::WisptrailSchema};
use crate::{
    ApiState, body,
    request::Sender,
    rest::bearer,
    routes::{Audience, Route, Routes},
};

/// Largest body of a request.
const LIMIT: usize = 1024 * 1024;
/// Requests in one body.
const BATCH: usize = 10;

/// The endpoint, and what its page loads.
pub(crate) fn routes() -> Routes {
    let endpoint = Route {
        path: "/graphql".to_owned(),
        methods: "GET, POST",
        // Nobody may log in, and ask for nothing else.
        audience: Audience::Accounts,
    };
    let assets = Route {
        path: "/graphql/assets/{name}".to_owned(),
        methods: "GET, HEAD",
        audience: Audience::Everybody,
    };
    Routes::default().add(endpoint, |state| served(state.graphql, state.app.read_only())).add(
        assets,
        |state| {
            if state.graphql.graphiql { page::assets() } else { any(crate::page::not_found) }
        },
    )
}

fn served(limits: GraphqlLimits, read_only: bool) -> MethodRouter<ApiState> {
    let schema = schema::schema(limits, read_only);
    let live_schema = schema.clone();
    let post = move |state: State<ApiState>, parts: Parts, content: axum::body::Body| {
        execute(schema.clone(), state, parts, content)
    };
    let get = move |state: State<ApiState>, upgrade: Upgrade, parts: Parts| async move {
        match live::is_upgrade(&parts.headers) {
            true => live::serve(live_schema.clone(), state, upgrade, parts).await,
            false if limits.graphiql => page::show(parts.headers).await,
            false => no_page().await,
        }
    };
    any(no_page).post(post).get(get)
}

/// A request for a WebSocket, or why it is none.
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Queries come by POST: they hold more than belongs into access logs.
async fn no_page() -> Response {
    let allow = [(header::ALLOW, "POST")];
    (StatusCode::METHOD_NOT_ALLOWED, allow, "send GraphQL requests by POST\n").into_response()
}

async fn execute(
    schema: WisptrailSchema,
    State(state): State<ApiState>,
    parts: Parts,
    content: axum::body::Body,
) -> Response {
    let bytes = match body::read(content, LIMIT).await {
        Ok(bytes) => bytes,
        Err(error) => {
            let (status, sentence) = match error {
                body::BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "is too large"),
                body::BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "took too long"),
                body::BodyError::Broken => (StatusCode::BAD_REQUEST, "cannot be read"),
            };
            return refuse(status, &format!("the body {sentence}"));
        }
    };
    if body::kind(&parts.headers) != body::Kind::Json {
        let sentence = "the body must be application/json";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence);
    }
    let request = match parse(&bytes) {
        Ok(request) => request,
        Err(error) => {
            let sentence = format!("the body is not a GraphQL request: {error}");
            return refuse(StatusCode::BAD_REQUEST, &sentence);
        }
    };
    if matches!(&request, BatchRequest::Batch(requests) if requests.is_empty() || requests.len() > BATCH)
    {
        let sentence = format!("a batch has 1 to {BATCH} requests");
        return refuse(StatusCode::BAD_REQUEST, &sentence);
    }
    let (sender, by) = (Sender::of(&parts), caller(&state, &parts).await);
    let by = match by {
        Ok(by) => by,
        Err(failure) => {
            let status = match failure {
                Failure::Unavailable | Failure::Busy => StatusCode::SERVICE_UNAVAILABLE,
                Failure::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::UNAUTHORIZED,
            };
            let error = error::failure(failure).into_server_error(async_graphql::Pos::default());
            return answer(status, &BatchResponse::Single(Answer::from_errors(vec![error])));
        }
    };
    let failed = by.as_failed();
    let response = match request {
        BatchRequest::Single(request) => {
            BatchResponse::Single(one(&schema, request, &state, by, sender).await)
        }
        BatchRequest::Batch(requests) => {
            // One after the other, as their order says.
            let mut answers = Vec::with_capacity(requests.len());
            for request in requests {
                answers.push(one(&schema, request, &state, by.clone(), sender).await);
            }
            BatchResponse::Batch(answers)
        }
    };
    let status = if response.is_ok() { StatusCode::OK } else { failed };
    answer(status, &response)
}

/// A request is an object, several are a list.
fn parse(bytes: &[u8]) -> Result<BatchRequest, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let text = exact_json(text).map_err(|inexact| inexact.to_string())?;
    let parsed = if text.trim_ascii_start().starts_with('[') {
        serde_json::from_str(&text).map(BatchRequest::Batch)
    } else {
        serde_json::from_str(&text).map(BatchRequest::Single)
    };
    parsed.map_err(|error| error.to_string())
}

/// Answers one request. The schema is for those that are known.
async fn one(
    schema: &WisptrailSchema,
    request: Request,
    state: &ApiState,
    by: Asking,
    sender: Sender,
) -> Answer {
    let request = match literals::exact(request) {
        Ok(request) => request.data(state.app.clone()).data(sender),
        Err(error) => return Answer::from_errors(vec![error]),
    };
    let (queue, batches) = Batches::new();
    let request = match by {
        Asking::Somebody(by) => {
            request.data(Loaders::new(state.app.clone(), by.clone(), queue)).data(by)
        }
        Asking::Expired(by) => request.data(Expired(by)).disable_introspection(),
        Asking::Nobody => request.disable_introspection(),
    };
    batches.serve(schema.execute(request)).await
}

/// Who asks.
#[derive(Clone)]
enum Asking {
    /// May log in and ask for links, and nothing else.
    Nobody,
    /// Has to choose another password first.
    Expired(By),
    /// An account.
    Somebody(By),
}

impl Asking {
    /// The status of an answer with errors.
    fn as_failed(&self) -> StatusCode {
        match self {
            Self::Nobody => StatusCode::UNAUTHORIZED,
            Self::Expired(_) => StatusCode::FORBIDDEN,
            Self::Somebody(_) => StatusCode::OK,
        }
    }
}

/// Whoever the token belongs to; without a token nobody.
async fn caller(state: &ApiState, parts: &Parts) -> Result<Asking, Failure> {
    if !parts.headers.contains_key(header::AUTHORIZATION) {
        return Ok(Asking::Nobody);
    }
    let token = bearer(&parts.headers).map_err(|_| Failure::Unauthenticated)?;
    let (accounts, sender) = (state.app.accounts(), Sender::of(parts));
    match accounts.bearer(token, sender.correlation_id).await {
        Ok(by) => Ok(Asking::Somebody(by.from(sender.peer()))),
        Err(Failure::Refused(Refusal::PasswordExpired)) => {
            let by = accounts.bearer_for_password(token, sender.correlation_id).await?;
            Ok(Asking::Expired(by.from(sender.peer())))
        }
        Err(failure) => Err(failure),
    }
}

fn refuse(status: StatusCode, sentence: &str) -> Response {
    let mut error = ServerError::new(sentence, None);
    let mut extensions = async_graphql::ErrorExtensionValues::default();
    extensions.set("code", "INVALID");
    error.extensions = Some(extensions);
    answer(status, &BatchResponse::Single(Answer::from_errors(vec![error])))
}

fn answer(status: StatusCode, response: &BatchResponse) -> Response {
    let mut headers: HeaderMap = response.http_headers();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    (status, headers, Json(response)).into_response()
}
