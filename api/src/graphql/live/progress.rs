//! How far subscriptions have come, for those who have to go on elsewhere.

use std::sync::Arc;

use parking_lot::Mutex;

/// Positions that the fields of one operation have told, to go on after.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Mutex<Vec<i64>>>);

/// One field's.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    progress: Progress,
    index: usize,
}

impl Progress {
    /// For one more field.
    pub(super) fn slot(&self) -> Slot {
        let mut positions = self.0.lock();
        positions.push(0);
        Slot { progress: self.clone(), index: positions.len() - 1 }
    }

    /// The position after which nothing is lost; none where no field tells positions.
    pub(super) fn lowest(&self) -> Option<i64> {
        self.0.lock().iter().copied().min()
    }
}

impl Slot {
    /// Everything up to here was given out.
    pub(super) fn reached(&self, position: i64) {
        if let Some(reached) = self.progress.0.lock().get_mut(self.index) {
            *reached = position;
        }
    }
}
