//! Values from outside.

use super::*;

proptest! {
    #[test]
    fn any_text_is_a_mac_address_or_refused(text in any_text()) {
        parses::<MacAddress>(&text, MacAddress::as_str, str::to_ascii_uppercase)?;
        prop_assert_eq!(MacAddress::problems(&text).is_empty(), text.parse::<MacAddress>().is_ok());
    }

    #[test]
    fn six_octets_are_a_mac_address(text in "([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}") {
        let address: MacAddress = text.parse().map_err(|problem: Problem| TestCaseError::fail(problem.to_string()))?;
        prop_assert_eq!(address.as_str(), text.to_ascii_uppercase());
        let colons = address.canonical().parse::<MacAddress>();
        let colons = colons.map(|colons| colons.canonical());
        prop_assert_eq!(colons, Ok(address.canonical()));
        prop_assert!(!address.canonical().contains('-'));
        parses::<MacAddress>(&text, MacAddress::as_str, str::to_ascii_uppercase)?;
    }

    #[test]
    fn any_text_is_a_name_or_refused(text in any_text()) {
        parses::<DeviceName>(&text, DeviceName::as_str, str::to_owned)?;
        prop_assert_eq!(DeviceName::problems(&text).is_empty(), text.parse::<DeviceName>().is_ok());
    }

    #[test]
    fn labels_are_a_name(text in "[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?(\\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?){0,1}") {
        prop_assert_eq!(DeviceName::problems(&text), vec![]);
        parses::<DeviceName>(&text, DeviceName::as_str, str::to_owned)?;
    }

    #[test]
    fn a_name_is_its_address_in_every_spelling(octets in any::<[u8; 6]>(), upper: bool, at in 0..4_usize) {
        let digits = octets.map(|octet| if upper { format!("{octet:02X}") } else { format!("{octet:02x}") });
        let address: MacAddress = digits.join(":").parse().expect("six octets");
        let spelled = digits.join([":", "-", "", ""][at]);
        let name: DeviceName = spelled.parse().expect("an address is a name");
        prop_assert!(name.is_address(&address));
        let other: DeviceName = format!("x{}", digits.concat()).parse().expect("a label");
        prop_assert!(!other.is_address(&address));
    }

    #[test]
    fn any_text_is_a_hardware_id_or_refused(text in any_text()) {
        parses::<HardwareId>(&text, HardwareId::as_str, str::to_owned)?;
        let fits = (1..=32).contains(&text.chars().count()) && !text.contains('\0');
        prop_assert_eq!(text.parse::<HardwareId>().is_ok(), fits);
    }

    #[test]
    fn a_key_has_no_blanks_dots_or_slashes(text in any_text()) {
        let fits = text.chars().count() <= 64
            && !text.contains(|c: char| c.is_whitespace() || matches!(c, '.' | '/' | '\0'));
        prop_assert_eq!(key_problems(&text).is_empty(), fits);
    }

    #[test]
    fn text_is_never_longer_than_allowed(text in any_text(), max in 0..40_usize) {
        for kept in [field::text(&text, max), field::name(&text, max)].into_iter().flatten() {
            prop_assert!(kept.chars().count() <= max && !kept.contains('\0'));
        }
    }

    #[test]
    fn a_document_is_the_same_as_itself_and_not_as_another_order(document in document()) {
        prop_assert!(field::same(&document, &document.clone()));
        let reversed: Document = document.clone().into_iter().rev().collect();
        prop_assert_eq!(field::same(&document, &reversed), document.len() < 2);
        let written = Value::Object(document.clone()).to_string();
        let read: Document = serde_json::from_str(&written).expect("a document is JSON");
        prop_assert!(field::same(&document, &read));
    }
}

#[test]
fn limits_are_exact() {
    let name = |length: usize| DeviceName::from_str(&"a".repeat(length));
    assert!(name(63).is_ok());
    assert_eq!(name(64), Err(Problem::NotAHostname));
    let dotted = |length: usize| DeviceName::from_str(&format!("a.{}", "b".repeat(length - 2)));
    assert!(dotted(64).is_ok());
    assert_eq!(dotted(65), Err(Problem::TooLong { max: 64, length: 65 }));
    for refused in ["", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "ä", "a\n"] {
        assert_eq!(DeviceName::from_str(refused), Err(Problem::NotAHostname), "{refused:?}");
    }
}

#[test]
fn documents_are_at_most_64_levels_deep() {
    let nested = |levels: usize| {
        (1..levels).fold(Document::new(), |inner, _| {
            Document::from_iter([("inner".to_owned(), Value::Object(inner))])
        })
    };
    assert_eq!(field::document(&nested(65)), Ok(()));
    assert_eq!(field::document(&nested(66)), Err(Problem::TooDeep));
}

#[test]
fn the_null_character_is_refused_wherever_it_stands() {
    for document in [r#"{"\u0000": 1}"#, r#"{"a": "\u0000"}"#, r#"{"a": [{"b\u0000": 1}]}"#] {
        let document: Document = serde_json::from_str(document).expect("JSON");
        assert_eq!(field::document(&document), Err(Problem::NullCharacter));
    }
}

/// Parses the same from text and from JSON, keeps the canonical spelling, and is written as that.
fn parses<T>(
    text: &str,
    shown: fn(&T) -> &str,
    canonical: fn(&str) -> String,
) -> Result<(), TestCaseError>
where
    T: FromStr<Err = Problem> + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let json = Value::String(text.to_owned());
    let Ok(value) = text.parse::<T>() else {
        prop_assert!(serde_json::from_value::<T>(json).is_err());
        return Ok(());
    };
    prop_assert_eq!(shown(&value), canonical(text));
    let written = serde_json::to_value(&value).expect("values serialize");
    prop_assert_eq!(&written, &Value::String(canonical(text)));
    prop_assert_eq!(serde_json::from_value::<T>(written).ok(), Some(value));
    prop_assert!(serde_json::from_value::<T>(json).is_ok());
    Ok(())
}

/// Anything, and what is nearly right.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9A-Fa-f:.\\-äß\u{0}]{0,20}",
        "([0-9A-Fa-g]{2}[:-]){5}[0-9A-Fa-f]{1,3}",
        "[a-z0-9.-]{0,70}",
    ]
}

pub(super) fn document() -> impl Strategy<Value = Document> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z\u{0}]{0,3}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            vec(("[a-c]", inner), 0..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    });
    vec(("[a-c]", value), 0..3).prop_map(|entries| entries.into_iter().collect())
}
