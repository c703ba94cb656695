//! Accounts as people who may see them read them.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Permission, PermissionGroupId, Permissions, Problem, UserId, accounts::ProfileField,
    authority::ReadScope,
};
use projections::{
    NamedOrder, Order, Page, SealedText, Slice, Stretch, Stretched,
    accounts::{self, AddressRow, MembershipRow, UserFilter, UserRow},
};
use secrecy::ExposeSecret as _;

use super::{Accounts, MODEL, phone};
use crate::{App, By, Failure, sealing::Place};

/// Characters of a name that finds somebody for whoever may not browse.
const SHORTEST_SEARCH: usize = 3;

/// An account with its personal data in clear. Shows only its id when printed.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Account {
    /// The account.
    pub id: UserId,
    /// What they log in with.
    pub username: String,
    /// Where mail goes.
    pub email: Option<String>,
    /// In international spelling.
    pub phone: Option<String>,
    /// Personal details that are known.
    pub profile: BTreeMap<ProfileField, String>,
    /// Can it log in with a password?
    pub has_password: bool,
    /// May do everything.
    pub superuser: bool,
    /// May use the administration.
    pub staff: bool,
    /// Does the account work?
    pub active: bool,
    /// The last day.
    pub expires_on: Option<NaiveDate>,
    /// A language tag; empty is the installation's.
    pub language: String,
    /// A name of the time zone database; empty is the installation's.
    pub time_zone: String,
    /// Permissions beside those of the groups.
    pub permissions: Permissions,
    /// Permission groups with their numbers, by number.
    pub groups: Vec<(PermissionGroupId, u32)>,
    /// Organizations: all for superusers and the person itself, for others those that they manage.
    pub memberships: Vec<MembershipRow>,
    /// When somebody logged in to it last.
    pub last_log_in_at: Option<DateTime<Utc>>,
    /// When the account was opened.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A listed e-mail address in clear. Shows only its number when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// What REST calls it by.
    pub number: u32,
    /// The address.
    pub address: String,
    /// Did somebody open the link that was sent there?
    pub verified: bool,
    /// Is it the one that mail goes to?
    pub primary: bool,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Accounts<'_> {
    /// One account; oneself without any permission.
    pub async fn get(&self, by: &By, id: UserId) -> Result<Account, Failure> {
        if by.authority.is(id) {
            return self.me(by).await;
        }
        // Whoever may find people may look at those that they found.
        let row = self.person(by, id, Permission::FindUser).await?;
        self.opened(by, row).await
    }

    /// The account that acts, if it is one.
    pub async fn me(&self, by: &By) -> Result<Account, Failure> {
        let domain::Actor::User(id) = by.authority.actor else {
            return Err(Failure::NotFound(MODEL));
        };
        let row = accounts::by_id(self.0.store(), id).await?.ok_or(Failure::NotFound(MODEL))?;
        self.opened(by, row).await
    }

    /// A page of the accounts that the actor may see: those of the organizations that they manage, without superusers. With
    /// `search` only who is called exactly so; whoever may only find people has to name them, with three characters at least.
    pub async fn list(
        &self,
        by: &By,
        search: Option<&str>,
        filter: UserFilter,
        order: Order,
        page: Page,
    ) -> Result<Slice<Account>, Failure> {
        let scope = reach(by, search)?;
        let filter = ordinary(by, self.searched(search, filter));
        let Slice { count, rows } =
            accounts::list(self.0.store(), &scope, &filter, order, page).await?;
        let mut opened = Vec::with_capacity(rows.len());
        for row in rows {
            opened.push(self.opened(by, row).await?);
        }
        Ok(Slice { count, rows: opened })
    }

    /// A stretch of the accounts that the actor may see; see [`Accounts::list`].
    pub async fn stretch(
        &self,
        by: &By,
        search: Option<&str>,
        filter: UserFilter,
        order: (NamedOrder, bool),
        stretch: Stretch,
    ) -> Result<Stretched<Account>, Failure> {
        let scope = reach(by, search)?;
        let filter = ordinary(by, self.searched(search, filter));
        let stretched = accounts::stretch(self.0.store(), &scope, &filter, order, stretch).await?;
        let Stretched { rows, more, count, position } = stretched;
        let mut opened = Vec::with_capacity(rows.len());
        for (place, row) in rows {
            opened.push((place, self.opened(by, row).await?));
        }
        Ok(Stretched { rows: opened, more, count, position })
    }

    fn searched(&self, search: Option<&str>, filter: UserFilter) -> UserFilter {
        let search = search.map(str::trim).filter(|search| !search.is_empty());
        UserFilter { called: search.map(|search| self.called(search)).or(filter.called), ..filter }
    }

    /// How somebody may be called, as [`UserFilter::called`] takes it: a whole user name, e-mail address or phone number.
    pub fn called(&self, text: &str) -> Vec<String> {
        let sealing = self.0.sealing();
        let prefixes = &self.0.settings().accounts.phone_prefixes;
        let phones = phone::spellings(text, prefixes).into_iter().map(|one| sealing.phone(&one));
        let names = self.user_names(text.trim());
        std::iter::once(sealing.email(text.trim())).chain(names).chain(phones).collect()
    }

    pub(super) async fn opened(&self, by: &By, row: UserRow) -> Result<Account, Failure> {
        let id = row.id;
        let mut profile = BTreeMap::new();
        for (field, value) in &row.profile {
            profile.insert(*field, open(self.0, Place::Detail(id, *field), value).await?);
        }
        let visible = by.authority.visible().filter(|_| !by.authority.is(id));
        let shown = |one: &MembershipRow| {
            let organization = one.membership.organization_id;
            visible.as_ref().is_none_or(|visible| visible.contains(&organization))
        };
        Ok(Account {
            id,
            username: open(self.0, Place::Username(id), &row.username).await?,
            email: open_some(self.0, Place::Email(id), row.email.as_ref()).await?,
            phone: open_some(self.0, Place::Phone(id), row.phone.as_ref()).await?,
            profile,
            has_password: row.password.is_some(),
            superuser: row.superuser,
            staff: row.staff,
            active: row.active,
            expires_on: row.expires_on,
            language: row.language,
            time_zone: row.time_zone,
            permissions: row.permissions,
            groups: row.groups,
            memberships: row.memberships.into_iter().filter(shown).collect(),
            last_log_in_at: row.last_log_in_at,
            created_at: row.created_at,
            modified_at: row.modified_at,
        })
    }

    /// Where mail to an account goes: to the primary one of its listed addresses if that is verified, else to its own.
    pub(crate) async fn mail_address(&self, row: &UserRow) -> Result<Option<String>, Failure> {
        let listed = accounts::addresses(self.0.store(), row.id).await?;
        match listed.into_iter().find(|address| address.primary && address.verified) {
            Some(primary) => Ok(Some(self.opened_address(primary).await?.address)),
            None => open_some(self.0, Place::Email(row.id), row.email.as_ref()).await,
        }
    }

    /// What somebody is called in a mail: by their given name, else by their user name.
    pub(crate) async fn called_name(&self, row: &UserRow) -> Result<String, Failure> {
        let given = row.profile.iter().find(|(field, _)| *field == ProfileField::FirstName);
        match given {
            Some((field, name)) => open(self.0, Place::Detail(row.id, *field), name).await,
            None => open(self.0, Place::Username(row.id), &row.username).await,
        }
    }

    pub(crate) async fn opened_address(&self, row: AddressRow) -> Result<Address, Failure> {
        let place = Place::ListedAddress(row.user_id, row.number);
        Ok(Address {
            number: row.number,
            address: open(self.0, place, &row.address).await?,
            verified: row.verified,
            primary: row.primary,
        })
    }
}

