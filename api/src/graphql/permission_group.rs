//! Groups of permissions, and the e-mail addresses that accounts list.

use app::{Address, AddressChange, ObjectRef, PermissionGroupChange, Reads};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use domain::{Permission, PermissionGroupId, Permissions, UserId, authority::Preset};
use projections::{Page, accounts::PermissionGroupRow};

use super::{
    connection::cost,
    error::{failure, refused},
    history::{EventList, Events, visible},
    request::{app, by, made, once},
    scalar::{Position, uuid},
    settled::{Settled, as_new_as, settled},
};

/// Permissions that are given together; for those who may see accounts.
pub(super) struct PermissionGroup(pub(super) PermissionGroupRow);

/// Permissions that are given together; for those who may see accounts.
#[Object]
impl PermissionGroup {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What accounts name it by.
    async fn number(&self) -> u32 {
        self.0.number
    }

    /// Unique.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it allows, such as `change_device`.
    async fn permissions(&self) -> Vec<&'static str> {
        self.0.permissions.iter().map(Permission::name).collect()
    }

    /// What happened to it, the newest first.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Events on the page: 20 if left out, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "A cursor: only older events.")] after: Option<String>,
        #[graphql(desc = "A cursor: only newer events.")] before: Option<String>,
    ) -> Result<EventList> {
        Events { first, after, before }.of(ctx, ObjectRef::PermissionGroup(self.0.id), None).await
    }
}

/// An e-mail address that an account lists.
#[derive(SimpleObject)]
struct EmailAddress {
    /// Which.
    number: u32,
    /// The address.
    address: String,
    /// Did somebody open the link that was sent there?
    verified: bool,
    /// Is it the one that mail goes to?
    primary: bool,
}

impl From<Address> for EmailAddress {
    fn from(listed: Address) -> Self {
        let Address { number, address, verified, primary } = listed;
        Self { number, address, verified, primary }
    }
}

#[derive(Default)]
pub(super) struct PermissionGroupQuery;

#[Object]
impl PermissionGroupQuery {
    /// All groups of permissions, by name; the first 1000.
    #[graphql(complexity = "10 * child_complexity")]
    async fn permission_groups(
        &self,
        ctx: &Context<'_>,
        min_position: Option<Position>,
    ) -> Result<Vec<PermissionGroup>> {
        as_new_as(ctx, Reads::Tables, min_position).await?;
        let page = Page { limit: 1000, offset: 0 };
        let found = app(ctx)?.permission_groups().list(by(ctx)?, page).await.map_err(failure)?;
        Ok(found.rows.into_iter().map(PermissionGroup).collect())
    }

    /// What common jobs need, ready to be made into groups; for those who may see groups.
    #[graphql(complexity = "4 * child_complexity")]
    #[expect(clippy::unused_async, reason = "resolvers are")]
    async fn permission_presets(&self, ctx: &Context<'_>) -> Result<Vec<PermissionPresetShown>> {
        let presets = app(ctx)?.permission_groups().presets(by(ctx)?).map_err(failure)?;
        let shown = |preset: Preset| PermissionPresetShown {
            preset: preset.into(),
            name: preset.name(),
            permissions: preset.permissions().iter().map(Permission::name).collect(),
        };
        Ok(presets.into_iter().map(shown).collect())
    }

    /// The e-mail addresses that an account lists.
    #[graphql(complexity = "10 * child_complexity")]
    async fn email_addresses(
        &self,
        ctx: &Context<'_>,
        user_id: ID,
        min_position: Option<Position>,
    ) -> Result<Vec<EmailAddress>> {
        as_new_as(ctx, Reads::Tables, min_position).await?;
        let id = UserId::from_uuid(uuid("userId", &user_id)?);
        let found = app(ctx)?.accounts().addresses(by(ctx)?, id).await.map_err(failure)?;
        Ok(found.into_iter().map(EmailAddress::from).collect())
    }
}

