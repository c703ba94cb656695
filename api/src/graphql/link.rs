//! Mailed links.

use app::{LinkKey, Reads};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use domain::UserId;
use secrecy::SecretString;

use super::{
    error::{failure, refused},
    request::{app, by, sender},
    scalar::uuid,
    settled::{Settled, settled},
    viewer::LogInPayload,
};

/// Characters of a key; longer ones are nobody's.
const LONGEST_KEY: usize = 200;
/// Characters of what somebody logs in with.
const LONGEST_NAME: usize = 254;

/// What opening a link did.
#[derive(SimpleObject)]
struct LinkPayload {
    #[graphql(flatten)]
    settled: Settled,
}

/// A mail that was ordered.
#[derive(SimpleObject)]
struct MailPayload {
    /// The same whether or not there is such an account: what is true is in the mail.
    accepted: bool,
}

#[derive(Default)]
pub(super) struct LinkMutation;

#[Object]
impl LinkMutation {
    /// Mails a link to choose another password to whoever logs in with this name, e-mail address or phone number. Needs no
    /// token; the answer is the same for names of nobody.
    #[graphql(complexity = "100 + child_complexity")]
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        username: String,
    ) -> Result<MailPayload> {
        let accounts = app(ctx)?.accounts();
        let asked = accounts.request_password_reset(name(&username)?, sender(ctx).address).await;
        asked.map(|()| MailPayload { accepted: true }).map_err(failure)
    }

    /// Mails a link to log in without a password to whoever logs in with this name, e-mail address or phone number. Needs no
    /// token; the answer is the same for names of nobody.
    #[graphql(complexity = "100 + child_complexity")]
    async fn request_magic_link(&self, ctx: &Context<'_>, username: String) -> Result<MailPayload> {
        let accounts = app(ctx)?.accounts();
        let asked = accounts.request_log_in_link(name(&username)?, sender(ctx).address).await;
        asked.map(|()| MailPayload { accepted: true }).map_err(failure)
    }

    /// Lets another password be valid for whoever has the key of a mailed link, and ends all tokens. Needs no token itself.
    #[graphql(complexity = "100 + child_complexity")]
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret, desc = "What stands in the link after `/key/`.")] key: String,
        #[graphql(secret)] password: String,
    ) -> Result<LinkPayload> {
        let (accounts, key) = (app(ctx)?.accounts(), link(&key)?);
        let (new, id) = (SecretString::from(password), sender(ctx).correlation_id);
        let done = accounts.reset_password(&key, new, "password", id).await.map_err(failure)?;
        Ok(LinkPayload { settled: settled(ctx, Reads::Tables, done.position).await? })
    }

    /// Verifies the e-mail address that a link was mailed to. Needs no token.
    #[graphql(complexity = "100 + child_complexity")]
    async fn confirm_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret, desc = "What stands in the link after `/confirm-email/`.")] key: String,
    ) -> Result<LinkPayload> {
        let (accounts, key) = (app(ctx)?.accounts(), link(&key)?);
        let done = accounts.confirm_address(&key, sender(ctx).correlation_id).await;
        let position = done.map_err(failure)?.position;
        Ok(LinkPayload { settled: settled(ctx, Reads::Tables, position).await? })
    }

    /// Mails another link to a listed address that is not verified: one's own, and those of accounts that one may change.
    async fn resend_confirmation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose address it is.")] user_id: ID,
        #[graphql(desc = "The address, by number.")] number: u32,
    ) -> Result<MailPayload> {
        let id = UserId::from_uuid(uuid("userId", &user_id)?);
        let sent = app(ctx)?.accounts().resend_confirmation(by(ctx)?, id, number).await;
        sent.map(|()| MailPayload { accepted: true }).map_err(failure)
    }

    /// Exchanges the key of a mailed link for a token. Needs none itself.
    #[graphql(complexity = "100 + child_complexity")]
    async fn log_in_by_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(secret, desc = "What stands in the link after `/key/`.")] key: String,
    ) -> Result<LogInPayload> {
        let (accounts, key) = (app(ctx)?.accounts(), link(&key)?);
        let token = accounts.log_in_by_link(&key, Some(sender(ctx).peer())).await;
        Ok(LogInPayload { token: token.map_err(failure)? })
    }
}

fn name(username: &str) -> Result<&str> {
    if username.trim().is_empty() || username.chars().count() > LONGEST_NAME {
        return Err(refused("username", "must have 1 to 254 characters"));
    }
    Ok(username)
}

fn link(key: &str) -> Result<LinkKey> {
    let key = (key.len() <= LONGEST_KEY).then(|| LinkKey::parse(key)).flatten();
    key.ok_or_else(|| failure(app::Failure::Refused(app::Refusal::InvalidLink)))
}
