//! Does what must happen without anyone asking.
