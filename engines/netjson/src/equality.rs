//! Comparing values by what they mean.
//!
//! Merging counts `true` and `1` as the same value, validation does not; both count `1` and `1.0`
//! as the same. The order of an object's keys never matters.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Number, Value};

/// Whether a boolean may equal a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Booleans {
    /// `true` is 1 and `false` is 0.
    AreNumbers,
    /// A boolean equals only itself.
    Apart,
}

/// Whether `a` and `b` mean the same.
pub(crate) fn equal(a: &Value, b: &Value, booleans: Booleans) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Bool(flag), Value::Number(number)) | (Value::Number(number), Value::Bool(flag)) => {
            booleans == Booleans::AreNumbers && canonical(number) == u8::from(*flag).to_string()
        }
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() != b.is_f64() && canonical(a) == canonical(b))
        }
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b, booleans))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b, booleans)))
        }
        _ => false,
    }
}

/// One text per numeric value: integers in decimal, whole floats like the integer they equal.
#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "only whole floats inside the range of i128 are converted"
)]
pub(crate) fn canonical(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.trunc() == float && float.abs() < 1e38 => {
            (float as i128).to_string()
        }
        _ => number.to_string(),
    }
}

/// A set of values that finds equal ones without comparing all pairs.
pub(crate) struct Seen<'a> {
    booleans: Booleans,
    buckets: HashMap<u64, Vec<&'a Value>>,
}

impl<'a> Seen<'a> {
    pub(crate) fn new(booleans: Booleans) -> Self {
        Self { booleans, buckets: HashMap::new() }
    }

    pub(crate) fn contains(&self, value: &Value) -> bool {
        self.buckets
            .get(&fingerprint(value))
            .is_some_and(|bucket| bucket.iter().any(|known| equal(known, value, self.booleans)))
    }

    /// Adds `value`; false if an equal one was there.
    pub(crate) fn insert(&mut self, value: &'a Value) -> bool {
        if self.contains(value) {
            return false;
        }
        self.buckets.entry(fingerprint(value)).or_default().push(value);
        true
    }
}

/// Equal values have equal fingerprints, under either rule for booleans.
fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(flag) => (1_u8, u8::from(*flag).to_string()).hash(&mut hasher),
        Value::Number(number) => (1_u8, canonical(number)).hash(&mut hasher),
        Value::String(text) => (2_u8, text).hash(&mut hasher),
        Value::Array(items) => {
            3_u8.hash(&mut hasher);
            for item in items {
                fingerprint(item).hash(&mut hasher);
            }
        }
        Value::Object(map) => {
            let entries = map.iter().map(|(key, item)| {
                let mut entry = DefaultHasher::new();
                (key, fingerprint(item)).hash(&mut entry);
                entry.finish()
            });
            // Order of keys does not count, so neither may the order of combining.
            (4_u8, entries.fold(0_u64, u64::wrapping_add)).hash(&mut hasher);
        }
    }
    hasher.finish()
}
