//! Accounts: people and programs that log in.

mod erase;
mod log_in;
mod mutation;
mod token;

use app::{Account, ObjectRef, Reads};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    OrganizationId, Permission, UserId,
    accounts::{Membership, ProfileField},
    authority::Role,
};
use projections::accounts::UserFilter;

pub(super) use erase::EraseMutation;
pub(super) use log_in::LoginQuery;
pub(super) use mutation::UserMutation;
pub(super) use token::{TokenMutation, TokenQuery};

use super::{
    connection::{Listed, Window, cost, page},
    error::{failure, refused, shared},
    history::{EventList, Events},
    organization::{NamedOrderBy, Organization},
    request::{app, by, loaders},
    scalar::{Position, uuid},
    settled::as_new_as,
};

/// A person or a program with an account; for itself, and for those who may see it.
pub(super) struct User(pub(super) Account);

/// A group of permissions that comes with the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Role")]
pub(super) enum UserRole {
    /// Everything in the organizations that the user manages.
    Administrator,
    /// Devices, templates and groups of the organizations that the user manages.
    Operator,
}

/// A person or a program with an account; for itself, and for those who may see it.
#[Object]
impl User {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What they log in with.
    async fn username(&self) -> &str {
        &self.0.username
    }

    /// Where mail goes, and another way to log in; null gets no mail.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// In international spelling, another way to log in.
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// Given name.
    async fn first_name(&self) -> Option<&str> {
        self.detail(ProfileField::FirstName)
    }

    /// Family name.
    async fn last_name(&self) -> Option<&str> {
        self.detail(ProfileField::LastName)
    }

    /// A day, such as `1990-12-10`.
    async fn birth_date(&self) -> Option<&str> {
        self.detail(ProfileField::BirthDate)
    }

    /// Where they are.
    async fn location(&self) -> Option<&str> {
        self.detail(ProfileField::Location)
    }

    /// Whom they work for.
    async fn company(&self) -> Option<&str> {
        self.detail(ProfileField::Company)
    }

    /// About themselves.
    async fn bio(&self) -> Option<&str> {
        self.detail(ProfileField::Bio)
    }

    /// Web site.
    async fn url(&self) -> Option<&str> {
        self.detail(ProfileField::Url)
    }

    /// What others keep about them.
    async fn notes(&self) -> Option<&str> {
        self.detail(ProfileField::Notes)
    }

    /// A language tag; empty is the installation's.
    async fn language(&self) -> &str {
        &self.0.language
    }

    /// A name of the time zone database; empty is the installation's.
    async fn time_zone(&self) -> &str {
        &self.0.time_zone
    }

    /// The last day on which the account works, such as `2030-01-31`.
    async fn expires_on(&self) -> Option<String> {
        self.0.expires_on.map(|day| day.to_string())
    }

    /// Can it log in with a password?
    async fn has_password(&self) -> bool {
        self.0.has_password
    }

    /// May it do everything everywhere?
    async fn superuser(&self) -> bool {
        self.0.superuser
    }

    /// May it use the administration?
    async fn staff(&self) -> bool {
        self.0.staff
    }

    /// Does the account work?
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Those of its groups of permissions that come with the installation.
    async fn roles(&self) -> Vec<UserRole> {
        let held = |role: &Role| self.0.groups.iter().any(|(id, _)| *id == role.group());
        Role::ALL.into_iter().filter(held).map(Into::into).collect()
    }

    /// The numbers of all its groups of permissions.
    async fn group_numbers(&self) -> Vec<u32> {
        self.0.groups.iter().map(|(_, number)| *number).collect()
    }