/// A new group of permissions.
#[derive(InputObject)]
struct CreatePermissionGroupInput {
    /// Chosen by the client: repeating the request with the same id never makes a second group.
    id: Option<ID>,
    /// Unique, at most 150 characters.
    name: String,
    /// What it allows, such as `change_device`; to be left out only with a preset.
    permissions: Option<Vec<String>>,
    /// What a common job needs, beside the permissions that are named.
    preset: Option<PermissionPreset>,
}

/// A common job; see `permissionPresets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Preset")]
enum PermissionPreset {
    /// Finds single people who call, and reads what is kept about them.
    #[graphql(name = "HELP_DESK_1")]
    HelpDesk1,
    /// Browses people, registers and manages them.
    #[graphql(name = "HELP_DESK_2")]
    HelpDesk2,
    /// Registers people, and finds those who are registered.
    Registrant,
    /// Looks at people and devices, and changes nothing.
    Boss,
}

/// What a common job needs.
#[derive(SimpleObject)]
struct PermissionPresetShown {
    /// Which, for `createPermissionGroup`.
    preset: PermissionPreset,
    /// How such a group may be called.
    name: &'static str,
    /// What it allows.
    permissions: Vec<&'static str>,
}

/// New values for some of a group; what is left out stays.
#[derive(InputObject)]
struct ChangePermissionGroupInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which group.
    id: ID,
    /// Unique, at most 150 characters.
    name: Option<String>,
    /// All that it allows.
    permissions: Option<Vec<String>>,
}

/// Which group.
#[derive(InputObject)]
struct PermissionGroupIdInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which group.
    id: ID,
}

/// A further address of an account.
#[derive(InputObject)]
struct AddEmailAddressInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which account.
    user_id: ID,
    /// The address; it is not verified.
    address: String,
}

/// New values for some of a listed address; what is left out stays.
#[derive(InputObject)]
struct ChangeEmailAddressInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which account.
    user_id: ID,
    /// Which of its addresses.
    number: u32,
    /// Spelt differently; it is not verified then.
    address: Option<String>,
    /// Is it the one that mail goes to, in place of any other? For verified ones.
    primary: Option<bool>,
    /// It is the person's, as somebody else can tell who may change the account; it cannot be taken back.
    verified: Option<bool>,
}

/// A listed address.
#[derive(InputObject)]
struct EmailAddressInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which account.
    user_id: ID,
    /// Which of its addresses.
    number: u32,
}

/// A group of permissions after a mutation.
#[derive(SimpleObject)]
struct PermissionGroupPayload {
    /// As it is now; null where it is not any more.
    permission_group: Option<PermissionGroup>,
    #[graphql(flatten)]
    settled: Settled,
}

/// The addresses of an account after a mutation.
#[derive(SimpleObject)]
struct EmailAddressesPayload {
    /// All of them; null where the viewer may not see them.
    email_addresses: Option<Vec<EmailAddress>>,
    #[graphql(flatten)]
    settled: Settled,
}

/// Permissions by name.
pub(super) fn permissions(names: &[String]) -> Result<Permissions> {
    let mut all = Permissions::NONE;
    for name in names {
        let known = name.parse::<Permission>();
        all = all.with(known.map_err(|unknown| refused("permissions", &unknown.to_string()))?);
    }
    Ok(all)
}

async fn payload(
    ctx: &Context<'_>,
    id: PermissionGroupId,
    position: i64,
) -> Result<PermissionGroupPayload> {
    let settled = settled(ctx, Reads::Tables, position).await?;
    let row = app(ctx)?.permission_groups().get(by(ctx)?, id).await.map_err(failure)?;
    Ok(PermissionGroupPayload { permission_group: Some(PermissionGroup(row)), settled })
}

async fn addresses(ctx: &Context<'_>, id: UserId, position: i64) -> Result<EmailAddressesPayload> {
    // It is done, whether the viewer may look at it or not.
    let settled = settled(ctx, Reads::Tables, position).await?;
    let found = visible(app(ctx)?.accounts().addresses(by(ctx)?, id).await)?;
    let email_addresses = found.map(|all| all.into_iter().map(EmailAddress::from).collect());
    Ok(EmailAddressesPayload { email_addresses, settled })
}

