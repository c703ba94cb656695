//! A starting state from a file, through the use cases, into an empty installation.

use chrono::{NaiveDate, NaiveTime};
use domain::{
    Document, OrganizationId, Permissions, TemplateId, UserId,
    accounts::{DeviceLimit, OrganizationDetails},
    authority::Role,
};
use serde::Deserialize;

use crate::{App, By, Failure, NewMembership, NewOrganization, NewTemplate, NewUser};

/// Organizations, users and templates. Unknown keys are ignored, so that a file may say what it is about; without
/// organizations it is about something else.
#[derive(Debug, Deserialize)]
pub struct Fixture {
    organizations: Vec<FixtureOrganization>,
    #[serde(default)]
    users: Vec<FixtureUser>,
    #[serde(default)]
    templates: Vec<FixtureTemplate>,
}

/// Why a fixture was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// Fixtures are for empty installations only.
    #[error(
        "the database is not empty: a fixture is loaded into an empty installation only, give another data folder or database"
    )]
    NotEmpty,
    /// The text is not a fixture.
    #[error("the fixture is not valid: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It has a number that would be another one here.
    #[error("the fixture is not valid: {0}")]
    Inexact(#[from] netjson::json::Inexact),
    /// It is JSON, and something else.
    #[error("the fixture is not valid: it is not an object with the field `organizations`")]
    NotAnObject,
    /// It names an organization by a slug that it does not have.
    #[error("the fixture names an unknown organization `{0}`")]
    UnknownOrganization(String),
    /// It names a permission group that does not exist.
    #[error(
        "the fixture names an unknown permission group `{0}`: there are Administrator and Operator"
    )]
    UnknownGroup(String),
    /// A use case refused.
    #[error("the fixture's {object} was refused: {failure}")]
    Refused {
        /// What was to be made.
        object: String,
        /// Why not.
        #[source]
        failure: Failure,
    },
}

#[derive(Debug, Deserialize)]
struct FixtureOrganization {
    id: OrganizationId,
    name: String,
    slug: String,
    shared_secret: String,
    #[serde(default = "yes")]
    is_active: bool,
    #[serde(default = "yes")]
    registration_enabled: bool,
    /// 0 is any number.
    #[serde(default)]
    device_limit: Option<u32>,
    #[serde(default)]
    context: Document,
}

#[derive(Deserialize)]
struct FixtureUser {
    username: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    password: Option<String>,
    /// The day on which it was chosen; left out, today.
    #[serde(default)]
    password_updated: Option<NaiveDate>,
    #[serde(default)]
    is_superuser: bool,
    #[serde(default)]
    is_staff: bool,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    /// Beside those of the groups.
    #[serde(default)]
    permissions: Permissions,
    #[serde(default)]
    memberships: Vec<FixtureMembership>,
}

impl std::fmt::Debug for FixtureUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FixtureUser").finish_non_exhaustive()
    }
}

impl FixtureUser {
    fn roles(&self) -> Result<Vec<Role>, FixtureError> {
        let role = |group: &String| match group.as_str() {
            "Administrator" => Ok(Role::Administrator),
            "Operator" => Ok(Role::Operator),
            other => Err(FixtureError::UnknownGroup(other.to_owned())),
        };
        self.groups.iter().map(role).collect()
    }
}

#[derive(Deserialize)]
struct FixtureMembership {
    organization: String,
    #[serde(default)]
    is_admin: bool,
}

