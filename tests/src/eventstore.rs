//! Something that answers as EventStoreDB does: gRPC over HTTP/2 without TLS, appends with expected revisions, reading of one
//! stream, and the errors of the published protocol. It is not EventStoreDB, and keeps everything in memory.

mod wire;

use std::{collections::BTreeMap, convert::Infallible, fmt::Write as _, sync::Arc};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use parking_lot::Mutex;
use prost::Message;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

use self::wire::{
    AppendReq, AppendResp, Empty, Id, NotFound, Proposed, ReadEvent, ReadReq, ReadResp, Recorded,
    Success, SupportedMethod, SupportedMethods, WrongExpectedVersion,
};
use crate::{environment, note_secret};

/// Who may write.
const USER: &str = "wisptrail";
const PASSWORD: &str = "word-of-the-event-store:$%&";
/// What it says that it is.
const VERSION: &str = "24.10.0.0";
/// As the database is delivered.
const MAX_APPEND_SIZE: usize = 1024 * 1024;

/// What it does with an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendReply {
    /// What it should.
    Answers,
    /// Keeps the events and says that it is not available.
    KeepsAndFails,
    /// Keeps nothing and says that it is not available.
    Fails,
}

/// An event that was appended.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its stream.
    pub stream: String,
    /// 0, 1, 2 … in the stream.
    pub revision: u64,
    /// Its id.
    pub id: Uuid,
    /// Its type.
    pub event_type: String,
    /// JSON.
    pub body: Value,
    /// JSON.
    pub metadata: Value,
}

/// A server. It ends when it goes out of scope.
pub struct EventStoreServer {
    port: u16,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

type Mood = Box<dyn FnMut() -> AppendReply + Send>;

struct Shared {
    mood: Mutex<Mood>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    all: Vec<StoredEvent>,
    /// What each stream holds, by its place in `all`.
    streams: BTreeMap<String, Vec<usize>>,
    /// Streams that can never be written to again.
    tombstones: Vec<String>,
}

impl EventStoreServer {
    /// Starts one on a free port.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub async fn start() -> anyhow::Result<Self> {
        note_secret(PASSWORD);
        let basic = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
        note_secret(&basic);
        let shared =
            Shared { mood: Mutex::new(Box::new(|| AppendReply::Answers)), kept: Mutex::default() };
        let mut server = Self { port: 0, shared: Arc::new(shared), tasks: JoinSet::new() };
        server.up().await?;
        Ok(server)
    }

    /// Listens again, at the same address and with what it had.
    ///
    /// # Errors
    ///
    /// Somebody else has its port.
    pub async fn up(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await?;
        self.port = listener.local_addr()?.port();
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let answer = service_fn(move |request| {
                        let shared = Arc::clone(&shared);
                        async move { Ok::<_, Infallible>(shared.answer(request).await) }
                    });
                    let builder = Builder::new(TokioExecutor::new()).http2_only();
                    // Whoever hangs up has a reason.
                    drop(builder.serve_connection(TokioIo::new(stream), answer).await);
                });
            }
        });
        Ok(())
    }

    /// Is gone, with all connections; keeps what it has.
    pub async fn down(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("esdb://127.0.0.1:{}?tls=false", self.port)
    }

    /// Who may write, and with which password.
    pub fn credentials(&self) -> (&'static str, &'static str) {
        (USER, PASSWORD)
    }

    /// What it does with each append, from now on.
    pub fn answers(&self, mood: impl FnMut() -> AppendReply + Send + 'static) {
        *self.shared.mood.lock() = Box::new(mood);
    }

    /// Everything that was appended, in its order.
    pub fn events(&self) -> Vec<StoredEvent> {
        self.shared.kept.lock().all.clone()
    }

    /// What somebody else appends.
    pub fn append(&self, stream: &str, body: Value) {
        let event = StoredEvent {
            stream: stream.to_owned(),
            revision: 0,
            id: Uuid::new_v4(),
            event_type: "foreign".to_owned(),
            body,
            metadata: Value::Null,
        };
        self.shared.kept.lock().keep(event);
    }

    /// Deletes a stream for ever.
    pub fn tombstone(&self, stream: &str) {
        self.shared.kept.lock().tombstones.push(stream.to_owned());
    }
}

