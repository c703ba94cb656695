//! Values that GraphQL has no type for.

use async_graphql::{ID, InputValueError, InputValueResult, Result, Scalar, ScalarType, Value};
use domain::Document;
use uuid::Uuid;

use super::error::refused;

/// A place in the log of events: a whole number; later events have higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position(pub(super) i64);

#[Scalar]
impl ScalarType for Position {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            // Languages whose numbers end at 2^31 send texts.
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if number >= 0 => Ok(Self(number)),
            _ => Err(InputValueError::custom("a position is a whole number that is not negative")),
        }
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

/// Any JSON object. The order of its keys is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonObject(pub(super) Document);

#[Scalar(name = "JSONObject")]
impl ScalarType for JsonObject {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value.into_json() {
            Ok(serde_json::Value::Object(object)) => Ok(Self(object)),
            _ => Err(InputValueError::custom("must be a JSON object")),
        }
    }

    fn to_value(&self) -> Value {
        Value::from_json(serde_json::Value::Object(self.0.clone())).unwrap_or_default()
    }
}

/// The UUID that an id holds.
pub(super) fn uuid(field: &str, id: &ID) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| refused(field, "is not an id: ids are UUIDs"))
}

/// The same for several.
pub(super) fn uuids(field: &str, ids: &[ID]) -> Result<Vec<Uuid>> {
    ids.iter().map(|id| uuid(field, id)).collect()
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn a_position_is_a_number_that_is_not_negative() {
        assert_eq!(Position::parse(value!(7)).unwrap(), Position(7));
        assert_eq!(Position::parse(value!("9007199254740993")).unwrap().0, 9_007_199_254_740_993);
        for wrong in [value!(-1), value!(1.5), value!("x"), value!(null), value!([1])] {
            assert!(Position::parse(wrong).is_err());
        }
    }

    #[test]
    fn objects_keep_the_order_of_their_keys() {
        let object = JsonObject::parse(value!({"b": 1, "a": {"d": null, "c": [true]}})).unwrap();
        let keys: Vec<&String> = object.0.keys().collect();
        assert_eq!(keys, ["b", "a"]);
        assert_eq!(object.to_value(), value!({"b": 1, "a": {"d": null, "c": [true]}}));
        assert!(JsonObject::parse(value!([])).is_err());
    }
}
