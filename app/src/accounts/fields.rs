//! Values of accounts on their way in: checked, then sealed.

use domain::{FieldError, Problem, Sealed, UserId, accounts::ProfileField, field};

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

    /// Letters, digits and `@ . + - _`, at most 150 characters.
    pub(super) fn username(&mut self, value: &str) -> Option<String> {
        let fits = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
        let value = field::name(value, 150).and_then(|name| {
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

    pub(super) fn detail(&mut self, field: ProfileField, value: &str) -> Option<String> {
        self.keep(field.as_str(), field.checked(value)).flatten()
    }

    /// Everything that was found, if anything was.
    pub(super) fn done(self) -> Result<(), Failure> {
        Failure::unless_empty(self.wrong)
    }
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
        assert_eq!(checked.detail(ProfileField::BirthDate, "1.2.1990"), None);
        assert_eq!(checked.username("ada@x.org"), Some("ada@x.org".to_owned()));
        let fields: Vec<_> = checked.wrong.iter().map(|error| error.field).collect();
        assert_eq!(fields, ["username", "email", "phone_number", "birth_date"]);
    }
}
