//! What went wrong, in our words: what the server said may repeat what it was told.

use std::error::Error as _;

use app::RelayedEvent;
use async_nats::{
    ConnectError, ConnectErrorKind,
    jetstream::{
        Error as Refusal, ErrorCode,
        context::{CreateStreamError, CreateStreamErrorKind, PublishError, PublishErrorKind},
    },
};
use workers::RelayError;

pub(crate) fn silent() -> RelayError {
    RelayError::Unreachable("the NATS server does not answer, or has no JetStream".to_owned())
}

pub(crate) fn of_connecting(error: &ConnectError) -> RelayError {
    let reason = match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            let why = "the NATS server does not take the credentials";
            return RelayError::Denied(why.to_owned());
        }
        ConnectErrorKind::Dns => "the name of the NATS server cannot be resolved",
        ConnectErrorKind::Tls => {
            "the certificate of the NATS server is not trusted, or it speaks no TLS"
        }
        ConnectErrorKind::ServerParse => "the address of the NATS server is none",
        ConnectErrorKind::TimedOut => "the NATS server does not answer in time",
        ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
            "the NATS server cannot be connected to"
        }
    };
    RelayError::Unreachable(reason.to_owned())
}

/// A refusal in the answer, wherever it stands among the causes.
pub(crate) fn of_request(error: &(dyn std::error::Error + 'static)) -> RelayError {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(refusal) = inner.downcast_ref::<Refusal>() {
            return of_code(refusal);
        }
        cause = inner.source();
    }
    silent()
}

pub(crate) fn of_code(refusal: &Refusal) -> RelayError {
    let why = match refusal.error_code() {
        ErrorCode::STREAM_NOT_FOUND => "the stream is not there any more".to_owned(),
        ErrorCode::STREAM_NOT_MATCH => {
            "the subjects belong to another stream: choose another nats.subject_prefix".to_owned()
        }
        ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
            "the NATS server has no JetStream, or not for this account".to_owned()
        }
        ErrorCode(code) => {
            format!(
                "the NATS server does not take it (JetStream error {code}): is the stream full?"
            )
        }
    };
    RelayError::Refused(why)
}

pub(crate) fn of_making(error: &CreateStreamError, name: &str) -> RelayError {
    match error.kind() {
        CreateStreamErrorKind::JetStream(refusal) => {
            let ErrorCode(code) = refusal.error_code();
            RelayError::Refused(format!(
                "the stream {name} cannot be made (JetStream error {code}): make it by hand, or choose another name or subject prefix"
            ))
        }
        _ => silent(),
    }
}

pub(crate) fn of_publishing(error: &PublishError, event: &RelayedEvent) -> RelayError {
    let position = event.event.position;
    match error.kind() {
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
            RelayError::Moved(None)
        }
        PublishErrorKind::StreamNotFound => RelayError::Refused(format!(
            "no stream takes the subject of the event at position {position}: its subjects must include the prefix"
        )),
        PublishErrorKind::MaxPayloadExceeded => RelayError::Refused(format!(
            "the event at position {position} is larger than the NATS server takes: raise its max_payload"
        )),
        PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => {
            RelayError::Unreachable("the NATS server does not acknowledge in time".to_owned())
        }
        PublishErrorKind::Other => error.source().map_or_else(silent, of_request),
    }
}
