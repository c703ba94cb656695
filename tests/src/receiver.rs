//! A receiver of webhooks for stories: it answers as a story wants, and writes down what it was given.

use std::{collections::BTreeMap, io, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
};

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Answers that it is somewhere else.
    Redirect,
    /// Ends the connection.
    HangsUp,
    /// Nothing, for ever.
    Silent,
}

impl Reply {
    /// Has it taken the request?
    pub fn takes(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// A request that came, whole.
#[derive(Clone, Debug)]
pub struct Received {
    /// The path with its query.
    pub path: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub body: Vec<u8>,
    /// What was done with it.
    pub reply: Reply,
}

impl Received {
    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The event.
    pub fn event(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

type Mood = Box<dyn FnMut() -> Reply + Send>;

/// A receiver. A clone is the same one.
#[derive(Clone)]
pub struct Receiver(Arc<Inner>);

struct Inner {
    port: u16,
    mood: Mutex<Mood>,
    received: Mutex<Vec<Received>>,
}

impl Receiver {
    /// Listens, and takes everything.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub async fn listen() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = Self(Arc::new(Inner {
            port: listener.local_addr()?.port(),
            mood: Mutex::new(Box::new(|| Reply::Status(204))),
            received: Mutex::default(),
        }));
        let serving = receiver.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the story's runtime")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                #[expect(clippy::disallowed_methods, reason = "ends with the story's runtime")]
                // Whoever hangs up has a reason.
                tokio::spawn(async move { drop(receiver.serve(stream).await) });
            }
        });
        Ok(receiver)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/in?key=word", self.0.port)
    }

    /// Where it listens, by a name that leads inside.
    pub fn named_url(&self) -> String {
        format!("http://localhost:{}/in", self.0.port)
    }

    /// What it does with each request, from now on.
    pub fn answers(&self, mood: impl FnMut() -> Reply + Send + 'static) {
        *self.0.mood.lock() = Box::new(mood);
    }

    /// Everything that came.
    pub fn received(&self) -> Vec<Received> {
        self.0.received.lock().clone()
    }

    /// How much came.
    pub fn count(&self) -> usize {
        self.0.received.lock().len()
    }

    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut stream = BufStream::new(stream);
        loop {
            let Some((path, headers)) = head(&mut stream).await? else { return Ok(()) };
            let length = headers.get("content-length").and_then(|text| text.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body).await?;
            let reply = {
                // What was taken is written down before anybody is told.
                let reply = (self.0.mood.lock())();
                self.0.received.lock().push(Received { path, headers, body, reply });
                reply
            };
            let answer = match reply {
                Reply::Status(status) => {
                    format!("HTTP/1.1 {status} So\r\ncontent-length: 2\r\n\r\nok")
                }
                Reply::Redirect => format!(
                    "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/elsewhere\r\ncontent-length: 0\r\n\r\n",
                    self.0.port
                ),
                Reply::HangsUp => return Ok(()),
                Reply::Silent => std::future::pending().await,
            };
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await?;
        }
    }
}

/// The first line and the headers; none where nothing comes any more.
async fn head(
    stream: &mut BufStream<TcpStream>,
) -> io::Result<Option<(String, BTreeMap<String, String>)>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    Ok(Some((path, headers)))
}
