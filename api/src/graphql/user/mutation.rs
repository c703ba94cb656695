//! Opening and changing accounts.

use app::{NewMembership, NewUser, Reads, UserChange};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::NaiveDate;
use domain::{OrganizationId, UserId, accounts::ProfileField, authority::Role};
use secrecy::SecretString;

use super::{User, UserRole};
use crate::graphql::{
    error::refused,
    history::visible,
    permission_group::permissions,
    request::{app, by, by_for_password, made, once, once_as},
    scalar::uuid,
    settled::{Settled, settled},
};

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
    /// A hash of the password that Django made (`pbkdf2_sha256`, `bcrypt`, `bcrypt_sha256`, `argon2`), for superusers who bring
    /// accounts along: it is replaced at the first log-in. Not beside a password.
    #[graphql(secret)]
    password_hash: Option<String>,
    /// May it do everything everywhere?
    #[graphql(default)]
    superuser: bool,
    /// May it use the administration?
    #[graphql(default)]
    staff: bool,
    /// Its groups of permissions, for the organizations that it manages.
    #[graphql(default)]
    roles: Vec<UserRole>,
    /// Further groups of permissions, by number.
    #[graphql(default)]
    group_numbers: Vec<u32>,
    /// Lists the address, as verified or not; left out, it is not listed.
    email_verified: Option<bool>,
    /// With its country, such as `+39 333 123 4567`; unique.
    phone: Option<String>,
    /// The last day on which it works, such as `2030-01-31`.
    expires_on: Option<String>,
    /// Given name.
    first_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
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
    /// What they log in with.
    username: Option<String>,
    /// Where mail goes; empty is nowhere.
    email: Option<String>,
    /// With its country; empty takes it away.
    phone: Option<String>,
    /// The last day on which it works, such as `2030-01-31`; empty is for ever.
    expires_on: Option<String>,
    /// Given name; empty takes it away, as with all that follow.
    first_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// A day, such as `1990-12-10`.
    birth_date: Option<String>,
    /// Where they are.
    location: Option<String>,
    /// Whom they work for.
    company: Option<String>,
    /// About themselves.
    bio: Option<String>,
    /// Web site.
    url: Option<String>,
    /// What others keep about them.
    notes: Option<String>,
    /// A language tag.
    language: Option<String>,
    /// A name of the time zone database.
    time_zone: Option<String>,
    /// May it use the administration?
    staff: Option<bool>,
    /// May it do everything everywhere? For superusers to say.
    superuser: Option<bool>,
    /// The numbers of all its groups of permissions.
    group_numbers: Option<Vec<u32>>,
    /// All its permissions beside those of its groups, such as `change_device`; for superusers to say.
    permissions: Option<Vec<String>>,
    /// An organization to belong to, or to manage or not.
    membership: Option<MembershipInput>,
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

/// An account and an organization.
#[derive(InputObject)]
#[expect(clippy::struct_field_names, reason = "the names of the schema")]
struct PlaceInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which account.
    user_id: ID,
    /// Which organization.
    organization_id: ID,
}

impl PlaceInput {
    fn read(&self) -> Result<(UserId, OrganizationId)> {
        let user = UserId::from_uuid(uuid("userId", &self.user_id)?);
        let organization = uuid("organizationId", &self.organization_id)?;
        Ok((user, OrganizationId::from_uuid(organization)))
    }
}

/// An account that is not there any more.
#[derive(SimpleObject)]
struct RemovedUser {
    #[graphql(flatten)]
    settled: Settled,
}

/// An account after a mutation.
#[derive(SimpleObject)]
struct UserPayload {
    /// As it is now; null where the viewer does not see it, such as after it left.
    user: Option<User>,
    #[graphql(flatten)]
    settled: Settled,
}

async fn payload(ctx: &Context<'_>, id: UserId, position: i64) -> Result<UserPayload> {
    // It is done, whether the viewer may look at it or not.
    let settled = settled(ctx, Reads::Tables, position).await?;
    let user = visible(app(ctx)?.accounts().get(by(ctx)?, id).await)?.map(User);
    Ok(UserPayload { user, settled })
}

impl ChangeUserInput {
    fn read(self) -> Result<UserChange> {
        let membership = match &self.membership {
            Some(given) => {
                let id = uuid("membership.organizationId", &given.organization_id)?;
                let organization_id = OrganizationId::from_uuid(id);
                Some(NewMembership { organization_id, manager: given.manager })
            }
            None => None,
        };
        let expires_on = self
            .expires_on
            .as_deref()
            .map(|text| if text.is_empty() { Ok(None) } else { day(text).map(Some) });
        Ok(UserChange {
            expires_on: expires_on.transpose()?,
            username: self.username,
            email: self.email,
            phone: self.phone,
            profile: details([
                (ProfileField::FirstName, self.first_name),
                (ProfileField::LastName, self.last_name),
                (ProfileField::BirthDate, self.birth_date),
                (ProfileField::Location, self.location),
                (ProfileField::Company, self.company),
                (ProfileField::Bio, self.bio),
                (ProfileField::Url, self.url),
                (ProfileField::Notes, self.notes),
            ]),
            language: self.language,
            time_zone: self.time_zone,
            active: self.active,
            staff: self.staff,
            superuser: self.superuser,
            groups: self.group_numbers,
            permissions: self.permissions.as_deref().map(permissions).transpose()?,
            membership,
        })
    }
}

