use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use store::Line;

/// Bytes of the longest line: an archive of 16 MiB in base64, with room for its envelope.
const LONGEST: u64 = 32 << 20;

/// The lines of an export, hashed and numbered.
pub(super) struct Lines {
    reader: BufReader<GzDecoder<BufReader<Box<dyn Read + Send>>>>,
    file: String,
    number: u64,
    hash: Sha256,
    /// The hash before the last line: the trailer is about what comes before it.
    before: Sha256,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let (source, file): (Box<dyn Read + Send>, _) = if path.as_os_str() == "-" {
            (Box::new(io::stdin()), "standard input".to_owned())
        } else {
            let shown = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
            (Box::new(file), shown)
        };
        let packed = BufReader::with_capacity(256 << 10, source);
        Ok(Self {
            reader: BufReader::with_capacity(256 << 10, GzDecoder::new(packed)),
            file,
            number: 0,
            hash: Sha256::new(),
            before: Sha256::new(),
            line: Vec::new(),
        })
    }

    /// Where the last line stands.
    pub(super) fn place(&self) -> String {
        format!("{}, line {}", self.file, self.number.max(1))
    }

    pub(super) fn garbled(&self, why: &str) -> anyhow::Error {
        anyhow!("{}: this is not as it was written ({why}): copy or export again", self.place())
    }

    /// The file ends before its trailer.
    pub(super) fn cut(&self) -> anyhow::Error {
        anyhow!(
            "{}: the export ends here, its trailer is missing: it was cut off, copy or export again",
            self.place()
        )
    }

    /// The next line; none after the last.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Line>> {
        let Some(text) = self.text()? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(line) => Ok(Some(line)),
            // The text may hold what is secret.
            Err(error) => Err(self.garbled(&format!("column {}", error.column()))),
        }
    }

    /// The same as text.
    pub(super) fn text(&mut self) -> anyhow::Result<Option<String>> {
        self.number += 1;
        self.line.clear();
        let read = (&mut self.reader).take(LONGEST + 1).read_until(b'\n', &mut self.line);
        match read {
            Ok(0) => {
                self.number -= 1;
                return Ok(None);
            }
            Ok(_) if self.line.ends_with(b"\n") => {}
            Ok(_) if self.line.len() as u64 > LONGEST => {
                return Err(self.garbled("the line does not end"));
            }
            Ok(_) => return Err(self.cut()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.cut()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
                ) =>
            {
                return Err(self.garbled(if self.number == 1 {
                    "it is not packed with gzip"
                } else {
                    "the packing is broken"
                }));
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.file)),
        }
        self.before.clone_from(&self.hash);
        self.hash.update(&self.line);
        match std::str::from_utf8(&self.line) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(self.garbled("it is not UTF-8")),
        }
    }

    /// After the trailer: nothing follows, and all lines were those that it is about.
    pub(super) fn end(&mut self, sha256: &[u8]) -> anyhow::Result<()> {
        let found = self.before.clone().finalize();
        if found[..] != *sha256 {
            return Err(self.garbled("the lines before are not those that were written"));
        }
        // The reader compares the checksum of the packing at its end.
        match self.text()? {
            None => Ok(()),
            Some(_) => Err(self.garbled("something follows the trailer")),
        }
    }
}
