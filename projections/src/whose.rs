//! Whom events are about.

use domain::{Event, accounts::LogInEvent};
use store::{Recorded, Subject};
use uuid::Uuid;

use crate::decode;

/// Whom the contents of an event are about, as a whole: what erasing them takes out of the log. None is nobody, or not them alone.
pub fn whose(event: &Recorded) -> Option<Subject> {
    match event.aggregate_type.as_str() {
        // That somebody was erased is told for ever.
        "user" if !event.event_type.ends_with(".erased") => {
            event.aggregate_id.parse::<Uuid>().ok().map(Subject::Person)
        }
        "log_in" => match decode(event).as_deref() {
            Ok(Event::LogIn(LogInEvent::Tried(tried))) => match (tried.user_id, &tried.login) {
                (Some(user), _) => Some(Subject::Person(user.as_uuid())),
                (None, Some(login)) => Some(Subject::of_name(login)),
                (None, None) => None,
            },
            _ => None,
        },
        _ => None,
    }
}