/// Superusers exist for superusers only, also where all organizations are reached.
fn ordinary(by: &By, filter: UserFilter) -> UserFilter {
    let superuser = if by.authority.is_narrowed() { Some(false) } else { filter.superuser };
    UserFilter { superuser, ..filter }
}

/// Whose people the actor may list: all of them, or those that they can name.
fn reach(by: &By, search: Option<&str>) -> Result<ReadScope, Failure> {
    if let Ok(scope) = by.authority.scope(Permission::ViewUser) {
        return Ok(scope);
    }
    let scope = by.authority.scope(Permission::FindUser);
    let scope = scope.map_err(|denied| Failure::denied(denied, MODEL))?;
    let named = search.unwrap_or_default().trim().chars().count() >= SHORTEST_SEARCH;
    let rule =
        || format!("must have at least {SHORTEST_SEARCH} characters: you find people by name");
    if named { Ok(scope) } else { Err(Failure::field("search", Problem::Rule(rule()))) }
}

pub(super) async fn open(app: &App, place: Place, sealed: &SealedText) -> Result<String, Failure> {
    Ok(app.sealing().open(place, sealed).await?.expose_secret().to_owned())
}

pub(super) async fn open_some(
    app: &App,
    place: Place,
    sealed: Option<&SealedText>,
) -> Result<Option<String>, Failure> {
    match sealed {
        Some(sealed) => open(app, place, sealed).await.map(Some),
        None => Ok(None),
    }
}