impl Drop for EventStoreServer {
    /// What it was given is searched for secrets like everything that was logged.
    fn drop(&mut self) {
        let Some(logs) = environment::path("WISPTRAIL_TEST_LOGS") else { return };
        let mut text = String::new();
        for event in &self.shared.kept.lock().all {
            let _ = writeln!(text, "{} {} {}", event.stream, event.body, event.metadata);
        }
        let path = logs.join(format!("eventstore-{}.log", Uuid::new_v4()));
        // Servers have written there, too, and would have failed.
        drop(std::fs::write(path, text));
    }
}

impl Kept {
    fn keep(&mut self, mut event: StoredEvent) {
        let place = self.all.len();
        let stream = self.streams.entry(event.stream.clone()).or_default();
        event.revision = stream.len() as u64;
        stream.push(place);
        self.all.push(event);
    }

    /// Are exactly these events there behind a number of others? Then they were appended before, and are not again.
    fn repeated(&self, stream: &[usize], after: usize, events: &[StoredEvent]) -> bool {
        let there = stream.get(after..after + events.len());
        there.is_some_and(|there| {
            there.iter().zip(events).all(|(place, event)| self.all[*place].id == event.id)
        })
    }
}

/// gRPC's status codes.
const FAILED_PRECONDITION: u32 = 9;
const INVALID_ARGUMENT: u32 = 3;
const UNAVAILABLE: u32 = 14;
const UNIMPLEMENTED: u32 = 12;
const UNAUTHENTICATED: u32 = 16;

/// A status with the trailer `exception`, if the database sends one.
struct Problem(u32, &'static str);

type Body = StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let may = request.headers().get("authorization").is_some_and(|it| *it == *basic);
        let Ok(body) = request.into_body().collect().await else {
            return response(Err(Problem(UNAVAILABLE, "")));
        };
        let body = body.to_bytes();
        let answer = match path.as_str() {
            "/event_store.client.server_features.ServerFeatures/GetSupportedMethods" => {
                Ok(features().encode_to_vec())
            }
            _ if !may => Err(Problem(UNAUTHENTICATED, "access-denied")),
            "/event_store.client.streams.Streams/Append" => self.append(&body),
            "/event_store.client.streams.Streams/Read" => self.read(&body),
            _ => Err(Problem(UNIMPLEMENTED, "")),
        };
        response(answer)
    }

    fn append(&self, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let invalid = |_: anyhow::Error| Problem(INVALID_ARGUMENT, "");
        let mut requests = messages::<AppendReq>(body).map_err(invalid)?.into_iter();
        let options = requests.next().and_then(|first| first.options);
        let options = options.ok_or(Problem(INVALID_ARGUMENT, ""))?;
        let stream = options.stream.map(|it| String::from_utf8_lossy(&it.name).into_owned());
        let stream = stream.unwrap_or_default();
        let proposed: Vec<Proposed> = requests.filter_map(|it| it.proposed).collect();
        let size: usize = proposed.iter().map(|it| it.data.len() + it.custom_metadata.len()).sum();
        if size > MAX_APPEND_SIZE {
            return Err(Problem(INVALID_ARGUMENT, "maximum-append-size-exceeded"));
        }
        let events: Vec<StoredEvent> =
            proposed.into_iter().map(|it| stored(&stream, &it)).collect();

        let mut kept = self.kept.lock();
        if kept.tombstones.contains(&stream) {
            return Err(Problem(FAILED_PRECONDITION, "stream-deleted"));
        }
        let reply = (self.mood.lock())();
        if reply == AppendReply::Fails {
            return Err(Problem(UNAVAILABLE, ""));
        }
        let there = kept.streams.get(&stream).cloned().unwrap_or_default();
        let after = match (options.revision, options.no_stream) {
            (Some(revision), _) => usize::try_from(revision).unwrap_or(usize::MAX - 1) + 1,
            (None, Some(_)) => 0,
            (None, None) => there.len(),
        };
        let current = (there.len() as u64).checked_sub(1);
        if after != there.len() && !kept.repeated(&there, after, &events) {
            let answer = AppendResp {
                success: None,
                wrong: Some(WrongExpectedVersion {
                    current_revision: current,
                    current_no_stream: current.is_none().then_some(Empty {}),
                    expected_revision: options.revision,
                    expected_no_stream: options.revision.is_none().then_some(Empty {}),
                }),
            };
            return Ok(answer.encode_to_vec());
        }
        let last = (after + events.len()) as u64 - 1;
        if after == there.len() {
            for event in events {
                kept.keep(event);
            }
        }
        if reply == AppendReply::KeepsAndFails {
            return Err(Problem(UNAVAILABLE, ""));
        }
        let success = Success { current_revision: Some(last), no_position: Some(Empty {}) };
        Ok(AppendResp { success: Some(success), wrong: None }.encode_to_vec())
    }

    /// The last event of a stream, which is all that is asked for.
    fn read(&self, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let requests = messages::<ReadReq>(body).map_err(|_| Problem(INVALID_ARGUMENT, ""))?;
        let options = requests.into_iter().next().and_then(|it| it.options);
        let options = options.ok_or(Problem(INVALID_ARGUMENT, ""))?;
        let read = options.stream.ok_or(Problem(UNIMPLEMENTED, ""))?;
        if options.direction != 1 || options.count != Some(1) || read.end.is_none() {
            return Err(Problem(UNIMPLEMENTED, ""));
        }
        let name = read.stream.unwrap_or_default();
        let stream = String::from_utf8_lossy(&name.name).into_owned();
        let kept = self.kept.lock();
        if kept.tombstones.contains(&stream) {
            return Err(Problem(FAILED_PRECONDITION, "stream-deleted"));
        }
        let Some(place) = kept.streams.get(&stream).and_then(|it| it.last()).copied() else {
            let not_found = Some(NotFound { stream: Some(name) });
            return Ok(ReadResp { event: None, not_found }.encode_to_vec());
        };
        let event = &kept.all[place];
        let recorded = Recorded {
            id: Some(Id::of(event.id)),
            stream: Some(name),
            revision: event.revision,
            prepare_position: place as u64,
            commit_position: place as u64,
            metadata: [("type".to_owned(), event.event_type.clone())].into(),
            custom_metadata: event.metadata.to_string().into(),
            data: event.body.to_string().into(),
        };
        let event = ReadEvent { event: Some(recorded), commit_position: Some(place as u64) };
        Ok(ReadResp { event: Some(event), not_found: None }.encode_to_vec())
    }
}

