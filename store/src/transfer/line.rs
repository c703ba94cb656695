//! What stands in a line.

use std::borrow::Cow;

use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Recorded, Retention, StoreError, chain, event::Decoded, verify::SCAVENGED};

/// Version of the format. A program reads its own and all smaller ones.
pub const FORMAT: u32 = 1;

/// The first line: what the others are about. Unknown members are those of newer programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub wisptrail_export: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// `sqlite` or `postgres`.
    pub source: String,
    /// When it was begun.
    #[serde(with = "moment")]
    pub exported_at: DateTime<Utc>,
    /// Position of the last event.
    pub position: i64,
    /// The chain up to and including it, 64 hexadecimal digits; empty for an empty log.
    #[serde(with = "digits")]
    pub hash: Vec<u8>,
    /// What proves the master key; none when nothing was ever sealed.
    #[serde(with = "base64_or_null")]
    pub keyring: Option<Vec<u8>>,
}

/// Any line but the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The master key, 64 hexadecimal digits. Only where it was asked for, and before everything else.
    MasterKey(String),
    /// An event, in the order of positions.
    Event(Box<EventLine<'static>>),
    /// A row of a table that no event tells.
    Row(RowLine),
    /// An archive as it is stored.
    Blob(BlobLine),
    /// The last line.
    End(Trailer),
}

/// Everything that the chain covers, and the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventLine<'a> {
    position: i64,
    event_id: Uuid,
    aggregate_type: Cow<'a, str>,
    aggregate_id: Cow<'a, str>,
    sequence: i64,
    event_type: Cow<'a, str>,
    event_version: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation: Option<Cow<'a, str>>,
    #[serde(with = "moment")]
    recorded_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "is_zero")]
    retention: i16,
    /// The exact text that was hashed.
    payload: Cow<'a, str>,
    /// As above.
    metadata: Cow<'a, str>,
    /// Only where the payload was removed since.
    #[serde(default, with = "digits", skip_serializing_if = "Vec::is_empty")]
    payload_hash: Vec<u8>,
    #[serde(with = "digits")]
    hash: Vec<u8>,
}

/// A row, its columns by name: numbers, truth values and texts as they are, times as RFC 3339, bytes in base64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowLine {
    /// Its table.
    pub table: String,
    /// Its columns.
    pub columns: Map<String, Value>,
}

/// An archive: sealed, so it can be read only with the key of its organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobLine {
    /// Whose; the nil UUID is nobody's.
    pub organization: Uuid,
    /// Of the bytes before they were packed and sealed.
    #[serde(with = "digits")]
    pub sha256: Vec<u8>,
    /// How many those were.
    pub size: i64,
    /// Nonce and sealed bytes.
    #[serde(with = "base64_bytes")]
    pub body: Vec<u8>,
}

/// How many lines there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Events.
    pub events: i64,
    /// Rows of tables.
    pub rows: i64,
    /// Archives.
    pub blobs: i64,
}

/// The last line: without it the others are a part of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// Lines.
    pub counts: Counts,
    /// SHA-256 of all lines before, each with its line feed.
    #[serde(with = "digits")]
    pub sha256: Vec<u8>,
}

impl Counts {
    /// Counts a line as it was written.
    pub fn count(&mut self, line: &[u8]) {
        for (beginning, count) in [
            (&b"{\"event\":"[..], &mut self.events),
            (b"{\"row\":", &mut self.rows),
            (b"{\"blob\":", &mut self.blobs),
        ] {
            *count += i64::from(line.starts_with(beginning));
        }
    }
}

impl<'a> EventLine<'a> {
    /// Of an event in the chain. None when it is not in it.
    pub(crate) fn of(event: &'a Recorded) -> Option<Self> {
        let (hash, payload_hash) = (event.hash.clone()?, event.payload_hash.clone()?);
        let computed = chain::payload_hash(&event.payload);
        Some(Self {
            position: event.position,
            event_id: event.event_id,
            aggregate_type: Cow::Borrowed(&event.aggregate_type),
            aggregate_id: Cow::Borrowed(&event.aggregate_id),
            sequence: event.sequence,
            event_type: Cow::Borrowed(&event.event_type),
            event_version: Cow::Borrowed(&event.event_version),
            organization_id: event.organization_id,
            actor: event.actor.as_deref().map(Cow::Borrowed),
            correlation_id: event.correlation_id,
            causation: event.causation.as_deref().map(Cow::Borrowed),
            recorded_at: event.recorded_at,
            retention: event.retention.0,
            payload: Cow::Borrowed(&event.payload),
            metadata: Cow::Borrowed(&event.metadata),
            payload_hash: if computed == payload_hash { Vec::new() } else { payload_hash },
            hash,
        })
    }

