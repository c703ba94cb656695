//! How large a request is once its fragments are put in.
//!
//! Fragments that spread each other twice double with every one: a request of a few hundred bytes would keep the engine's
//! checks, which walk all of it, busy for minutes. So it is counted first, each fragment once.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet},
};

/// Most fields, fragments and spreads of a request.
pub(super) const MOST: u64 = 10_000;
/// Deepest nesting that is looked at.
const DEEPEST: u32 = 200;

/// Fields, fragments and spreads of all operations; beyond measure where fragments spread themselves, or too deep.
pub(super) fn size(document: &ExecutableDocument) -> u64 {
    let mut counted = Counted { document, fragments: HashMap::new() };
    let operations = document.operations.iter();
    operations.fold(0, |size: u64, (_, operation)| {
        size.saturating_add(counted.set(&operation.node.selection_set.node, 0))
    })
}

/// Does every subscription ask for one thing, as the GraphQL specification demands (§5.2.3.1)? To be asked of documents that
/// have a [`size`].
pub(super) fn subscribes_to_one(document: &ExecutableDocument) -> bool {
    let mut subscriptions =
        document.operations.iter().filter(|(_, it)| it.node.ty == OperationType::Subscription);
    subscriptions.all(|(_, operation)| {
        let mut keys = HashSet::new();
        roots(document, &operation.node.selection_set.node, &mut keys);
        keys.len() == 1
    })
}

/// The names of the answers that a selection makes.
fn roots<'a>(
    document: &'a ExecutableDocument,
    selected: &'a SelectionSet,
    keys: &mut HashSet<&'a Name>,
) {
    for selection in &selected.items {
        match &selection.node {
            Selection::Field(field) => {
                keys.insert(&field.node.response_key().node);
            }
            Selection::InlineFragment(inner) => {
                roots(document, &inner.node.selection_set.node, keys);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    roots(document, &fragment.node.selection_set.node, keys);
                }
            }
        }
    }
}

struct Counted<'a> {
    document: &'a ExecutableDocument,
    /// None while it is being counted.
    fragments: HashMap<&'a Name, Option<u64>>,
}

impl<'a> Counted<'a> {
    fn set(&mut self, selected: &'a SelectionSet, depth: u32) -> u64 {
        if depth > DEEPEST {
            return u64::MAX;
        }
        let mut size = 0_u64;
        for selection in &selected.items {
            let inner = match &selection.node {
                Selection::Field(field) => self.set(&field.node.selection_set.node, depth + 1),
                Selection::InlineFragment(inner) => {
                    self.set(&inner.node.selection_set.node, depth + 1)
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, depth + 1)
                }
            };
            size = size.saturating_add(inner).saturating_add(1);
        }
        size
    }

    fn fragment(&mut self, name: &'a Name, depth: u32) -> u64 {
        match self.fragments.get(name) {
            Some(Some(size)) => return *size,
            Some(None) => return u64::MAX,
            None => {}
        }
        // What does not exist is refused later, by name.
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        self.fragments.insert(name, None);
        let size = self.set(&fragment.node.selection_set.node, depth);
        self.fragments.insert(name, Some(size));
        size
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn of(query: &str) -> u64 {
        size(&parse_query(query).unwrap())
    }

    #[test]
    fn a_fragment_counts_wherever_it_is_spread() {
        assert_eq!(of("{ a b { c } ... on Query { d } }"), 5);
        assert_eq!(of("{ ...f ...f } fragment f on Query { a b }"), 6);
        assert_eq!(of("{ ...unknown }"), 1);
    }

    #[test]
    fn a_subscription_is_to_one_thing() {
        let to_one = |query| subscribes_to_one(&parse_query(query).unwrap());
        assert!(to_one("subscription { a { b c } a { d } }"));
        assert!(to_one("{ a b }"));
        assert!(to_one("subscription { ...f ... { a } } fragment f on Subscription { a }"));
        assert!(!to_one("subscription { a b }"));
        assert!(!to_one("subscription { a other: a }"));
        assert!(!to_one("subscription { ...f b } fragment f on Subscription { a }"));
    }

    /// Each fragment spreads the next one so many times.
    fn chain(length: usize, spreads: usize) -> String {
        let mut query = "{ ...f0 }".to_owned();
        for number in 0..length {
            let next = format!(" ...f{}", number + 1).repeat(spreads);
            let fragment = format!(" fragment f{number} on Query {{{next} }}");
            query.push_str(&fragment);
        }
        query + &format!(" fragment f{length} on Query {{ a }}")
    }

    #[test]
    fn fragments_that_double_are_counted_once_each() {
        assert!(of(&chain(60, 2)) > MOST);
        assert_eq!(of(&chain(2, 2)), 11);
    }

    #[test]
    fn what_spreads_itself_or_goes_too_deep_is_beyond_measure() {
        assert_eq!(of("{ ...f } fragment f on Query { ...f }"), u64::MAX);
        assert_eq!(of(&chain(5000, 1)), u64::MAX);
    }
}
