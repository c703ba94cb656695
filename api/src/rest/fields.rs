//! Reading fields: every problem of a request is found, then all are told at once. What reads them also describes them: told to
//! describe, each of these functions notes what it would have read.

#![expect(
    clippy::option_option,
    reason = "absent, null and a value are three things, and use cases take them as these"
)]

mod formats;
mod noted;

use std::{borrow::Cow, net::IpAddr};

use axum::http::Method;
use chrono::{DateTime, NaiveDate, Utc};
use domain::{Document, Problem};
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};
use uuid::Uuid;

use self::noted::Noted;
use super::{
    failure::{Errors, RestError},
    input::{Given, Input, kind, not_an_object},
    json::{self, Unparsed},
    moment,
    sentences::{self, sentence},
};

/// Most elements of a list of references.
const ELEMENTS: usize = 1000;

/// How much of an object a request speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// `POST`: something new, or something that is done once.
    New,
    /// `PUT`: all of it.
    Whole,
    /// `PATCH`: what is left out stays.
    Part,
}

impl Extent {
    /// As the method says.
    pub(super) fn of(method: &Method) -> Self {
        match *method {
            Method::PATCH => Self::Part,
            Method::PUT => Self::Whole,
            _ => Self::New,
        }
    }
}

/// The fields of an input, and what was found wrong with them.
pub(super) struct Fields<'a> {
    input: Cow<'a, Input>,
    /// Put before names in errors; ends in a dot.
    under: String,
    extent: Extent,
    /// What is read, where a description is wanted and nothing was sent.
    noted: Option<Noted>,
    pub(super) errors: Errors,
}

/// What is asked of a text.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked by itself")]
pub(super) struct Text {
    pub(super) required: bool,
    /// May it be empty?
    pub(super) blank: bool,
    /// Is white space around it kept?
    pub(super) verbatim: bool,
    /// Does null mean empty?
    pub(super) nullable: bool,
}

impl Text {
    /// Must be there and say something.
    pub(super) const NAME: Self =
        Self { required: true, blank: false, verbatim: false, nullable: false };
    /// May be absent or empty.
    pub(super) const FREE: Self =
        Self { required: false, blank: true, verbatim: false, nullable: false };
    /// May be absent, empty or null.
    pub(super) const NULLABLE: Self = Self { nullable: true, ..Self::FREE };
    /// Must be there and is taken as it is: passwords.
    pub(super) const SECRET: Self = Self { verbatim: true, ..Self::NAME };
}

impl<'a> Fields<'a> {
    /// For as much as the request speaks of.
    pub(super) fn of(input: Cow<'a, Input>, extent: Extent) -> Self {
        Self { input, under: String::new(), extent, noted: None, errors: Errors::default() }
    }

    /// For nothing that was sent: whoever reads is noted down, see [`described`](Self::described).
    pub(super) fn describing(extent: Extent) -> Self {
        let nothing = Input::Json(serde_json::Map::new());
        Self { noted: Some(Noted::default()), ..Self::of(Cow::Owned(nothing), extent) }
    }

    /// An object with the fields that were read.
    pub(super) fn described(self) -> Schema {
        self.noted.unwrap_or_default().object()
    }

    /// Notes a field down instead of reading it, where a description is wanted.
    fn notes<S: Into<RefOr<Schema>>>(
        &mut self,
        name: &str,
        required: bool,
        schema: impl FnOnce() -> S,
    ) -> bool {
        let required = required && self.extent != Extent::Part;
        let Some(noted) = &mut self.noted else { return false };
        noted.add(name, required, schema().into());
        true
    }

    /// How much of an object is spoken of?
    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// The field as it was sent.
    pub(super) fn as_sent(&self, name: &str) -> Value {
        match self.input.get(name) {
            Given::Value(value) => value.clone(),
            Given::Absent | Given::Text(_) => Value::Null,
        }
    }