    /// Was the payload taken away since it was hashed?
    pub(crate) fn is_emptied(&self) -> bool {
        !self.payload_hash.is_empty()
    }

    /// Were the contents kept for a while only, and are gone? Then position, id and the hash of the contents.
    pub(crate) fn scavenged(&self) -> Option<(i64, Uuid, &[u8])> {
        let gone = self.retention > 0 && self.is_emptied() && self.payload == SCAVENGED;
        gone.then_some((self.position, self.event_id, self.payload_hash.as_slice()))
    }

    /// Puts contents back. No is the answer when these are not the ones that were hashed.
    pub(crate) fn put_back(&mut self, payload: String) -> bool {
        let same = chain::payload_hash(&payload) == self.payload_hash;
        if same {
            self.payload = Cow::Owned(payload);
            self.payload_hash.clear();
        }
        same
    }

    /// The event, for the log.
    pub(crate) fn recorded(self) -> Recorded {
        let payload = self.payload.into_owned();
        let removed = !self.payload_hash.is_empty();
        let payload_hash = if removed { self.payload_hash } else { chain::payload_hash(&payload) };
        Recorded {
            position: self.position,
            event_id: self.event_id,
            aggregate_type: self.aggregate_type.into_owned(),
            aggregate_id: self.aggregate_id.into_owned(),
            sequence: self.sequence,
            event_type: self.event_type.into_owned(),
            event_version: self.event_version.into_owned(),
            organization_id: self.organization_id,
            actor: self.actor.map(Cow::into_owned),
            correlation_id: self.correlation_id,
            causation: self.causation.map(Cow::into_owned),
            recorded_at: self.recorded_at,
            retention: Retention(self.retention),
            payload,
            metadata: self.metadata.into_owned(),
            payload_hash: Some(payload_hash),
            hash: Some(self.hash),
            decoded: Decoded::default(),
        }
    }
}

/// Adds `{"<kind>":<value>}` and a line feed.
pub(crate) fn write(
    kind: &str,
    value: &impl Serialize,
    to: &mut Vec<u8>,
) -> Result<(), StoreError> {
    to.extend_from_slice(b"{\"");
    to.extend_from_slice(kind.as_bytes());
    to.extend_from_slice(b"\":");
    bare(value, to)?;
    to.pop();
    to.extend_from_slice(b"}\n");
    Ok(())
}

/// Adds a value and a line feed.
pub(super) fn bare(value: &impl Serialize, to: &mut Vec<u8>) -> Result<(), StoreError> {
    serde_json::to_writer(&mut *to, value).map_err(|error| StoreError::Database {
        operation: "write a line",
        source: error.into(),
    })?;
    to.push(b'\n');
    Ok(())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(retention: &i16) -> bool {
    *retention == 0
}

/// Six digits of a second and `Z`.
pub(crate) fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub(crate) mod moment {
    use super::{DateTime, Deserialize, Deserializer, Serializer, Utc, shown};

    pub(crate) fn serialize<S: Serializer>(
        time: &DateTime<Utc>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&shown(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        DateTime::deserialize(deserializer)
    }
}

pub(crate) mod digits {
    use super::{Cow, Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        hex::decode(text.as_bytes()).map_err(|_| serde::de::Error::custom("not hexadecimal digits"))
    }
}

pub(crate) mod base64_bytes {
    use base64::Engine as _;

    use super::{Cow, Deserialize, Deserializer, STANDARD, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map_err(|_| serde::de::Error::custom("not base64"))
    }
}

mod base64_or_null {
    use base64::Engine as _;
    use serde::{Deserialize as _, de::Error as _};

    use super::{Deserializer, STANDARD, Serializer};

    #[expect(clippy::ref_option, reason = "serde wants it so")]
    pub(crate) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_some(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let decode =
            |text: String| STANDARD.decode(text).map_err(|_| D::Error::custom("not base64"));
        text.map(decode).transpose()
    }
}
