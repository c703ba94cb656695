//! Texts and layouts of mails: built in, and an operator's own in their place.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, Value, context};
use secrecy::SecretString;
use serde::Deserialize;
use toml::Table;

use crate::MailSettings;

/// Catalogues of texts by language; a language that lacks one has the English one.
const TEXTS: [(&str, &str); 3] = [
    ("de", include_str!("texts/de.toml")),
    ("en", include_str!("texts/en.toml")),
    ("it", include_str!("texts/it.toml")),
];
const LAYOUTS: [(&str, &str); 2] =
    [("mail.html", include_str!("texts/mail.html")), ("mail.txt", include_str!("texts/mail.txt"))];
const ENGLISH: &str = "en";
/// What a catalogue may use, beside `product`.
const WORDS: [&str; 5] = ["name", "days", "hours", "minutes", "webhook"];

/// Why mails cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// A file that stands for nothing.
    #[error(
        "`{0}` is no text of mails: there are mail.html, mail.txt, and texts by language such as de.toml"
    )]
    UnknownFile(String),
    /// A file of texts that is no TOML, or lacks something, or has what nobody uses.
    #[error("the texts of mails in `{file}` cannot be used: {reason}")]
    Texts {
        /// Which.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A template with an error.
    #[error("a template of mails cannot be used: {0:#}")]
    Template(#[from] minijinja::Error),
}

/// All that a language says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    greeting: String,
    closing: String,
    password_reset: Text,
    log_in: Text,
    confirmation: Text,
    password_reminder: Text,
    webhook_disabled: Text,
}

/// What one kind of mail says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    subject: String,
    /// Paragraphs.
    before: Vec<String>,
    /// What is written on the link.
    link: String,
    /// Paragraphs.
    after: Vec<String>,
}

impl Catalogue {
    fn text(&self, kind: &str) -> &Text {
        match kind {
            "log_in" => &self.log_in,
            "confirmation" => &self.confirmation,
            "password_reminder" => &self.password_reminder,
            "webhook_disabled" => &self.webhook_disabled,
            _ => &self.password_reset,
        }
    }
}

/// What was written.
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) text: SecretString,
    pub(super) html: Option<SecretString>,
}

/// Writes mails.
pub struct Letters {
    environment: Environment<'static>,
    catalogues: BTreeMap<String, Catalogue>,
    language: String,
    product: String,
    logo: Option<String>,
    html: bool,
}

impl Letters {
    /// Reads everything, and writes every mail once: mistakes are told at start.
    pub fn new(settings: &MailSettings) -> Result<Self, LettersError> {
        let mut layouts: BTreeMap<&str, &str> = LAYOUTS.into();
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for (language, text) in TEXTS {
            tables.insert(language.to_owned(), table(language, text)?);
        }
        for (file, text) in &settings.overrides {
            if let Some(language) = file.strip_suffix(".toml") {
                let own = table(file, text)?;
                merge(tables.entry(language.to_lowercase()).or_default(), own);
            } else if LAYOUTS.iter().any(|(name, _)| name == file) {
                layouts.insert(file, text);
            } else {
                return Err(LettersError::UnknownFile(file.clone()));
            }
        }
        let english = tables.get(ENGLISH).cloned().unwrap_or_default();
        let mut catalogues = BTreeMap::new();
        for (language, own) in tables {
            let mut all = english.clone();
            merge(&mut all, own);
            let catalogue = Catalogue::deserialize(toml::Value::Table(all)).map_err(|error| {
                LettersError::Texts { file: format!("{language}.toml"), reason: error.to_string() }
            })?;
            catalogues.insert(language, catalogue);
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in layouts {
            environment.add_template_owned(name.to_owned(), source.to_owned())?;
        }
        let letters = Self {
            environment,
            catalogues,
            language: settings.language.clone(),
            product: settings.name.clone(),
            logo: settings.logo.clone(),
            html: settings.html,
        };
        letters.try_all()?;
        Ok(letters)
    }

    fn try_all(&self) -> Result<(), LettersError> {
        let words = WORDS.into_iter().map(|word| (word, "1".to_owned())).collect();
        for language in self.catalogues.keys() {
            for kind in [
                "password_reset",
                "log_in",
                "confirmation",
                "password_reminder",
                "webhook_disabled",
            ] {
                self.write(kind, language, &words, "https://example.org/")?;
            }
        }
        Ok(())
    }

    /// Writes a mail of a kind in a language such as `de` or `de-AT`, or in that of the installation.
    pub(super) fn write(
        &self,
        kind: &str,
        language: &str,
        words: &BTreeMap<&str, String>,
        link: &str,
    ) -> Result<Written, LettersError> {
        let (language, catalogue) = self.catalogue(language);
        let texts = catalogue.text(kind);
        let words = Value::from_pairs(words.iter().map(|(word, value)| (*word, value.as_str())));
        let words = context! { product => self.product.clone(), ..words };
        let say = |text: &str| self.environment.render_str(text, &words);
        let say_all = |texts: &[String]| texts.iter().map(|text| say(text)).collect();
        let before: Result<Vec<String>, _> = say_all(&texts.before);
        let after: Result<Vec<String>, _> = say_all(&texts.after);
        let subject = one_line(&say(&texts.subject)?);
        let page = context! {
            language,
            subject => subject.clone(),
            product => self.product.clone(),
            logo => self.logo.clone(),
            greeting => say(&catalogue.greeting)?,
            before => before?,
            link,
            link_text => say(&texts.link)?,
            after => after?,
            closing => say(&catalogue.closing)?,
        };
        let render = |name| self.environment.get_template(name)?.render(&page);
        let text = SecretString::from(render("mail.txt")?);
        let html = self.html.then(|| render("mail.html")).transpose()?.map(SecretString::from);
        Ok(Written { subject, text, html })
    }

    fn catalogue(&self, wanted: &str) -> (&str, &Catalogue) {
        let wanted = wanted.to_lowercase().replace('_', "-");
        let known = |language: &str| {
            let found = self.catalogues.get_key_value(language)?;
            Some((found.0.as_str(), found.1))
        };
        known(&wanted)
            .or_else(|| known(wanted.split('-').next()?))
            .or_else(|| known(&self.language.to_lowercase()))
            .or_else(|| known(ENGLISH))
            .expect("English is built in")
    }
}

/// Subjects are headers.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ").trim().to_owned()
}

