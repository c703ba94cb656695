//! Values are read or refused, whatever they are.

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

fn whole(input: &Input) -> Fields<'_> {
    Fields::of(Cow::Borrowed(input), Extent::Whole)
}

fn some(input: &Input) -> Fields<'_> {
    Fields::of(Cow::Borrowed(input), Extent::Part)
}

fn one(errors: &Errors, field: &str, sentence: &str) {
    assert_eq!(*errors, Errors::one(field, sentence));
}

#[test]
fn absent_fields_are_missed_only_in_the_whole() {
    let input = input(json!({}));
    let mut whole = whole(&input);
    assert_eq!(whole.text("name", Text::NAME), None);
    one(&whole.errors, "name", "This field is required.");
    let mut some = some(&input);
    some.text("name", Text::NAME);
    some.references("templates", true);
    assert!(some.errors.is_empty());
}

#[test]
fn texts_are_trimmed_and_numbers_are_texts() {
    let input = input(json!({"a": "  x ", "b": 5, "c": true, "d": "", "e": null}));
    let mut fields = whole(&input);
    assert_eq!(fields.text("a", Text::NAME).as_deref(), Some("x"));
    assert_eq!(fields.text("b", Text::NAME).as_deref(), Some("5"));
    fields.text("c", Text::NAME);
    one(&fields.errors, "c", "Not a valid string.");
    let mut fields = whole(&input);
    fields.text("d", Text::NAME);
    one(&fields.errors, "d", "This field may not be blank.");
    let mut fields = whole(&input);
    fields.text("e", Text::FREE);
    one(&fields.errors, "e", "This field may not be null.");
}

#[test]
fn references_are_uuids_in_typographic_quotes() {
    let input = input(json!({"a": "nope", "b": null, "c": [1]}));
    let mut fields = whole(&input);
    fields.reference("a", true, false);
    one(&fields.errors, "a", "“nope” is not a valid UUID.");
    let mut fields = whole(&input);
    assert_eq!(fields.reference("b", true, true), Some(None));
    fields.reference("b", true, false);
    one(&fields.errors, "b", "This field may not be null.");
    let mut fields = whole(&input);
    fields.reference("c", true, false);
    one(&fields.errors, "c", "Incorrect type. Expected pk value, received list.");
}

#[test]
fn too_many_references_are_refused_before_they_are_looked_up() {
    let ids: Vec<String> = (0..1001_u128).map(|id| Uuid::from_u128(id).to_string()).collect();
    let input = input(json!({ "templates": ids }));
    let mut fields = whole(&input);
    assert_eq!(fields.references("templates", true), None);
    one(&fields.errors, "templates", "Ensure this field has no more than 1000 elements.");
}

#[test]
fn a_form_holds_json_and_may_leave_lists_out() {
    let form = Input::Form(Form::parse(b"config=%7B%22a%22%3A1%7D&default=on&group="));
    let mut fields = whole(&form);
    assert_eq!(fields.document("config", true, "no"), json!({"a": 1}).as_object().cloned());
    assert_eq!(fields.switch("default"), Some(true));
    assert_eq!(fields.references("templates", true), Some(Vec::new()));
    assert_eq!(fields.reference("group", false, true), Some(None));
    assert!(fields.errors.is_empty());
}

#[test]
fn errors_inside_go_under_the_outer_name() {
    let input = input(json!({"config": {"context": [1]}}));
    let mut fields = whole(&input);
    fields.inside("config", Extent::Whole, |inner| {
        inner.document("context", true, sentences::NOT_AN_OBJECT)
    });
    let mut expected = Errors::default();
    expected.add("config.context", "the supplied value is not a JSON object");
    assert_eq!(fields.errors, expected);
}

#[test]
fn what_reads_also_describes() {
    let read = |fields: &mut Fields<'_>| {
        fields.short("name", Text::NAME, 5);
        fields.require("email");
        fields.email("email", Text::NULLABLE, 254);
        fields.references("templates", true);
        fields
            .inside("config", fields.extent(), |inner| inner.choice("backend", true, &["a", "b"]));
    };
    let described = |extent| {
        let mut fields = Fields::describing(extent);
        read(&mut fields);
        assert!(fields.errors.is_empty());
        serde_json::to_value(fields.described()).unwrap()
    };
    let whole = described(Extent::Whole);
    assert_eq!(whole["required"], json!(["name", "email", "templates"]));
    let expected = json!({"type": "string", "minLength": 1, "maxLength": 5});
    assert_eq!(whole["properties"]["name"], expected);
    let expected = json!({"type": ["string", "null"], "format": "email", "maxLength": 254});
    assert_eq!(whole["properties"]["email"], expected);
    let config = &whole["properties"]["config"];
    assert_eq!(config["type"], json!(["object", "null"]));
    assert_eq!(config["required"], json!(["backend"]));
    assert_eq!(config["properties"]["backend"]["enum"], json!(["a", "b"]));

    let part = described(Extent::Part);
    assert_eq!(part.get("required"), None);
    assert_eq!(part["properties"]["config"].get("required"), None);
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
        let mut fields = whole(&input);
        let text = fields.text("x", Text::NAME);
        prop_assert_eq!(text.is_none(), fields.errors.names("x"));
        let mut fields = whole(&input);
        let found = fields.switch("x");
        prop_assert_eq!(found.is_none(), fields.errors.names("x"));
        let mut fields = whole(&input);
        let found = fields.reference("x", true, true);
        prop_assert_eq!(found.is_none(), fields.errors.names("x"));
        let mut fields = whole(&input);
        let found = fields.references("x", true);
        prop_assert_eq!(found.is_none(), fields.errors.names("x"));
        let mut fields = whole(&input);
        let found = fields.address("x");
        prop_assert_eq!(found.is_none(), fields.errors.names("x"));
        let mut fields = whole(&input);
        let found = fields.inside("x", Extent::Whole, |_| ());
        prop_assert_eq!(found.is_none(), fields.errors.names("x"));
    }
}
