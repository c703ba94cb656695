//! Reading events of an archive by their positions. Nothing is believed: whoever asks compares hashes.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use flate2::bufread::GzDecoder;

use super::{
    EVENTS, LARGEST_MANIFEST, LARGEST_MEMBER, LONGEST_LINE, MANIFEST,
    check::{Found, contents, index, read_manifest},
    line::Line,
    manifest::Manifest,
    walk::Faults,
};
use crate::Recorded;

/// An archive with a manifest that can be read.
pub(crate) struct Pieces {
    file: BufReader<File>,
    manifest: Manifest,
    /// With the position of their first event, in order.
    parts: Vec<(i64, Found)>,
    /// What is unpacked: the number of a piece, and its events that are kept for a while only.
    open: Option<(usize, Vec<Recorded>)>,
}

impl Pieces {
    /// None where it is no archive, or one that was cut or changed where that can be seen at once.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut file = BufReader::with_capacity(64 << 10, File::open(path)?);
        let mut faults = Faults::default();
        let members = index(&mut file, &mut faults)?;
        let text = contents(&mut file, &members, MANIFEST, LARGEST_MANIFEST, &mut faults)?;
        let manifest = text.as_deref().and_then(|text| read_manifest(text, &mut faults));
        let Some(manifest) = manifest.filter(|_| faults.is_empty()) else { return Ok(None) };
        let first = |it: &Found| it.name.strip_prefix(EVENTS)?.get(..12)?.parse().ok();
        let parts = members.into_iter().filter_map(|it| Some((first(&it)?, it)));
        let mut parts: Vec<(i64, Found)> = parts.collect();
        parts.sort_by_key(|(first, _)| *first);
        Ok(Some(Self { file, manifest, parts, open: None }))
    }

    /// What it says of itself.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The event at a position, as far as it is one that is kept for a while only. Positions that rise read every piece once.
    pub(crate) fn fleeting(&mut self, position: i64) -> io::Result<Option<&Recorded>> {
        let after = self.parts.partition_point(|(first, _)| *first <= position);
        let Some(number) = after.checked_sub(1) else { return Ok(None) };
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            self.open = None;
            let events = self.unpacked(number)?;
            self.open = Some((number, events));
        }
        let events = self.open.as_ref().map(|(_, events)| events.as_slice()).unwrap_or_default();
        Ok(events.iter().find(|event| event.position == position))
    }

    fn unpacked(&mut self, number: usize) -> io::Result<Vec<Recorded>> {
        let Some((_, piece)) = self.parts.get(number) else { return Ok(Vec::new()) };
        self.file.seek(SeekFrom::Start(piece.at))?;
        let packed = BufReader::new((&mut self.file).take(piece.size));
        let mut lines = BufReader::new(GzDecoder::new(packed).take(LARGEST_MEMBER));
        let (mut line, mut events) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            (&mut lines).take(LONGEST_LINE + 1).read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                return Ok(events);
            }
            let event = Line::read(&line).and_then(|link| link.event);
            events.extend(event.filter(|event| event.retention.0 > 0));
        }
    }
}