fn stored(stream: &str, proposed: &Proposed) -> StoredEvent {
    StoredEvent {
        stream: stream.to_owned(),
        revision: 0,
        id: proposed.id.as_ref().map(Id::uuid).unwrap_or_default(),
        event_type: proposed.metadata.get("type").cloned().unwrap_or_default(),
        body: serde_json::from_slice(&proposed.data).unwrap_or_default(),
        metadata: serde_json::from_slice(&proposed.custom_metadata).unwrap_or_default(),
    }
}

fn features() -> SupportedMethods {
    let method = |name: &str| SupportedMethod {
        method: name.to_owned(),
        service: "event_store.client.streams.streams".to_owned(),
    };
    SupportedMethods {
        methods: vec![method("append"), method("read")],
        version: VERSION.to_owned(),
    }
}

/// Messages as gRPC frames them: not compressed, length, bytes.
fn messages<M: Message + Default>(mut body: &[u8]) -> anyhow::Result<Vec<M>> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        let (head, rest) = body.split_at_checked(5).context("a head")?;
        let length = u32::from_be_bytes(head[1..].try_into()?);
        let (message, rest) = rest.split_at_checked(length.try_into()?).context("a message")?;
        messages.push(M::decode(message)?);
        body = rest;
    }
    Ok(messages)
}

fn response(answer: Result<Vec<u8>, Problem>) -> Response<Body> {
    let mut response = Response::builder().header("content-type", "application/grpc");
    let frames = match answer {
        Ok(message) => {
            let mut frame = vec![0];
            frame.extend(u32::try_from(message.len()).unwrap_or_default().to_be_bytes());
            frame.extend(message);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", 0.into());
            vec![Ok(Frame::data(frame.into())), Ok(Frame::trailers(trailers))]
        }
        Err(Problem(status, exception)) => {
            response = response.header("grpc-status", status);
            if !exception.is_empty() {
                response = response.header("exception", exception);
            }
            Vec::new()
        }
    };
    let body = StreamBody::new(stream::iter(frames));
    response.body(body).expect("names of headers are right")
}