impl CreateUserInput {
    fn read(self, id: UserId) -> Result<NewUser> {
        if self.memberships.len() > MEMBERSHIPS {
            return Err(refused("memberships", "must be at most 1000"));
        }
        let membership = |given: &MembershipInput| {
            let id = uuid("memberships.organizationId", &given.organization_id)?;
            let organization_id = OrganizationId::from_uuid(id);
            Ok::<_, async_graphql::Error>(NewMembership { organization_id, manager: given.manager })
        };
        Ok(NewUser {
            expires_on: self.expires_on.as_deref().map(day).transpose()?,
            email: self.email,
            email_verified: self.email_verified,
            phone: self.phone,
            password: self.password.map(SecretString::from),
            password_hash: self.password_hash.map(SecretString::from),
            superuser: self.superuser,
            staff: self.staff,
            groups: numbers(self.roles, self.group_numbers),
            memberships: self.memberships.iter().map(membership).collect::<Result<_>>()?,
            profile: details([
                (ProfileField::FirstName, self.first_name),
                (ProfileField::LastName, self.last_name),
            ]),
            ..NewUser::new(id, self.username)
        })
    }
}

fn day(text: &str) -> Result<NaiveDate> {
    text.parse().map_err(|_| refused("expiresOn", "must be a day such as 2030-01-31"))
}

/// Groups of the installation, then others.
fn numbers(roles: Vec<UserRole>, others: Vec<u32>) -> Vec<u32> {
    let mut numbers: Vec<u32> = roles.into_iter().map(|role| Role::from(role).number()).collect();
    numbers.extend(others);
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn details<const N: usize>(
    given: [(ProfileField, Option<String>); N],
) -> Vec<(ProfileField, String)> {
    given.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
}

#[derive(Default)]
pub(in crate::graphql) struct UserMutation;

#[Object]
impl UserMutation {
    /// Opens an account, by managers in organizations that they manage.
    #[graphql(complexity = "100 + child_complexity")]
    async fn create_user(&self, ctx: &Context<'_>, input: CreateUserInput) -> Result<UserPayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let id = UserId::from_uuid(id);
        let (accounts, new) = (app(ctx)?.accounts(), input.read(id)?);
        let done = once(ctx, key, |by| async move { accounts.create(&by, new).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Changes an account: as a whole by those who manage all its organizations, its place in one by those who manage that one.
    async fn change_user(&self, ctx: &Context<'_>, input: ChangeUserInput) -> Result<UserPayload> {
        let id = UserId::from_uuid(uuid("id", &input.id)?);
        let key = input.client_mutation_id.clone();
        let (accounts, change) = (app(ctx)?.accounts(), input.read()?);
        let done =
            once(ctx, key, |by| async move { accounts.change(&by, id, change).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Closes an account for ever. An owner hands the organization over first.
    async fn remove_user(&self, ctx: &Context<'_>, input: UserIdInput) -> Result<RemovedUser> {
        let id = UserId::from_uuid(uuid("id", &input.id)?);
        let accounts = app(ctx)?.accounts();
        let done =
            once(ctx, input.client_mutation_id, |by| async move { accounts.remove(&by, id).await })
                .await?;
        Ok(RemovedUser { settled: settled(ctx, Reads::Tables, done.position).await? })
    }

    /// Lets an account not belong to an organization any more.
    async fn leave_organization(
        &self,
        ctx: &Context<'_>,
        input: PlaceInput,
    ) -> Result<UserPayload> {
        let (id, organization) = input.read()?;
        let accounts = app(ctx)?.accounts();
        let done = once(ctx, input.client_mutation_id, |by| async move {
            accounts.leave(&by, id, organization).await
        })
        .await?;
        payload(ctx, id, done.position).await
    }

    /// Hands an organization over to one of its managers; for superusers and its owner.
    async fn hand_over_organization(
        &self,
        ctx: &Context<'_>,
        input: PlaceInput,
    ) -> Result<UserPayload> {
        let (id, organization) = input.read()?;
        let accounts = app(ctx)?.accounts();
        let done = once(ctx, input.client_mutation_id, |by| async move {
            accounts.hand_over(&by, organization, id).await
        })
        .await?;
        payload(ctx, id, done.position).await
    }

    /// Lets another password be valid: one's own with the present one, and those of accounts that one may change. All tokens end: the next one
    /// comes with the next log-in.
    #[graphql(complexity = "100 + child_complexity")]
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<UserPayload> {
        let id = UserId::from_uuid(uuid("id", &input.id)?);
        let accounts = &app(ctx)?.accounts();
        let new = SecretString::from(input.password);
        let current = input.current_password.map(Into::into);
        let by = by_for_password(ctx, id)?;
        let done = once_as(ctx, by, input.client_mutation_id, |by| async move {
            accounts.change_password(&by, id, current, new, "password").await
        })
        .await?;
        let settled = settled(ctx, Reads::Tables, done.position).await?;
        let user = visible(accounts.get(by, id).await)?.map(User);
        Ok(UserPayload { user, settled })
    }

    /// Refuses all tokens of an account until it logs in again: one's own, and those of accounts that one may change. Who
    /// listens with one of them is disconnected within seconds.
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
