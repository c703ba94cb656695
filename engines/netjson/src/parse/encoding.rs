//! Marks that editors put before a text to say how it is encoded.

/// Text without the mark of UTF-8, which says nothing.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Whether `bytes` begin with the mark of UTF-16, in either order of bytes.
pub(super) fn is_utf_16(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])
}

/// What is wrong with such a text.
pub(super) const UTF_16: &str = "the text is UTF-16: save it as UTF-8";
