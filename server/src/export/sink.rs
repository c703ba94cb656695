use std::io::Write;

use anyhow::Context as _;
use flate2::{Compression, write::GzEncoder};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use store::{Counts, Header, Line, Trailer};

use super::{Progress, Written};

/// Counts, hashes and packs lines, and ends them with the trailer.
pub(super) struct Sink<W: Write> {
    packed: GzEncoder<W>,
    hash: Sha256,
    counts: Counts,
    key: Option<SecretString>,
    header: Option<Header>,
    progress: Progress,
}

impl<W: Write> Sink<W> {
    pub(super) fn new(to: W, key: Option<SecretString>) -> Self {
        Self {
            // Stronger packing takes several times as long and saves little: half of it is sealed.
            packed: GzEncoder::new(to, Compression::fast()),
            hash: Sha256::new(),
            counts: Counts::default(),
            key,
            header: None,
            progress: Progress::of(0),
        }
    }

    /// Several, each with its line feed.
    pub(super) fn lines(&mut self, lines: &[u8]) -> anyhow::Result<()> {
        lines.split_inclusive(|byte| *byte == b'\n').try_for_each(|line| self.whole_line(line))
    }

    /// One without.
    pub(super) fn line(&mut self, line: String) -> anyhow::Result<()> {
        let mut line = line.into_bytes();
        line.push(b'\n');
        self.whole_line(&line)
    }

    pub(super) fn finish(mut self) -> anyhow::Result<(Written, W)> {
        let header = self.header.take().context("nothing was exported")?;
        let sha256 = self.hash.clone().finalize().to_vec();
        let trailer = Trailer { counts: self.counts, sha256 };
        let mut line = serde_json::to_vec(&Line::End(trailer))?;
        line.push(b'\n');
        self.write(&line)?;
        let mut to = self.packed.finish().context("cannot write the export")?;
        to.flush().context("cannot write the export")?;
        self.progress.end();
        let written = Written {
            counts: self.counts,
            position: header.position,
            hash: header.hash,
            keyring: header.keyring.is_some(),
        };
        Ok((written, to))
    }

    /// The first is the header, and the key stands behind it.
    fn whole_line(&mut self, line: &[u8]) -> anyhow::Result<()> {
        if self.header.is_none() {
            let header: Header = serde_json::from_slice(line).context("there is no header")?;
            self.progress = Progress::of(header.position);
            self.header = Some(header);
            self.write(line)?;
            if let Some(key) = self.key.take() {
                let key = Line::MasterKey(key.expose_secret().to_owned());
                let mut key = serde_json::to_vec(&key)?;
                key.push(b'\n');
                self.write(&key)?;
            }
            return Ok(());
        }
        self.counts.count(line);
        self.progress.at(self.counts.events);
        self.write(line)
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.hash.update(bytes);
        self.packed.write_all(bytes).context("cannot write the export")
    }
}
