//! Everybody who asks, and the installation that they ask.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use wisptrail_tests::{Client, Database, Fixture, Server, Start};

use crate::table::{Line, Table};

/// A kind of person; the order is that of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Person {
    Nobody,
    Bad,
    Device,
    Member,
    Staff,
    Without,
    With,
    Foreign,
    Manager,
    Owner,
    Both,
    Inactive,
    Expired,
    Elsewhere,
    Reader,
    Superuser,
}

/// What some ask with that is known only when it was made.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Of a device.
    pub(crate) device: String,
    /// A token of somebody with two organizations, for the other one.
    pub(crate) elsewhere: String,
    /// A token of a manager that changes nothing.
    pub(crate) reader: String,
}

impl Person {
    pub(crate) const ALL: [Self; 16] = [
        Self::Nobody,
        Self::Bad,
        Self::Device,
        Self::Member,
        Self::Staff,
        Self::Without,
        Self::With,
        Self::Foreign,
        Self::Manager,
        Self::Owner,
        Self::Both,
        Self::Inactive,
        Self::Expired,
        Self::Elsewhere,
        Self::Reader,
        Self::Superuser,
    ];

    /// Words that begin the names of everything that belongs to an organization, and whether the person is to be told of it:
    /// nothing, perhaps, or all.
    pub(crate) fn sees(self) -> [(&'static str, Sees); 3] {
        let [alpha, beta, delta] = match self {
            Self::Nobody | Self::Bad | Self::Device | Self::Expired => [Sees::Nothing; 3],
            // Names of their own accounts.
            Self::Member | Self::Staff | Self::Without => {
                [Sees::Perhaps, Sees::Nothing, Sees::Nothing]
            }
            Self::With | Self::Manager | Self::Owner | Self::Reader => {
                [Sees::All, Sees::Nothing, Sees::Nothing]
            }
            Self::Foreign | Self::Elsewhere => [Sees::Nothing, Sees::All, Sees::Nothing],
            Self::Both => [Sees::All, Sees::All, Sees::Nothing],
            Self::Inactive => [Sees::Nothing, Sees::Nothing, Sees::Perhaps],
            Self::Superuser => [Sees::All, Sees::All, Sees::Perhaps],
        };
        [("alpha-", alpha), ("beta-", beta), ("delta-", delta)]
    }

    /// What the person asks with.
    pub(crate) fn client(self, server: &Server, line: &Line, keys: &Keys) -> Client {
        let client = server.client();
        self.token(line, keys).map_or_else(|| client.clone(), |token| client.with_token(&token))
    }

    /// The person's token; nobody has none.
    pub(crate) fn token(self, line: &Line, keys: &Keys) -> Option<String> {
        Some(match self {
            Self::Nobody => return None,
            Self::Bad => token("nobodys"),
            Self::Device => keys.device.clone(),
            Self::Elsewhere => keys.elsewhere.clone(),
            Self::Reader => keys.reader.clone(),
            Self::Without => token(&without(line)),
            Self::With => token(&with(line)),
            Self::Superuser => token("root"),
            person => token(&format!("{person:?}").to_lowercase()),
        })
    }
}

/// Is a person told of something?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    Nothing,
    Perhaps,
    All,
}

pub(crate) const ALPHA: &str = "aaaaaaaa-0000-4000-8000-0000000000a1";
pub(crate) const BETA: &str = "bbbbbbbb-0000-4000-8000-0000000000b1";
pub(crate) const DELTA: &str = "dddddddd-0000-4000-8000-0000000000d1";
pub(crate) const SHARED: &str = "71000000-0000-4000-8000-0000000000f1";
pub(crate) const PASSWORD: &str = "alpha-login-Secret-1";

/// The token of an account.
pub(crate) fn token(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{name:0>40}")
}

fn with(line: &Line) -> String {
    format!("with{}", line.permissions.join("and"))
}

fn without(line: &Line) -> String {
    format!("without{}", line.permissions.first().map_or("", String::as_str))
}

fn organization(id: &str, slug: &str, active: bool) -> Value {
    let name = format!("{slug}-org");
    json!({ "id": id, "name": name, "slug": name, "shared_secret": secret(slug), "is_active": active })
}

/// What agents of an organization register with.
pub(crate) fn secret(slug: &str) -> String {
    format!("{slug}0sharedsecret0123456789abcdefgh").chars().take(32).collect()
}

