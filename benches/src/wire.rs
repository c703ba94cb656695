//! HTTP with as little work as possible: the generator must not be what is measured.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One connection, one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// Status and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection ended");
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head])?;
        let status = text.get(9..12).context("no status")?.parse()?;
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let Some(length) = length else { bail!("an answer without length:\n{text}") };
        while self.buffer.len() < head + length {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection ended");
        }
        Ok(Answer { status, body: self.buffer[head..head + length].to_vec() })
    }
}

/// A GET.
pub(crate) fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization =
        token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{authorization}\r\n").into_bytes()
}

/// Any method with a body.
pub(crate) fn with_body(
    method: &str,
    path: &str,
    kind: &str,
    token: Option<&str>,
    body: &str,
) -> Vec<u8> {
    let authorization =
        token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: {kind}\r\n{authorization}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What many requests came to.
pub(crate) struct Load {
    pub(crate) took: Duration,
    /// Sorted, in milliseconds.
    pub(crate) latencies: Vec<f64>,
    /// Answers that were not 2xx, by status.
    pub(crate) refused: Vec<u16>,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let requests = self.latencies.len() as f64;
        requests / self.took.as_secs_f64()
    }
}

/// Sends `total` requests over some connections; `request` makes the n-th, `seen` gets its answer.
pub(crate) async fn load(
    address: &str,
    connections: usize,
    total: usize,
    request: impl Fn(usize) -> Vec<u8> + Sync,
    seen: impl Fn(usize, &Answer) + Sync,
) -> anyhow::Result<Load> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let begun = Instant::now();
    let lanes = try_join_all((0..connections).map(|_| async {
        let mut connection = Connection::open(address).await?;
        let (mut latencies, mut refused) = (Vec::new(), Vec::new());
        loop {
            let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if number >= total {
                return anyhow::Ok((latencies, refused));
            }
            let bytes = request(number);
            let sent = Instant::now();
            let answer = connection.exchange(&bytes).await?;
            latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
            if !(200..300).contains(&answer.status) {
                refused.push(answer.status);
            }
            seen(number, &answer);
        }
    }))
    .await?;
    let took = begun.elapsed();
    let (latencies, refused): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
    let mut latencies: Vec<f64> = latencies.concat();
    latencies.sort_by(f64::total_cmp);
    Ok(Load { took, latencies, refused: refused.concat() })
}
