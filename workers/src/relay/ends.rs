use std::collections::HashMap;

use super::End;

/// Lanes whose ends are remembered; then all are asked again.
const MOST: usize = 20_000;

/// The ends of lanes, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Ends(HashMap<String, Known>);

#[derive(Clone, Copy, Debug)]
struct Known {
    /// The place of the end; none where the lane is empty.
    mark: Option<u64>,
    /// Everything of the log up to here that belongs into the lane is there; 0 where that is not known.
    position: i64,
}

impl Ends {
    pub(super) fn is_unknown(&self, lane: &str) -> bool {
        !self.0.contains_key(lane)
    }

    pub(super) fn mark(&self, lane: &str) -> Option<u64> {
        self.0.get(lane)?.mark
    }

    pub(super) fn position(&self, lane: &str) -> i64 {
        self.0.get(lane).map_or(0, |known| known.position)
    }

    pub(super) fn learn(&mut self, lane: &str, end: &End) {
        match *end {
            End::Empty | End::Foreign => self.put(lane, Known { mark: None, position: 0 }),
            End::Gone(mark) => self.put(lane, Known { mark: Some(mark), position: 0 }),
            End::Event { mark, position, .. } => {
                self.put(lane, Known { mark: Some(mark), position });
            }
        }
    }

    pub(super) fn moved(&mut self, lane: &str, mark: u64, position: i64) {
        self.put(lane, Known { mark: Some(mark), position });
    }

    pub(super) fn forget(&mut self, lane: &str) {
        self.0.remove(lane);
    }

    fn put(&mut self, lane: &str, known: Known) {
        if self.0.len() >= MOST && !self.0.contains_key(lane) {
            self.0.clear();
        }
        self.0.insert(lane.to_owned(), known);
    }
}
