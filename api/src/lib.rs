//! Speaks to the outside and decides nothing.
