//! Checking an archive that anybody may have made: every size is bounded, and nothing is unpacked to anywhere.

use std::{
    collections::{HashMap, HashSet},
    io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom},
};

use chrono::{DateTime, Utc};
use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::{
    EVENTS, Emptied, Fault, LARGEST_MANIFEST, LARGEST_MEMBER, LONGEST_LINE, MANIFEST, MOST_MEMBERS,
    SIGNATURE,
    frame::{self, Block},
    line::Line,
    manifest::{EVIDENCE_FORMAT, Manifest, WITHOUT_SEALED},
    walk::{Faults, Place, Walk},
};
use crate::{Anchor, PublicKey};

/// What an archive is held against, beside itself.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// The key that it has to be signed with; none takes any.
    pub key: Option<PublicKey>,
    /// Places in the chain that were written down elsewhere.
    pub checkpoints: Vec<Anchor>,
}

/// Is it signed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Nobody vouches for it.
    No,
    /// By the owner of this key, who was not asked for.
    BySomebody(PublicKey),
    /// By the owner of the key that was asked for.
    AsAsked(PublicKey),
    /// Something is wrong with it, which is among the faults.
    Wrongly,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What it says of itself; none where that cannot be read.
    pub manifest: Option<Manifest>,
    /// By whom it is signed.
    pub signed: Signed,
    /// What is wrong; nothing is a sound archive.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub further: u64,
    /// Events that were shown, and those that were withheld.
    pub events: (i64, i64),
    /// Events whose contents were kept for a while only.
    pub expired: i64,
    /// Events whose contents are sealed for whom they are about.
    pub sealed: i64,
    /// When the youngest of those was recorded: whoever knows how long they are kept sees whether one went too early.
    pub youngest_expired: Option<DateTime<Utc>>,
    /// Streams with events whose contents were taken away for a person.
    pub emptied: Vec<Emptied>,
    /// Checkpoints that lie in it.
    pub checkpoints: u64,
    /// Position of the last of them that agrees: what is behind it could be compared with none.
    pub agreed: Option<i64>,
    /// Position of the first checkpoint behind it.
    pub beyond: Option<i64>,
}

impl Verdict {
    /// Is nothing wrong?
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A member and where it is.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) at: u64,
    pub(super) size: u64,
}

/// Reads an archive and says whether it is what was signed, and what is wrong if not. Errors: it cannot be read.
pub fn check_evidence<R: Read + Seek>(mut archive: R, against: &Against) -> io::Result<Verdict> {
    let mut faults = Faults::default();
    let members = index(&mut archive, &mut faults)?;
    let text = contents(&mut archive, &members, MANIFEST, LARGEST_MANIFEST, &mut faults)?;
    let manifest = text.as_deref().and_then(|text| read_manifest(text, &mut faults));
    if text.is_some() && manifest.is_none() {
        // Of another format nothing else is known.
        return Ok(verdict(None, Signed::Wrongly, Walk::new(1, None, &[]), faults));
    }
    let signature = contents(&mut archive, &members, SIGNATURE, LARGEST_MANIFEST, &mut faults)?;
    let signed = match (&manifest, &text) {
        (Some(manifest), Some(text)) => {
            check_signature(manifest, text, signature.as_deref(), against.key, &mut faults)
        }
        _ => Signed::Wrongly,
    };

    let mut checkpoints = against.checkpoints.clone();
    checkpoints.sort_by_key(|checkpoint| checkpoint.position);
    let begun = manifest.as_ref().map(|manifest| (manifest.first, manifest.previous.clone()));
    let first =
        || members.iter().find_map(|it| it.name.strip_prefix(EVENTS)?.get(..12)?.parse().ok());
    let (first, previous) = match begun {
        Some((first, previous)) => (first, Some(previous)),
        None => (first().unwrap_or(1), None),
    };
    let mut walk = Walk::new(first, previous, &checkpoints);
    let sealing = manifest.as_ref().is_none_or(|it| it.wisptrail_evidence > WITHOUT_SEALED);
    walk.sealed = sealing.then_some(0);
    let listed = manifest.as_ref().map(|manifest| manifest.members.as_slice());
    let given: Vec<&Found> =
        members.iter().filter(|it| it.name != MANIFEST && it.name != SIGNATURE).collect();
    let numbers: HashMap<&str, usize> = listed
        .unwrap_or_default()
        .iter()
        .enumerate()
        .map(|(number, it)| (it.name.as_str(), number))
        .collect();
    let (mut names, mut next) = (HashSet::new(), 0);
    for member in &given {
        let place = || Place::Member(member.name.clone());
        let number = numbers.get(member.name.as_str()).copied();
        let again = !names.insert(member.name.as_str());
        match number {
            _ if listed.is_none() => {}
            _ if again => faults.add(place(), "is there twice"),
            None => faults.add(place(), "is not in the manifest: it was added or renamed"),
            Some(number) if number < next => {
                faults.add(place(), "is not in its place: it was moved");
            }
            Some(number) => next = number + 1,
        }
        let sha256 = pass(&mut archive, member, &mut walk, &mut faults)?;
        let wanted = number.and_then(|number| listed?.get(number));
        if let Some(wanted) = wanted.filter(|_| !again)
            && (wanted.size, &wanted.sha256) != (member.size, &sha256)
        {
            faults.add(place(), "is not the one that the manifest names: it was changed");
        }
    }
    for wanted in listed.unwrap_or_default() {
        if !names.contains(wanted.name.as_str()) {
            faults.add(Place::Member(wanted.name.clone()), "is missing: it was removed");
        }
    }
    walk.end(manifest.as_ref());
    if let Some(manifest) = &manifest {
        walk.log_end(manifest);
    } else if faults.is_empty() {
        faults.add(Place::Archive, "there is no manifest");
    }
    Ok(verdict(manifest, signed, walk, faults))
}