    /// Reads an object inside this one; its errors go under its name. `Some(None)` is null.
    pub(super) fn inside<T>(
        &mut self,
        name: &str,
        extent: Extent,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Option<Option<T>> {
        if self.noted.is_some() {
            let mut inner = Fields::describing(extent);
            read(&mut inner);
            self.notes(name, false, || noted::nullable(inner.described()));
            return None;
        }
        let Some(input) = self.nested(name)? else { return Some(None) };
        let mut inner = Fields::of(Cow::Owned(input), extent);
        inner.under = format!("{}{name}.", self.under);
        inner.errors = std::mem::take(&mut self.errors);
        let value = read(&mut inner);
        self.errors = inner.errors;
        Some(Some(value))
    }

    /// Refuses a request without the field, whatever is in it.
    pub(super) fn require(&mut self, name: &str) {
        let there = self.has(name);
        match &mut self.noted {
            Some(noted) if self.extent != Extent::Part => noted.require(name),
            None if !there => self.absent(name, true),
            Some(_) | None => {}
        }
    }

    /// Fine when nothing was found.
    pub(super) fn check(self) -> Result<(), RestError> {
        self.errors.check()
    }

    pub(super) fn refuse(&mut self, name: &str, sentence: impl Into<String>) {
        self.errors.add(&format!("{}{name}", self.under), sentence);
    }

    /// Every problem, in words.
    pub(super) fn problems(&mut self, name: &str, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.refuse(name, sentence(&problem));
        }
    }

    /// Is the field there, whatever it is?
    fn has(&self, name: &str) -> bool {
        !matches!(self.input.get(name), Given::Absent)
    }

    /// Is the field there, and not null, which says the same as nothing?
    pub(super) fn says(&mut self, name: &str) -> bool {
        if let Some(noted) = &mut self.noted {
            noted.nullable(name);
            return true;
        }
        !matches!(self.input.get(name), Given::Absent | Given::Value(Value::Null))
    }

    /// Refuses an absent field where all fields are wanted.
    fn absent(&mut self, name: &str, required: bool) {
        if required && self.extent != Extent::Part {
            self.refuse(name, sentences::REQUIRED);
        }
    }

