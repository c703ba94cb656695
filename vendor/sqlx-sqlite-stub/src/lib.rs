//! Empty on purpose; see `docs/dependencies.md`.
