use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::Value;

use super::{Inexact, exact, repetitions};

#[test]
fn numbers_of_64_bits_are_exact_and_longer_ones_are_refused() {
    for fine in [
        "18446744073709551615",
        "-9223372036854775808",
        "[1e400]",
        "100000000000000000000000.0",
        "1e20",
        r#""18446744073709551616""#,
        r#"{"18446744073709551616": "\"-0", "-0": "99999999999999999999\\"}"#,
        "-0.0",
        "-0e1",
    ] {
        assert_eq!(exact(fine), Ok(Cow::Borrowed(fine)));
    }
    for (beyond, pointer, offset) in [
        ("18446744073709551616", "", 0),
        ("-9223372036854775809", "", 0),
        (
            r#"[0, {"a/b~": [[], "]", {"\u00e9": 123456789012345678901234567890}]}]"#,
            "/1/a~1b~0/2/é",
            34,
        ),
    ] {
        let refused = Inexact { pointer: pointer.to_owned(), offset };
        assert_eq!(exact(beyond), Err(refused), "{beyond}");
    }
}

#[test]
fn zero_has_no_sign() {
    let text = r#"[-0, -0.0, {"-0": "-0", "a": -0}, -01, 2]"#;
    let kept = exact(text).unwrap();
    assert_eq!(kept, r#"[ 0, -0.0, {"-0": "-0", "a":  0}, -01, 2]"#);
    let value: Value = serde_json::from_str(&exact("[-0]").unwrap()).unwrap();
    assert!(value[0].is_u64());
}

#[test]
fn repeated_members_are_found_in_their_own_object_only() {
    let found = |text: &str| {
        let found = repetitions(text, 2);
        found.into_iter().map(|one| (one.pointer, one.offset)).collect::<Vec<_>>()
    };
    assert_eq!(found(r#"{"a": {"b": "a"}, "b": [{"a": "x"}, {"a": 1}], "c": "b"}"#), []);
    assert_eq!(
        found(r#"{"a": [{"é": 1, "\u00e9": {}}], "a": 2, "a": 3}"#),
        [("/a/0/é".to_owned(), 17), ("/a".to_owned(), 33)]
    );
}

proptest! {
    #[test]
    fn any_text_is_looked_through(text in "[\\[\\]{}\",:0-9a-z \\\\.eE+é-]{0,60}") {
        let _ = repetitions(&text, usize::MAX);
        if let Ok(kept) = exact(&text) {
            prop_assert_eq!(kept.len(), text.len());
            // What is JSON stays JSON, and what is none does not become it.
            let before = serde_json::from_str::<Value>(&text).is_ok();
            prop_assert_eq!(serde_json::from_str::<Value>(&kept).is_ok(), before);
        }
    }

    #[test]
    fn whole_numbers_are_read_as_they_are_written(
        number in prop_oneof![
            any::<i128>(), any::<i64>().prop_map(i128::from), any::<u64>().prop_map(i128::from),
        ],
    ) {
        let text = format!("{{\"a\": {number}}}");
        match exact(&text) {
            Ok(text) => {
                let value: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(value["a"].to_string(), number.to_string());
            }
            Err(refused) => {
                prop_assert_eq!(refused.pointer, "/a");
                prop_assert!(i64::try_from(number).is_err() && u64::try_from(number).is_err());
            }
        }
    }

    /// The nearest float, and the shortest text that is read as it.
    #[test]
    fn floats_survive_their_text(bits: u64) {
        let float = f64::from_bits(bits);
        prop_assume!(float.is_finite());
        let text = format!("{float:e}");
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(value.as_f64().map(f64::to_bits), Some(bits), "{}", text);
        let again: Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(again.as_f64().map(f64::to_bits), Some(bits), "{}", value);
    }
}
