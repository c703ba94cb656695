//! Opening and changing accounts.

use app::NewUser;
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{OrganizationId, UserId};
use secrecy::SecretString;

use super::{User, UserRole};
use crate::graphql::{
    error::{failure, refused},
    request::{app, by, made, once},
    scalar::{Position, uuid},
};

/// Characters of a password, at least.
const SHORTEST_PASSWORD: usize = 8;
/// And at most, in bytes.
const LONGEST_PASSWORD: usize = 4096;
/// Organizations of an account.
const MEMBERSHIPS: usize = 1000;

/// A new account.
#[derive(InputObject)]
struct CreateUserInput {
    /// Chosen by the client: repeating the request with the same id never makes a second account.
    id: Option<ID>,
    /// What they log in with; unique, 1 to 150 characters, case-sensitive.
    username: String,
    /// Where mail goes, and another way to log in; unique, whatever the case.
    email: Option<String>,
    /// 8 characters at least; left out, the account cannot log in with a password.
    #[graphql(secret)]
    password: Option<String>,
    /// May it do everything everywhere?
    #[graphql(default)]
    superuser: bool,
    /// May it use the administration?
    #[graphql(default)]
    staff: bool,
    /// Its groups of permissions, for the organizations that it manages.
    #[graphql(default)]
    roles: Vec<UserRole>,
    /// The organizations that it belongs to; at most 1000.
    #[graphql(default)]
    memberships: Vec<MembershipInput>,
}

/// Belonging to an organization.
#[derive(InputObject)]
struct MembershipInput {
    /// Which.
    organization_id: ID,
    /// Does it manage the organization, rather than only belong to it?
    #[graphql(default)]
    manager: bool,
}

/// New values for some of an account; what is left out stays.
#[derive(InputObject)]
struct ChangeUserInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which account.
    id: ID,
    /// Does it work? False refuses it and its tokens at once. Nobody shuts themselves out.
    active: Option<bool>,
}

/// Another password.
#[derive(InputObject)]
struct ChangePasswordInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which account.
    id: ID,
    /// The one that is valid now; for those who change their own.
    #[graphql(secret)]
    current_password: Option<String>,
    /// 8 characters at least.
    #[graphql(secret)]
    password: String,
}

/// Which account.
#[derive(InputObject)]
struct UserIdInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which account.
    id: ID,
}

/// An account after a mutation.
#[derive(SimpleObject)]
struct UserPayload {
    /// As it is now.
    user: User,
    /// Of the mutation's last event: to be given as `minPosition` by who wants to see it.
    position: Position,
    /// Is something of this answer older than the mutation?
    stale: bool,
}

fn password(given: String) -> Result<SecretString> {
    if given.chars().count() < SHORTEST_PASSWORD {
        return Err(refused("password", "must have at least 8 characters"));
    }
    if given.len() > LONGEST_PASSWORD {
        return Err(refused("password", "must have at most 4096 bytes"));
    }
    Ok(given.into())
}

async fn payload(ctx: &Context<'_>, id: UserId, position: i64) -> Result<UserPayload> {
    let user = app(ctx)?.accounts().get(by(ctx)?, id).await.map_err(failure)?;
    Ok(UserPayload { user: User(user), position: Position(position), stale: false })
}

impl CreateUserInput {
    fn read(self, id: UserId) -> Result<NewUser> {
        if self.memberships.len() > MEMBERSHIPS {
            return Err(refused("memberships", "must be at most 1000"));
        }
        let membership = |given: &MembershipInput| {
            let id = uuid("memberships.organizationId", &given.organization_id)?;
            Ok::<_, async_graphql::Error>((OrganizationId::from_uuid(id), given.manager))
        };
        Ok(NewUser {
            id,
            username: self.username,
            email: self.email,
            password: self.password.map(password).transpose()?,
            token: None,
            superuser: self.superuser,
            staff: self.staff,
            roles: self.roles.into_iter().map(Into::into).collect(),
            memberships: self.memberships.iter().map(membership).collect::<Result<_>>()?,
        })
    }
}

#[derive(Default)]
pub(in crate::graphql) struct UserMutation;

#[Object]
impl UserMutation {
    /// Opens an account; for superusers.
    #[graphql(complexity = "100 + child_complexity")]
    async fn create_user(&self, ctx: &Context<'_>, input: CreateUserInput) -> Result<UserPayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let id = UserId::from_uuid(id);
        let (accounts, new) = (app(ctx)?.accounts(), input.read(id)?);
        let done = once(ctx, key, |by| async move { accounts.create(&by, new).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Changes an account; for superusers.
    async fn change_user(&self, ctx: &Context<'_>, input: ChangeUserInput) -> Result<UserPayload> {
        let id = UserId::from_uuid(uuid("id", &input.id)?);
        let accounts = app(ctx)?.accounts();
        let done = match input.active {
            Some(active) => {
                once(ctx, input.client_mutation_id, |by| async move {
                    accounts.set_active(&by, id, active).await
                })
                .await?
                .position
            }
            None => app(ctx)?.store().head(),
        };
        payload(ctx, id, done).await
    }

    /// Lets another password be valid, for the account itself and for superusers. Tokens stay valid: `revokeTokens` ends them.
    #[graphql(complexity = "100 + child_complexity")]
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<UserPayload> {
        let id = UserId::from_uuid(uuid("id", &input.id)?);
        let (accounts, new) = (app(ctx)?.accounts(), password(input.password)?);
        let current = input.current_password.map(Into::into);
        let done = once(ctx, input.client_mutation_id, |by| async move {
            accounts.change_password(&by, id, current, new).await
        })
        .await?;
        payload(ctx, id, done.position).await
    }

    /// Refuses all tokens of an account, for the account itself and for superusers, until it logs in again. Who listens with
    /// one of them is disconnected within seconds.
    async fn revoke_tokens(&self, ctx: &Context<'_>, input: UserIdInput) -> Result<UserPayload> {
        let id = UserId::from_uuid(uuid("id", &input.id)?);
        let accounts = app(ctx)?.accounts();
        let done = once(ctx, input.client_mutation_id, |by| async move {
            accounts.revoke_tokens(&by, id).await
        })
        .await?;
        payload(ctx, id, done.position).await
    }
}
