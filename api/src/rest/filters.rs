//! Parameters that narrow a list. Unknown ones and empty ones are ignored; what is wrong with the others is told all at once.
//! Like fields of bodies they are described by what reads them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use utoipa::openapi::{
    KnownFormat, Object, ObjectBuilder, SchemaFormat,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::Type,
};
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
    /// What is read, where a description is wanted and nothing was sent.
    noted: Option<Vec<Parameter>>,
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
        Self { query, noted: None, errors: Errors::default() }
    }

    /// For nothing that was sent: whoever reads is noted down, see [`described`](Self::described).
    pub(super) fn describing(nothing: &'a Form) -> Self {
        Self { noted: Some(Vec::new()), ..Self::new(nothing) }
    }

    /// The parameters that were read.
    pub(super) fn described(self) -> Vec<Parameter> {
        self.noted.unwrap_or_default()
    }

    /// Notes a parameter down instead of reading it, where a description is wanted.
    fn notes(&mut self, name: &str, schema: impl FnOnce(ObjectBuilder) -> ObjectBuilder) -> bool {
        let Some(noted) = &mut self.noted else { return false };
        let text = ObjectBuilder::new().schema_type(Type::String);
        noted.push(parameter(name, schema(text).build()));
        true
    }

    pub(super) fn check(self) -> Result<(), RestError> {
        self.errors.check()
    }

    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        if self.notes(name, |text| text.max_length(Some(LONGEST))) {
            return None;
        }
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

    /// As it was sent, also where that is nothing.
    pub(super) fn verbatim(&mut self, name: &str) -> Option<&'a str> {
        if self.notes(name, |text| text) {
            return None;
        }
        self.query.get(name)
    }

    /// Is it this very word? All others mean nothing.
    pub(super) fn is(&mut self, name: &str, word: &str) -> bool {
        if self.notes(name, |text| text.enum_values(Some([word]))) {
            return false;
        }
        self.query.get(name) == Some(word)
    }

    pub(super) fn choice<S: AsRef<str>>(&mut self, name: &str, choices: &[S]) -> Option<String> {
        let words = || choices.iter().map(|choice| Value::from(choice.as_ref()));
        if self.notes(name, |text| text.enum_values(Some(words()))) {
            return None;
        }
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
        if self.notes(name, |text| text.schema_type(Type::Boolean)) {
            return None;
        }
        match self.text(name)?.to_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    pub(super) fn id(&mut self, name: &str) -> Option<Uuid> {
        if self.notes(name, |text| text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))))
        {
            return None;
        }
        let text = self.text(name)?;
        let id = Uuid::try_parse(text).ok();
        if id.is_none() {
            self.errors.add(name, sentences::not_a_uuid(text));
        }
        id
    }

    fn moment(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        if self.notes(name, |text| text.format(Some(format))) {
            return None;
        }
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

/// A parameter of a query that may be left out.
pub(super) fn parameter(name: &str, schema: Object) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
    parameter.schema(Some(schema)).build()
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
