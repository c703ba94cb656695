//! Does what users ask, one method per use case.
