//! Who asks.

use app::By;
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use domain::{Actor, OrganizationId, Permission, authority::Scope};

use super::{
    error::{failure, refused, shared},
    organization::Organization,
    request::{app, by, loaders},
    scalar::uuid,
    user::User,
};
use crate::request::Sender;

/// Whoever the token belongs to.
pub(super) struct Viewer(By);

#[Object]
impl Viewer {
    /// As events name it: `user:<id>`.
    async fn actor(&self) -> String {
        self.0.authority.actor.to_string()
    }

    /// Its account; null of others than accounts.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Actor::User(id) = self.0.authority.actor else { return Ok(None) };
        app(ctx)?.accounts().get(&self.0, id).await.map(|user| Some(User(user))).map_err(failure)
    }

    /// May it do everything everywhere?
    async fn superuser(&self) -> bool {
        self.0.authority.is_unlimited()
    }

    /// Organizations that it manages; superusers manage all and have none listed.
    async fn manages(&self, ctx: &Context<'_>) -> Result<Vec<Organization>> {
        let ids: &[OrganizationId] = match &self.0.authority.scope {
            Scope::Member { manages, .. } | Scope::Token { manages: Some(manages), .. } => manages,
            _ => &[],
        };
        let mut found = loaders(ctx)?.load_many(ids.iter().copied()).await.map_err(shared)?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).map(Organization).collect())
    }
}

#[derive(Default)]
pub(super) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who asks.
    #[expect(clippy::unused_async, reason = "resolvers are")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        Ok(Viewer(by(ctx)?.clone()))
    }

    /// The viewer's own account; null of others than accounts.
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let by = by(ctx)?;
        let Actor::User(_) = by.authority.actor else { return Ok(None) };
        app(ctx)?.accounts().me(by).await.map(|user| Some(User(user))).map_err(failure)
    }

    /// May the viewer do this? To this thing, or to anything at all where none is named; an organization stands for everything
    /// in it. What the viewer does not find cannot be done anything to.
    async fn can(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A permission, such as `change_device`.")] action: String,
        #[graphql(desc = "The id of an organization, device, group, template or account.")]
        resource: Option<ID>,
    ) -> Result<bool> {
        let permission = action.parse::<Permission>();
        let permission = permission.map_err(|unknown| refused("action", &unknown.to_string()))?;
        let resource = resource.map(|id| uuid("resource", &id)).transpose()?;
        app(ctx)?.can(by(ctx)?, permission, resource).await.map_err(failure)
    }
}

/// A log-in.
#[derive(SimpleObject)]
pub(super) struct LogInPayload {
    /// For `Authorization: Bearer <token>`; the same every time.
    pub(super) token: String,
}

#[derive(Default)]
pub(super) struct ViewerMutation;

#[Object]
impl ViewerMutation {
    /// Exchanges a user name or e-mail address and a password for a token. Needs none itself.
    #[graphql(complexity = "100 + child_complexity")]
    async fn log_in(
        &self,
        ctx: &Context<'_>,
        username: String,
        #[graphql(secret)] password: String,
    ) -> Result<LogInPayload> {
        if username.contains('\0') || username.chars().count() > 254 {
            return Err(refused(
                "username",
                "must have at most 254 characters, none of them U+0000",
            ));
        }
        if password.len() > 1024 {
            return Err(refused("password", "must have at most 1024 bytes"));
        }
        let from = ctx.data::<Sender>()?.peer();
        let accounts = app(ctx)?.accounts();
        let token = accounts.log_in_from(&username, &password, Some(from)).await;
        let token = token.map_err(failure)?;
        Ok(LogInPayload { token })
    }
}
