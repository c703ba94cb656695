//! Whether elements of a list are all different.

use serde_json::Value;

use crate::equality::{Booleans, Seen, equal, glance};

/// Lists up to this length are compared pair by pair.
const FEW: usize = 5;
/// Elements that look alike at a glance and are compared pair by pair.
const ALIKE: usize = 8;

/// No two of `items` are equal.
pub(super) fn all_differ(items: &[Value]) -> bool {
    if items.len() <= FEW {
        return pairs_differ(items, |item| item);
    }
    let mut glances: Vec<(u64, &Value)> = items.iter().map(|item| (glance(item), item)).collect();
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
