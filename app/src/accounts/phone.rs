//! Phone numbers in the spellings that people use (manual 03, `OPENWISP_USERS_AUTH_BACKEND_AUTO_PREFIXES`).

use domain::Problem;
use phonenumber::{Mode, PhoneNumber};

/// Longest text that is looked at.
const LONGEST: usize = 64;
/// What stands between digits, and means nothing.
const BETWEEN: &str = " .-()/";

/// The number in international spelling (E.164); an empty text is none.
pub(super) fn checked(text: &str) -> Result<Option<String>, Problem> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match international(text) {
        Some(number) => Ok(Some(number)),
        None => Err(Problem::Rule(
            "must be a valid phone number with its country, such as +39 333 123 4567".to_owned(),
        )),
    }
}

/// Is it a phone number with its country, or nothing at all?
pub fn is_phone(text: &str) -> bool {
    checked(text).is_ok()
}

/// All numbers that somebody who logs in may mean, in international spelling: as written, or with one of these national
/// prefixes such as `+39` before it, with or without its leading zero.
pub(super) fn spellings(login: &str, prefixes: &[String]) -> Vec<String> {
    let login = login.trim();
    if !is_phone_like(login) {
        return Vec::new();
    }
    let mut numbers: Vec<String> = international(login).into_iter().collect();
    if !login.starts_with('+') {
        for prefix in prefixes {
            for national in [login, login.strip_prefix('0').unwrap_or(login)] {
                let spelt = format!("{prefix}{national}");
                numbers.extend(international(&spelt).filter(|number| !numbers.contains(number)));
            }
        }
    }
    numbers
}

/// One spelling for all that would be the same account's, for names that nobody has: their tries are counted together, like
/// those of accounts.
pub(super) fn one_spelling(login: &str, prefixes: &[String]) -> String {
    match spellings(login, prefixes).into_iter().next() {
        Some(number) => number,
        None if login.contains('@') => login.to_lowercase(),
        None => login.to_owned(),
    }
}

/// How somebody may write an international number with nothing between its digits.
pub(super) fn bare(number: &str) -> Vec<String> {
    let Ok(parsed) = phonenumber::parse(None, number) else { return Vec::new() };
    let (country, national) = (parsed.code().value(), parsed.national().value());
    let before = [String::new(), "0".to_owned(), country.to_string(), format!("00{country}")];
    before.iter().map(|before| format!("{before}{national}")).collect()
}

fn is_phone_like(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_digit() || c == '+' || BETWEEN.contains(c);
    text.len() <= LONGEST && text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(fits)
}

fn international(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > LONGEST || !text.starts_with('+') {
        return None;
    }
    // It confuses the parser in places.
    let meant = |c: &char| !BETWEEN.contains(*c);
    let number: PhoneNumber =
        phonenumber::parse(None, text.chars().filter(meant).collect::<String>()).ok()?;
    number.is_valid().then(|| number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_international_spelling() {
        for spelt in [
            "+393331234501",
            "+39 333 123 4501",
            "+39-333-123-4501",
            "+39.333.1234501",
            " +393331234501 ",
        ] {
            assert_eq!(checked(spelt), Ok(Some("+393331234501".to_owned())), "{spelt}");
        }
        assert_eq!(checked("  "), Ok(None));
        for wrong in ["12", "abc", "3331234501", "+39", "+999999999", "+39333123450133312345"] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_nobody_have_one_spelling() {
        let prefixes = ["+39".to_owned(), "+43".to_owned()];
        for (login, one) in [
            ("333 123-4501", "+393331234501"),
            (" +39 333 1234501", "+393331234501"),
            ("Ada@Example.org", "ada@example.org"),
            // User names are as they are.
            ("Ada", "Ada"),
            (" ada ", " ada "),
        ] {
            assert_eq!(one_spelling(login, &prefixes), one);
        }
        assert_eq!(
            bare("+393331234501"),
            ["3331234501", "03331234501", "393331234501", "00393331234501"]
        );
    }

    #[test]
    fn people_leave_their_country_out() {
        let prefixes = ["+39".to_owned(), "+43".to_owned()];
        for login in ["3331234501", "333 123 4501", "333-123-4501", "333.123.4501", "03331234501"] {
            let spelt = spellings(login, &prefixes);
            assert!(spelt.contains(&"+393331234501".to_owned()), "{login}: {spelt:?}");
        }
        assert_eq!(spellings("+39 333 1234501", &[]), ["+393331234501"]);
        for name in ["ada", "ada@example.org", "", "+", "3331234501"] {
            assert_eq!(spellings(name, &[]), [""; 0], "{name}");
        }
    }
}
