//! Keeps tables made for reading.
