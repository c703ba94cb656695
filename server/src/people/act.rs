//! What is asked, and how it is done: by use cases, like everywhere else.

use anyhow::{Context as _, bail};
use app::{
    Account, App, By, NewMembership, NewOrganization, NewToken, NewUser, OrganizationChange,
    PersonContents, UserChange,
};
use chrono::{DateTime, Utc};
use domain::{
    Document, OrganizationId, Permission, Permissions, TokenId, UserId,
    accounts::{DeviceLimit, OrganizationDetails},
    authority::TokenScope,
};
use projections::{
    NamedOrder, Order, Page, Stretch,
    accounts::UserFilter,
    organization::{OrganizationFilter, OrganizationRow},
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    csv,
    import::{self, ImportedRow},
};

/// Accounts and organizations that are read at a time.
const PAGE: u32 = 200;

/// What is asked. Travels through the control socket, which is its owner's.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is a command, and its options say what they mean")]
pub enum Act {
    CreateUser {
        username: String,
        email: Option<String>,
        password: Option<String>,
        superuser: bool,
        staff: bool,
        groups: Vec<u32>,
        manages: Vec<String>,
        member_of: Vec<String>,
    },
    EraseUser {
        user: String,
        dry_run: bool,
    },
    ListUsers {
        called: Option<String>,
    },
    SetPassword {
        user: String,
        password: String,
    },
    SetActive {
        user: String,
        active: bool,
    },
    MakeSuperuser {
        user: String,
    },
    ExportUsers {
        fields: Vec<String>,
    },
    ImportUsers {
        rows: Vec<ImportedRow>,
        dry_run: bool,
    },
    ListOrganizations,
    CreateOrganization {
        name: String,
        slug: String,
    },
    ServeOrganization {
        slug: String,
        active: bool,
    },
    CreateToken {
        user: String,
        name: String,
        read_only: bool,
        permissions: Vec<String>,
        organizations: Vec<String>,
        expires_at: Option<DateTime<Utc>>,
    },
    ListTokens {
        user: String,
    },
    RevokeToken {
        id: Uuid,
    },
    RevokeTokens {
        user: String,
    },
}

/// Passwords stay out of logs.
impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Act")
    }
}

type Tell = mpsc::Sender<String>;

/// Does it, and tells the answer line by line. Ends early where nobody takes them any more.
pub(crate) async fn perform(app: &App, by: &By, act: &Act, tell: &Tell) -> anyhow::Result<()> {
    let accounts = app.accounts();
    match act {
        Act::CreateUser { .. } => create_user(app, by, act, tell).await,
        Act::ListUsers { called } => {
            each(app, by, called.as_deref(), async |account| {
                Ok(tell.send(shown(&account)).await.is_ok())
            })
            .await
        }
        Act::SetPassword { user, password } => {
            let id = person(app, by, user).await?.id;
            let new = password.clone().into();
            accounts.change_password(by, id, None, new, "password").await?;
            say(tell, "the password is another one, and the token of log-ins has ended").await
        }
        Act::SetActive { user, active } => {
            let id = person(app, by, user).await?.id;
            let change = UserChange { active: Some(*active), ..UserChange::default() };
            accounts.change(by, id, change).await?;
            say(tell, if *active { "the account works" } else { "the account is refused" }).await
        }
        Act::MakeSuperuser { user } => {
            let id = person(app, by, user).await?.id;
            let change =
                UserChange { superuser: Some(true), staff: Some(true), ..UserChange::default() };
            accounts.change(by, id, change).await?;
            say(tell, "the account may do everything").await
        }
        Act::EraseUser { user, dry_run } => {
            let id = match user.parse() {
                Ok(id) => id,
                Err(_) => person(app, by, user).await?.id,
            };
            let contents = accounts.erasable(by, id).await?;
            if *dry_run {
                say(tell, &format!("{}; --yes erases them for ever", counted(contents))).await
            } else {
                accounts.erase(by, id).await?;
                say(tell, &format!("the person is erased: {}", counted(contents))).await
            }
        }
        Act::ExportUsers { fields } => export(app, by, fields, tell).await,
        Act::ImportUsers { rows, dry_run } => import::import(app, by, (rows, *dry_run), tell).await,
        Act::ListOrganizations => list_organizations(app, by, tell).await,
        Act::CreateOrganization { name, slug } => {
            let id = OrganizationId::from_uuid(app.new_id());
            let new = NewOrganization {
                id,
                name: name.clone(),
                slug: slug.clone(),
                details: OrganizationDetails::default(),
                is_active: true,
                registration_enabled: true,
                shared_secret: None,
                context: Document::new(),
                device_limit: DeviceLimit::Unlimited,
            };
            app.organizations().create(by, new).await?;
            say(tell, &format!("{id}  {slug}")).await
        }
        Act::ServeOrganization { slug, active } => {
            let id = organization(app, by, slug).await?;
            let change =
                OrganizationChange { is_active: Some(*active), ..OrganizationChange::default() };
            app.organizations().change(by, id, change).await?;
            say(
                tell,
                if *active {
                    "the organization is served"
                } else {
                    "the organization is not served"
                },
            )
            .await
        }
        Act::CreateToken { .. } => create_token(app, by, act, tell).await,
        Act::ListTokens { user } => {
            let id = person(app, by, user).await?.id;
            for token in accounts.tokens(by, id).await? {
                let used = token
                    .last_used_at
                    .map_or("never used".to_owned(), |at| format!("used {}", moment(at)));
                let end =
                    token.expires_at.map_or(String::new(), |at| format!("  ends {}", moment(at)));
                let reads = if token.scope.read_only { "  read-only" } else { "" };
                let line = format!("{}  {}  {used}{end}{reads}", token.id, plain(&token.name));
                if tell.send(line).await.is_err() {
                    break;
                }
            }
            Ok(())
        }
        Act::RevokeToken { id } => {
            let id = TokenId::from_uuid(*id);
            let user = accounts.token_owner(by, id).await?;
            accounts.revoke_token(by, user, id).await?;
            say(tell, "the token has ended").await
        }
        Act::RevokeTokens { user } => {
            let id = person(app, by, user).await?.id;
            accounts.revoke_tokens(by, id).await?;
            say(tell, "all tokens of the account have ended").await
        }
    }
}