#[derive(Debug, Deserialize)]
struct FixtureTemplate {
    id: TemplateId,
    name: String,
    /// A slug; none is shared.
    #[serde(default)]
    organization: Option<String>,
    backend: String,
    config: Document,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    default_values: Document,
    #[serde(default)]
    tags: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Fixture {
    /// Reads the JSON text of a fixture. What it says of itself is checked here: nothing has been made yet.
    pub fn parse(text: &str) -> Result<Self, FixtureError> {
        let text = &*netjson::json::exact(text)?;
        // A list would be taken for the members in their order.
        if !text.trim_start().starts_with('{') {
            serde_json::from_str::<serde::de::IgnoredAny>(text)?;
            return Err(FixtureError::NotAnObject);
        }
        let fixture: Self = serde_json::from_str(text)?;
        for user in &fixture.users {
            user.roles()?;
            fixture.memberships(user)?;
        }
        for template in &fixture.templates {
            fixture.organization(template.organization.as_deref())?;
        }
        Ok(fixture)
    }

    /// Makes everything in the order of the file. Refuses a database that has any event.
    pub async fn load(self, app: &App) -> Result<(), FixtureError> {
        if app.store().head() != 0 {
            return Err(FixtureError::NotEmpty);
        }
        let by = By::system("fixture");
        for organization in &self.organizations {
            let object = || format!("organization `{}`", organization.slug);
            let new = NewOrganization {
                id: organization.id,
                name: organization.name.clone(),
                slug: organization.slug.clone(),
                details: OrganizationDetails::default(),
                is_active: organization.is_active,
                registration_enabled: organization.registration_enabled,
                shared_secret: Some(organization.shared_secret.clone().into()),
                context: organization.context.clone(),
                device_limit: match organization.device_limit {
                    None | Some(0) => DeviceLimit::Unlimited,
                    Some(limit) => DeviceLimit::AtMost(limit),
                },
            };
            app.organizations()
                .create(&by, new)
                .await
                .map_err(|failure| FixtureError::Refused { object: object(), failure })?;
        }
        let groups = app.permission_groups().found(&by).await;
        let object = || "permission groups".to_owned();
        groups.map_err(|failure| FixtureError::Refused { object: object(), failure })?;
        for user in &self.users {
            self.user(app, &by, user).await?;
        }
        for template in &self.templates {
            let object = || format!("template `{}`", template.name);
            let new = NewTemplate {
                id: template.id,
                organization_id: self.organization(template.organization.as_deref())?,
                name: template.name.clone(),
                backend: template.backend.clone(),
                config: template.config.clone(),
                default_values: template.default_values.clone(),
                tags: template.tags.clone(),
                default: template.default,
                required: template.required,
                notes: String::new(),
            };
            app.templates()
                .create(&by, new)
                .await
                .map_err(|failure| FixtureError::Refused { object: object(), failure })?;
        }
        Ok(())
    }

    async fn user(&self, app: &App, by: &By, user: &FixtureUser) -> Result<(), FixtureError> {
        let new = NewUser {
            email: user.email.clone(),
            password: user.password.clone().map(Into::into),
            password_since: user.password_updated.map(|day| day.and_time(NaiveTime::MIN).and_utc()),
            token: user.token.clone().map(Into::into),
            superuser: user.is_superuser,
            staff: user.is_staff,
            groups: user.roles()?.iter().map(|role| role.number()).collect(),
            permissions: user.permissions,
            memberships: self.memberships(user)?,
            ..NewUser::new(UserId::from_uuid(app.new_id()), &*user.username)
        };
        let object = || format!("user `{}`", user.username);
        app.accounts()
            .create(by, new)
            .await
            .map_err(|failure| FixtureError::Refused { object: object(), failure })?;
        Ok(())
    }

    fn memberships(&self, user: &FixtureUser) -> Result<Vec<NewMembership>, FixtureError> {
        let mut memberships = Vec::new();
        for membership in &user.memberships {
            let organization = self.organization(Some(&membership.organization))?;
            memberships.extend(organization.map(|organization_id| NewMembership {
                organization_id,
                manager: membership.is_admin,
            }));
        }
        Ok(memberships)
    }

    fn organization(&self, slug: Option<&str>) -> Result<Option<OrganizationId>, FixtureError> {
        let Some(slug) = slug else { return Ok(None) };
        let found = self.organizations.iter().find(|organization| organization.slug == slug);
        match found {
            Some(organization) => Ok(Some(organization.id)),
            None => Err(FixtureError::UnknownOrganization(slug.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Fixture::parse(text).expect_err("no fixture").to_string()
    }

    #[test]
    fn what_is_no_fixture_is_told_what_it_lacks() {
        for text in ["{}", "[]", "[[], [], []]", "3", r#"{"users": []}"#] {
            assert!(refused(text).contains("`organizations`"), "{text}: {}", refused(text));
        }
        for text in ["{", "", "nonsense", r#"{"organizations": [{}]}"#] {
            assert!(refused(text).contains("line 1"), "{text}: {}", refused(text));
        }
        Fixture::parse(r#"{"about": "nothing", "organizations": []}"#).expect("an empty one");
    }

    #[test]
    fn names_are_looked_up_before_anything_is_made() {
        let user = |rest: &str| {
            let user = format!(r#"{{"username": "u", {rest}}}"#);
            format!(r#"{{"organizations": [], "users": [{user}]}}"#)
        };
        let said = refused(&user(r#""groups": ["Nobody"]"#));
        assert!(said.contains("`Nobody`"), "{said}");
        let said = refused(&user(r#""memberships": [{"organization": "gone"}]"#));
        assert!(said.contains("`gone`"), "{said}");
        let template = r#"{"id": "00000000-0000-7000-8000-000000000001", "name": "t", "organization": "gone",
            "backend": "netjsonconfig.OpenWrt", "config": {}}"#;
        let said = refused(&format!(r#"{{"organizations": [], "templates": [{template}]}}"#));
        assert!(said.contains("`gone`"), "{said}");
    }
}
