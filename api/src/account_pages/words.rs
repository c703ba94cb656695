//! What pages say, in every language that there are pages in.

use std::borrow::Cow;

use app::Failure;
use domain::Problem;

use crate::language::Language;

/// A sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    english: &'static str,
    german: &'static str,
    italian: &'static str,
}

pub(super) const fn words(
    english: &'static str,
    german: &'static str,
    italian: &'static str,
) -> Words {
    Words { english, german, italian }
}

impl Words {
    pub(super) const fn say(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::German => self.german,
            Language::Italian => self.italian,
        }
    }
}

const BUSY: Words = words(
    "The server has too much to do. Try again in a moment.",
    "Der Server hat zu viel zu tun. Versuche es gleich noch einmal.",
    "Il server è troppo occupato. Riprova tra un momento.",
);
const TOO_OFTEN: Words = words(
    "That was too often. Try again later.",
    "Das war zu oft. Versuche es später noch einmal.",
    "Troppi tentativi. Riprova più tardi.",
);
const NO_MAIL: Words = words(
    "This server sends no mail.",
    "Dieser Server verschickt keine Mails.",
    "Questo server non invia e-mail.",
);
const BROKEN: Words = words(
    "Something is wrong with the server. Its log says more.",
    "Mit dem Server stimmt etwas nicht. Mehr steht in seinem Protokoll.",
    "Il server ha un problema. Il suo registro dice di più.",
);

const UNREADABLE: Words = words(
    "The server did not understand that.",
    "Der Server hat das nicht verstanden.",
    "Il server non ha capito.",
);

/// Why something did not work, for the one who tried.
pub(super) const fn reason(failure: &Failure) -> Words {
    match failure {
        Failure::RateLimited | Failure::Throttled(_) => TOO_OFTEN,
        Failure::Busy | Failure::Unavailable | Failure::ReadOnly => BUSY,
        Failure::Refused(app::Refusal::NoMail) => NO_MAIL,
        Failure::Broken(_) => BROKEN,
        _ => UNREADABLE,
    }
}

/// What may be wrong with a password; the sign stands for a number.
const RULES: [Words; 4] = [
    words(
        "must have at least # characters",
        "Es muss mindestens # Zeichen haben.",
        "Deve avere almeno # caratteri.",
    ),
    words(
        "may have at most # bytes",
        "Es darf höchstens # Byte lang sein.",
        "Può avere al massimo # byte.",
    ),
    words(
        "must not consist of digits alone",
        "Es darf nicht nur aus Ziffern bestehen.",
        "Non può essere composta solo da cifre.",
    ),
    words(
        "must not be the user name or e-mail address",
        "Es darf nicht der Benutzername oder die E-Mail-Adresse sein.",
        "Non può essere il nome utente o l'indirizzo e-mail.",
    ),
];

/// What is wrong with the password that somebody wants. What is not among the rules is told in English.
pub(super) fn problem(problem: &Problem, language: Language) -> String {
    let said = problem.to_string();
    let numbers = || said.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let number = numbers().next().unwrap_or_default();
    let shape = if number.is_empty() { Cow::from(&said) } else { said.replace(number, "#").into() };
    match RULES.iter().find(|rule| rule.english == shape) {
        Some(rule) if language != Language::English => rule.say(language).replace('#', number),
        _ => format!("It {said}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_with_their_numbers() {
        let rule = |text: &str| Problem::Rule(text.to_owned());
        let shortest = rule("must have at least 8 characters");
        assert_eq!(problem(&shortest, Language::English), "It must have at least 8 characters.");
        assert_eq!(problem(&shortest, Language::German), "Es muss mindestens 8 Zeichen haben.");
        let digits = rule("must not consist of digits alone");
        assert_eq!(problem(&digits, Language::Italian), "Non può essere composta solo da cifre.");
        assert_eq!(problem(&rule("is odd"), Language::German), "It is odd.");
    }
}
