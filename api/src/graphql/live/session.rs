//! One connection, from its first message to its last.
//!
//! Nothing is taken from an operation before what was taken before it was written to the connection: a client that does not
//! read holds its own operations up, and nothing piles up for it.

use std::time::Duration;

use app::{Ended, Listener};
use async_graphql::{Request, ServerError};
use axum::extract::ws::{Message, WebSocket};
use futures::{FutureExt as _, future::BoxFuture};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use super::{
    farewell::Farewell,
    operations::{Given, MOST, Operations, Refused},
    progress::Progress,
    protocol::{Said, Say, token},
    sockets::Sockets,
};
use crate::{
    ApiState,
    graphql::{batches::Batches, literals, loaders::Loaders, schema::WisptrailSchema},
    request::Sender,
};

/// How long a client has to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// The same when the server stops.
const LAST_FAREWELL: Duration = Duration::from_secs(2);
/// Characters of an operation's id.
const LONGEST_ID: usize = 128;

/// A connection.
pub(super) struct Session {
    pub(super) schema: WisptrailSchema,
    pub(super) state: ApiState,
    pub(super) sender: Sender,
    pub(super) sockets: Sockets,
    pub(super) socket: WebSocket,
    /// From the header of the request, until `connection_init` comes.
    pub(super) known: Option<Listener>,
}

/// What a connection has while it is served.
struct Served {
    listener: Option<Listener>,
    operations: Operations,
    /// Resolves when the listener has to stop.
    ended: BoxFuture<'static, Ended>,
    heard: Instant,
}

/// What comes next.
enum Next {
    Message(Option<Result<Message, axum::Error>>),
    Given(Given),
    Ping,
}

impl Session {
    /// Serves it to its end.
    pub(super) async fn run(mut self) {
        let mut served = Served {
            listener: None,
            operations: Operations::default(),
            ended: std::future::pending().boxed(),
            heard: Instant::now(),
        };
        let Err(farewell) = self.serve(&mut served).await;
        drop(served);
        metrics::counter!("wisptrail_graphql_connections_closed_total", "code" => farewell.code())
            .increment(1);
        let Some(frame) = farewell.frame() else { return };
        tracing::debug!(code = frame.code, "a subscriber is sent away: {}", frame.reason);
        let stopping = self.sockets.stop().is_cancelled();
        let close = async {
            self.socket.send(Message::Close(Some(frame))).await?;
            // Its own farewell: before that, what was sent may not have arrived.
            while self.socket.recv().await.transpose()?.is_some() {}
            Ok::<_, axum::Error>(())
        };
        drop(timeout(if stopping { LAST_FAREWELL } else { FAREWELL }, close).await);
    }

