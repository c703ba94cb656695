//! Asks a server and keeps the answer.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use reqwest::{Method, RequestBuilder, header::HeaderMap, redirect};
use serde_json::Value;

use crate::Contract;

/// An HTTP client for one server. It follows no redirects and waits as long as agents do.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
    contract: Option<Arc<Contract>>,
}

/// No answer may take longer: agents give up then.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Client {
    /// A client without credentials.
    ///
    /// # Panics
    ///
    /// The client cannot be set up.
    pub fn new(address: &str) -> Self {
        Self::with_connections(address, usize::MAX)
    }

    /// A client that makes a connection for every request. A server may close a connection whose
    /// last request had a body that nobody wanted to read; who reuses it then gets no answer.
    ///
    /// # Panics
    ///
    /// The client cannot be set up.
    pub fn without_reuse(address: &str) -> Self {
        Self::with_connections(address, 0)
    }

    fn with_connections(address: &str, idle: usize) -> Self {
        // Another test of the process may have installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(idle)
            .tls_certs_only([])
            .no_proxy()
            .build()
            .expect("plain HTTP needs nothing");
        Self {
            http,
            address: address.trim_end_matches('/').to_owned(),
            token: None,
            contract: None,
        }
    }

    /// The same client with a bearer token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client, to which answers are errors that are not what the server says of them.
    #[must_use]
    pub fn judged_by(&self, contract: &Arc<Contract>) -> Self {
        Self { contract: Some(contract.clone()), ..self.clone() }
    }

    /// A request to be completed and given to [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// There is no complete answer within the agents' time limit.
    pub async fn send(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let (client, request) = request.build_split();
        let request = request.context("not a request")?;
        let line = format!("{} {}", request.method(), request.url().path());
        let response =
            client.execute(request).await.with_context(|| format!("no answer: {line}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.with_context(|| format!("no whole answer: {line}"))?;
        let answer = Answer { line, status, headers, body: body.to_vec() };
        let (method, path) = answer.line.split_once(' ').unwrap_or_default();
        let contract = self.contract.as_ref();
        match contract.and_then(|contract| contract.broken(method, path, &answer)) {
            Some(broken) => Err(anyhow::anyhow!(broken)),
            None => Ok(answer),
        }
    }

    /// GET.
    ///
    /// # Errors
    ///
    /// See [`Client::send`].
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST of a form.
    ///
    /// # Errors
    ///
    /// See [`Client::send`].
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.send(self.request(Method::POST, path).form(form)).await
    }

    /// A GraphQL request; the answer's body as JSON, whatever it says.
    ///
    /// # Errors
    ///
    /// See [`Client::send`]; the body is not JSON.
    pub async fn graphql(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let body = serde_json::json!({ "query": query, "variables": variables });
        let answer = self.json(Method::POST, "/graphql", &body).await?;
        answer.json().with_context(|| format!("not JSON: {} {}", answer.status, answer.text()))
    }

    /// The same where nothing must go wrong: the answer's data.
    ///
    /// # Errors
    ///
    /// See [`Client::graphql`]; there are errors in the answer.
    pub async fn graphql_data(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let mut answer = self.graphql(query, variables).await?;
        anyhow::ensure!(answer.get("errors").is_none(), "{query}: {}", answer["errors"]);
        Ok(answer["data"].take())
    }

    /// Any method with a JSON body.
    ///
    /// # Errors
    ///
    /// See [`Client::send`].
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(self.request(method, path).json(body)).await
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    line: String,
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    #[cfg(test)]
    pub(crate) fn told(status: u16, content_type: &'static str, body: &str) -> Self {
        let kind = (reqwest::header::CONTENT_TYPE, content_type.parse().expect("a type"));
        let (line, body) = (String::new(), body.as_bytes().to_vec());
        Self { line, status, headers: HeaderMap::from_iter([kind]), body }
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, if it is.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer itself, if it has this status.
    ///
    /// # Errors
    ///
    /// It has another one; with the beginning of its body.
    pub fn expect(self, status: u16) -> anyhow::Result<Self> {
        let beginning: String = self.text().chars().take(300).collect();
        anyhow::ensure!(
            self.status == status,
            "{}: {} instead of {status}: {beginning}",
            self.line,
            self.status
        );
        Ok(self)
    }
}
