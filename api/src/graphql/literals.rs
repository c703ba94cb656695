//! What the text of a query must not have before anything parses it: brackets without end, whose every level costs the parser
//! stack (an overflow ends the program), and whole numbers beyond 64 bits, of which the parser makes floats, as of `-0`.

use std::borrow::Cow;

use async_graphql::{Pos, Request, ServerError};

/// How deep brackets may stand in each other: more than selections (which have a limit of their own) and values (JSON has 64
/// levels everywhere else) need together.
const DEEPEST: usize = 200;

/// Makes the numbers of a query what they say, and refuses what is too deep to be parsed.
pub(super) fn exact(mut request: Request) -> Result<Request, ServerError> {
    if let Cow::Owned(query) = kept(&request.query)? {
        request.query = query;
    }
    Ok(request)
}

/// The same text with each `-0` as ` 0`.
fn kept(query: &str) -> Result<Cow<'_, str>, ServerError> {
    let mut kept = Cow::Borrowed(query);
    let (mut at, mut depth) = (0, 0_usize);
    while at < query.len() {
        let rest = &query[at..];
        let length = match rest.as_bytes()[0] {
            b'(' | b'[' | b'{' => {
                depth += 1;
                if depth > DEEPEST {
                    let sentence = format!("the query is nested too deeply: {DEEPEST} levels");
                    return Err(refused(&query[..at], &sentence));
                }
                1
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                1
            }
            b'#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            b'"' => text(rest),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            b'-' | b'0'..=b'9' => {
                let of_number =
                    |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
                let length = rest.find(|c| !of_number(c)).unwrap_or(rest.len());
                let number = &rest[..length];
                if number == "-0" {
                    kept.to_mut().replace_range(at..=at, " ");
                } else if is_beyond(number) {
                    let sentence = "whole numbers of more than 64 bits cannot be kept exactly";
                    return Err(refused(&query[..at], sentence));
                }
                length
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        at += length;
    }
    Ok(kept)
}

/// The length of the quoted text at the beginning. Where it has no end the parser tries less: of three quotes two are an empty
/// text then, and a single one is an error.
fn text(rest: &str) -> usize {
    let quote = if rest.starts_with("\"\"\"") { "\"\"\"" } else { "\"" };
    let mut at = quote.len();
    while at < rest.len() && !rest[at..].starts_with(quote) {
        let inside = &rest[at..];
        let escaped = if quote.len() == 1 {
            inside.strip_prefix('\\').and_then(|after| after.chars().next())
        } else {
            inside.starts_with("\\\"\"\"").then_some('"')
        };
        let next = inside.chars().next().map_or(1, char::len_utf8);
        at += escaped.map_or(next, |escaped| 1 + escaped.len_utf8());
    }
    if rest[at.min(rest.len())..].starts_with(quote) {
        at + quote.len()
    } else {
        quote.len().div_ceil(2)
    }
}

fn is_beyond(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && number.parse::<i64>().is_err()
        && number.parse::<u64>().is_err()
        && !digits.is_empty()
}

fn refused(before: &str, sentence: &str) -> ServerError {
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let mut error = ServerError::new(sentence, Some(Pos { line, column }));
    error.extensions.get_or_insert_default().set("code", "INVALID");
    error
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::kept;

    #[test]
    fn numbers_inside_of_texts_names_and_comments_are_none() {
        for fine in [
            "{ a(b: 18446744073709551615, c: -9223372036854775808, d: 99999999999999999999.5) }",
            "{ a(b: 1e99, c: 99999999999999999999e1, d: -0.0) } # 99999999999999999999",
            r#"{ a99999999999999999999(b: "\"99999999999999999999 -0\\", c: "é") }"#,
            r#"{ a(b: """99999999999999999999 " \""" -0""") }"#,
            "#",
            "-",
            "",
        ] {
            assert_eq!(kept(fine).unwrap(), fine);
        }
        let zeros = kept("{ a(b: -0, c: [-0 -0.0], d: \"-0\") }").unwrap();
        assert_eq!(zeros, "{ a(b:  0, c: [ 0 -0.0], d: \"-0\") }");
        let error = kept("{\n  é(b: 18446744073709551616) }").unwrap_err();
        assert_eq!((error.locations[0].line, error.locations[0].column), (2, 8));
        assert!(kept("{ a(b: -9223372036854775809) }").is_err());
    }

    #[test]
    fn what_is_too_deep_never_reaches_the_parser() {
        let nested = |levels: usize, before: &str, open: &str, close: &str, after: &str| {
            format!("{before}{}{}{after}", open.repeat(levels), close.repeat(levels))
        };
        for (before, open, close, after) in [
            ("{ a(b: ", "[", "]", ") }"),
            ("{ a(b: ", "{ c: ", "}", ") }"),
            ("query ($a: Int = ", "[", "]", ") { a }"),
            ("query ($a: ", "[", "]", ") { a }"),
            ("{ a @x(a: ", "[", "]", ") }"),
            ("", "{ a ", "}", ""),
            ("", "{ ... ", "}", ""),
            // Texts that have no end, and what the parser makes of them.
            ("{ a(b: [\"\"\"a\" ", "[", "]", "]) }"),
            ("{ a(b: [\"\"\"a\" ", "[", "]", " \"x\"]) }"),
            ("{ a(b: \"\n", "[", "]", ") }"),
        ] {
            let error = kept(&nested(super::DEEPEST + 1, before, open, close, after)).unwrap_err();
            assert!(error.message.contains("too deeply"), "{before}{open}: {error:?}");
            kept(&nested(super::DEEPEST - 3, before, open, close, after)).unwrap();
        }
        // Beside each other, and inside of texts, is not in each other.
        kept(&"{ a(b: [1]) } ".repeat(1000)).unwrap();
        kept(&nested(1000, "{ a(b: \"", "[", "]", "\") }")).unwrap();
        kept(&nested(1000, "{ a(b: \"\"\"", "{", "}", "\"\"\") }")).unwrap();
        kept(&nested(1000, "{ a } # ", "(", ")", "")).unwrap();
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through(text in "[a\\-0-9.eE+\"\\\\#\n {}é]{0,60}") {
            if let Ok(kept) = kept(&text) {
                prop_assert_eq!(kept.len(), text.len());
            }
        }
    }
}
