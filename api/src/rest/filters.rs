//! Parameters that narrow a list. Unknown ones and empty ones are ignored; what is wrong with the others is told all at once.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    failure::{Errors, RestError},
    moment,
    sentences::{self, NULL_CHARACTER},
};
use crate::form::Form;

/// Longest text that is looked for, in characters: patterns are dear.
const LONGEST: usize = 200;

/// The filters of a query, and what was found wrong with them.
pub(super) struct Filters<'a> {
    query: &'a Form,
    pub(super) errors: Errors,
}

/// When something was made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Created {
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) before: Option<DateTime<Utc>>,
}

impl<'a> Filters<'a> {
    pub(super) fn new(query: &'a Form) -> Self {
        Self { query, errors: Errors::default() }
    }

    pub(super) fn check(self) -> Result<(), RestError> {
        self.errors.check()
    }

    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let text = self.query.given(name)?;
        if text.contains('\0') {
            self.errors.add(name, NULL_CHARACTER);
            return None;
        }
        let length = text.chars().count();
        if length > LONGEST {
            let sentence =
                format!("Ensure this value has at most {LONGEST} characters (it has {length}).");
            self.errors.add(name, sentence);
            return None;
        }
        Some(text)
    }

    pub(super) fn choice<S: AsRef<str>>(&mut self, name: &str, choices: &[S]) -> Option<String> {
        let text = self.text(name)?;
        if !choices.iter().any(|choice| choice.as_ref() == text) {
            let sentence =
                format!("Select a valid choice. {text} is not one of the available choices.");
            self.errors.add(name, sentence);
            return None;
        }
        Some(text.to_owned())
    }

    /// What is neither yes nor no filters nothing.
    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        match self.text(name)?.to_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    pub(super) fn id(&mut self, name: &str) -> Option<Uuid> {
        let text = self.text(name)?;
        let id = Uuid::try_parse(text).ok();
        if id.is_none() {
            self.errors.add(name, sentences::not_a_uuid(text));
        }
        id
    }

    fn moment(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let found = moment::parse(self.text(name)?);
        if found.is_none() {
            self.errors.add(name, "Enter a valid date/time.");
        }
        found
    }

    pub(super) fn created(&mut self) -> Created {
        Created {
            at: self.moment("created"),
            from: self.moment("created__gte"),
            before: self.moment("created__lt"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_filter_is_told_under_its_name() {
        let query = Form::parse(b"status=zzz&group=nope&created__gte=nope&name=%00&x=");
        let mut filters = Filters::new(&query);
        assert_eq!(filters.choice("status", &["modified"]), None);
        assert_eq!(filters.id("group"), None);
        assert!(filters.created().from.is_none());
        assert_eq!(filters.text("name"), None);
        assert_eq!(filters.text("x"), None);
        let mut expected = Errors::one(
            "status",
            "Select a valid choice. zzz is not one of the available choices.",
        );
        expected.add("group", "“nope” is not a valid UUID.");
        expected.add("created__gte", "Enter a valid date/time.");
        expected.add("name", "Null characters are not allowed.");
        assert_eq!(filters.errors, expected);
    }
}
