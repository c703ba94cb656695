//! Reading fields: every problem of a request is found, then all are told at once.

#![expect(
    clippy::option_option,
    reason = "absent, null and a value are three things, and use cases take them as these"
)]

use std::{borrow::Cow, convert::Infallible, net::IpAddr};

use axum::{
    extract::FromRequestParts,
    http::{Method, request::Parts},
};
use domain::{Document, Problem};
use serde_json::Value;
use uuid::Uuid;

use super::{
    failure::{Errors, RestError},
    input::{Given, Input, kind, not_an_object},
    json::{self, Unparsed},
    sentences::{self, sentence},
};

/// Most elements of a list of references.
const ELEMENTS: usize = 1000;

/// How much of an object a request speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// `PUT`: all of it.
    Whole,
    /// `PATCH`: what is left out stays.
    Part,
}

impl<S: Send + Sync> FromRequestParts<S> for Extent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(if parts.method == Method::PATCH { Self::Part } else { Self::Whole })
    }
}

/// The fields of an input, and what was found wrong with them.
pub(super) struct Fields<'a> {
    input: &'a Input,
    /// Put before names in errors; ends in a dot.
    under: &'static str,
    /// Are absent fields fine? They stay as they are then.
    partial: bool,
    pub(super) errors: Errors,
}

/// What is asked of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    pub(super) required: bool,
    /// May it be empty?
    pub(super) blank: bool,
    /// Is white space around it kept?
    pub(super) verbatim: bool,
}

impl Text {
    /// Must be there and say something.
    pub(super) const NAME: Self = Self { required: true, blank: false, verbatim: false };
    /// May be absent or empty.
    pub(super) const FREE: Self = Self { required: false, blank: true, verbatim: false };
}

impl<'a> Fields<'a> {
    /// For something new, or for all of something.
    pub(super) fn whole(input: &'a Input) -> Self {
        Self { input, under: "", partial: false, errors: Errors::default() }
    }

    /// For a part of something.
    pub(super) fn some(input: &'a Input) -> Self {
        Self { partial: true, ..Self::whole(input) }
    }

    /// For as much as the request speaks of.
    pub(super) fn of(input: &'a Input, extent: Extent) -> Self {
        match extent {
            Extent::Whole => Self::whole(input),
            Extent::Part => Self::some(input),
        }
    }

    /// Are absent fields fine?
    pub(super) fn is_partial(&self) -> bool {
        self.partial
    }

