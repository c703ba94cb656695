//! A client of `graphql-transport-ws`.

use std::{future::Future, time::Duration};

use anyhow::{Context, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpSocket, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};
use wisptrail_tests::Server;

/// Nothing takes longer.
const BOUND: Duration = Duration::from_secs(30);

/// A connection.
pub(crate) struct Socket(WebSocketStream<tokio::net::TcpStream>);

/// What the server does next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// It says something.
    Message(Value),
    /// It closes the connection.
    Closed(u16, String),
}

/// How a request for a connection looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer<'a> {
    pub(crate) protocol: Option<&'static str>,
    pub(crate) authorization: Option<&'a str>,
}

impl Default for Offer<'_> {
    fn default() -> Self {
        Self { protocol: Some("graphql-transport-ws"), authorization: None }
    }
}

async fn within<T>(what: &str, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    timeout(BOUND, work).await.with_context(|| format!("it takes too long: {what}"))?
}

impl Socket {
    /// A connection on which nothing was said; the status where there is none.
    pub(crate) async fn connect(
        server: &Server,
        offer: Offer<'_>,
    ) -> anyhow::Result<Result<Self, u16>> {
        let address = server.address().trim_start_matches("http://").parse()?;
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        let headers = request.headers_mut();
        if let Some(protocol) = offer.protocol {
            headers.insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        }
        if let Some(authorization) = offer.authorization {
            headers.insert("authorization", authorization.parse()?);
        }
        within("a connection", async {
            let socket = TcpSocket::new_v4()?;
            // Whoever does not read is noticed soon.
            socket.set_recv_buffer_size(16 << 10)?;
            match client_async(request, socket.connect(address).await?).await {
                Ok((stream, _)) => Ok(Ok(Self(stream))),
                Err(Error::Http(answer)) => Ok(Err(answer.status().as_u16())),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// A connection on which a token was accepted.
    pub(crate) async fn open(server: &Server, token: &str) -> anyhow::Result<Self> {
        let connected = Self::connect(server, Offer::default()).await?;
        let mut socket = connected.map_err(|status| anyhow::anyhow!("refused: {status}"))?;
        let payload = json!({ "Authorization": format!("Bearer {token}") });
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await?;
        let heard = socket.hear().await?;
        anyhow::ensure!(heard == Heard::Message(json!({ "type": "connection_ack" })), "{heard:?}");
        Ok(socket)
    }

    pub(crate) async fn say(&mut self, message: &Value) -> anyhow::Result<()> {
        self.say_text(&message.to_string()).await
    }

    pub(crate) async fn say_text(&mut self, text: &str) -> anyhow::Result<()> {
        let message = Message::text(text);
        within("to say something", async { Ok(self.0.send(message).await?) }).await
    }

    /// What comes next.
    pub(crate) async fn hear(&mut self) -> anyhow::Result<Heard> {
        within("to hear something", async {
            loop {
                match self.0.next().await.context("the connection ended without a word")?? {
                    Message::Text(text) => return Ok(Heard::Message(serde_json::from_str(&text)?)),
                    Message::Close(Some(frame)) => {
                        return Ok(Heard::Closed(frame.code.into(), frame.reason.to_string()));
                    }
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => bail!("unexpected: {other:?}"),
                }
            }
        })
        .await
    }

    /// Waits until the server asks whether anybody is there, and answers.
    pub(crate) async fn pinged(&mut self) -> anyhow::Result<()> {
        within("to be asked", async {
            loop {
                match self.0.next().await.context("the connection ended without a word")?? {
                    Message::Ping(_) => return Ok(self.0.flush().await?),
                    Message::Close(frame) => bail!("closed: {frame:?}"),
                    _ => {}
                }
            }
        })
        .await
    }

    /// The code that the server closes with, whatever it says before.
    pub(crate) async fn closed(&mut self) -> anyhow::Result<(u16, String)> {
        loop {
            if let Heard::Closed(code, reason) = self.hear().await? {
                return Ok((code, reason));
            }
        }
    }

    pub(crate) async fn subscribe(
        &mut self,
        id: &str,
        query: &str,
        variables: Value,
    ) -> anyhow::Result<()> {
        let payload = json!({ "query": query, "variables": variables });
        self.say(&json!({ "type": "subscribe", "id": id, "payload": payload })).await
    }

    /// The data of the next answer; nothing may be wrong with it.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Value> {
        match self.hear().await? {
            Heard::Message(mut message) if message["type"] == "next" => {
                anyhow::ensure!(message["payload"].get("errors").is_none(), "{message}");
                Ok(message["payload"]["data"].take())
            }
            other => bail!("no answer: {other:?}"),
        }
    }

    /// The code of the error that the next message is.
    pub(crate) async fn error(&mut self) -> anyhow::Result<String> {
        match self.hear().await? {
            Heard::Message(message) if message["type"] == "error" => {
                let code = &message["payload"][0]["extensions"]["code"];
                Ok(code.as_str().unwrap_or_default().to_owned())
            }
            other => bail!("no error: {other:?}"),
        }
    }
}
