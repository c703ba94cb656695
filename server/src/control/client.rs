use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{Answer, Request, place::Place};

/// A question to a running server and its answer, line by line.
pub struct Connection {
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// While it is open, the server goes on answering.
    _writer: OwnedWriteHalf,
}

impl Connection {
    /// Asks the server of a data folder; none when no server runs there.
    pub async fn ask(folder: &Path, request: &Request) -> anyhow::Result<Option<Self>> {
        let Ok(place) = Place::of(folder) else { return Ok(None) };
        let Ok(stream) = UnixStream::connect(&place.path).await else { return Ok(None) };
        let (reader, mut writer) = stream.into_split();
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        writer.write_all(&line).await.context("the server hung up")?;
        Ok(Some(Self { lines: BufReader::new(reader).lines(), _writer: writer }))
    }

    /// The next line as it is, where the answer consists of lines that are no [`Answer`]s; none after the last.
    pub async fn next_line(&mut self) -> anyhow::Result<Option<String>> {
        let line = self.lines.next_line().await.context("the server hung up")?;
        let Some(line) = line else { bail!("the server hung up") };
        if line.starts_with("{\"error\":") || line == "\"end\"" {
            return match serde_json::from_str(&line)? {
                Answer::Error(error) => bail!("{error}"),
                _ => Ok(None),
            };
        }
        Ok(Some(line))
    }

    /// The next line; none after the last.
    pub async fn next(&mut self) -> anyhow::Result<Option<Answer>> {
        let line = self.lines.next_line().await.context("the server hung up")?;
        let Some(line) = line else { bail!("the server hung up") };
        match serde_json::from_str(&line).context("the server's answer is not understood")? {
            Answer::End => Ok(None),
            Answer::Error(error) => bail!("{error}"),
            answer => Ok(Some(answer)),
        }
    }
}
