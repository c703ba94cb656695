//! What all endpoints have in common: format, credentials, methods, and what is said about them.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use serde_json::{Map, Value, json};

use super::{
    caller::Caller,
    conditional,
    failure::RestError,
    id, language,
    negotiation::{self, Format},
    number, once,
    operation::{Methods, Operation},
};
use crate::{
    ApiState, body,
    form::Form,
    page,
    request::RequestId,
    routes::{Audience, Route, Routes},
};

/// A path and what may be done there.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// With its slash at the end.
    pub(super) path: &'static str,
    /// For people.
    pub(super) name: &'static str,
    /// As the `Allow` header says.
    pub(super) methods: &'static str,
    /// Does it answer anybody?
    pub(super) open: bool,
}

impl Endpoint {
    /// Is it one of those that people come to whose password has expired?
    fn changes_passwords(&self) -> bool {
        ["/password/", "/password/change/"].iter().any(|end| self.path.ends_with(end))
    }
}

/// For lists.
pub(super) const LIST: &str = "GET, POST, HEAD, OPTIONS";
/// For single objects.
pub(super) const DETAIL: &str = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS";
/// For what is always there.
pub(super) const CHANGE: &str = "GET, PUT, PATCH, HEAD, OPTIONS";
/// For what is made once and never changed.
pub(super) const ONCE: &str = "GET, DELETE, HEAD, OPTIONS";
/// For what is only read.
pub(super) const READ: &str = "GET, HEAD, OPTIONS";
/// For what is only replaced.
pub(super) const REPLACE: &str = "PUT, OPTIONS";
/// For what is only done.
pub(super) const DO: &str = "POST, OPTIONS";

/// All endpoints, and what may be done there.
#[derive(Default)]
pub(super) struct Endpoints {
    routes: Routes,
    described: Vec<(&'static Endpoint, Vec<Operation>)>,
}

impl Endpoints {
    /// One more.
    pub(super) fn add(self, endpoint: &'static Endpoint, methods: Methods) -> Self {
        let audience = if endpoint.open { Audience::Everybody } else { Audience::Accounts };
        let route = Route { path: endpoint.path.to_owned(), methods: endpoint.methods, audience };
        let Methods { router: methods, operations } = methods;
        let Self { routes, mut described } = self;
        described.push((endpoint, operations));
        let routes = routes.add(route, move |state| {
            let gate = (state.clone(), endpoint, methods.clone());
            let gate = middleware::from_fn_with_state(gate, self::gate);
            // Without a fallback of its own the gate would not be asked about other methods.
            methods.fallback(page::not_found).layer(gate)
        });
        Self { routes, described }
    }

    /// And those.
    pub(super) fn merge(mut self, others: Self) -> Self {
        self.described.extend(others.described);
        Self { routes: self.routes.merge(others.routes), ..self }
    }

    /// To be served.
    pub(super) fn routes(self) -> Routes {
        self.routes
    }

    /// To be described, in the order in which they were added.
    pub(super) fn described(self) -> Vec<(&'static Endpoint, Vec<Operation>)> {
        self.described
    }
}

/// What the gate knows of its endpoint.
type Gate = (ApiState, &'static Endpoint, MethodRouter<ApiState>);

/// Everything before and after an endpoint.
async fn gate(
    State((state, endpoint, methods)): State<Gate>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, content) = request.into_parts();
    if id::of(&mut parts).await.is_err() || number::of(&mut parts).await.is_err() {
        return page::not_found().await;
    }
    let request_id = parts.extensions.get::<RequestId>().copied();
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let asked = parts.headers.clone();
    let mut answer = match negotiation::choose(&query, &parts.headers) {
        Err(error) => error.into_response(),
        Ok(format) => {
            let answer = match admit(&state, endpoint, &query, &mut parts).await {
                Ok(None) if [Method::GET, Method::HEAD].contains(&parts.method) => {
                    let answer = next.run(Request::from_parts(parts, content)).await;
                    conditional::tagged(&state.app, endpoint, &asked, answer).await
                }
                Ok(None) => {
                    let request = Request::from_parts(parts, content);
                    let carry_out = |request| guarded(&state, endpoint, &methods, request, next);
                    once::perform(&state, request, carry_out).await
                }
                Ok(Some(description)) => Json(description).into_response(),
                Err(error) => error.into_response(),
            };
            let answer = language::translate(&asked, answer).await;
            match format {
                Format::Json => answer,
                Format::Page => negotiation::into_page(endpoint.name, answer).await,
            }
        }
    };
    if answer.status() == StatusCode::INTERNAL_SERVER_ERROR {
        answer = with_request_id(answer, request_id);
    }
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(endpoint.methods));
    answer
}

