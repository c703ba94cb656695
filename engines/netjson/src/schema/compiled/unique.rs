//! Whether elements of a list are all different.

use serde_json::{Number, Value};

use crate::equality::{Booleans, Seen, equal};

/// Lists up to this length are compared pair by pair.
const FEW: usize = 5;
/// Elements that look alike at a glance and are compared pair by pair.
const ALIKE: usize = 8;

/// No two of `items` are equal.
pub(super) fn all_differ(items: &[Value]) -> bool {
    if items.len() <= FEW {
        return pairs_differ(items, |item| item);
    }
    let mut glances: Vec<(u64, &Value)> =
        items.iter().map(|item| (glance(item, 1), item)).collect();
    glances.sort_unstable_by_key(|(glance, _)| *glance);
    glances.chunk_by(|(a, _), (b, _)| a == b).all(|alike| match alike.len() {
        1 => true,
        2..=ALIKE => pairs_differ(alike, |(_, item)| item),
        _ => {
            let mut seen = Seen::new(Booleans::Apart);
            alike.iter().all(|(_, item)| seen.insert(item))
        }
    })
}

fn pairs_differ<T>(items: &[T], of: impl Fn(&T) -> &Value) -> bool {
    items.iter().enumerate().all(|(position, item)| {
        items[..position].iter().all(|other| !equal(of(other), of(item), Booleans::Apart))
    })
}

/// A number that equal values share; what is further inside does not count.
fn glance(value: &Value, depth: u8) -> u64 {
    match value {
        Value::Null => 1,
        Value::Bool(flag) => 2 + u64::from(*flag),
        Value::Number(number) => number_glance(number),
        Value::String(text) => bytes(text.as_bytes()),
        Value::Array(items) => 5 + items.len() as u64,
        Value::Object(map) if depth == 0 => mix(7 + map.len() as u64),
        // The order of keys does not count.
        Value::Object(map) => map.iter().fold(11, |sum, (key, value)| {
            sum.wrapping_add(mix(bytes(key.as_bytes()) ^ glance(value, depth - 1).rotate_left(17)))
        }),
    }
}

fn number_glance(number: &Number) -> u64 {
    // Whole floats equal integers, and there is one zero.
    mix((number.as_f64().unwrap_or_default() + 0.0).to_bits())
}

/// Of long texts the ends do.
fn bytes(text: &[u8]) -> u64 {
    let word = |part: &[u8]| {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        u64::from_le_bytes(word)
    };
    let head = word(&text[..text.len().min(8)]);
    let middle = word(&text[text.len().min(8)..text.len().min(16)]);
    let tail = word(&text[text.len().saturating_sub(8)..]);
    mix(mix(head ^ text.len() as u64) ^ mix(middle).rotate_left(23) ^ tail.rotate_left(41))
}

fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word ^ (word >> 29)
}
