//! Erasing people.

use app::{PersonContents, Reads};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::UserId;

use crate::graphql::{
    error::failure,
    request::{app, by, once},
    scalar::uuid,
    settled::{Settled, settled},
};

/// Somebody who is to be erased.
#[derive(InputObject)]
struct EraseUserInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which account; also one that is closed, for those who may do everything.
    id: ID,
    /// Only say what would be erased.
    #[graphql(default)]
    dry_run: bool,
}

/// What is known of a person.
#[derive(SimpleObject)]
#[graphql(name = "PersonContents")]
struct Contents {
    /// Events of the account, whose contents are taken out of the log.
    events: u64,
    /// Tries to log in with the account, and with its names while they were nobody's.
    log_ins: u64,
    /// Listed e-mail addresses.
    email_addresses: u64,
    /// Tokens for a purpose.
    tokens: u64,
    /// Organizations that they belong to.
    memberships: u64,
}

impl From<PersonContents> for Contents {
    fn from(contents: PersonContents) -> Self {
        let PersonContents { events, log_ins, email_addresses, tokens, memberships } = contents;
        Self { events, log_ins, email_addresses, tokens, memberships }
    }
}

/// Somebody who is erased, or would be.
#[derive(SimpleObject)]
struct ErasedUser {
    /// Which account it was.
    id: ID,
    #[graphql(flatten)]
    settled: Settled,
    /// Was it only asked what would be erased?
    dry_run: bool,
    /// What is erased; null when the request was repeated.
    erases: Option<Contents>,
}

#[derive(Default)]
pub(in crate::graphql) struct EraseMutation;

#[Object]
impl EraseMutation {
    /// Erases a person for ever: the account with all its tokens and places, everything that is sealed for them, in the log too,
    /// and their tries to log in. For those who manage all organizations of the account, may delete it, and hold whatever it
    /// holds. An owner hands the organization over first. Nothing brings them back, also no backup.
    #[graphql(complexity = "100 + child_complexity")]
    async fn erase_user(&self, ctx: &Context<'_>, input: EraseUserInput) -> Result<ErasedUser> {
        let id = UserId::from_uuid(uuid("id", &input.id)?);
        let accounts = app(ctx)?.accounts();
        let contents = accounts.erasable(by(ctx)?, id).await;
        if input.dry_run {
            let erases = Some(contents.map_err(failure)?.into());
            let settled = settled(ctx, Reads::Tables, app(ctx)?.store().head()).await?;
            return Ok(ErasedUser { id: input.id, settled, dry_run: true, erases });
        }
        // Of somebody who is erased already, only the repetition of the request hears.
        let erases = contents.ok().map(Contents::from);
        let erase = |by| async move { accounts.erase(&by, id).await };
        let done = once(ctx, input.client_mutation_id, erase).await?;
        let settled = settled(ctx, Reads::Tables, done.position).await?;
        Ok(ErasedUser { id: input.id, settled, dry_run: false, erases })
    }
}