/// Carries out what changes something, unless the client has not seen what it is about.
async fn guarded(
    state: &ApiState,
    endpoint: &Endpoint,
    methods: &MethodRouter<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, content) = request.into_parts();
    match conditional::guard(state, endpoint, methods, &mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, content)).await,
        Err(answer) => answer,
    }
}

/// Credentials before methods; a description where one was asked for.
async fn admit(
    state: &ApiState,
    endpoint: &Endpoint,
    query: &Form,
    parts: &mut axum::http::request::Parts,
) -> Result<Option<Value>, RestError> {
    if !endpoint.open {
        let caller = if endpoint.changes_passwords() {
            Caller::for_password(&state.app, parts).await?
        } else {
            Caller::of(&state.app, parts).await?
        };
        parts.extensions.insert(caller);
    }
    let mut methods = endpoint.methods.split(", ");
    if !methods.any(|method| method == parts.method.as_str()) {
        let sentence = format!("Method \"{}\" not allowed.", parts.method);
        return Err(RestError::Detail(StatusCode::METHOD_NOT_ALLOWED, sentence));
    }
    if let Some(name) = query.garbled() {
        return Err(RestError::field(name, "Not valid UTF-8."));
    }
    Ok((parts.method == Method::OPTIONS).then(|| description(endpoint)))
}

fn description(endpoint: &Endpoint) -> Value {
    let actions: Map<String, Value> = ["POST", "PUT"]
        .into_iter()
        .filter(|method| endpoint.methods.split(", ").any(|known| known == *method))
        .map(|method| (method.to_owned(), json!({})))
        .collect();
    json!({
        "name": endpoint.name,
        "description": "",
        "renders": ["application/json", "text/html"],
        "parses": [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ],
        "actions": actions,
    })
}

/// The id under which the cause is in the logs; the cause itself stays there.
fn with_request_id(answer: Response, id: Option<RequestId>) -> Response {
    let mut detail = json!({ "detail": "Internal server error." });
    if let (Some(RequestId(id)), Some(fields)) = (id, detail.as_object_mut()) {
        fields.insert("request_id".to_owned(), json!(id.to_string()));
    }
    (answer.status(), Json(detail)).into_response()
}

/// What a handler reads of its request once the caller is known to be allowed to send it.
pub(super) struct Unread {
    headers: axum::http::HeaderMap,
    content: axum::body::Body,
}

impl<S: Send + Sync> axum::extract::FromRequest<S> for Unread {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, content) = request.into_parts();
        Ok(Self { headers: parts.headers, content })
    }
}

/// Largest body of a request.
pub(super) const LIMIT: usize = 4 * 1024 * 1024;
/// Largest body of a request that anybody may send.
pub(super) const OPEN_LIMIT: usize = 64 * 1024;

impl Unread {
    /// Headers and all bytes.
    pub(super) async fn bytes(
        self,
        limit: usize,
    ) -> Result<(axum::http::HeaderMap, bytes::Bytes), RestError> {
        let bytes = body::read(self.content, limit).await.map_err(unreadable)?;
        Ok((self.headers, bytes))
    }
}

/// A body that did not come as a whole.
pub(super) fn unreadable(error: body::BodyError) -> RestError {
    let (status, sentence) = match error {
        body::BodyError::TooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large.")
        }
        body::BodyError::TooSlow => {
            (StatusCode::REQUEST_TIMEOUT, "The request body took too long to arrive.")
        }
        body::BodyError::Broken => (StatusCode::BAD_REQUEST, "The request body cannot be read."),
    };
    RestError::Detail(status, sentence.to_owned())
}