#[derive(Default)]
pub(super) struct PermissionGroupMutation;

#[Object]
impl PermissionGroupMutation {
    /// Makes a group of permissions; for superusers.
    async fn create_permission_group(
        &self,
        ctx: &Context<'_>,
        input: CreatePermissionGroupInput,
    ) -> Result<PermissionGroupPayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let id = PermissionGroupId::from_uuid(id);
        if input.permissions.is_none() && input.preset.is_none() {
            return Err(refused("permissions", "are needed, or a preset"));
        }
        let preset = input.preset.map_or(Permissions::NONE, |one| Preset::from(one).permissions());
        let named = permissions(input.permissions.as_deref().unwrap_or_default())?;
        let (groups, allowed) = (app(ctx)?.permission_groups(), named.union(preset));
        let done = once(ctx, key, |by| async move {
            groups.create(&by, id, &input.name, allowed).await.map(|(_, done)| done)
        })
        .await?;
        payload(ctx, id, done.position).await
    }

    /// Changes a group of permissions; who is in it may more or less at once. For superusers.
    async fn change_permission_group(
        &self,
        ctx: &Context<'_>,
        input: ChangePermissionGroupInput,
    ) -> Result<PermissionGroupPayload> {
        let id = PermissionGroupId::from_uuid(uuid("id", &input.id)?);
        let groups = app(ctx)?.permission_groups();
        let allowed = input.permissions.as_deref().map(permissions).transpose()?;
        let change = PermissionGroupChange { name: input.name, permissions: allowed };
        let done = once(ctx, input.client_mutation_id, |by| async move {
            groups.change(&by, id, change).await
        })
        .await?;
        payload(ctx, id, done.position).await
    }

    /// Lets a group of permissions not exist any more; nobody is in it from then on. For superusers.
    async fn remove_permission_group(
        &self,
        ctx: &Context<'_>,
        input: PermissionGroupIdInput,
    ) -> Result<PermissionGroupPayload> {
        let id = PermissionGroupId::from_uuid(uuid("id", &input.id)?);
        let groups = app(ctx)?.permission_groups();
        let done =
            once(ctx, input.client_mutation_id, |by| async move { groups.remove(&by, id).await })
                .await?;
        let settled = settled(ctx, Reads::Tables, done.position).await?;
        Ok(PermissionGroupPayload { permission_group: None, settled })
    }

    /// Lists a further e-mail address of an account.
    async fn add_email_address(
        &self,
        ctx: &Context<'_>,
        input: AddEmailAddressInput,
    ) -> Result<EmailAddressesPayload> {
        let id = UserId::from_uuid(uuid("userId", &input.user_id)?);
        let accounts = app(ctx)?.accounts();
        let done = once(ctx, input.client_mutation_id, |by| async move {
            accounts.add_address(&by, id, &input.address, false).await.map(|(_, done)| done)
        })
        .await?;
        addresses(ctx, id, done.position).await
    }

    /// Changes a listed e-mail address.
    async fn change_email_address(
        &self,
        ctx: &Context<'_>,
        input: ChangeEmailAddressInput,
    ) -> Result<EmailAddressesPayload> {
        let id = UserId::from_uuid(uuid("userId", &input.user_id)?);
        let accounts = app(ctx)?.accounts();
        let done = once(ctx, input.client_mutation_id, |by| async move {
            let change = AddressChange {
                address: input.address.as_deref(),
                primary: input.primary,
                verified: input.verified,
            };
            accounts.change_address(&by, id, input.number, change).await
        })
        .await?;
        addresses(ctx, id, done.position).await
    }

    /// Lists an e-mail address no more.
    async fn remove_email_address(
        &self,
        ctx: &Context<'_>,
        input: EmailAddressInput,
    ) -> Result<EmailAddressesPayload> {
        let id = UserId::from_uuid(uuid("userId", &input.user_id)?);
        let accounts = app(ctx)?.accounts();
        let done = once(ctx, input.client_mutation_id, |by| async move {
            accounts.remove_address(&by, id, input.number).await
        })
        .await?;
        addresses(ctx, id, done.position).await
    }
}
