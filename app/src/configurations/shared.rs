//! Templates of devices that are rendered together.

use std::sync::Arc;

use domain::Document;
use netjson::{Backend, Error, TemplateCache, TemplateHash, Templates};

/// Combinations of templates that are looked through before one is hashed; beyond that the first ones go.
const LOOKED_THROUGH: usize = 16;

/// Templates merged once for all devices of a turn, and for those of other turns that have the same contents.
pub(crate) struct SharedTemplates<'a> {
    cache: &'a TemplateCache,
    known: Vec<Known>,
}

struct Known {
    backend: Backend,
    templates: Vec<Arc<Document>>,
    merged: Arc<Templates>,
}

impl<'a> SharedTemplates<'a> {
    pub(crate) fn new(cache: &'a TemplateCache) -> Self {
        Self { cache, known: Vec::new() }
    }

    /// These templates, merged. Contents are hashed only where they are not the very documents seen before.
    pub(crate) fn merged(
        &mut self,
        backend: Backend,
        templates: &[Arc<Document>],
    ) -> Result<Arc<Templates>, Error> {
        let same = |known: &&Known| {
            known.backend == backend
                && known.templates.len() == templates.len()
                && known.templates.iter().zip(templates).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if let Some(known) = self.known.iter().find(same) {
            return Ok(Arc::clone(&known.merged));
        }
        let documents: Vec<&Document> = templates.iter().map(Arc::as_ref).collect();
        let hashes: Vec<TemplateHash> = documents.iter().copied().map(TemplateHash::of).collect();
        let merged = self.cache.merged(backend, &hashes, &documents)?;
        if self.known.len() == LOOKED_THROUGH {
            self.known.remove(0);
        }
        self.known.push(Known {
            backend,
            templates: templates.to_vec(),
            merged: Arc::clone(&merged),
        });
        Ok(merged)
    }
}
