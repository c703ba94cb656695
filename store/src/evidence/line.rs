//! A line of a piece: an event, or what stands for one of others.

use serde::{Deserialize, Serialize};

use crate::{
    Recorded, StoreError, chain,
    transfer::line::{self, EventLine, digits},
};

/// An event of others: enough to follow the chain across it, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Withheld {
    pub(super) position: i64,
    /// SHA-256 of the header.
    #[serde(with = "digits")]
    pub(super) header: Vec<u8>,
    /// The chain up to and including it.
    #[serde(with = "digits")]
    pub(super) hash: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Event(Box<EventLine<'static>>),
    Withheld(Withheld),
}

/// What the chain wants to know of a line.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) position: i64,
    pub(super) header: Vec<u8>,
    pub(super) hash: Vec<u8>,
    /// None of one that is withheld.
    pub(super) event: Option<Recorded>,
    /// Was the payload taken away since it was hashed?
    pub(super) emptied: bool,
}

impl Line {
    /// Reads one; none is nothing that was ever written.
    pub(super) fn read(text: &[u8]) -> Option<Link> {
        Some(match serde_json::from_slice(text).ok()? {
            Self::Event(line) => {
                let emptied = line.is_emptied();
                let event = line.recorded();
                Link {
                    position: event.position,
                    header: chain::header(&event),
                    hash: event.hash.clone().unwrap_or_default(),
                    event: Some(event),
                    emptied,
                }
            }
            Self::Withheld(Withheld { position, header, hash }) => {
                Link { position, header, hash, event: None, emptied: false }
            }
        })
    }
}

/// Adds the line of an event that is shown; says whether its payload was taken away. None when it is not in the chain.
pub(super) fn write(event: &Recorded, to: &mut Vec<u8>) -> Result<Option<bool>, StoreError> {
    let Some(shown) = EventLine::of(event) else { return Ok(None) };
    line::write("event", &shown, to)?;
    Ok(Some(shown.is_emptied()))
}

/// Adds the line of an event that is withheld.
pub(super) fn withhold(event: &Recorded, to: &mut Vec<u8>) -> Result<Option<bool>, StoreError> {
    let Some(hash) = event.hash.clone() else { return Ok(None) };
    let withheld = Withheld { position: event.position, header: chain::header(event), hash };
    line::write("withheld", &withheld, to)?;
    Ok(Some(false))
}
