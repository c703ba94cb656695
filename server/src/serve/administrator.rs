//! The administrator of the very first start.

use std::{ffi::OsString, fmt::Write as _, ops::RangeInclusive};

use anyhow::{Context as _, ensure};
use app::{App, By, NewUser, World as _};
use domain::UserId;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{cli, world::SystemWorld};

const NAME: &str = "admin";
const TOKEN: &str = "WISPTRAIL_ADMIN_TOKEN";
const PASSWORD: &str = "WISPTRAIL_ADMIN_PASSWORD";
const TOKEN_LENGTH: RangeInclusive<usize> = 20..=200;
const SHORTEST_PASSWORD: usize = 8;

/// What the operator has decided about the administrator.
#[derive(Debug, Default)]
pub(super) struct Given {
    token: Option<SecretString>,
    password: Option<SecretString>,
}

impl Given {
    /// From `WISPTRAIL_ADMIN_PASSWORD` and `WISPTRAIL_ADMIN_TOKEN`. Refuses what could never sign in, or what anybody
    /// could guess.
    pub(super) fn from_environment() -> anyhow::Result<Self> {
        Self::read(|name| std::env::var_os(name))
    }

    fn read(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Self> {
        let value = |name: &str| -> anyhow::Result<Option<String>> {
            let Some(value) = variable(name).filter(|value| !value.is_empty()) else {
                return Ok(None);
            };
            let value = value.into_string();
            value.map(Some).map_err(|_| anyhow::anyhow!("environment: `{name}` is not UTF-8"))
        };
        let token = value(TOKEN)?;
        // Headers carry nothing else.
        let can_be_sent = |token: &str| {
            TOKEN_LENGTH.contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        ensure!(
            token.as_deref().is_none_or(can_be_sent),
            "environment: `{TOKEN}` must be {} to {} ASCII letters, digits and signs, without blanks",
            TOKEN_LENGTH.start(),
            TOKEN_LENGTH.end()
        );
        let password = value(PASSWORD)?;
        ensure!(
            password.as_deref().is_none_or(|it| it.chars().count() >= SHORTEST_PASSWORD),
            "environment: `{PASSWORD}` must have at least {SHORTEST_PASSWORD} characters"
        );
        Ok(Self { token: token.map(Into::into), password: password.map(Into::into) })
    }
}

/// Makes the administrator when there is no account, and tells password and token, once, on standard output. What was
/// given is not repeated.
pub(super) async fn ensure(app: &App, given: Given) -> anyhow::Result<()> {
    if app.accounts().exist().await.context("cannot read accounts")? {
        return Ok(());
    }
    let Given { token, password } = given;
    let made = match &password {
        Some(_) => None,
        None => Some(SystemWorld::new()?.secret(12)),
    };
    let known = match (&password, &made) {
        (Some(given), _) => given.clone(),
        (None, made) => made.clone().unwrap_or_default().into(),
    };
    let new = NewUser {
        password: Some(known.clone()),
        token: token.clone(),
        superuser: true,
        staff: true,
        ..NewUser::new(UserId::from_uuid(app.new_id()), NAME)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Given, String> {
        Given::read(|asked| (asked == name).then(|| value.into()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_can_be_sent_in_a_header() {
        let given = read(TOKEN, &"t0-._~+/".repeat(5)).expect("40 characters");
        assert!(given.token.is_some() && given.password.is_none());
        for wrong in [
            "a b",
            &"t".repeat(19),
            &"t".repeat(201),
            "0123456789 0123456789",
            "0123456789-0123456789-ü",
        ] {
            let said = read(TOKEN, wrong).expect_err(wrong);
            assert!(said.contains(TOKEN) && !said.contains(wrong), "{said}");
        }
        assert!(read(TOKEN, &"t".repeat(20)).is_ok() && read(TOKEN, &"t".repeat(200)).is_ok());
    }

    #[test]
    fn a_password_has_eight_characters() {
        assert!(read(PASSWORD, "pässwört").expect("eight").password.is_some());
        let said = read(PASSWORD, "seven77").expect_err("too short");
        assert!(said.contains(PASSWORD) && !said.contains("seven77"), "{said}");
    }

    #[test]
    fn what_is_empty_is_not_given() {
        let given = read(TOKEN, "").expect("nothing");
        assert!(given.token.is_none() && given.password.is_none());
    }
}
