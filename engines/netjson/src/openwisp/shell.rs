//! Writing for the shell of a device.

/// A script that grows line by line.
#[derive(Debug)]
pub(super) struct Script(String);

impl Default for Script {
    fn default() -> Self {
        Self("#!/bin/sh\n".to_owned())
    }
}

impl Script {
    /// One command, its words next to each other.
    pub(super) fn line(&mut self, words: &[&str]) {
        self.0.push_str(&words.join(" "));
        self.0.push('\n');
    }

    /// What the next lines are about.
    pub(super) fn comment(&mut self, comment: &str) {
        self.0.extend(["\n# ", comment, "\n"]);
    }

    /// Lines that no value takes part in.
    pub(super) fn text(&mut self, text: &str) {
        self.0.push_str(text);
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// One word, whatever stands in it (POSIX.1-2017, 2.2.2: nothing is special between single quotes).
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_quote_does_not_end_the_word() {
        assert_eq!(quoted("a'; reboot #"), r"'a'\''; reboot #'");
    }
}
