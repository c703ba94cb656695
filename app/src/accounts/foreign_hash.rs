//! Password hashes as they are stored: ours, and those that Django made, which are replaced at the next log-in.
//!
//! Whoever brings a hash chooses its cost; what is absurd is refused before anything is computed.

use argon2::{
    Argon2, Params,
    password_hash::{PasswordVerifier as _, phc::PasswordHash},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::same_secret;

/// PBKDF2 iterations that are done; Django's default grows by a fifth a year and is 1.2 million in 2026.
const MOST_ITERATIONS: u32 = 2_500_000;
/// Doublings of bcrypt's work; Django's default is 12.
const HIGHEST_COST: u32 = 14;
/// Memory of Argon2 in KiB; Django's default is 100 MiB.
const MOST_MEMORY: u32 = 128 << 10;
/// Passes of Argon2 over its memory.
const MOST_PASSES: u32 = 8;
/// Lanes of Argon2.
const MOST_LANES: u32 = 16;
/// Characters of a hash.
const LONGEST: usize = 512;

/// A stored hash that can be computed in a bearable time.
pub(super) enum StoredHash<'a> {
    /// `$argon2id$…`, or Django's `argon2$argon2id$…`.
    Argon2 {
        hash: Box<PasswordHash>,
        /// Made with our own parameters?
        ours: bool,
    },
    /// `pbkdf2_sha256$<iterations>$<salt>$<base64>`
    Pbkdf2 { iterations: u32, salt: &'a str, hash: Vec<u8> },
    /// `bcrypt$$2b$…`, or `bcrypt_sha256$$2b$…`, where the password is hashed before.
    Bcrypt { hash: &'a str, hashed_before: bool },
}

impl<'a> StoredHash<'a> {
    /// Nothing where it is unknown, broken or absurd.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        if text.starts_with("$argon2") {
            return Self::argon2(text, true);
        }
        let (algorithm, rest) = text.split_once('$')?;
        match algorithm {
            "argon2" => Self::argon2(text.strip_prefix("argon2")?, false),
            "pbkdf2_sha256" => {
                let mut parts = rest.split('$');
                let (iterations, salt) = (parts.next()?.parse().ok()?, parts.next()?);
                let hash = STANDARD.decode(parts.next()?).ok()?;
                let fits = (1..=MOST_ITERATIONS).contains(&iterations)
                    && hash.len() == 32
                    && parts.next().is_none();
                fits.then_some(Self::Pbkdf2 { iterations, salt, hash })
            }
            "bcrypt" | "bcrypt_sha256" => {
                let mut parts = rest.strip_prefix('$')?.split('$');
                let (version, cost, hash) = (parts.next()?, parts.next()?, parts.next()?);
                let fits = ["2a", "2b", "2y"].contains(&version)
                    && cost.parse().is_ok_and(|cost: u32| (4..=HIGHEST_COST).contains(&cost))
                    && hash.len() == 53
                    && parts.next().is_none();
                let hashed_before = algorithm == "bcrypt_sha256";
                fits.then_some(Self::Bcrypt { hash: rest, hashed_before })
            }
            _ => None,
        }
    }

    fn argon2(text: &str, native: bool) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let known = ["argon2id", "argon2i", "argon2d"].contains(&hash.algorithm.as_str());
        let bearable = params.m_cost() <= MOST_MEMORY
            && params.t_cost() <= MOST_PASSES
            && params.p_cost() <= MOST_LANES;
        let own = Params::default();
        let ours = native
            && hash.algorithm.as_str() == "argon2id"
            && (params.m_cost(), params.t_cost(), params.p_cost())
                == (own.m_cost(), own.t_cost(), own.p_cost());
        (known && bearable).then(|| Self::Argon2 { hash: Box::new(hash), ours })
    }

    /// Was it made with what we would make it with today?
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::Argon2 { ours: true, .. })
    }

    /// Is it the hash of this password?
    pub(super) fn fits(&self, password: &str) -> bool {
        match self {
            Self::Argon2 { hash, .. } => {
                Argon2::default().verify_password(password.as_bytes(), hash.as_ref()).is_ok()
            }
            Self::Pbkdf2 { iterations, salt, hash } => {
                let mut computed = [0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(
                    password.as_bytes(),
                    salt.as_bytes(),
                    *iterations,
                    &mut computed,
                );
                same_secret(&hex::encode(computed), &hex::encode(hash))
            }
            Self::Bcrypt { hash, hashed_before } => {
                let digest = hashed_before.then(|| hex::encode(Sha256::digest(password)));
                let password = digest.as_deref().unwrap_or(password);
                bcrypt::verify(password, hash).unwrap_or(false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(hash: &str, password: &str) -> Option<bool> {
        StoredHash::read(hash).map(|hash| hash.fits(password))
    }

    const PASSWORD: &str = "Correct-Horse-7";
    /// Made by Django 5.2, at low costs.
    const KNOWN: [&str; 4] = [
        "pbkdf2_sha256$1000$seasalt2seasalt2seasal$2vc6I+vYPFOPPFoyxGlFD679ue/xHEJtDD5lBtfvfE0=",
        "argon2$argon2id$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$NAGTZC8TPdSYfemLtkLYI+Xwwj16mN2Qu3eNg8orAe8",
        "bcrypt_sha256$$2b$04$Vp6Z9CqlWr33X.Q17g1I0eSk9lCxT80uiRgwcjVDRRMsvTRpJu7fy",
        "bcrypt$$2b$04$0PCPfFleyb8YnuRXU9j27e5XqGivtiGkr2mAhB18nVfFhVt3LY0g2",
    ];

    #[test]
    fn what_django_made_verifies() {
        for hash in KNOWN {
            assert_eq!(fits(hash, PASSWORD), Some(true), "{hash}");
            assert_eq!(fits(hash, "another"), Some(false), "{hash}");
            assert!(!StoredHash::read(hash).unwrap().is_ours(), "{hash} is replaced");
        }
    }

    #[test]
    fn absurd_and_broken_hashes_are_refused_without_work() {
        let bcrypt = "Dx0VbWxAqCRyrLbMYx.oUuvYsMXRCmJIt5kV/PhvOWY4c2QYMgdSa";
        let base64 = "SUL8yVGHzjRDDQJ4Wko4wCKsRsnmzUTpEdHKRSxjDs4=";
        let argon2 = "c29tZXNhbHQ$qLuGIXAFnR9sXu0wVmnyYFD1c4V6NcrXWQbHRMX5N1k";
        for absurd in [
            format!("pbkdf2_sha256$4000000000$salt${base64}"),
            format!("pbkdf2_sha256$99999999999999$salt${base64}"),
            format!("pbkdf2_sha256$0$salt${base64}"),
            format!("pbkdf2_sha256$-1$salt${base64}"),
            format!("pbkdf2_sha256$1000$salt${base64}$more"),
            "pbkdf2_sha256$1000$salt$AAAA".to_owned(),
            "pbkdf2_sha256$1000".to_owned(),
            format!("bcrypt$$2b$31${bcrypt}"),
            format!("bcrypt_sha256$$2b$31${bcrypt}"),
            "bcrypt$$2b$12$short".to_owned(),
            format!("$argon2id$v=19$m=4194304,t=2,p=1${argon2}"),
            format!("argon2$argon2id$v=19$m=102400,t=4000000,p=8${argon2}"),
            format!("argon2$argon2id$v=19$m=102400,t=2,p=255${argon2}"),
            "!".to_owned(),
            "md5$salt$hash".to_owned(),
            String::new(),
            "$".repeat(600),
        ] {
            assert!(StoredHash::read(&absurd).is_none(), "{absurd}");
        }
    }
}
