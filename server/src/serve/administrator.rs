//! The administrator of the very first start.

use std::fmt::Write as _;

use anyhow::Context as _;
use app::{App, By, NewUser, World as _};
use domain::UserId;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{cli, world::SystemWorld};

const NAME: &str = "admin";

/// Makes the administrator when there is no account, and tells password and token, once, on standard output.
/// `WISPTRAIL_ADMIN_PASSWORD` and `WISPTRAIL_ADMIN_TOKEN` give them instead; what was given is not repeated.
pub(super) async fn ensure(app: &App) -> anyhow::Result<()> {
    if app.accounts().exist().await.context("cannot read accounts")? {
        return Ok(());
    }
    let given = |name: &str| -> Option<SecretString> {
        let value = std::env::var_os(name)?.into_string().ok()?;
        (!value.is_empty()).then(|| value.into())
    };
    let token = given("WISPTRAIL_ADMIN_TOKEN");
    let password = given("WISPTRAIL_ADMIN_PASSWORD");
    let made = match &password {
        Some(_) => None,
        None => Some(SystemWorld::new()?.secret(12)),
    };
    let known = match (&password, &made) {
        (Some(given), _) => given.clone(),
        (None, made) => made.clone().unwrap_or_default().into(),
    };
    let new = NewUser {
        id: UserId::from_uuid(app.new_id()),
        username: NAME.to_owned(),
        email: None,
        password: Some(known.clone()),
        token: token.clone(),
        superuser: true,
        staff: true,
        roles: Vec::new(),
        memberships: Vec::new(),
    };
    let by = By::system("first_start");
    app.accounts().create(&by, new).await.context("cannot make the administrator")?;
    let mut told = format!("administrator {NAME}\n");
    if let Some(password) = made {
        let _ = writeln!(told, "password {password}");
    }
    if token.is_none() {
        let login = app.accounts().log_in(NAME, known.expose_secret()).await;
        let token = login.context("cannot make the administrator's token")?;
        let _ = writeln!(told, "token {token}");
    }
    cli::print(&told)
}