async fn say(tell: &Tell, line: &str) -> anyhow::Result<()> {
    drop(tell.send(line.to_owned()).await);
    Ok(())
}

async fn create_user(app: &App, by: &By, act: &Act, tell: &Tell) -> anyhow::Result<()> {
    let Act::CreateUser { username, email, password, superuser, staff, groups, manages, member_of } =
        act
    else {
        return Ok(());
    };
    let mut memberships = Vec::new();
    for (slugs, manager) in [(manages, true), (member_of, false)] {
        for slug in slugs {
            let organization_id = organization(app, by, slug).await?;
            memberships.push(NewMembership { organization_id, manager });
        }
    }
    let id = UserId::from_uuid(app.new_id());
    let new = NewUser {
        email: email.clone(),
        email_verified: email.as_ref().map(|_| true),
        password: password.clone().map(Into::into),
        superuser: *superuser,
        staff: *staff || *superuser,
        groups: groups.clone(),
        memberships,
        ..NewUser::new(id, username.clone())
    };
    app.accounts().create(by, new).await?;
    say(tell, &format!("{id}  {}", plain(username))).await
}

async fn create_token(app: &App, by: &By, act: &Act, tell: &Tell) -> anyhow::Result<()> {
    let Act::CreateToken { user, name, read_only, permissions, organizations, expires_at } = act
    else {
        return Ok(());
    };
    let user = person(app, by, user).await?.id;
    let known: Result<Permissions, _> =
        permissions.iter().map(|name| name.parse::<Permission>()).collect();
    let mut ids = Vec::new();
    for slug in organizations {
        ids.push(organization(app, by, slug).await?);
    }
    let scope = TokenScope {
        permissions: (!permissions.is_empty()).then_some(known?),
        organizations: (!organizations.is_empty()).then_some(ids),
        read_only: *read_only,
    };
    let id = TokenId::from_uuid(app.new_id());
    let new = NewToken { id, name: name.clone(), scope, expires_at: *expires_at };
    let (token, _) = app.accounts().create_token(by, user, new).await?;
    let token = token.context("the token was made by another request")?;
    say(tell, token.expose_secret()).await
}

