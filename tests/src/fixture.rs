//! The state that recordings and most stories start from.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Deserialize;

use crate::secrets;

/// The superuser's token in the fixture of this crate.
pub const ADMIN_TOKEN: &str = "0000000000000000000000000000000000000adm";

/// A fixture file and what stories need of it.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The file, for `--fixture`.
    pub path: PathBuf,
    /// Organizations in the order of the file.
    pub organizations: Vec<Organization>,
    /// The superuser's token.
    pub admin_token: String,
    /// In the order of the file.
    pub people: Vec<Person>,
}

/// An account of a fixture.
#[derive(Clone, Deserialize)]
pub struct Person {
    /// What it logs in with.
    pub username: String,
    /// What it logs in with.
    #[serde(default)]
    pub password: String,
    /// Empty where it has to log in.
    #[serde(default)]
    pub token: String,
    #[serde(default)]
    is_superuser: bool,
}

impl Person {
    /// As recordings call it: `alpha-manager` is their `manager`.
    pub fn role(&self) -> &str {
        self.username.strip_prefix("alpha-").unwrap_or(&self.username)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Person").field(&self.username).finish()
    }
}

/// An organization of a fixture.
#[derive(Clone, Debug, Deserialize)]
pub struct Organization {
    /// With dashes.
    pub id: String,
    /// Lower case, in paths and variables.
    pub slug: String,
    /// What devices register with.
    pub shared_secret: String,
}

#[derive(Deserialize)]
struct Document {
    organizations: Vec<Organization>,
    users: Vec<Person>,
}

impl Fixture {
    /// The fixture of this crate.
    ///
    /// # Errors
    ///
    /// It is missing.
    pub fn own() -> anyhow::Result<Self> {
        Self::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/fixture.json"))
    }

    /// A fixture in a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or nobody in it is a superuser with a token.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        let document: Document = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not a fixture", path.display()))?;
        for organization in &document.organizations {
            secrets::note(&organization.shared_secret);
        }
        for user in &document.users {
            secrets::note(&user.token);
            secrets::note(&user.password);
        }
        let admin_token = document
            .users
            .iter()
            .find(|user| user.is_superuser && !user.token.is_empty())
            .map(|user| user.token.clone())
            .context("no superuser with a token")?;
        Ok(Self {
            path: path.to_owned(),
            organizations: document.organizations,
            admin_token,
            people: document.users,
        })
    }

    /// The organization with this slug.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn organization(&self, slug: &str) -> anyhow::Result<&Organization> {
        self.organizations
            .iter()
            .find(|organization| organization.slug == slug)
            .with_context(|| format!("the fixture has no organization `{slug}`"))
    }
}

/// The shared secret of an organization in the fixture of this crate.
///
/// # Errors
///
/// There is no such organization.
pub fn secret_of(slug: &str) -> anyhow::Result<String> {
    Ok(Fixture::own()?.organization(slug)?.shared_secret.clone())
}
