//! A client of Server-Sent Events that reads as slowly as it likes.

use std::{future::Future, time::Duration};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use wisptrail_tests::Server;

/// Nothing takes longer.
const BOUND: Duration = Duration::from_secs(30);

/// A stream.
pub(crate) struct Stream {
    connection: BufReader<TcpStream>,
    /// Of the body, read and not looked at.
    text: String,
    over: bool,
    pub(crate) headers: String,
}

/// What comes next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: Option<i64>,
    pub(crate) kind: Option<String>,
    pub(crate) data: Option<Value>,
    pub(crate) comment: Option<String>,
}

impl Frame {
    /// Is it an event of the log?
    pub(crate) fn is_event(&self) -> bool {
        self.kind.is_none() && self.data.is_some()
    }
}

async fn within<T>(what: &str, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    timeout(BOUND, work).await.with_context(|| format!("it takes too long: {what}"))?
}

impl Stream {
    /// Opens one; the status where there is none.
    pub(crate) async fn connect(
        server: &Server,
        token: &str,
        query: &str,
        last: Option<i64>,
    ) -> anyhow::Result<Result<Self, u16>> {
        let address = server.address().trim_start_matches("http://").parse()?;
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /api/v1/events?{query} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\nauthorization: Bearer {token}\r\n{last}\r\n"
        );
        within("a stream", async {
            let socket = TcpSocket::new_v4()?;
            // Whoever does not read is noticed soon.
            socket.set_recv_buffer_size(16 << 10)?;
            let mut connection = BufReader::with_capacity(1024, socket.connect(address).await?);
            connection.write_all(request.as_bytes()).await?;
            let mut headers = String::new();
            while !headers.ends_with("\r\n\r\n") {
                anyhow::ensure!(connection.read_line(&mut headers).await? > 0, "no head");
            }
            let status: u16 = headers.get(9..12).context("a status")?.parse()?;
            if status != 200 {
                return Ok(Err(status));
            }
            let headers = headers.to_ascii_lowercase();
            anyhow::ensure!(headers.contains("content-type: text/event-stream\r\n"), "{headers}");
            Ok(Ok(Self { connection, text: String::new(), over: false, headers }))
        })
        .await
    }

    /// Opens one that must be there.
    pub(crate) async fn open(
        server: &Server,
        token: &str,
        query: &str,
        last: Option<i64>,
    ) -> anyhow::Result<Self> {
        let opened = Self::connect(server, token, query, last).await?;
        opened.map_err(|status| anyhow::anyhow!("refused: {status}"))
    }

    /// The next frame; none when the server has ended the stream as a whole.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Frame>> {
        within("to hear something", async {
            loop {
                if let Some(end) = self.text.find("\n\n") {
                    let frame = read(&self.text[..end])?;
                    self.text.drain(..end + 2);
                    return Ok(Some(frame));
                }
                if self.over {
                    return Ok(None);
                }
                self.chunk().await?;
            }
        })
        .await
    }

    /// The next event of the log.
    pub(crate) async fn event(&mut self) -> anyhow::Result<Frame> {
        loop {
            match self.next().await? {
                Some(frame) if frame.is_event() => return Ok(frame),
                Some(frame) if frame.kind.as_deref() == Some("end") => bail!("it ended: {frame:?}"),
                Some(_) => {}
                None => bail!("it ended without a word"),
            }
        }
    }

    /// The first position that it tells.
    pub(crate) async fn begun(&mut self) -> anyhow::Result<i64> {
        loop {
            let frame = self.next().await?.context("it ended")?;
            if let Some(id) = frame.id {
                return Ok(id);
            }
        }
    }

    /// Its last words, whatever comes before; then there is nothing more.
    pub(crate) async fn last_words(&mut self) -> anyhow::Result<Value> {
        loop {
            let frame = self.next().await?.context("it ended without a word")?;
            if frame.kind.as_deref() == Some("end") {
                anyhow::ensure!(self.next().await?.is_none(), "more than last words");
                return frame.data.context("data");
            }
        }
    }

    /// Reads until the connection is over, whole or not.
    pub(crate) async fn drain(&mut self) -> anyhow::Result<()> {
        within("the end of the connection", async {
            let mut bytes = vec![0; 4096];
            // A reset is an end, too.
            while matches!(self.connection.read(&mut bytes).await, Ok(1..)) {}
            Ok(())
        })
        .await
    }

    /// One chunk of the body (RFC 9112, 7.1).
    async fn chunk(&mut self) -> anyhow::Result<()> {
        let mut size = String::new();
        anyhow::ensure!(self.connection.read_line(&mut size).await? > 0, "it broke off");
        let size = usize::from_str_radix(size.trim_end(), 16).context("the size of a chunk")?;
        let mut bytes = vec![0; size + 2];
        self.connection.read_exact(&mut bytes).await?;
        bytes.truncate(size);
        self.over = size == 0;
        self.text.push_str(std::str::from_utf8(&bytes)?);
        Ok(())
    }
}

fn read(text: &str) -> anyhow::Result<Frame> {
    let mut frame = Frame::default();
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => frame.id = Some(id.parse()?),
            Some(("event", kind)) => frame.kind = Some(kind.to_owned()),
            Some(("data", data)) => frame.data = Some(serde_json::from_str(data)?),
            Some(("", comment)) => frame.comment = Some(comment.to_owned()),
            Some(("retry", _)) => {}
            _ => bail!("no field: {line}"),
        }
    }
    Ok(frame)
}
