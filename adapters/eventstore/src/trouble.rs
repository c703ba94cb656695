//! What went wrong, in our words: what the server said may repeat what it was told.

use app::RelayedEvent;
use eventstore::{CurrentRevision, Error};
use workers::RelayError;

/// Is the client of no use any more? It ends by itself when no node can be found.
pub(crate) fn ends_the_client(error: &Error) -> bool {
    matches!(error, Error::ConnectionClosed | Error::GrpcConnectionError(_))
}

pub(crate) fn of_reading(error: &Error, lane: &str) -> RelayError {
    match error {
        Error::AccessDenied => {
            let why = "EventStoreDB does not take the credentials, or does not let them read and write streams";
            RelayError::Denied(why.to_owned())
        }
        Error::ResourceDeleted => RelayError::Refused(format!(
            "the stream {lane} was deleted there for ever (a tombstone), and nothing can be written to it: choose another eventstore.stream_prefix"
        )),
        Error::DeadlineExceeded => {
            RelayError::Unreachable("EventStoreDB does not answer in time".to_owned())
        }
        Error::ConnectionClosed => RelayError::Unreachable(
            "a connection to EventStoreDB cannot be made: are certificates installed on this machine?".to_owned(),
        ),
        Error::NotLeaderException(_) => {
            RelayError::Unreachable("EventStoreDB has another leader now".to_owned())
        }
        _ => RelayError::Unreachable("EventStoreDB cannot be reached".to_owned()),
    }
}

pub(crate) fn of_appending(error: &Error, lane: &str, events: &[RelayedEvent]) -> RelayError {
    match error {
        Error::WrongExpectedVersion { current, .. } => RelayError::Moved(match current {
            CurrentRevision::Current(revision) => Some(*revision),
            CurrentRevision::NoStream => None,
        }),
        Error::Grpc { code, .. } => {
            let position = events.first().map_or(0, |first| first.event.position);
            RelayError::Refused(format!(
                "EventStoreDB does not take the event at position {position} or one of those after it ({code:?}): is it larger than its MaxAppendSize?"
            ))
        }
        other => of_reading(other, lane),
    }
}
