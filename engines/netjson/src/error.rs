//! Why a configuration is refused.

use crate::Backend;

/// What an over-long message is cut to, in bytes. Messages repeat the refused value.
const MAX_MESSAGE: usize = 16 * 1024;

/// A configuration that does not describe a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid configuration triggered by \"#{path}\", validator says:\n\n{message}")]
pub struct ValidationError {
    /// Where, as slash-separated keys and indices (`/interfaces/0`); `/` is the whole.
    pub path: String,
    /// What is wrong, in the words of the validator; repeats the refused value.
    pub message: String,
}

impl ValidationError {
    /// An error that concerns the configuration as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self::at("", message)
    }

    /// An error at `path`, written without its leading slash.
    pub(crate) fn at(path: &str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE));
            message.push('…');
        }
        Self { path: format!("/{path}"), message }
    }
}

/// Why there is no rendering.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The merged and evaluated configuration is refused.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// The backend only checks configurations so far.
    #[error("generator {} is not part of this version", .0.as_str())]
    NotRendered(Backend),
    /// The input, or what it would expand to, is beyond what is computed.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// How much of it is accepted.
        limit: usize,
    },
}
