//! Tokens for a purpose.

use app::{NewToken, Reads, Token};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{OrganizationId, Permission, Permissions, TokenId, UserId, authority::TokenScope};
use secrecy::ExposeSecret as _;

use crate::graphql::{
    error::{failure, refused},
    request::{app, by, made, once},
    scalar::uuid,
    settled::{Settled, settled},
};

/// A token for a purpose. The token itself was told once, when it was made, and is known to nobody else.
pub(super) struct UserToken(Token);

#[Object]
impl UserToken {
    /// What it is revoked by.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose it is.
    async fn user_id(&self) -> ID {
        self.0.user_id.to_string().into()
    }

    /// What it is for.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Only these permissions, of those that the account has; null is all of them.
    async fn permissions(&self) -> Option<Vec<&'static str>> {
        let permissions = self.0.scope.permissions?;
        Some(permissions.iter().map(Permission::name).collect())
    }

    /// Only these organizations, of those that the account manages; null is all of them.
    async fn organization_ids(&self) -> Option<Vec<ID>> {
        let organizations = self.0.scope.organizations.as_ref()?;
        Some(organizations.iter().map(|id| id.to_string().into()).collect())
    }

    /// Can nothing be changed with it? It may end itself.
    async fn read_only(&self) -> bool {
        self.0.scope.read_only
    }

    /// It is refused from then on; null is never.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was used last, give or take a few seconds; null is never.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }
}

/// A token that is to be. It goes no further than the one that it is made with.
#[derive(InputObject)]
struct CreateTokenInput {
    /// Chosen by the client: repeating the request with the same id never makes a second token.
    id: Option<ID>,
    /// Whose; left out, one's own. Superusers make tokens for others.
    user_id: Option<ID>,
    /// What it is for: 1 to 100 characters, unique among the tokens of the account.
    name: String,
    /// Only these permissions, such as `change_device`, with reading wherever changing is among them; null is all that the
    /// account has.
    permissions: Option<Vec<String>>,
    /// Only these organizations, 100 at most; null is all that the account manages.
    organization_ids: Option<Vec<ID>>,
    /// Can nothing be changed with it? It may end itself.
    #[graphql(default)]
    read_only: bool,
    /// It is refused from then on; null is never.
    expires_at: Option<DateTime<Utc>>,
}

/// Which token.
#[derive(InputObject)]
struct TokenIdInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which token.
    id: ID,
}

/// A token that was made.
#[derive(SimpleObject)]
struct TokenPayload {
    /// What is known of it.
    token: UserToken,
    /// For `Authorization: Bearer <secret>`. Told now and never again: null where the request is a repetition.
    secret: Option<String>,
    #[graphql(flatten)]
    settled: Settled,
}

/// A token that is not valid any more.
#[derive(SimpleObject)]
struct RevokedToken {
    #[graphql(flatten)]
    settled: Settled,
}

impl CreateTokenInput {
    fn read(self, id: TokenId) -> Result<NewToken> {
        let permission = |name: &String| {
            name.parse::<Permission>().map_err(|error| refused("permissions", &error.to_string()))
        };
        let permissions = self
            .permissions
            .map(|names| names.iter().map(permission).collect::<Result<Permissions>>());
        let organizations = self.organization_ids.map(|ids| {
            let one = |id: &ID| uuid("organizationIds", id).map(OrganizationId::from_uuid);
            ids.iter().map(one).collect::<Result<Vec<_>>>()
        });
        let scope = TokenScope {
            permissions: permissions.transpose()?,
            organizations: organizations.transpose()?,
            read_only: self.read_only,
        };
        Ok(NewToken { id, name: self.name, scope, expires_at: self.expires_at })
    }
}

fn owner(ctx: &Context<'_>, given: Option<&ID>) -> Result<UserId> {
    match (given, &by(ctx)?.authority.actor) {
        (Some(id), _) => Ok(UserId::from_uuid(uuid("userId", id)?)),
        (None, domain::Actor::User(id)) => Ok(*id),
        (None, _) => Err(refused("userId", "must be given")),
    }
}

#[derive(Default)]
pub(in crate::graphql) struct TokenQuery;

#[Object]
impl TokenQuery {
    /// The tokens for a purpose of an account, the oldest first, 100 at most: one's own, and those of accounts that one may
    /// change as a whole.
    #[graphql(complexity = "1 + 100 * child_complexity")]
    async fn tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose; left out, one's own.")] user_id: Option<ID>,
    ) -> Result<Vec<UserToken>> {
        let user = owner(ctx, user_id.as_ref())?;
        let tokens = app(ctx)?.accounts().tokens(by(ctx)?, user).await.map_err(failure)?;
        Ok(tokens.into_iter().map(UserToken).collect())
    }
}

#[derive(Default)]
pub(in crate::graphql) struct TokenMutation;

#[Object]
impl TokenMutation {
    /// Makes a token for a purpose: named, of a scope, with an end. It is told once. It survives a change of the password;
    /// `revokeToken` and `revokeTokens` end it, and it is refused while the account is.
    #[graphql(complexity = "100 + child_complexity")]
    async fn create_token(
        &self,
        ctx: &Context<'_>,
        input: CreateTokenInput,
    ) -> Result<TokenPayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let (id, user) = (TokenId::from_uuid(id), owner(ctx, input.user_id.as_ref())?);
        let (app, new) = (app(ctx)?, input.read(id)?);
        let mut secret = None;
        let told = &mut secret;
        let done = once(ctx, key, |by| async move {
            let (token, done) = app.accounts().create_token(&by, user, new).await?;
            *told = token.map(|token| token.expose_secret().to_owned());
            Ok(done)
        })
        .await?;
        let settled = settled(ctx, Reads::Tables, done.position).await?;
        let token = app.accounts().token(by(ctx)?, user, id).await.map_err(failure)?;
        Ok(TokenPayload { token: UserToken(token), secret, settled })
    }

    /// Refuses a token for a purpose from here on: one's own, and those of accounts that one may change as a whole. Who listens
    /// with it is disconnected within seconds.
    async fn revoke_token(&self, ctx: &Context<'_>, input: TokenIdInput) -> Result<RevokedToken> {
        let id = TokenId::from_uuid(uuid("id", &input.id)?);
        let accounts = app(ctx)?.accounts();
        let done = once(ctx, input.client_mutation_id, |by| async move {
            let user = accounts.token_owner(&by, id).await?;
            accounts.revoke_token(&by, user, id).await
        })
        .await?;
        Ok(RevokedToken { settled: settled(ctx, Reads::Tables, done.position).await? })
    }
}
