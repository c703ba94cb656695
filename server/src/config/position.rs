//! Where a value stands in a JSON text.

/// Line and column, counted from 1 in characters, of the value at `steps` (keys and indices), or of
/// the innermost value around it that is there. The text is JSON.
pub(super) fn locate(text: &[u8], steps: &[String]) -> (usize, usize) {
    let mut scan = Scan { text, at: 0 };
    scan.white();
    let mut found = scan.at;
    for step in steps {
        let inner = match scan.peek() {
            Some(b'{') => scan.member(step),
            Some(b'[') => step.parse().ok().and_then(|index| scan.item(index)),
            _ => None,
        };
        let Some(inner) = inner else { break };
        scan.at = inner;
        found = inner;
    }
    of(text, found)
}

/// Line and column, counted from 1 in characters, of a place in bytes.
pub(super) fn of(text: &[u8], offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (line, String::from_utf8_lossy(&before[begin..]).chars().count() + 1)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn white(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Where the value of the last member of this name begins; it is the one that counts.
    fn member(&mut self, name: &str) -> Option<usize> {
        let mut found = None;
        self.at += 1;
        loop {
            self.white();
            if self.peek()? == b',' {
                self.at += 1;
                continue;
            }
            if self.peek()? == b'}' {
                return found;
            }
            let begin = self.at;
            self.value();
            let key = serde_json::from_slice::<String>(&self.text[begin..self.at]).ok()?;
            self.white();
            self.at += 1;
            self.white();
            if key == name {
                found = Some(self.at);
            }
            self.value();
        }
    }

    /// Where an item of a list begins.
    fn item(&mut self, index: usize) -> Option<usize> {
        let mut number = 0;
        self.at += 1;
        loop {
            self.white();
            match self.peek()? {
                b']' => return None,
                b',' => self.at += 1,
                _ if number == index => return Some(self.at),
                _ => {
                    self.value();
                    number += 1;
                }
            }
        }
    }

    /// Moves behind the value that begins here.
    fn value(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => self.text(),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(byte) if byte.is_ascii_whitespace() => self.at += 1,
                Some(_) => {
                    while self.peek().is_some_and(|byte| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
                    }) {
                        self.at += 1;
                    }
                }
                None => return,
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Moves behind the quoted text that begins here.
    fn text(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::locate;

    #[test]
    fn values_are_found_by_their_path() {
        let text = "{\n  \"a\": [1, \"x]\\\"\", {\"b\": {}}],\n  \"ü\": {\"c\\u0064\": -1.5e3}, \"e\": null\n}";
        let at = |steps: &[&str]| {
            let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
            locate(text.as_bytes(), &steps)
        };
        assert_eq!(at(&[]), (1, 1));
        assert_eq!(at(&["a"]), (2, 8));
        assert_eq!(at(&["a", "0"]), (2, 9));
        assert_eq!(at(&["a", "1"]), (2, 12));
        assert_eq!(at(&["a", "2", "b"]), (2, 26));
        assert_eq!(at(&["ü", "cd"]), (3, 20));
        assert_eq!(at(&["e"]), (3, 34));
        // What is not there is missing in what is around it.
        assert_eq!(at(&["a", "2", "nothing"]), (2, 20));
        assert_eq!(at(&["a", "9"]), (2, 8));
        assert_eq!(at(&["nothing"]), (1, 1));
    }

    #[test]
    fn the_last_of_equal_members_counts() {
        let steps = ["a".to_owned()];
        assert_eq!(locate(b"{\"a\": 1, \"a\": 2}", &steps), (1, 15));
    }

    #[test]
    fn a_byte_order_or_broken_text_does_not_loop() {
        for text in ["", "{", "[", "[1", "{\"a\"", "{\"a\":", "\"", "}", "{]"] {
            locate(text.as_bytes(), &["a".to_owned(), "0".to_owned()]);
        }
    }
}