fn verdict(manifest: Option<Manifest>, signed: Signed, walk: Walk<'_>, faults: Faults) -> Verdict {
    let mut all = faults;
    for fault in walk.faults.told {
        all.add(fault.place, fault.what);
    }
    Verdict {
        manifest,
        signed,
        faults: all.told,
        further: all.further + walk.faults.further,
        events: (walk.events, walk.withheld),
        expired: walk.expired,
        sealed: walk.sealed.unwrap_or(0),
        youngest_expired: walk.youngest_expired,
        emptied: walk.erased.into_values().collect(),
        checkpoints: walk.compared,
        agreed: walk.agreed,
        beyond: walk.beyond,
    }
}

/// Finds the members. What is not framed as it was written is a fault, and the end of the search.
pub(super) fn index<R: Read + Seek>(
    archive: &mut R,
    faults: &mut Faults,
) -> io::Result<Vec<Found>> {
    let end = archive.seek(SeekFrom::End(0))?;
    archive.seek(SeekFrom::Start(0))?;
    let mut members: Vec<Found> = Vec::new();
    let (mut at, mut repacked) = (0_u64, false);
    loop {
        let after = || members.last().map_or_else(String::new, |it| format!(" after {}", it.name));
        match frame::read(archive) {
            Ok(Block::Member { name, size, as_written }) => {
                at += frame::BLOCK as u64;
                if !as_written && !std::mem::replace(&mut repacked, true) {
                    let place = Place::Member(name.clone());
                    faults.add(
                        place,
                        "its frame is not as it was written: it was changed, or packed again",
                    );
                }
                let padding = frame::padding(size) as u64;
                let next = at.saturating_add(size).saturating_add(padding);
                if next > end {
                    let place = Place::Member(name.clone());
                    faults.add(place, "the archive ends inside of it: it was cut off");
                    // What is there may tell where.
                    members.push(Found { name, at, size: end.saturating_sub(at).min(size) });
                    return Ok(members);
                }
                let fits = if name == MANIFEST { LARGEST_MANIFEST } else { LARGEST_MEMBER };
                if size > fits || members.len() >= MOST_MEMBERS {
                    faults.add(
                        Place::Member(name),
                        "is larger, or one more, than anything that is written",
                    );
                    return Ok(members);
                }
                archive.seek(SeekFrom::Start(at + size))?;
                if !zeros(archive, padding)? {
                    faults.add(
                        Place::Member(name.clone()),
                        "is not followed by zeros: the frame was changed",
                    );
                }
                members.push(Found { name, at, size });
                at = next;
            }
            Ok(Block::Further(size)) => {
                at = (at + frame::BLOCK as u64)
                    .saturating_add(size)
                    .saturating_add(frame::padding(size) as u64);
                if !std::mem::replace(&mut repacked, true) {
                    faults.add(
                        Place::Archive,
                        "something that is no file is in it: it was packed again",
                    );
                }
                archive.seek(SeekFrom::Start(at.min(end)))?;
            }
            Ok(Block::End) => {
                let rest = end.saturating_sub(at);
                archive.seek(SeekFrom::Start(at))?;
                if rest != frame::END as u64 || !zeros(archive, rest)? {
                    faults.add(Place::Archive, "something follows its end, or the end is cut off");
                }
                return Ok(members);
            }
            Ok(Block::Other) => {
                let what = if members.is_empty() {
                    "this is no evidence of wisptrail".to_owned()
                } else {
                    format!("the frame{} was changed (byte {at} and on)", after())
                };
                faults.add(Place::Archive, what);
                return Ok(members);
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                faults.add(Place::Archive, format!("it ends{}: it was cut off", after()));
                return Ok(members);
            }
            Err(error) => return Err(error),
        }
    }
}

fn zeros(from: &mut impl Read, count: u64) -> io::Result<bool> {
    let mut bytes = Vec::new();
    // The end may be of any length: nobody needs to read on then.
    from.take(count.min(frame::END as u64)).read_to_end(&mut bytes)?;
    Ok(bytes.iter().all(|byte| *byte == 0))
}