fn table(file: &str, text: &str) -> Result<Table, LettersError> {
    text.parse().map_err(|error: toml::de::Error| LettersError::Texts {
        file: file.to_owned(),
        reason: error.message().to_owned(),
    })
}

/// What `own` says wins.
fn merge(all: &mut Table, own: Table) {
    for (key, value) in own {
        match (all.get_mut(&key), value) {
            (Some(toml::Value::Table(all)), toml::Value::Table(own)) => merge(all, own),
            (_, value) => {
                all.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn write(settings: &MailSettings, kind: &str, language: &str, name: &str) -> [String; 3] {
        let letters = Letters::new(settings).unwrap();
        let words = BTreeMap::from([
            ("name", name.to_owned()),
            ("days", "3".to_owned()),
            ("hours", "1".to_owned()),
            ("minutes", "60".to_owned()),
            ("webhook", "tickets".to_owned()),
        ]);
        let link = "https://wifi.example.org/accounts/x/?a=1&b=2";
        let written = letters.write(kind, language, &words, link).unwrap();
        let html = written.html.map(|html| html.expose_secret().to_owned()).unwrap_or_default();
        [written.subject, written.text.expose_secret().to_owned(), html]
    }

    #[test]
    fn people_are_written_to_in_their_language() {
        let settings = MailSettings::default();
        let [subject, text, html] = write(&settings, "password_reset", "de-AT", "Ada");
        assert!(subject.contains("Passwort") && text.starts_with("Hallo Ada"), "{subject}\n{text}");
        assert!(html.contains("<html lang=\"de\">"), "{html}");
        let [subject, ..] = write(&settings, "password_reset", "tlh", "Ada");
        assert!(subject.contains("password"), "{subject}");
        let italian = MailSettings { language: "it".to_owned(), ..settings };
        let [_, text, _] = write(&italian, "confirmation", "", "Ada");
        assert!(text.starts_with("Ciao Ada"), "{text}");
    }

    #[test]
    fn names_are_text_everywhere() {
        let name = "<b>Ada</b>\r\nBcc: eve@example.org {{ 1 + 1 }}";
        let [subject, text, html] =
            write(&MailSettings::default(), "password_reminder", "en", name);
        assert!(!subject.contains('\n'), "{subject}");
        assert!(text.contains("{{ 1 + 1 }}") && text.contains("<b>Ada</b>"), "{text}");
        assert!(!html.contains("<b>Ada") && html.contains("&lt;b&gt;Ada"), "{html}");
        assert!(html.contains("?a=1&amp;b=2") && text.contains("?a=1&b=2"), "{html}");
    }

    #[test]
    fn operators_have_texts_layouts_and_a_logo_of_their_own() {
        let own = [
            ("en.toml", "[password_reset]\nsubject = \"{{ product }}: password\"\n"),
            ("fr.toml", "greeting = \"Bonjour {{ name }},\"\n"),
            ("mail.txt", "{{ subject }} {{ link }}"),
        ];
        let settings = MailSettings {
            name: "Harbour Wi-Fi".to_owned(),
            logo: Some("https://wifi.example.org/logo.png".to_owned()),
            overrides: own.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
            ..MailSettings::default()
        };
        let [subject, text, html] = write(&settings, "password_reset", "fr", "Ada");
        assert_eq!(subject, "Harbour Wi-Fi: password");
        assert!(text.starts_with("Harbour Wi-Fi: password https://"), "{text}");
        assert!(html.contains("Bonjour Ada,") && html.contains("logo.png"), "{html}");
        let plain = MailSettings { html: false, ..settings };
        assert_eq!(write(&plain, "log_in", "en", "Ada")[2], "");
    }

    #[test]
    fn mistakes_are_told_at_start() {
        for (file, text, said) in [
            ("mail.html", "{{ subjekt }}", "mail.html"),
            ("mail.html", "{% if %}", "mail.html"),
            ("en.toml", "[password_reset]\nsubjekt = \"a\"", "subjekt"),
            ("en.toml", "greeting = \"{{ nmae }}\"", "undefined"),
            ("xx.toml", "greeting = ", "xx.toml"),
            ("logo.png", "", "logo.png"),
        ] {
            let overrides = [(file.to_owned(), text.to_owned())].into();
            let settings = MailSettings { overrides, ..MailSettings::default() };
            let Err(error) = Letters::new(&settings) else { panic!("{file}: {text}") };
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
