//! Accounts: people and programs that log in.

mod mutation;

use app::{ObjectRef, UserDetail};
use async_graphql::{Context, Enum, ID, Object, Result};
use domain::{UserId, accounts::Membership, authority::Role};

pub(super) use mutation::UserMutation;

use super::{
    connection::cost,
    error::{failure, shared},
    history::{EventList, Events},
    organization::Organization,
    request::{app, as_new_as, by, loaders},
    scalar::{Position, uuid},
};

/// A person or a program with an account; for itself, and for superusers.
pub(super) struct User(pub(super) UserDetail);

/// A group of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Role")]
pub(super) enum UserRole {
    /// Everything in the organizations that the user manages.
    Administrator,
    /// Devices, templates and groups of the organizations that the user manages.
    Operator,
}

/// A person or a program with an account; for itself, and for superusers.
#[Object]
impl User {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.row.id.to_string().into()
    }

    /// What they log in with.
    async fn username(&self) -> &str {
        &self.0.username
    }

    /// Where mail goes, and another way to log in; null gets no mail.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Can it log in with a password?
    async fn has_password(&self) -> bool {
        self.0.row.password.is_some()
    }

    /// May it do everything everywhere?
    async fn superuser(&self) -> bool {
        self.0.row.superuser
    }

    /// May it use the administration?
    async fn staff(&self) -> bool {
        self.0.row.staff
    }

    /// Does the account work?
    async fn active(&self) -> bool {
        self.0.row.active
    }

    /// Its groups of permissions.
    async fn roles(&self) -> Vec<UserRole> {
        self.0.row.roles.iter().copied().map(Into::into).collect()
    }

    /// The organizations that it belongs to.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn memberships(&self) -> Vec<UserMembership> {
        self.0.row.memberships.iter().copied().map(UserMembership).collect()
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
        Events { first, after, before }.of(ctx, ObjectRef::User(self.0.row.id), None).await
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
}

#[derive(Default)]
pub(super) struct UserQuery;

#[Object]
impl UserQuery {
    /// One account: the viewer's own, and for superusers every one.
    async fn user(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<Position>,
    ) -> Result<User> {
        as_new_as(ctx, min_position).await?;
        let id = UserId::from_uuid(uuid("id", &id)?);
        app(ctx)?.accounts().get(by(ctx)?, id).await.map(User).map_err(failure)
    }
}
