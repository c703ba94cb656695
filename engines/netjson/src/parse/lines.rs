//! UCI text read line by line.
//!
//! This is how configurations were read by the tools that wrote them, and knows less than
//! [`Document`](crate::uci::Document): a value is what stands on its line, without any quotes, and
//! what stands before the first section is taken for one.

use serde_json::Value;

use super::loss::Losses;
use super::section::{Budget, Packages, Section, short, words};
use crate::literal::is_white;
use crate::{Error, Unreadable, limits};

/// Reads `text`: all packages, each announced on a line of its own.
pub(super) fn packages(text: &str, losses: &mut Losses) -> Result<Packages, Error> {
    let mut packages = Packages::new();
    let mut budget = Budget::default();
    for package in blocks(text, 1, "package") {
        budget.spend(1)?;
        let (name, body) = package.text.split_once('\n').unwrap_or((package.text, ""));
        let mut sections = Vec::new();
        for block in blocks(body, package.line + 1, "config") {
            sections.push(section(&block, sections.len() + 1, &mut budget, losses)?);
        }
        if sections.is_empty() && package.line == 1 && !text.starts_with("package") {
            losses.add(1, "text before any package");
        }
        if packages.insert(name.to_owned(), sections).is_some_and(|before| !before.is_empty()) {
            losses.add(package.line, format!("package {:?} as stated before", short(name)));
        }
    }
    Ok(packages)
}

/// A part of the text and the line where it begins.
pub(super) struct Block<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// The parts of `text` that lines beginning with `word` and white space part, without these two and
/// without white space around. What stands before the first such line is a part, too.
pub(super) fn blocks<'a>(text: &'a str, first: usize, word: &str) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let (mut begin, mut position, mut line, mut counted) = (0, 0, first, 0);
    let mut close = |begin: usize, end: usize| {
        let part = &text[begin..end];
        let inner = part.trim_start_matches(is_white);
        let start = begin + part.len() - inner.len();
        line += text[counted..start].matches('\n').count();
        counted = start;
        let inner = inner.trim_end_matches(is_white);
        if !inner.is_empty() {
            blocks.push(Block { text: inner, line });
        }
    };
    // More than are accepted need not be told apart.
    let mut found = 0;
    while position < text.len() && found <= limits::MAX_VALUES {
        let rest = &text[position..];
        if let Some(after) = rest.strip_prefix(word).filter(|rest| rest.starts_with(is_white)) {
            found += 1;
            close(begin, position);
            begin = text.len() - after.trim_start_matches(is_white).len();
            position = begin;
            if text[..begin].ends_with('\n') {
                continue;
            }
        }
        position = text[position..].find('\n').map_or(text.len(), |at| position + at + 1);
    }
    close(begin, text.len());
    blocks
}

fn section(
    block: &Block<'_>,
    number: usize,
    budget: &mut Budget,
    losses: &mut Losses,
) -> Result<Section, Error> {
    let mut lines = block.text.split('\n').zip(block.line..);
    let mut head = lines.next().map(|(head, _)| words(head)).into_iter().flatten();
    let kind = head.next().map(unquoted).unwrap_or_default();
    let name = head.next().map_or_else(|| format!("{kind}_{number}"), unquoted);
    if head.next().is_some() {
        losses.add(block.line, "what follows the name of the section");
    }
    let mut section = Section::new(kind, name, block.line);
    for (text, line) in lines {
        let text = text.trim_matches(is_white);
        budget.spend(usize::from(!text.is_empty()))?;
        if let Some(rest) = text.strip_prefix("option") {
            let (key, value) = setting(rest, line, losses);
            if section.options.contains_key(&key) {
                losses.add(
                    section.line_of(&key),
                    format!("option {:?}, which is stated again", short(&key)),
                );
            }
            section.set(&key, value.into(), line);
        } else if let Some(rest) = text.strip_prefix("list") {
            let (key, value) = setting(rest, line, losses);
            match section.options.get_mut(&key) {
                None => section.set(&key, Value::Array(vec![value.into()]), line),
                Some(Value::Array(items)) => items.push(value.into()),
                Some(_) => {
                    let what = format!("{:?} is an option already", short(&key));
                    return Err(Unreadable::at(line, what).into());
                }
            }
        } else if !text.is_empty() && !text.starts_with('#') {
            losses.add(line, "a line that states nothing");
        }
    }
    section.sort();
    Ok(section)
}

/// The name and the value.
fn setting(rest: &str, line: usize, losses: &mut Losses) -> (String, String) {
    let rest = rest.trim_start_matches(is_white);
    let (key, value) = rest.split_once(is_white).unwrap_or((rest, ""));
    let value = value.trim_start_matches(is_white);
    let inner = match value.as_bytes() {
        [quote @ (b'\'' | b'"'), .., last] if quote == last => &value[1..value.len() - 1],
        _ => value,
    };
    if inner.contains(['\'', '"']) {
        losses.add(line, format!("quotes in the value of {:?}", short(key)));
    }
    (unquoted(key), unquoted(value))
}

fn unquoted(text: &str) -> String {
    text.replace(['\'', '"'], "")
}

#[cfg(test)]
mod tests {
    use super::{blocks, packages};
    use crate::parse::loss::Losses;

    fn parts(text: &str) -> Vec<(&str, usize)> {
        blocks(text, 1, "config").iter().map(|block| (block.text, block.line)).collect()
    }

    #[test]
    fn blocks_begin_at_lines_and_know_where() {
        assert_eq!(
            parts("\n# a\nconfig b\n\tc\n\nconfig\td\n"),
            [("# a", 2), ("b\n\tc", 3), ("d", 6)]
        );
        assert_eq!(parts("config \n\nconfig e\n configf\nconfigg"), [("e\n configf\nconfigg", 3)]);
        assert_eq!(parts("config \n\tb"), [("b", 2)]);
        assert!(
            parts("").is_empty() && parts("config").len() == 1 && parts("config \n").is_empty()
        );
    }

    #[test]
    fn what_is_passed_over_is_named() {
        let text = "package p\n\nconfig t n m\n\toption a 1\n\tfoo\n\n\t# c\n\toption a 'it's'\n\n\
                    package p\n\nconfig u\n";
        let mut losses = Losses::default();
        let packages = packages(text, &mut losses).unwrap();
        assert_eq!(packages["p"][0].name, "u_1");
        let lines: Vec<_> = losses.into_vec().iter().map(|loss| loss.line).collect();
        assert_eq!(lines, [3, 5, 8, 4, 10]);
    }
}
