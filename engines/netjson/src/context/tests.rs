use std::sync::LazyLock;

use proptest::prelude::*;
use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use super::evaluate_vars;
use super::place::places;

static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{[\s\x1c-\x1f]*([\p{L}\p{N}_]*)[\s\x1c-\x1f]*\}\}").unwrap());

/// As the rule is put: names are collected once, then replaced one after another.
fn replaced(original: &str, context: &Map<String, Value>) -> String {
    let names: Vec<String> =
        VARIABLE.captures_iter(original).map(|found| found[1].to_owned()).collect();
    names.iter().fold(original.to_owned(), |text, name| match context.get(name) {
        Some(Value::String(value)) => {
            let by = |found: &Captures<'_>| {
                if &found[1] == name { value.clone() } else { found[0].to_owned() }
            };
            VARIABLE.replace_all(&text, by).into_owned()
        }
        _ => text,
    })
}

/// Texts full of braces.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{ a }}",
        "{{b}}",
        "{{ c\n}}",
        "{{",
        "}}",
        "{",
        "}",
        " ",
        "a",
        "b",
        "é",
        "ⅷ",
        "\u{1d}",
        "\u{a0}",
        "{{ ü }}",
        "{{}}",
        "{{ a b }}",
        "{{ a|b }}",
        "\u{301}",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn places_are_those_of_the_pattern(text in pieces()) {
        let ours: Vec<_> = places(&text).map(|place| (place.start, place.end, place.name)).collect();
        let theirs: Vec<_> = VARIABLE
            .captures_iter(&text)
            .map(|found| {
                let (whole, name) = (found.get(0).unwrap(), found.get(1).unwrap());
                (whole.start(), whole.end(), name.as_str())
            })
            .collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn replacing_in_one_go_is_replacing_one_by_one(
        text in pieces(), a in pieces(), b in "[a-z{}]{0,3}", plain in any::<bool>(),
    ) {
        let a = if plain { a.replace(['{', '}'], "-") } else { a };
        let context = json!({"a": a, "b": b, "ü": "u"}).as_object().cloned().unwrap();
        let expected = json!(replaced(&text, &context));
        prop_assert_eq!(evaluate_vars(&json!(text), &context).unwrap(), expected);
    }
}
