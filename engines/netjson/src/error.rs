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

/// Something that NetJSON cannot say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}line {line}: {message}", .file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default())]
pub struct Unreadable {
    /// The member of the archive; none where text was parsed.
    pub file: Option<String>,
    /// Where, counted from 1, in the file; 0 for the whole of it.
    pub line: usize,
    /// What is wrong, without repeating the value.
    pub message: String,
}

impl Unreadable {
    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        Self { file: None, line, message: message.into() }
    }
}

/// Why there is no rendering, or no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The merged and evaluated configuration is refused.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// What a section of the text that was parsed says is refused.
    #[error("{}line {line}: {error}", .file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default())]
    InvalidSection {
        /// What is wrong, and where in the configuration that was read.
        error: ValidationError,
        /// The member of the archive; none where text was parsed.
        file: Option<String>,
        /// Where the section begins, counted from 1, in the file.
        line: usize,
    },
    /// What is to be parsed has no meaning where it stands.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Configurations of this backend are only written.
    #[error("configurations of {} cannot be parsed", .0.as_str())]
    NotParsed(Backend),
    /// The input, or what it would expand to, is beyond what is computed.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// How much of it is accepted.
        limit: usize,
    },
}
