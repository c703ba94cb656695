//! What becomes of the elements of two lists, before any of them is touched.

use foldhash::{HashMap, HashMapExt as _};

use serde_json::Value;

use super::Identifiers;
use super::key::Key;
use crate::ValidationError;
use crate::equality::{Booleans, Seen, equal};

/// How one list is laid over another.
#[derive(Debug)]
pub(super) struct Plan {
    /// Which elements of the lower list stay, in order, if not all of them do: of those with one
    /// key the last one, at the place of the first.
    pub(super) kept: Option<Vec<usize>>,
    /// Elements of the upper list by position, and which of the kept ones they are laid over; none
    /// goes to the end.
    pub(super) steps: Vec<(Option<usize>, usize)>,
}

impl Plan {
    pub(super) fn of(
        under: &[Value],
        over: &[Value],
        identifiers: Identifiers<'_>,
    ) -> Result<Self, ValidationError> {
        let mut kept: Vec<usize> = Vec::with_capacity(under.len());
        let mut places: HashMap<Key<'_>, usize> = HashMap::with_capacity(under.len());
        for (position, item) in under.iter().enumerate() {
            match Key::of(item, identifiers)? {
                None => kept.push(position),
                Some(key) => {
                    let place = *places.entry(key).or_insert(kept.len());
                    match kept.get_mut(place) {
                        Some(earlier) => *earlier = position,
                        None => kept.push(position),
                    }
                }
            }
        }

        // Equal elements are identified alike; those that nothing identifies have to be searched.
        let mut unnamed: Option<Seen<'_>> = None;
        let mut steps = Vec::with_capacity(over.len());
        let mut planned: HashMap<Key<'_>, usize> = HashMap::with_capacity(over.len());
        for (position, item) in over.iter().enumerate() {
            let key = Key::of(item, identifiers)?;
            let place = key.as_ref().and_then(|key| places.get(key).copied());
            let repeats = if matches!(key, Some(Key::Named(_) | Key::Tuple(_))) {
                place.is_some_and(|place| equal(&under[kept[place]], item, Booleans::AreNumbers))
            } else {
                let seen = unnamed.get_or_insert_with(|| {
                    let mut seen = Seen::new(Booleans::AreNumbers);
                    for position in &kept {
                        seen.insert(&under[*position]);
                    }
                    seen
                });
                seen.contains(item)
            };
            if repeats {
                continue;
            }
            let Some(key) = key else {
                steps.push((None, position));
                continue;
            };
            let step = *planned.entry(key).or_insert(steps.len());
            match steps.get_mut(step) {
                Some((_, earlier)) => *earlier = position,
                None => steps.push((place, position)),
            }
        }
        let kept = (kept.len() < under.len()).then_some(kept);
        Ok(Self { kept, steps })
    }
}
