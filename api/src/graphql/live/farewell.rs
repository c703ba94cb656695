//! Why connections are closed.

use app::{Ended, Failure, Refusal};
use axum::extract::ws::{CloseFrame, Utf8Bytes};

/// Bytes of a reason (RFC 6455, 5.5).
const LONGEST: usize = 123;

/// Why a connection is closed.
#[derive(Debug)]
pub(super) enum Farewell {
    /// The client is gone.
    Gone,
    /// With a code and a reason.
    Close {
        /// See the table of the module above.
        code: u16,
        /// For people, and for logs of clients.
        reason: String,
    },
}

impl Farewell {
    pub(super) fn new(code: u16, reason: impl Into<String>) -> Self {
        Self::Close { code, reason: reason.into() }
    }

    /// The server stops.
    pub(super) fn stopping() -> Self {
        Self::new(1001, "the server stops: connect again")
    }

    /// The client took nothing for too long.
    pub(super) fn slow(resume_after: Option<i64>) -> Self {
        let place = resume_after.map(|position| format!(" after position {position}"));
        let reason = format!("you take too slowly: subscribe again{}", place.unwrap_or_default());
        Self::new(4008, reason)
    }

    /// Whoever wanted to listen may not.
    pub(super) fn refused(failure: &Failure) -> Self {
        match failure {
            Failure::Refused(Refusal::PasswordExpired) => {
                Self::new(4403, format!("Forbidden: {failure} (password_expired)"))
            }
            Failure::Unauthenticated | Failure::Refused(_) => {
                Self::new(4401, format!("Unauthorized: {failure}"))
            }
            Failure::Unavailable | Failure::Busy => Self::new(1013, failure.to_string()),
            other => Self::new(1011, other.to_string()),
        }
    }

    /// For counters: the code of the frame, or `gone`.
    pub(super) fn code(&self) -> String {
        match self {
            Self::Gone => "gone".to_owned(),
            Self::Close { code, .. } => code.to_string(),
        }
    }

    /// The frame; none for those who are gone.
    pub(super) fn frame(&self) -> Option<CloseFrame> {
        let Self::Close { code, reason } = self else { return None };
        let reason: Utf8Bytes = reason[..reason.floor_char_boundary(LONGEST)].into();
        Some(CloseFrame { code: *code, reason })
    }
}

impl From<Ended> for Farewell {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Token => Self::new(4401, ended.to_string()),
            Ended::Rights => Self::new(4403, ended.to_string()),
            Ended::Failed(failure) => Self::refused(&failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_are_told_where_to_go_on() {
        let frame = Farewell::slow(Some(i64::MAX)).frame().unwrap();
        assert_eq!(frame.code, 4008);
        assert!(frame.reason.ends_with("after position 9223372036854775807"), "{}", frame.reason);
    }

    #[test]
    fn whose_rights_changed_is_told_so() {
        let farewell = Farewell::from(Ended::Rights);
        assert_eq!(farewell.code(), "4403");
        assert_eq!(Farewell::from(Ended::Token).code(), "4401");
        assert_eq!(Farewell::Gone.code(), "gone");
    }

    #[test]
    fn reasons_fit_into_a_frame() {
        let frame = Farewell::new(4400, "ü".repeat(200)).frame().unwrap();
        assert_eq!(frame.reason.as_str(), "ü".repeat(61));
        assert!(Farewell::Gone.frame().is_none());
    }
}
