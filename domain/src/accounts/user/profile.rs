use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Problem, Sealed, field};

/// What is known of a person, by field. Sealed for the person, so that it can be erased.
pub type Profile = BTreeMap<ProfileField, Sealed>;

/// A personal detail.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProfileField {
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// ISO 8601 date.
    BirthDate,
    /// Where they are.
    Location,
    /// Whom they work for.
    Company,
    /// About themselves.
    Bio,
    /// Web site.
    Url,
    /// What others keep about them.
    Notes,
}

impl ProfileField {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::FirstName,
        Self::LastName,
        Self::BirthDate,
        Self::Location,
        Self::Company,
        Self::Bio,
        Self::Url,
        Self::Notes,
    ];

    /// As it is stored and as REST names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::BirthDate => "birth_date",
            Self::Location => "location",
            Self::Company => "company",
            Self::Bio => "bio",
            Self::Url => "url",
            Self::Notes => "notes",
        }
    }

    /// Longest value, in characters.
    pub const fn longest(self) -> usize {
        match self {
            Self::FirstName | Self::LastName => 150,
            Self::BirthDate => 10,
            Self::Location => 256,
            Self::Company => 30,
            Self::Url => 200,
            Self::Bio | Self::Notes => 100_000,
        }
    }

    /// The value as it is kept; an empty one is none.
    pub fn checked(self, value: &str) -> Result<Option<String>, Problem> {
        let value = field::text(value.trim(), self.longest())?;
        if value.is_empty() {
            return Ok(None);
        }
        match self {
            Self::BirthDate if value.parse::<NaiveDate>().is_err() => {
                Err(Problem::Rule("must be a date such as 1990-12-10".to_owned()))
            }
            Self::Url if !is_url(&value) => {
                Err(Problem::Rule("must be a web address such as https://example.org/".to_owned()))
            }
            _ => Ok(Some(value)),
        }
    }
}

/// Browsers take nothing else for a link that people may follow.
fn is_url(value: &str) -> bool {
    let host = ["http://", "https://", "ftp://", "ftps://"]
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme))
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let named = host.is_some_and(|host| {
        let host = host.rsplit('@').next().unwrap_or_default();
        host.contains('.') || host.starts_with('[') || host.split(':').next() == Some("localhost")
    });
    named && !value.contains(char::is_whitespace)
}