/// An account that belongs to one organization or several.
fn user(name: &str, token_of: &str, groups: &[&str], places: &[(&str, bool)]) -> Value {
    let memberships: Vec<Value> = places
        .iter()
        .map(
            |(slug, manager)| json!({ "organization": format!("{slug}-org"), "is_admin": manager }),
        )
        .collect();
    json!({
        "username": name,
        "is_staff": true,
        "token": token(token_of),
        "groups": groups,
        "memberships": memberships,
    })
}

fn fixture(table: &Table) -> Value {
    let administrator: &[&str] = &["Administrator"];
    let mut users = vec![
        // The first managers are owners.
        user("alpha-owner", "owner", administrator, &[("alpha", true)]),
        user("beta-owner", "betaowner", administrator, &[("beta", true)]),
        user("delta-owner", "deltaowner", administrator, &[("delta", true)]),
        user("alpha-manager", "manager", administrator, &[("alpha", true)]),
        user("alpha-member", "member", administrator, &[("alpha", false)]),
        user("alpha-staff", "staff", &[], &[("alpha", true)]),
        user("beta-foreign", "foreign", administrator, &[("beta", true)]),
        user("both", "both", administrator, &[("alpha", true), ("beta", true)]),
        user("delta-inactive", "inactive", administrator, &[("delta", true)]),
    ];
    let mut login = user("alpha-login", "login", &[], &[("alpha", false)]);
    login["password"] = json!(PASSWORD);
    users.push(login);
    let mut expired = user("alpha-expired", "expired", administrator, &[("alpha", true)]);
    expired["password"] = json!(PASSWORD);
    expired["password_updated"] = json!("2020-02-02");
    users.push(expired);
    let mut root = user("root", "root", &[], &[]);
    root["is_superuser"] = json!(true);
    users.push(root);
    let mut known = BTreeSet::new();
    for line in &table.lines {
        for (name, permissions) in
            [(with(line), line.permissions.clone()), (without(line), others(line))]
        {
            if known.insert(name.clone()) {
                let number = known.len();
                let mut one = user(&format!("alpha-{number}"), &name, &[], &[("alpha", true)]);
                one["permissions"] = json!(permissions);
                users.push(one);
            }
        }
    }
    json!({
        "organizations": [
            organization(ALPHA, "alpha", true),
            organization(BETA, "beta", true),
            organization(DELTA, "delta", false),
        ],
        "users": users,
        "templates": [{
            "id": SHARED,
            "name": "shared",
            "organization": null,
            "backend": "netjsonconfig.OpenWrt",
            "config": { "interfaces": [{ "name": "lo", "type": "loopback" }] },
        }],
    })
}

/// Every permission but the first one of a line, and those that bring it along.
fn others(line: &Line) -> Vec<String> {
    let Some(first) = line.permissions.first() else { return Vec::new() };
    let brings = |name: &str| {
        let (verb, kind) = name.split_once('_').unwrap_or_default();
        match first.split_once('_') {
            Some(("view", of)) => verb == "change" && of == kind,
            Some(("find", "user")) => kind == "user" && matches!(verb, "view" | "change"),
            _ => false,
        }
    };
    domain_permissions()
        .into_iter()
        .filter(|name| name != first && !brings(name))
        .map(str::to_owned)
        .collect()
}

/// The names of all permissions, as the program lists them.
fn domain_permissions() -> Vec<&'static str> {
    const SOURCE: &str = include_str!("../../../domain/src/authority/permission.rs");
    let table = SOURCE.split("permissions! {").nth(1).unwrap_or_default();
    let table = table.split("\n}").next().unwrap_or_default();
    table
        .lines()
        .filter(|line| !line.contains("///"))
        .filter_map(|line| line.split('"').nth(1))
        .collect()
}

/// A server with everybody in it; with `told` it tells the statements that requests make.
pub(crate) async fn start(
    database: &Database,
    table: &Table,
    told: bool,
) -> anyhow::Result<Server> {
    let file = NamedTempFile::new()?;
    serde_json::to_writer(&file, &fixture(table))?;
    let level = if told { "info,statement=trace" } else { "warn" };
    let start = Start { fixture: Some(Fixture::read(file.path())?), ..Start::default() }
        .set("WISPTRAIL_ACCOUNTS__STAFF_PASSWORD_EXPIRATION", "1000")
        .set("WISPTRAIL_LOG__FORMAT", "json")
        .set("WISPTRAIL_LOG__LEVEL", level)
        // Everything is selected that there is.
        .set("WISPTRAIL_GRAPHQL__MAX_COMPLEXITY", "100000000");
    Server::start(database, start).await
}
