//! Templates that many devices share, laid over each other once.
//!
//! The configuration of a device comes on top of its templates, and variables are put in after
//! that; so what the templates make together is the same for all devices that have them.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::limits::{self, Extent};
use crate::{Backend, Error, render};

/// Bytes of text that a cache keeps at most, roughly.
const MAX_KEPT: usize = 32 * 1024 * 1024;

/// Some templates in their order, merged.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// Nothing where there is no template: then a configuration stays as it is.
    pub(crate) merged: Option<Map<String, Value>>,
    /// Of all of them together, before merging.
    pub(crate) extent: Extent,
}

impl Templates {
    /// Merges `templates`, the first at the bottom, for configurations of `backend`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where they do not fit together, [`Error::TooLarge`].
    pub fn of(backend: Backend, templates: &[&Map<String, Value>]) -> Result<Self, Error> {
        let mut extent = Extent::default();
        for template in templates {
            extent = extent.and(limits::measure(template)?);
        }
        extent.check()?;
        let Some((bottom, others)) = templates.split_first() else { return Ok(Self::default()) };
        let mut merged = (*bottom).clone();
        for template in others {
            render::lay(backend, &mut merged, template)?;
        }
        Ok(Self { merged: Some(merged), extent })
    }

    /// Bytes in memory, roughly.
    fn size(&self) -> usize {
        self.extent.text.saturating_add(self.extent.values.saturating_mul(100))
    }
}

/// What a template contains, as a hash: equal contents in equal order have equal ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TemplateHash([u8; 32]);

impl TemplateHash {
    /// SHA-256 of the JSON text.
    pub fn of(template: &Map<String, Value>) -> Self {
        let mut hasher = Sha256::new();
        // The text of a map is computed without errors, and hashing takes all.
        if let Ok(text) = serde_json::to_vec(template) {
            hasher.update(&text);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Debug for TemplateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}{:02x}…", self.0[0], self.0[1])
    }
}

/// Merged templates by what they contain. The oldest goes when there are too many.
#[derive(Debug)]
pub struct TemplateCache {
    capacity: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    merged: HashMap<[u8; 32], Arc<Templates>>,
    /// First in, first out.
    order: VecDeque<[u8; 32]>,
    text: usize,
}

impl TemplateCache {
    /// Keeps up to `capacity` combinations of templates, and no more than some megabytes.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, kept: Mutex::default() }
    }

    /// The templates merged, from the cache if the same were merged lately. `hashes` are those of
    /// `templates`, one each.
    ///
    /// # Errors
    ///
    /// Those of [`Templates::of`]; nothing is kept then.
    pub fn merged(
        &self,
        backend: Backend,
        hashes: &[TemplateHash],
        templates: &[&Map<String, Value>],
    ) -> Result<Arc<Templates>, Error> {
        let mut key = Sha256::new();
        key.update(backend.as_str());
        for hash in hashes {
            key.update(hash.0);
        }
        let key: [u8; 32] = key.finalize().into();
        if let Some(known) = self.kept().merged.get(&key) {
            return Ok(Arc::clone(known));
        }
        let merged = Arc::new(Templates::of(backend, templates)?);
        let size = merged.size();
        if size > MAX_KEPT || hashes.len() != templates.len() {
            return Ok(merged);
        }
        let mut kept = self.kept();
        while kept.order.len() >= self.capacity.max(1) || kept.text + size > MAX_KEPT {
            let Some(oldest) = kept.order.pop_front() else { break };
            if let Some(gone) = kept.merged.remove(&oldest) {
                kept.text -= gone.size();
            }
        }
        if kept.merged.insert(key, Arc::clone(&merged)).is_none() {
            kept.order.push_back(key);
            kept.text += size;
        }
        Ok(merged)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing that holds it can be left half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{TemplateCache, TemplateHash};
    use crate::Backend;

    fn template(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn equal_templates_are_merged_once_and_old_ones_go() {
        let cache = TemplateCache::new(2);
        let templates: Vec<_> = (0..3).map(|n| template(&json!({"dns_servers": [n]}))).collect();
        let merged = |n: usize| {
            cache
                .merged(
                    Backend::OpenWrt,
                    &[TemplateHash::of(&templates[n].clone())],
                    &[&templates[n]],
                )
                .unwrap()
        };
        let first = merged(0);
        assert!(std::sync::Arc::ptr_eq(&first, &merged(0)));
        merged(1);
        merged(2);
        assert!(!std::sync::Arc::ptr_eq(&first, &merged(0)));
        assert_eq!(cache.kept().order.len(), 2);
        assert_eq!(cache.kept().merged.len(), 2);
    }

    #[test]
    fn order_counts_and_so_does_the_order_of_keys() {
        let (a, b) = (template(&json!({"a": 1})), template(&json!({"b": 1})));
        let cache = TemplateCache::new(8);
        let (first, second) = (TemplateHash::of(&a), TemplateHash::of(&b));
        let one = cache.merged(Backend::OpenWrt, &[first, second], &[&a, &b]).unwrap();
        let other = cache.merged(Backend::OpenWrt, &[second, first], &[&b, &a]).unwrap();
        let keys = |templates: &super::Templates| {
            templates.merged.iter().flat_map(Map::keys).cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            (keys(&one), keys(&other)),
            (vec!["a".into(), "b".into()], vec!["b".into(), "a".into()])
        );
        let (ab, ba) = (template(&json!({"a": 1, "b": 2})), template(&json!({"b": 2, "a": 1})));
        assert_ne!(TemplateHash::of(&ab), TemplateHash::of(&ba));
    }
}
