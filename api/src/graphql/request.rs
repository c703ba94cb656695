//! What resolvers need of the request: who asks, the use cases, and what was read already.

use std::net::Ipv4Addr;

use app::{App, By, Done, Failure, Once, Reads, Refusal};
use async_graphql::{Context, ID, Result, SimpleObject, dataloader::DataLoader};
use domain::UserId;
use uuid::Uuid;

use super::{
    error::{failure, refused, unauthenticated},
    loaders::Loaders,
    scalar::uuid,
    settled::{Settled, settled},
};
use crate::request::Sender;

pub(super) fn app<'a>(ctx: &Context<'a>) -> Result<&'a App> {
    ctx.data::<App>()
}

/// Somebody whose password is so old that nothing but choosing another one is possible.
#[derive(Clone)]
pub(super) struct Expired(pub(super) By);

/// Who asks; nobody is an error.
pub(super) fn by<'a>(ctx: &Context<'a>) -> Result<&'a By> {
    ctx.data_opt::<By>().ok_or_else(|| match ctx.data_opt::<Expired>() {
        Some(_) => failure(Failure::Refused(Refusal::PasswordExpired)),
        None => unauthenticated(),
    })
}

/// The same where passwords are changed: an expired one does not hinder that, if it is one's own.
pub(super) fn by_for_password<'a>(ctx: &Context<'a>, account: UserId) -> Result<&'a By> {
    match ctx.data_opt::<Expired>() {
        Some(Expired(by)) if by.authority.is(account) => Ok(by),
        _ => by(ctx),
    }
}

/// Where the request came from; nobody knows that of what comes over a connection with subscriptions.
pub(super) fn sender(ctx: &Context<'_>) -> Sender {
    let unknown = Sender { address: Ipv4Addr::UNSPECIFIED.into(), correlation_id: None };
    ctx.data_opt::<Sender>().copied().unwrap_or(unknown)
}

pub(super) fn loaders<'a>(ctx: &Context<'a>) -> Result<&'a DataLoader<Loaders>> {
    by(ctx)?;
    ctx.data_opt::<DataLoader<Loaders>>().ok_or_else(unauthenticated)
}

/// Runs a mutation. With a key, a repetition finds what the first request did; the key is the client's, or the id that
/// it chose for what is to be made.
pub(super) async fn once<F>(
    ctx: &Context<'_>,
    key: Option<String>,
    mutate: impl FnOnce(By) -> F,
) -> Result<Done>
where
    F: Future<Output = Result<Done, Failure>>,
{
    once_as(ctx, by(ctx)?, key, mutate).await
}

/// The same on behalf of somebody.
pub(super) async fn once_as<F>(
    ctx: &Context<'_>,
    by: &By,
    key: Option<String>,
    mutate: impl FnOnce(By) -> F,
) -> Result<Done>
where
    F: Future<Output = Result<Done, Failure>>,
{
    let app = app(ctx)?;
    let Some(key) = key else { return mutate(by.clone()).await.map_err(failure) };
    if key.is_empty() || key.chars().count() > 150 || key.contains('\0') {
        return Err(refused("clientMutationId", "must have 1 to 150 characters"));
    }
    let by = by.clone().once(Once { key, fingerprint: fingerprint(ctx)? });
    if let Some(done) = app.repeated(&by).await.map_err(failure)? {
        return Ok(done);
    }
    match mutate(by.clone()).await {
        Ok(done) if done.changed => Ok(done),
        Ok(_) => app.remember_nothing(&by).await.map_err(failure),
        // The same request may have been under way, and what it did is in the way of this one.
        Err(refused) => match app.repeated(&by).await {
            Ok(Some(done)) => Ok(done),
            _ => Err(failure(refused)),
        },
    }
}

/// Stands for what is asked for: the field with its arguments, variables filled in.
pub(super) fn fingerprint(ctx: &Context<'_>) -> Result<Vec<u8>> {
    let mut asked = ctx.field().name().to_owned();
    for (name, value) in ctx.field().arguments()? {
        asked.extend(["\n", name.as_str(), "=", &value.into_json()?.to_string()]);
    }
    Ok(app(ctx)?.fingerprint(&asked))
}

/// The id of something new, and the key under which making it is one thing.
pub(super) fn made(ctx: &Context<'_>, id: Option<&ID>) -> Result<(Uuid, Option<String>)> {
    match chosen(id)? {
        Some(id) if id.is_nil() => Err(refused("id", "must not be the nil UUID")),
        Some(id) => Ok((id, Some(format!("create:{id}")))),
        None => Ok((app(ctx)?.new_id(), None)),
    }
}

/// The id that the client chose for something new, if it did.
pub(super) fn chosen(id: Option<&ID>) -> Result<Option<Uuid>> {
    id.map(|id| uuid("id", id)).transpose()
}

/// What does not exist any more.
#[derive(SimpleObject)]
pub(super) struct Removed {
    /// What was removed.
    id: ID,
    #[graphql(flatten)]
    settled: Settled,
}

impl Removed {
    pub(super) async fn new(ctx: &Context<'_>, reads: Reads, id: ID, done: Done) -> Result<Self> {
        Ok(Self { id, settled: settled(ctx, reads, done.position).await? })
    }
}