    /// A text of any length.
    pub(super) fn text(&mut self, name: &str, wanted: Text) -> Option<String> {
        if self.notes(name, wanted.required, || noted::text(wanted, None)) {
            return None;
        }
        let text: Cow<'_, str> = match self.input.get(name) {
            Given::Absent => {
                self.absent(name, wanted.required);
                return None;
            }
            Given::Text(text) => text.into(),
            Given::Value(Value::String(text)) => text.into(),
            Given::Value(Value::Number(number)) => number.to_string().into(),
            Given::Value(Value::Null) if wanted.nullable => "".into(),
            Given::Value(Value::Null) => {
                self.refuse(name, sentences::NULL);
                return None;
            }
            Given::Value(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                self.refuse(name, "Not a valid string.");
                return None;
            }
        };
        let text = if wanted.verbatim { &text } else { text.trim() };
        if text.is_empty() && !wanted.blank {
            self.refuse(name, sentences::BLANK);
            return None;
        }
        Some(text.to_owned())
    }

    /// A text of at most `max` characters.
    pub(super) fn short(&mut self, name: &str, wanted: Text, max: usize) -> Option<String> {
        if self.notes(name, wanted.required, || noted::text(wanted, Some(max))) {
            return None;
        }
        let text = self.text(name, wanted)?;
        self.problems(name, domain::field::text(&text, max).err());
        Some(text)
    }

    /// A text that a value type judges.
    pub(super) fn judged(
        &mut self,
        name: &str,
        wanted: Text,
        judge: impl Fn(&str) -> Vec<Problem>,
    ) -> Option<String> {
        let text = self.text(name, wanted)?;
        if !text.is_empty() {
            self.problems(name, judge(&text));
        }
        Some(text)
    }

    /// One of some words.
    pub(super) fn choice<S: AsRef<str>>(
        &mut self,
        name: &str,
        required: bool,
        choices: &[S],
    ) -> Option<String> {
        if self.notes(name, required, || noted::choice(choices)) {
            return None;
        }
        let text = self.text(name, Text { required, ..Text::NAME })?;
        if !choices.iter().any(|choice| choice.as_ref() == text) {
            self.refuse(name, sentences::not_a_choice(&text));
        }
        Some(text)
    }

    /// A switch.
    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        if self.notes(name, false, noted::switch) {
            return None;
        }
        let text: Cow<'_, str> = match self.input.get(name) {
            Given::Absent => return None,
            Given::Value(Value::Bool(switch)) => return Some(*switch),
            Given::Value(Value::Null) => {
                self.refuse(name, sentences::NULL);
                return None;
            }
            Given::Text(text) => text.to_lowercase().into(),
            Given::Value(Value::String(text)) => text.to_lowercase().into(),
            Given::Value(other) => other.to_string().into(),
        };
        match text.trim() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
            _ => {
                self.refuse(name, "Must be a valid boolean.");
                None
            }
        }
    }

    /// A reference; `Some(None)` is none, which must be allowed.
    pub(super) fn reference(
        &mut self,
        name: &str,
        required: bool,
        nullable: bool,
    ) -> Option<Option<Uuid>> {
        if self.notes(name, required, || noted::reference(nullable)) {
            return None;
        }
        let found = match self.input.get(name) {
            Given::Absent => {
                self.absent(name, required);
                return None;
            }
            Given::Value(Value::Null) | Given::Text("") => None,
            Given::Value(Value::String(text)) if text.is_empty() => None,
            Given::Text(text) => Some(uuid(text)),
            Given::Value(value) => Some(reference(value)),
        };
        match found {
            None if nullable => Some(None),
            None => {
                self.refuse(name, sentences::NULL);
                None
            }
            Some(Ok(id)) => Some(Some(id)),
            Some(Err(sentence)) => {
                self.refuse(name, sentence);
                None
            }
        }
    }

    /// Several references, each once, in order. A form without any means none.
    pub(super) fn references(&mut self, name: &'static str, required: bool) -> Option<Vec<Uuid>> {
        if self.notes(name, required, || noted::several(noted::reference(false))) {
            return None;
        }
        let ids = self.several(name, required, uuid, reference)?;
        let mut once = Vec::with_capacity(ids.len());
        for id in ids {
            if !once.contains(&id) {
                once.push(id);
            }
        }
        Some(once)
    }

    /// References to things that have numbers, each once, in order. A form without any means none.
    pub(super) fn numbers(&mut self, name: &'static str) -> Option<Vec<u32>> {
        if self.notes(name, false, || noted::several(noted::number())) {
            return None;
        }
        let mut numbers = self.several(name, false, number_in, number)?;
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }

    /// The elements of a list, from words of a form or from values.
    fn several<T>(
        &mut self,
        name: &'static str,
        required: bool,
        word: fn(&str) -> Result<T, String>,
        value: fn(&Value) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let found: Result<Vec<T>, String> = match (&*self.input, self.input.get(name)) {
            (Input::Form(_), Given::Absent) if self.extent != Extent::Part => {
                return Some(Vec::new());
            }
            (_, Given::Absent) => {
                self.absent(name, required);
                return None;
            }
            (Input::Form(form), _) => {
                form.all(name).filter(|text| !text.is_empty()).map(word).collect()
            }
            (_, Given::Value(Value::Array(values))) => values.iter().map(value).collect(),
            (_, Given::Value(Value::Null)) => Err(sentences::NULL.to_owned()),
            (_, Given::Value(value)) => {
                Err(format!("Expected a list of items but got type \"{}\".", kind(value)))
            }
            (_, Given::Text(text)) => word(text).map(|one| vec![one]),
        };
        match found {
            Ok(elements) if elements.len() > ELEMENTS => {
                let sentence = format!("Ensure this field has no more than {ELEMENTS} elements.");
                self.refuse(name, sentence);
                None
            }
            Ok(elements) => Some(elements),
            Err(sentence) => {
                self.refuse(name, sentence);
                None
            }
        }
    }

    /// A day; `Some(None)` is none.
    pub(super) fn day(&mut self, name: &str) -> Option<Option<NaiveDate>> {
        if self.notes(name, false, noted::day) {
            return None;
        }
        let read = |text: &str| text.parse().ok();
        self.parsed(
            name,
            read,
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        )
    }

    /// A moment; `Some(None)` is none.
    pub(super) fn moment(&mut self, name: &str) -> Option<Option<DateTime<Utc>>> {
        if self.notes(name, false, noted::moment) {
            return None;
        }
        self.parsed(name, moment::parse, "Datetime has wrong format: use 2030-01-31T12:00:00Z.")
    }

    /// An IP address; `Some(None)` is none.
    pub(super) fn address(&mut self, name: &str) -> Option<Option<IpAddr>> {
        if self.notes(name, false, noted::address) {
            return None;
        }
        self.parsed(name, |text| text.parse().ok(), sentences::NOT_AN_ADDRESS)
    }

    /// A text that means something else; empty and null are none.
    fn parsed<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Option<T>,
        otherwise: &str,
    ) -> Option<Option<T>> {
        let text = match self.input.get(name) {
            Given::Absent => return None,
            Given::Value(Value::Null) => return Some(None),
            Given::Text(text) => Some(text),
            Given::Value(value) => value.as_str(),
        };
        match text.map(str::trim) {
            Some("") => Some(None),
            Some(text) if let Some(value) = read(text) => Some(Some(value)),
            Some(_) | None => {
                self.refuse(name, otherwise);
                None
            }
        }
    }

    /// How many; `Some(None)` is null.
    pub(super) fn count(&mut self, name: &str) -> Option<Option<u32>> {
        if self.notes(name, false, noted::count) {
            return None;
        }
        let number = match self.input.get(name) {
            Given::Absent => return None,
            Given::Value(Value::Null) | Given::Text("") => return Some(None),
            Given::Value(value) => value.as_u64(),
            Given::Text(text) => text.trim().parse().ok(),
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            self.refuse(name, "A valid integer is required.");
        }
        number.map(Some)
    }

    /// A JSON object; `otherwise` says what is wrong with anything else.
    pub(super) fn document(
        &mut self,
        name: &str,
        required: bool,
        otherwise: &str,
    ) -> Option<Document> {
        if self.notes(name, required, noted::document) {
            return None;
        }
        let value = match self.input.get(name) {
            Given::Absent => {
                self.absent(name, required);
                return None;
            }
            Given::Value(value) => value.clone(),
            Given::Text(text) => {
                let sentence = match json::parse(text.as_bytes()) {
                    Ok(value) => return self.object(name, value, otherwise),
                    Err(Unparsed::Complaint(_)) => "Value must be valid JSON.".to_owned(),
                    Err(Unparsed::Inexact(inexact)) => format!("{inexact}."),
                };
                self.refuse(name, sentence);
                return None;
            }
        };
        self.object(name, value, otherwise)
    }

    fn object(&mut self, name: &str, value: Value, otherwise: &str) -> Option<Document> {
        match value {
            Value::Object(document) => {
                self.problems(name, domain::field::document(&document).err());
                Some(document)
            }
            Value::Null => {
                self.refuse(name, sentences::NULL);
                None
            }
            _ => {
                self.refuse(name, otherwise);
                None
            }
        }
    }

    /// An object inside; `Some(None)` is null.
    fn nested(&mut self, name: &str) -> Option<Option<Input>> {
        let value: Cow<'_, Value> = match self.input.get(name) {
            Given::Absent => return None,
            Given::Text("") => return Some(None),
            Given::Value(value) => Cow::Borrowed(value),
            Given::Text(text) => match json::parse(text.as_bytes()) {
                Ok(value) => Cow::Owned(value),
                Err(Unparsed::Complaint(_)) => Cow::Owned(Value::String(text.to_owned())),
                Err(Unparsed::Inexact(inexact)) => {
                    self.refuse(name, format!("{inexact}."));
                    return None;
                }
            },
        };
        match value.into_owned() {
            Value::Null => Some(None),
            Value::Object(fields) => Some(Some(Input::Json(fields))),
            other => {
                self.refuse(
                    &format!("{name}.{}", super::failure::NON_FIELD),
                    not_an_object(&other),
                );
                None
            }
        }
    }
}

fn reference(value: &Value) -> Result<Uuid, String> {
    match value {
        Value::String(text) => uuid(text),
        Value::Number(number) => uuid(&number.to_string()),
        other => Err(format!("Incorrect type. Expected pk value, received {}.", kind(other))),
    }
}

fn number(value: &Value) -> Result<u32, String> {
    match value {
        Value::Number(number) => {
            let fits = number.as_u64().and_then(|number| u32::try_from(number).ok());
            fits.ok_or_else(|| sentences::unknown(number))
        }
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => number_in(text),
        other => Err(format!("Incorrect type. Expected pk value, received {}.", kind(other))),
    }
}

fn number_in(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            sentences::unknown(text)
        } else {
            "Incorrect type. Expected pk value, received str.".to_owned()
        }
    })
}

fn uuid(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text).map_err(|_| sentences::not_a_uuid(text))
}

#[cfg(test)]
mod tests;
