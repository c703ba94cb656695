//! Comparing values by what they mean.
//!
//! Merging counts `true` and `1` as the same value, validation does not; both count `1` and `1.0`
//! as the same. The order of an object's keys never matters.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use foldhash::{HashMap, HashMapExt as _};
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

/// Whether `value` is zero where booleans are numbers.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
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
    buckets: HashMap<u64, Bucket<'a>>,
}

/// Values that look alike at a glance.
enum Bucket<'a> {
    Few(Vec<&'a Value>),
    /// By their fingerprints.
    Many(HashMap<u64, Vec<&'a Value>>),
}

/// How many values that look alike are compared one by one.
const FEW: usize = 8;

impl<'a> Seen<'a> {
    pub(crate) fn new(booleans: Booleans) -> Self {
        Self { booleans, buckets: HashMap::new() }
    }

    pub(crate) fn contains(&self, value: &Value) -> bool {
        self.known(glance(value), value)
    }

    fn known(&self, glance: u64, value: &Value) -> bool {
        let alike = match self.buckets.get(&glance) {
            None => return false,
            Some(Bucket::Few(alike)) => Some(alike),
            Some(Bucket::Many(alike)) => alike.get(&fingerprint(value)),
        };
        alike.is_some_and(|alike| alike.iter().any(|known| equal(known, value, self.booleans)))
    }

    /// Adds `value`; false if an equal one was there.
    pub(crate) fn insert(&mut self, value: &'a Value) -> bool {
        let glance = glance(value);
        if self.known(glance, value) {
            return false;
        }
        let bucket = self.buckets.entry(glance).or_insert_with(|| Bucket::Few(Vec::new()));
        if let Bucket::Few(few) = bucket
            && few.len() == FEW
        {
            let mut many = HashMap::<u64, Vec<&Value>>::new();
            for known in few.drain(..) {
                many.entry(fingerprint(known)).or_default().push(known);
            }
            *bucket = Bucket::Many(many);
        }
        match bucket {
            Bucket::Few(alike) => alike.push(value),
            Bucket::Many(alike) => alike.entry(fingerprint(value)).or_default().push(value),
        }
        true
    }
}

/// A number that equal values share, under either rule for booleans. Quick: of long texts only the
/// ends count, of lists and inner objects only the length.
pub(crate) fn glance(value: &Value) -> u64 {
    match value {
        // The order of keys does not count.
        Value::Object(map) => map.iter().fold(11, |sum, (key, value)| {
            sum.wrapping_add(mix(ends(key) ^ shallow(value).rotate_left(17)))
        }),
        other => shallow(other),
    }
}

fn shallow(value: &Value) -> u64 {
    match value {
        Value::Null => 1,
        Value::Bool(flag) => mix(f64::from(*flag).to_bits()),
        // Whole floats equal integers, and there is one zero.
        Value::Number(number) => mix((number.as_f64().unwrap_or_default() + 0.0).to_bits()),
        Value::String(text) => ends(text),
        Value::Array(items) => mix(5 + items.len() as u64),
        Value::Object(map) => mix(7_000 + map.len() as u64),
    }
}

fn ends(text: &str) -> u64 {
    let text = text.as_bytes();
    let word = |part: &[u8]| {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        u64::from_le_bytes(word)
    };
    let head = word(&text[..text.len().min(8)]);
    let second = word(&text[text.len().min(8)..text.len().min(16)]);
    let tail = word(&text[text.len().saturating_sub(8)..]);
    mix(mix(head ^ text.len() as u64) ^ mix(second).rotate_left(23) ^ tail.rotate_left(41))
}

fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word ^ (word >> 29)
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