/// The bytes of the one member of this name.
pub(super) fn contents<R: Read + Seek>(
    archive: &mut R,
    members: &[Found],
    name: &str,
    most: u64,
    faults: &mut Faults,
) -> io::Result<Option<Vec<u8>>> {
    let mut found = members.iter().filter(|it| it.name == name);
    let Some(member) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        faults.add(Place::Member(name.to_owned()), "is there twice");
    }
    let mut bytes = Vec::new();
    archive.seek(SeekFrom::Start(member.at))?;
    archive.take(member.size.min(most)).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

pub(super) fn read_manifest(text: &[u8], faults: &mut Faults) -> Option<Manifest> {
    let place = || Place::Member(MANIFEST.to_owned());
    // Of a newer format only this is known.
    let value: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    match value.get("wisptrail_evidence").and_then(serde_json::Value::as_u64) {
        Some(format) if format == 0 || format > u64::from(EVIDENCE_FORMAT) => {
            faults.add(
                place(),
                format!(
                    "the archive has format {format}, this wisptrail knows formats 1 to {EVIDENCE_FORMAT}: check it with a newer one"
                ),
            );
            return None;
        }
        _ => {}
    }
    match serde_json::from_slice::<Manifest>(text) {
        Ok(manifest) if manifest.first >= 1 && manifest.first <= manifest.last => Some(manifest),
        Ok(_) => {
            faults.add(place(), "its range makes no sense: it was changed");
            None
        }
        Err(error) => {
            let what = format!("cannot be read (line {}): it was changed", error.line());
            faults.add(place(), what);
            None
        }
    }
}

fn check_signature(
    manifest: &Manifest,
    text: &[u8],
    signature: Option<&[u8]>,
    asked: Option<PublicKey>,
    faults: &mut Faults,
) -> Signed {
    let mut wrong = |what: String| {
        faults.add(Place::Member(SIGNATURE.to_owned()), what);
        Signed::Wrongly
    };
    match (manifest.key, signature, asked) {
        (None, None, None) => Signed::No,
        (None, None, Some(asked)) => {
            wrong(format!("the archive is not signed, and should be by {}", asked.id()))
        }
        (Some(_), None, _) => wrong("is missing: it was removed".to_owned()),
        (None, Some(_), _) => wrong("is there, and the manifest says nothing of it".to_owned()),
        (Some(key), Some(_), Some(asked)) if key != asked => wrong(format!(
            "the archive is signed with another key: {} instead of {}",
            key.id(),
            asked.id()
        )),
        (Some(key), Some(signature), asked) => {
            if !key.verifies(text, signature) {
                return wrong(format!(
                    "is not the signature of this manifest by {}: one of the two was changed",
                    key.id()
                ));
            }
            if asked.is_some() { Signed::AsAsked(key) } else { Signed::BySomebody(key) }
        }
    }
}

/// Reads a member, gives its hash, and its lines to the walk.
fn pass<R: Read + Seek>(
    archive: &mut R,
    member: &Found,
    walk: &mut Walk<'_>,
    faults: &mut Faults,
) -> io::Result<String> {
    archive.seek(SeekFrom::Start(member.at))?;
    let mut hashed = Hashed { from: archive.take(member.size), hash: Sha256::new() };
    if member.name.starts_with(EVENTS) {
        let unpacked = GzDecoder::new(BufReader::new(&mut hashed));
        let mut unpacked = BufReader::new(unpacked.take(LARGEST_MEMBER));
        let whole = lines(&mut unpacked, walk);
        let packed = unpacked.into_inner().into_inner();
        let plain = packed.header().is_none_or(|header| {
            (header.filename(), header.comment(), header.extra()) == (None, None, None)
        });
        // Other readers take what follows for further lines.
        let behind = !packed.get_ref().buffer().is_empty();
        let behind = io::copy(&mut hashed, &mut io::sink())? > 0 || behind;
        if whole && (behind || !plain) {
            let place = Place::Member(member.name.clone());
            faults
                .add(place, "something stands behind its lines, or in its header: it was changed");
        }
    }
    io::copy(&mut hashed, &mut io::sink())?;
    Ok(hex::encode(hashed.hash.finalize()))
}

/// Gives lines to the walk; says whether they could be read up to their end.
fn lines(mut from: impl io::BufRead, walk: &mut Walk<'_>) -> bool {
    let mut line = Vec::new();
    let garbled = loop {
        line.clear();
        match (&mut from).take(LONGEST_LINE + 1).read_until(b'\n', &mut line) {
            Ok(0) => return true,
            Ok(_) if !line.ends_with(b"\n") => {
                break "does not end: the piece was cut off, or is too long";
            }
            Ok(_) => match Line::read(&line) {
                Some(read) => walk.line(read),
                None => walk.garbled("cannot be read: it was changed"),
            },
            Err(_) => break "cannot be unpacked: the piece was changed or cut off",
        }
    };
    walk.garbled(garbled);
    false
}

/// Hashes what is read.
struct Hashed<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