    /// Permissions beside those of its groups, such as `change_device`.
    async fn permissions(&self) -> Vec<&'static str> {
        self.0.permissions.iter().map(Permission::name).collect()
    }

    /// When somebody logged in to it last; null is never.
    async fn last_log_in_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_log_in_at
    }

    /// The organizations that it belongs to, as far as the viewer may see them.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn memberships(&self) -> Vec<UserMembership> {
        self.0.memberships.iter().map(|row| UserMembership(row.membership)).collect()
    }

    /// What happened to it, the newest first; for superusers.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Events on the page: 20 if left out, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "A cursor: only older events.")] after: Option<String>,
        #[graphql(desc = "A cursor: only newer events.")] before: Option<String>,
    ) -> Result<EventList> {
        Events { first, after, before }.of(ctx, ObjectRef::User(self.0.id), None).await
    }
}

impl User {
    fn detail(&self, field: ProfileField) -> Option<&str> {
        self.0.profile.get(&field).map(String::as_str)
    }
}

/// An organization that an account belongs to.
struct UserMembership(Membership);

/// An organization that an account belongs to.
#[Object]
impl UserMembership {
    /// The organization; null where the viewer may not see it.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let found = loaders(ctx)?.load_one(self.0.organization_id).await;
        Ok(found.map_err(shared)?.map(Organization))
    }

    /// Its id.
    async fn organization_id(&self) -> ID {
        self.0.organization_id.to_string().into()
    }

    /// Does it manage the organization, rather than only belong to it?
    async fn manager(&self) -> bool {
        self.0.manager
    }

    /// Does it own the organization? The first manager of one does, until they hand it over.
    async fn owner(&self) -> bool {
        self.0.owner
    }
}

#[derive(Default)]
pub(super) struct UserQuery;

#[Object]
impl UserQuery {
    /// One account: the viewer's own, and those of people in organizations that the viewer manages.
    async fn user(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<Position>,
    ) -> Result<User> {
        as_new_as(ctx, Reads::Tables, min_position).await?;
        let id = UserId::from_uuid(uuid("id", &id)?);
        app(ctx)?.accounts().get(by(ctx)?, id).await.map(User).map_err(failure)
    }

    /// The accounts of people in organizations that the viewer manages; superusers see all. Whoever may only find people has to
    /// say whom: `search` with three characters at least.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(
            desc = "A whole user name, e-mail address or phone number; personal data is sealed."
        )]
        search: Option<String>,
        filter: Option<UserFilterInput>,
        order_by: Option<NamedOrderBy>,
        descending: Option<bool>,
        min_position: Option<Position>,
    ) -> Result<Listed<User>> {
        as_new_as(ctx, Reads::Tables, min_position).await?;
        let window = Window { first, after, last, before };
        let (order, name) = NamedOrderBy::of("users", order_by, descending.unwrap_or_default());
        let filter = filter.unwrap_or_default().read()?;
        if search.as_ref().is_some_and(|search| search.chars().count() > 254) {
            return Err(refused("search", "must have at most 254 characters"));
        }
        let stretch = window.stretch(&name)?;
        let accounts = app(ctx)?.accounts();
        let found = accounts.stretch(by(ctx)?, search.as_deref(), filter, order, stretch).await;
        Ok(page(found.map_err(failure)?, &name, &window, User))
    }
}

/// Which accounts are listed. What is left out filters nothing.
#[derive(Debug, Default, InputObject)]
struct UserFilterInput {
    /// People of this organization.
    organization_id: Option<ID>,
    /// Those that manage an organization, or those that manage none.
    managers: Option<bool>,
    /// Those that work, or do not.
    active: Option<bool>,
    /// Those that may use the administration, or may not.
    staff: Option<bool>,
}

impl UserFilterInput {
    fn read(self) -> Result<UserFilter> {
        let organization = self.organization_id.as_ref();
        let organization = organization.map(|id| uuid("filter.organizationId", id)).transpose()?;
        Ok(UserFilter {
            organization: organization.map(OrganizationId::from_uuid),
            managers: self.managers,
            active: self.active,
            staff: self.staff,
            ..UserFilter::default()
        })
    }
}