/// The one account that is called so.
async fn person(app: &App, by: &By, text: &str) -> anyhow::Result<Account> {
    let accounts = app.accounts();
    if let Ok(id) = text.parse() {
        return Ok(accounts.get(by, id).await?);
    }
    let page = Page { limit: 2, offset: 0 };
    let everybody = UserFilter::default();
    let found = accounts.list(by, Some(text), everybody, Order::OldestFirst, page).await?;
    let mut rows = found.rows.into_iter();
    match (rows.next(), rows.next()) {
        (Some(account), None) => Ok(account),
        (None, _) => bail!("no account is called that: look with `wisptrail users list`"),
        _ => bail!(
            "several accounts are called that: give the id, which `wisptrail users list` shows"
        ),
    }
}

pub(super) async fn organization(app: &App, by: &By, slug: &str) -> anyhow::Result<OrganizationId> {
    if let Ok(id) = slug.parse() {
        return Ok(app.organizations().get(by, id).await?.id);
    }
    let filter =
        OrganizationFilter { search: Some(slug.to_owned()), ..OrganizationFilter::default() };
    let page = Page { limit: 1000, offset: 0 };
    let found = app.organizations().list(by, filter, Order::Name, page).await?;
    let found = found.rows.into_iter().find(|row| row.slug == slug);
    let found = found.with_context(|| {
        format!("there is no organization `{}`: look with `wisptrail orgs list`", plain(slug))
    })?;
    Ok(found.id)
}

/// Accounts one by one, the oldest first, until `take` wants no more.
async fn each(
    app: &App,
    by: &By,
    search: Option<&str>,
    mut take: impl AsyncFnMut(Account) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let stretch = Stretch { limit: PAGE, after, ..Stretch::default() };
        let order = (NamedOrder::Created, false);
        let found =
            app.accounts().stretch(by, search, UserFilter::default(), order, stretch).await?;
        after = found.rows.last().map(|(place, _)| place.clone());
        for (_, account) in found.rows {
            if !take(account).await? {
                return Ok(());
            }
        }
        if !found.more {
            return Ok(());
        }
    }
}

async fn export(app: &App, by: &By, fields: &[String], tell: &Tell) -> anyhow::Result<()> {
    let unknown = fields.iter().find(|field| !csv::FIELDS.contains(&field.as_str()));
    if let Some(field) = unknown {
        bail!("`{}` is no field of accounts: {}", plain(field), csv::FIELDS.join(", "));
    }
    let hashes = fields.iter().any(|field| field == csv::PASSWORD);
    if tell.send(csv::line(fields)).await.is_err() {
        return Ok(());
    }
    each(app, by, None, async |account| {
        let hash = if hashes { app.accounts().password_hash(by, account.id).await? } else { None };
        let cells = fields.iter().map(|field| csv::cell(field, &account, hash.as_ref()));
        Ok(tell.send(csv::line(cells)).await.is_ok())
    })
    .await
}

async fn list_organizations(app: &App, by: &By, tell: &Tell) -> anyhow::Result<()> {
    let mut offset = 0;
    loop {
        let page = Page { limit: PAGE, offset };
        let organizations = app.organizations();
        let found =
            organizations.list(by, OrganizationFilter::default(), Order::Name, page).await?;
        offset += u64::from(PAGE);
        for row in &found.rows {
            let OrganizationRow { id, slug, name, active, .. } = row;
            let served = if *active { "" } else { "  not served" };
            let line = format!("{id}  {slug}  {}{served}", plain(name));
            if tell.send(line).await.is_err() {
                return Ok(());
            }
        }
        if offset >= found.count {
            return Ok(());
        }
    }
}

fn shown(account: &Account) -> String {
    let mut line = format!("{}  {}", account.id, plain(&account.username));
    if let Some(email) = &account.email {
        line.push_str("  ");
        line.push_str(&plain(email));
    }
    for (set, word) in [
        (account.superuser, "superuser"),
        (account.staff, "staff"),
        (!account.active, "not active"),
    ] {
        if set {
            line.push_str("  ");
            line.push_str(word);
        }
    }
    line
}

/// Terminals obey what does not show.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What is erased with a person, in words.
fn counted(contents: PersonContents) -> String {
    let PersonContents { events, log_ins, email_addresses, tokens, memberships } = contents;
    format!(
        "{events} events of the account, {log_ins} tries to log in, {email_addresses} listed e-mail addresses, {tokens} tokens, {memberships} memberships"
    )
}