    /// For an object inside another; its errors go under the outer's name.
    pub(super) fn inside(
        input: &'a Input,
        under: &'static str,
        partial: bool,
        errors: Errors,
    ) -> Self {
        Self { input, under, partial, errors }
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
    pub(super) fn has(&self, name: &str) -> bool {
        !matches!(self.input.get(name), Given::Absent)
    }

    /// Is the field said to be nothing?
    pub(super) fn is_null(&self, name: &str) -> bool {
        matches!(self.input.get(name), Given::Value(Value::Null))
    }

    /// Refuses an absent field where all fields are wanted.
    fn absent(&mut self, name: &str, required: bool) {
        if required && !self.partial {
            self.refuse(name, sentences::REQUIRED);
        }
    }

    /// A text of any length.
    pub(super) fn text(&mut self, name: &str, wanted: Text) -> Option<String> {
        let text: Cow<'_, str> = match self.input.get(name) {
            Given::Absent => {
                self.absent(name, wanted.required);
                return None;
            }
            Given::Text(text) => text.into(),
            Given::Value(Value::String(text)) => text.into(),
            Given::Value(Value::Number(number)) => number.to_string().into(),
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
        let text = self.text(name, Text { required, ..Text::NAME })?;
        if !choices.iter().any(|choice| choice.as_ref() == text) {
            self.refuse(name, sentences::not_a_choice(&text));
        }
        Some(text)
    }

    /// A switch.
    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
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
        let found: Result<Vec<T>, String> = match (self.input, self.input.get(name)) {
            (Input::Form(_), Given::Absent) if !self.partial => return Some(Vec::new()),
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
    pub(super) fn day(&mut self, name: &str) -> Option<Option<chrono::NaiveDate>> {
        let text = match self.input.get(name) {
            Given::Absent => return None,
            Given::Value(Value::Null) => return Some(None),
            Given::Text(text) => Some(text),
            Given::Value(value) => value.as_str(),
        };
        match text.map(str::trim) {
            Some("") => Some(None),
            Some(text) if let Ok(day) = text.parse() => Some(Some(day)),
            Some(_) | None => {
                self.refuse(
                    name,
                    "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
                );
                None
            }
        }
    }

    /// A text of at most `max` characters, or none where it is null or empty.
    pub(super) fn nullable(&mut self, name: &str, max: usize) -> Option<String> {
        if matches!(self.input.get(name), Given::Value(Value::Null)) {
            return Some(String::new());
        }
        self.short(name, Text::FREE, max)
    }

    /// The same with its blanks: a secret.
    pub(super) fn nullable_verbatim(&mut self, name: &str, max: usize) -> Option<String> {
        if matches!(self.input.get(name), Given::Value(Value::Null)) {
            return None;
        }
        self.short(name, Text { required: false, blank: true, verbatim: true }, max)
    }

    /// A JSON object; `otherwise` says what is wrong with anything else.
    pub(super) fn document(
        &mut self,
        name: &str,
        required: bool,
        otherwise: &str,
    ) -> Option<Document> {
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

    /// An IP address; `Some(None)` is none.
    pub(super) fn address(&mut self, name: &str) -> Option<Option<IpAddr>> {
        let text = match self.input.get(name) {
            Given::Absent => return None,
            Given::Value(Value::Null) => return Some(None),
            Given::Text(text) => Some(text),
            Given::Value(value) => value.as_str(),
        };
        match text.map(str::trim) {
            Some("") => Some(None),
            Some(text) if let Ok(address) = text.parse() => Some(Some(address)),
            Some(_) | None => {
                self.refuse(name, sentences::NOT_AN_ADDRESS);
                None
            }
        }
    }

    /// An object inside; `Some(None)` is null.
    pub(super) fn nested(&mut self, name: &str, required: bool) -> Option<Option<Input>> {
        let value: Cow<'_, Value> = match self.input.get(name) {
            Given::Absent => {
                self.absent(name, required);
                return None;
            }
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::form::Form;

    fn input(value: Value) -> Input {
        match value {
            Value::Object(fields) => Input::Json(fields),
            other => panic!("{other}"),
        }
    }

    fn one(errors: &Errors, field: &str, sentence: &str) {
        assert_eq!(*errors, Errors::one(field, sentence));
    }

    #[test]
    fn absent_fields_are_missed_only_in_the_whole() {
        let input = input(json!({}));
        let mut whole = Fields::whole(&input);
        assert_eq!(whole.text("name", Text::NAME), None);
        one(&whole.errors, "name", "This field is required.");
        let mut some = Fields::some(&input);
        some.text("name", Text::NAME);
        some.references("templates", true);
        assert!(some.errors.is_empty());
    }

    #[test]
    fn texts_are_trimmed_and_numbers_are_texts() {
        let input = input(json!({"a": "  x ", "b": 5, "c": true, "d": "", "e": null}));
        let mut fields = Fields::whole(&input);
        assert_eq!(fields.text("a", Text::NAME).as_deref(), Some("x"));
        assert_eq!(fields.text("b", Text::NAME).as_deref(), Some("5"));
        fields.text("c", Text::NAME);
        one(&fields.errors, "c", "Not a valid string.");
        let mut fields = Fields::whole(&input);
        fields.text("d", Text::NAME);
        one(&fields.errors, "d", "This field may not be blank.");
        let mut fields = Fields::whole(&input);
        fields.text("e", Text::FREE);
        one(&fields.errors, "e", "This field may not be null.");
    }

    #[test]
    fn references_are_uuids_in_typographic_quotes() {
        let input = input(json!({"a": "nope", "b": null, "c": [1]}));
        let mut fields = Fields::whole(&input);
        fields.reference("a", true, false);
        one(&fields.errors, "a", "“nope” is not a valid UUID.");
        let mut fields = Fields::whole(&input);
        assert_eq!(fields.reference("b", true, true), Some(None));
        fields.reference("b", true, false);
        one(&fields.errors, "b", "This field may not be null.");
        let mut fields = Fields::whole(&input);
        fields.reference("c", true, false);
        one(&fields.errors, "c", "Incorrect type. Expected pk value, received list.");
    }

    #[test]
    fn too_many_references_are_refused_before_they_are_looked_up() {
        let ids: Vec<String> = (0..1001_u128).map(|id| Uuid::from_u128(id).to_string()).collect();
        let input = input(json!({ "templates": ids }));
        let mut fields = Fields::whole(&input);
        assert_eq!(fields.references("templates", true), None);
        one(&fields.errors, "templates", "Ensure this field has no more than 1000 elements.");
    }

    #[test]
    fn a_form_holds_json_and_may_leave_lists_out() {
        let form = Input::Form(Form::parse(b"config=%7B%22a%22%3A1%7D&default=on&group="));
        let mut fields = Fields::whole(&form);
        assert_eq!(fields.document("config", true, "no"), json!({"a": 1}).as_object().cloned());
        assert_eq!(fields.switch("default"), Some(true));
        assert_eq!(fields.references("templates", true), Some(Vec::new()));
        assert_eq!(fields.reference("group", false, true), Some(None));
        assert!(fields.errors.is_empty());
    }

    #[test]
    fn errors_inside_go_under_the_outer_name() {
        let input = input(json!({"context": [1]}));
        let mut fields = Fields::inside(&input, "config.", false, Errors::default());
        fields.document("context", true, sentences::NOT_AN_OBJECT);
        one(&fields.errors, "config.context", "the supplied value is not a JSON object");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".*", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_refused(value in any_json()) {
            let input = input(json!({ "x": value }));
            let mut fields = Fields::whole(&input);
            let text = fields.text("x", Text::NAME);
            prop_assert_eq!(text.is_none(), fields.errors.names("x"));
            let mut fields = Fields::whole(&input);
            let found = fields.switch("x");
            prop_assert_eq!(found.is_none(), fields.errors.names("x"));
            let mut fields = Fields::whole(&input);
            let found = fields.reference("x", true, true);
            prop_assert_eq!(found.is_none(), fields.errors.names("x"));
            let mut fields = Fields::whole(&input);
            let found = fields.references("x", true);
            prop_assert_eq!(found.is_none(), fields.errors.names("x"));
            let mut fields = Fields::whole(&input);
            let found = fields.address("x");
            prop_assert_eq!(found.is_none(), fields.errors.names("x"));
            let mut fields = Fields::whole(&input);
            let found = fields.nested("x", true);
            prop_assert_eq!(found.is_none(), fields.errors.names("x"));
        }
    }
}
