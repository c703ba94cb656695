//! What is not carried over.

use super::archive::Joined;

/// How many losses are told apart.
const MAX_LOSSES: usize = 10_000;

/// Something that the device has and the configuration does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The member of the archive; none where text was read.
    pub file: Option<String>,
    /// Counted from 1, in the file; 0 for the whole of it.
    pub line: usize,
    /// What is lost, without its value.
    pub what: String,
}

/// Losses so far. Beyond a bound they are only counted.
#[derive(Debug, Default)]
pub(super) struct Losses {
    list: Vec<Loss>,
    more: usize,
}

impl Losses {
    pub(super) fn add(&mut self, line: usize, what: impl Into<String>) {
        if self.list.len() < MAX_LOSSES {
            self.list.push(Loss { file: None, line, what: what.into() });
        } else {
            self.more += 1;
        }
    }

    /// The whole of a file.
    pub(super) fn file(&mut self, path: String, what: &str) {
        self.add(0, what);
        if let Some(loss) = self.list.last_mut().filter(|loss| loss.line == 0) {
            loss.file = Some(path);
        }
    }

    /// Replaces lines of the joined text by those of its files.
    pub(super) fn locate(&mut self, text: &Joined) {
        for loss in self.list.iter_mut().filter(|loss| loss.file.is_none()) {
            (loss.file, loss.line) = text.place(loss.line);
        }
    }

    pub(super) fn into_vec(mut self) -> Vec<Loss> {
        if self.more > 0 {
            let what = format!("{} more", self.more);
            self.list.push(Loss { file: None, line: 0, what });
        }
        self.list
    }
}