    async fn serve(&mut self, served: &mut Served) -> Result<std::convert::Infallible, Farewell> {
        let introduced_by = Instant::now() + INTRODUCTION;
        let every = self.sockets.limits().keep_alive;
        let silence = every * 5 / 2;
        let mut ping = interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.sockets.stop().clone();
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return Err(Farewell::stopping()),
                ended = &mut served.ended => return Err(ended.into()),
                () = sleep_until(introduced_by), if served.listener.is_none() => {
                    return Err(Farewell::new(4408, "Connection initialisation timeout"));
                }
                message = self.socket.recv() => Next::Message(message),
                given = served.operations.next() => Next::Given(given),
                _ = ping.tick() => Next::Ping,
            };
            match next {
                Next::Message(Some(Ok(message))) => {
                    served.heard = Instant::now();
                    self.hear(served, message).await?;
                }
                Next::Message(_) => return Err(Farewell::Gone),
                Next::Given(given) => self.give(served, given).await?,
                Next::Ping if served.heard.elapsed() > silence => return Err(Farewell::Gone),
                Next::Ping => self.send(served, Message::Ping(bytes::Bytes::new())).await?,
            }
        }
    }

    async fn hear(&mut self, served: &mut Served, message: Message) -> Result<(), Farewell> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Farewell::new(4400, "Invalid message: not a text")),
            Message::Close(_) => return Err(Farewell::Gone),
            // Answered where frames are read.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        let text = app::exact_json(&text)
            .map_err(|inexact| Farewell::new(4400, format!("Invalid message: {inexact}")))?;
        let said = serde_json::from_str(&text)
            .map_err(|error| Farewell::new(4400, format!("Invalid message: {error}")))?;
        match said {
            Said::ConnectionInit { payload } => self.introduce(served, payload.as_ref()).await,
            Said::Subscribe { id, payload } => self.subscribe(served, id, *payload).await,
            Said::Complete { id } => {
                served.operations.end(&id);
                Ok(())
            }
            Said::Ping { payload } => self.say(served, &Say::Pong { payload }).await,
            Said::Pong {} => Ok(()),
        }
    }

    async fn introduce(
        &mut self,
        served: &mut Served,
        payload: Option<&Value>,
    ) -> Result<(), Farewell> {
        if served.listener.is_some() {
            return Err(Farewell::new(4429, "Too many initialisation requests"));
        }
        let listener = match (token(payload), self.known.take()) {
            (Some(token), _) => {
                let live = self.state.app.live();
                let found = live.listener(token.expose_secret(), self.sender.correlation_id).await;
                found.map_err(|failure| Farewell::refused(&failure))?
            }
            (None, Some(known)) => known,
            (None, None) => {
                let sentence = "Unauthorized: send {\"Authorization\": \"Bearer <token>\"} with connection_init";
                return Err(Farewell::new(4401, sentence));
            }
        };
        listener.hold();
        let watched = listener.clone();
        served.ended = async move { watched.ended().await }.boxed();
        served.listener = Some(listener);
        self.say(served, &Say::ConnectionAck).await
    }

    async fn subscribe(
        &mut self,
        served: &mut Served,
        id: String,
        request: Request,
    ) -> Result<(), Farewell> {
        let Some(listener) = served.listener.clone() else {
            return Err(Farewell::new(4401, "Unauthorized: connection_init comes first"));
        };
        if id.is_empty() || id.chars().count() > LONGEST_ID {
            let sentence = format!("Invalid message: an id has 1 to {LONGEST_ID} characters");
            return Err(Farewell::new(4400, sentence));
        }
        match served.operations.check(&id) {
            Ok(()) => {}
            Err(Refused::SameId) => {
                return Err(Farewell::new(4409, format!("Subscriber for {id} already exists")));
            }
            Err(Refused::TooMany) => {
                let sentence = format!("a connection has at most {MOST} operations at a time");
                let mut error = ServerError::new(sentence, None);
                error.extensions.get_or_insert_default().set("code", "RATE_LIMITED");
                return self.say(served, &Say::Error { id: &id, payload: &[error] }).await;
            }
        }
        let request = match literals::exact(request) {
            Ok(request) => request,
            Err(error) => {
                return self.say(served, &Say::Error { id: &id, payload: &[error] }).await;
            }
        };
        // What is asked for over a connection is asked now, whenever that began.
        listener.check_now().await?;
        let app = &self.state.app;
        let (queue, batches) = Batches::new();
        let by = listener.by().clone().from(self.sender.peer());
        let progress = Progress::default();
        let request = request
            .data(app.clone())
            .data(self.sender)
            .data(Loaders::new(app.clone(), by.clone(), queue))
            .data(by)
            .data(listener)
            .data(progress.clone());
        let answers = batches.stream(self.schema.execute_stream(request));
        served.operations.begin(id, progress, answers);
        Ok(())
    }

    async fn give(&mut self, served: &mut Served, given: Given) -> Result<(), Farewell> {
        match given {
            Given::Answer(id, answer) => {
                let failed = answer.data == async_graphql::Value::Null && !answer.errors.is_empty();
                if failed {
                    served.operations.end(&id);
                    return self
                        .say(served, &Say::Error { id: &id, payload: &answer.errors })
                        .await;
                }
                self.say(served, &Say::Next { id: &id, payload: &answer }).await
            }
            Given::End(id) => self.say(served, &Say::Complete { id: &id }).await,
            Given::Nothing => Ok(()),
        }
    }

    async fn say(&mut self, served: &mut Served, message: &Say<'_>) -> Result<(), Farewell> {
        let text = serde_json::to_string(message).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer is no JSON");
            Farewell::new(1011, "something went wrong on our side")
        })?;
        self.send(served, Message::Text(text.into())).await
    }

    /// Waits until it was taken, and not for ever.
    async fn send(&mut self, served: &mut Served, message: Message) -> Result<(), Farewell> {
        let patience = self.sockets.limits().slow_client;
        let stop = self.sockets.stop().clone();
        tokio::select! {
            biased;
            sent = self.socket.send(message) => sent.map_err(|_| Farewell::Gone),
            () = stop.cancelled() => Err(Farewell::stopping()),
            ended = &mut served.ended => Err(ended.into()),
            () = sleep(patience) => {
                let resume_after = served.operations.resume_after();
                tracing::warn!(
                    resume_after,
                    "a subscriber took nothing for {patience:?} and is disconnected"
                );
                Err(Farewell::slow(resume_after))
            }
        }
    }
}
