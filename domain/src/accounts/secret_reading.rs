//! Readings of secrets: who saw which, and when. Never the values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ClaimChange, Fact, OrganizationId,
    fact::{Retention, aggregate, stored_as},
};

/// Things that one reading names at most: a page of a list is one.
pub const READ_AT_ONCE: usize = 1000;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// What devices prove themselves with.
    DeviceKey,
    /// What agents register with.
    SharedSecret,
}

/// A reading has a stream of its own: who reads and who is read about change meanwhile.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SecretReading {
    noted: bool,
}

/// What has happened. Who and when are the event's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretReadingEvent {
    /// Secrets were shown.
    Read(SecretsRead),
}

/// Payload of [`SecretReadingEvent::Read`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretsRead {
    /// What.
    pub what: SecretKind,
    /// Of which devices or organizations.
    pub of: Vec<Uuid>,
    /// Whose these are, each once.
    pub organizations: Vec<OrganizationId>,
}

/// What can be asked of a reading.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretReadingCommand {
    /// Keep it.
    Note(SecretsRead),
}

/// Why it is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretReadingError {
    /// A page has no more.
    #[error("at most {READ_AT_ONCE} secrets are read at once")]
    TooMany,
}

aggregate!(SecretReading, "secret", SecretReadingCommand, SecretReadingEvent, SecretReadingError);

impl SecretReading {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(
        &self,
        command: SecretReadingCommand,
    ) -> Result<Vec<SecretReadingEvent>, SecretReadingError> {
        let SecretReadingCommand::Note(read) = command;
        match read.of.len() {
            _ if self.noted => Ok(Vec::new()),
            0 => Ok(Vec::new()),
            1..=READ_AT_ONCE => Ok(vec![SecretReadingEvent::Read(read)]),
            _ => Err(SecretReadingError::TooMany),
        }
    }

    fn evolve(&mut self, _: SecretReadingEvent) {
        self.noted = true;
    }
}

stored_as! { SecretReadingEvent:
    Read => "secret.read",
}

impl Fact for SecretReadingEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        Vec::new()
    }

    /// The one whose secrets they are; the installation's where there are several.
    fn organization(&self) -> Option<OrganizationId> {
        let Self::Read(read) = self;
        match read.organizations[..] {
            [organization] => Some(organization),
            _ => None,
        }
    }

    fn retention(&self) -> Retention {
        Retention::Year
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::*;
    use crate::sample::{device, organization};

    fn read(count: usize) -> SecretsRead {
        SecretsRead {
            what: SecretKind::DeviceKey,
            of: vec![device(1).as_uuid(); count],
            organizations: vec![organization(1)],
        }
    }

    #[test]
    fn a_page_is_one_event_and_nothing_is_none() {
        let noted = |count| {
            TestFramework::<SecretReading>::with(())
                .given_no_previous_events()
                .when(SecretReadingCommand::Note(read(count)))
        };
        noted(100).then_expect_events(vec![SecretReadingEvent::Read(read(100))]);
        noted(0).then_expect_events(Vec::new());
        noted(READ_AT_ONCE + 1).then_expect_error(SecretReadingError::TooMany);
    }

    #[test]
    fn it_is_whose_secret_it_is() {
        let mut of = read(2);
        assert_eq!(SecretReadingEvent::Read(of.clone()).organization(), Some(organization(1)));
        of.organizations.push(organization(2));
        assert_eq!(SecretReadingEvent::Read(of).organization(), None);
    }
}
