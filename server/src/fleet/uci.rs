//! Reads UCI files as far as a device does before it believes them.

/// Why a file is not UCI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(super) struct Malformed {
    /// Counted from 1.
    pub(super) line: usize,
    /// What is wrong there.
    pub(super) reason: &'static str,
}

/// Counts the sections of a UCI file.
///
/// # Errors
///
/// The first line that `uci` would refuse.
pub(super) fn sections(text: &str) -> Result<usize, Malformed> {
    let mut sections = 0;
    for (line, words) in statements(text)? {
        let wrong = |reason| Err(Malformed { line, reason });
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["package", name] if is_name(name, true) => {}
            ["config", kind] if is_type(kind) => sections += 1,
            ["config", kind, name] if is_type(kind) && is_name(name, false) => sections += 1,
            ["option" | "list", name, _] if is_name(name, false) => {
                if sections == 0 {
                    return wrong("an option outside of a section");
                }
            }
            ["package" | "config" | "option" | "list", ..] => {
                return wrong("invalid or missing name or value");
            }
            _ => return wrong("unknown keyword"),
        }
    }
    Ok(sections)
}

fn is_name(name: &str, package: bool) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || (package && c == '-'))
}

fn is_type(kind: &str) -> bool {
    !kind.is_empty() && kind.chars().all(|c| c.is_ascii_graphic())
}

/// Splits a file into lines of words; quoted words may hold blanks and line ends.
fn statements(text: &str) -> Result<Vec<(usize, Vec<String>)>, Malformed> {
    let mut all = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let (mut line, mut first_line) = (1, 1);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let quoted = word.get_or_insert_default();
                let opened = line;
                loop {
                    match chars.next() {
                        None => {
                            return Err(Malformed { line: opened, reason: "unterminated quote" });
                        }
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => quoted.extend(chars.next()),
                        Some(other) => {
                            line += usize::from(other == '\n');
                            quoted.push(other);
                        }
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '#' if word.is_none() => {
                if chars.by_ref().any(|skipped| skipped == '\n') {
                    finish(&mut all, &mut words, &mut word, first_line);
                    line += 1;
                    first_line = line;
                }
            }
            '\n' | ';' => {
                finish(&mut all, &mut words, &mut word, first_line);
                line += usize::from(c == '\n');
                first_line = line;
            }
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    finish(&mut all, &mut words, &mut word, first_line);
    Ok(all)
}

fn finish(
    all: &mut Vec<(usize, Vec<String>)>,
    words: &mut Vec<String>,
    word: &mut Option<String>,
    line: usize,
) {
    words.extend(word.take());
    if !words.is_empty() {
        all.push((line, std::mem::take(words)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_named_and_anonymous_sections() {
        let text = "package network\n\nconfig interface 'lan'\n\toption proto 'static'\n\
                    \tlist dns \"10.0.0.1\"\n\tlist dns 10.0.0.2 # the other\n\nconfig rule\n";
        assert_eq!(sections(text), Ok(2));
        assert_eq!(sections(""), Ok(0));
    }

    #[test]
    fn a_quoted_value_may_hold_line_ends_and_the_other_quote() {
        let text = "config banner 'b'\n\toption text 'it\"s\nlong'\\''er'\n\toption next 'x'\n";
        assert_eq!(sections(text), Ok(1));
    }

    #[test]
    fn names_the_first_line_that_is_wrong() {
        for (text, line) in [
            ("config interface 'lan'\n\toption proto\n", 2),
            ("option proto 'static'\n", 1),
            ("config interface 'lan'\n\n\toption ifname 'eth0\n", 3),
            ("config interface 'l-an'\n", 1),
            ("# fine\nconfigure me\n", 2),
        ] {
            assert_eq!(sections(text).map_err(|wrong| wrong.line), Err(line), "{text}");
        }
    }
}
