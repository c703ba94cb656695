//! Argon2id, in a pool of its own.

use argon2::{Argon2, password_hash::PasswordHasher as _};
use domain::{FieldError, Problem};
use secrecy::{ExposeSecret as _, SecretString};

use super::foreign_hash::StoredHash;
use crate::{App, Failure};

/// Longest password that is hashed, in bytes.
const LONGEST: usize = 1024;
/// What the passwords of unknown accounts are compared with: an Argon2id hash of nothing that anybody knows.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$d2lzcHRyYWlsLW5vYm9keQ$qLuGIXAFnR9sXu0wVmnyYFD1c4V6NcrXWQbHRMX5N1k";

/// What is wrong with a password that somebody wants, before it is hashed.
pub(super) fn problem(
    field: &'static str,
    password: &SecretString,
    shortest: usize,
    names: [Option<&str>; 2],
) -> Option<FieldError> {
    let password = password.expose_secret();
    let rule = |text: String| Some(FieldError::new(field, Problem::Rule(text)));
    if password.len() > LONGEST {
        return rule(format!("may have at most {LONGEST} bytes"));
    }
    if password.chars().count() < shortest {
        return rule(format!("must have at least {shortest} characters"));
    }
    if shortest <= 1 {
        return None;
    }
    if password.chars().all(|c| c.is_ascii_digit()) {
        return rule("must not consist of digits alone".to_owned());
    }
    let folded = password.to_lowercase();
    let is_name = |name: &str| {
        let name = name.to_lowercase();
        folded == name || name.split_once('@').is_some_and(|(mailbox, _)| mailbox == folded)
    };
    if names.into_iter().flatten().any(is_name) {
        return rule("must not be the user name or e-mail address".to_owned());
    }
    None
}

/// What is wrong with a hash that another system made, for those who bring one.
pub(super) fn hash_problem(field: &'static str, hash: &SecretString) -> Option<FieldError> {
    let known = StoredHash::read(hash.expose_secret()).is_some();
    let rule = "is no hash that is known here, or takes too long to compute";
    (!known).then(|| FieldError::new(field, Problem::Rule(rule.to_owned())))
}

pub(super) async fn hash(app: &App, password: SecretString) -> Result<SecretString, Failure> {
    let mut salt = [0; 16];
    app.world().fill(&mut salt);
    let hashed = app.hash_pool().run(move || {
        Argon2::default()
            .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
            .map(|hash| SecretString::from(hash.to_string()))
            .map_err(|error| Failure::Broken(error.to_string().into()))
    });
    hashed.await?
}

/// Whether a password is the one that was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    /// It is another one.
    No,
    /// It is.
    Yes,
    /// It is, under a hash that should be replaced by one of ours.
    YesAnew,
}

pub(super) async fn verify(
    app: &App,
    password: &str,
    hash: Option<SecretString>,
) -> Result<Verified, Failure> {
    if password.len() > LONGEST {
        return Ok(Verified::No);
    }
    let password = SecretString::from(password.to_owned());
    let verified = app.hash_pool().run(move || {
        let known = hash.is_some();
        let text = hash.as_ref().map_or(NOBODY, |hash| hash.expose_secret());
        let Some(stored) = StoredHash::read(text) else { return Verified::No };
        match stored.fits(password.expose_secret()) && known {
            true if stored.is_ours() => Verified::Yes,
            true => Verified::YesAnew,
            false => Verified::No,
        }
    });
    verified.await
}
