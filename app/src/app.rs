//! Everything that use cases need, in one handle.

use std::{pin::Pin, sync::Arc};

use domain::{
    Actor, Authority, UserId,
    authority::{ReadScope, Scope},
};
use netjson::TemplateCache;
use projections::noun::{self, Noun};
use secrecy::{ExposeSecret as _, SecretString};
use store::{Blobs, Followers, Jobs, Store};
use tokio::sync::Semaphore;

use crate::{
    Accounts, Agents, Bulk, By, Configurations, Devices, Done, Failure, FanOuts, Groups, History,
    Letters, Live, Mails, Organizations, PermissionGroups, Previews, Refusal, Relays, Requests,
    Sealing, Settings, Templates, WebhookQueues, Webhooks, World,
    accounts::{Erasing, Guesses, HashPool, TokenUses},
    agents::RegistrationRates,
    configurations::RenderLocks,
    edge::Edge,
    mail::LinkRates,
    presence::PresenceBook,
    refusals::Refusals,
    requests::Running,
    sealing::same_secret,
    secrets::Readings,
    states::States,
    work::decide,
};

/// The use cases. A clone is another handle to the same.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What the server opens before the use cases.
pub struct Parts {
    /// The log and the tables.
    pub store: Store,
    /// Archives.
    pub blobs: Blobs,
    /// Secrets.
    pub sealing: Sealing,
    /// Time, ids, randomness.
    pub world: Arc<dyn World>,
    /// What the operator decided.
    pub settings: Settings,
    /// The following projections.
    pub followers: Followers,
}

/// A part of the program that runs beside requests until `stop` resolves.
pub struct Background {
    /// For logs and metrics.
    pub name: &'static str,
    /// To be driven by the server's task set.
    pub run: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Who looks at what was.
struct Viewer {
    /// Of the token.
    hash: String,
    authority: Authority,
}

struct Inner {
    parts: Parts,
    jobs: Jobs,
    edge: Edge,
    presence: PresenceBook,
    refusals: Refusals,
    running: Running,
    /// Of streams that were appended to lately.
    states: States,
    rates: RegistrationRates,
    guesses: Guesses,
    /// Of secrets, lately.
    readings: Readings,
    locks: RenderLocks,
    /// Templates merged for the devices that have them.
    templates: Arc<TemplateCache>,
    /// Renderings at once: they are computation.
    render: Arc<Semaphore>,
    /// Dry runs at once: each looks at a whole fleet.
    dry_runs: Arc<Semaphore>,
    /// Held while an operation on many devices is ordered.
    bulk_turn: tokio::sync::Mutex<()>,
    token_uses: TokenUses,
    erasing: Erasing,
    /// Where passwords are hashed.
    hash: HashPool,
    /// Texts and layouts of mails.
    letters: Letters,
    /// Links that were asked for without credentials.
    asked: LinkRates,
    /// Who looks at what was, without an account.
    viewer: Option<Viewer>,
}

impl App {
    /// Loads what the agents' edge keeps in memory. The tasks of [`background`](Self::background) must run for
    /// requests to see each other's changes.
    pub async fn open(parts: Parts) -> Result<Self, Failure> {
        Self::opened(parts, None).await
    }

    /// The same over a store that shows what was. Accounts may be there without what opens them: whoever started the program
    /// looks at everything with this token, which is kept nowhere else.
    pub async fn open_replayed(
        parts: Parts,
        token: &SecretString,
        user: String,
    ) -> Result<Self, Failure> {
        let hash = parts.sealing.token(token.expose_secret());
        let authority = Authority { actor: Actor::Local(user), scope: Scope::Everything };
        Self::opened(parts, Some(Viewer { hash, authority })).await
    }

    async fn opened(parts: Parts, viewer: Option<Viewer>) -> Result<Self, Failure> {
        let edge = Edge::load(&parts.store).await?;
        let presence = PresenceBook::load(
            &parts.store,
            parts.settings.controller.shared_management_ip_address_space,
        )
        .await?;
        let rates = RegistrationRates::new(&parts.settings.controller);
        let letters =
            Letters::new(&parts.settings.mail).map_err(|error| Failure::Broken(Box::new(error)))?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self(Arc::new(Inner {
            jobs: Jobs::new(parts.store.clone()),
            edge,
            presence,
            refusals: Refusals::default(),
            running: Running::default(),
            states: States::default(),
            rates,
            guesses: Guesses::default(),
            readings: Readings::default(),
            locks: RenderLocks::default(),
            templates: Arc::new(TemplateCache::new(64)),
            render: Arc::new(Semaphore::new(cores)),
            dry_runs: Arc::new(Semaphore::new(2)),
            bulk_turn: tokio::sync::Mutex::default(),
            token_uses: TokenUses::default(),
            erasing: Erasing::default(),
            hash: HashPool::new(cores),
            letters,
            asked: LinkRates::new(parts.settings.mail.requests_per_hour),
            viewer,
            parts,
        })))
    }

    /// Does it show what was, so that nothing can be changed?
    pub fn read_only(&self) -> bool {
        self.store().read_only()
    }

    /// What whoever started the program may, if this is their token.
    pub(crate) fn viewer(&self, hash: &str) -> Option<Authority> {
        let viewer = self.0.viewer.as_ref()?;
        same_secret(&viewer.hash, hash).then(|| viewer.authority.clone())
    }

    /// What has to run beside requests. `stop` is called once per task and resolves when the program ends.
    pub fn background<F>(&self, stop: impl Fn() -> F) -> Vec<Background>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let edge = {
            let (app, stop) = (self.clone(), stop());
            async move { app.edge().follow(&app, stop).await }
        };
        let mut background = vec![Background { name: "edge", run: Box::pin(edge) }];
        // Their tables are as new as the log.
        let followers = self.followers().iter().filter(|_| !self.read_only());
        for follower in followers {
            let (follower, stop) = (Arc::clone(follower), stop());
            background.push(Background {
                name: "follower",
                run: Box::pin(async move { follower.run(stop).await }),
            });
        }
        background
    }

    /// The log and the tables.
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// Ends queued work on archives and on the log, whose writer goes last.
    pub async fn close(&self) {
        self.blobs().close().await;
        self.store().close().await;
    }

    /// States of streams that were appended to lately.
    pub(crate) fn states(&self) -> &States {
        &self.0.states
    }

    /// Archives.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.0.parts.blobs
    }

    /// Jobs for many devices.
    pub fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// The following projections.
    pub fn followers(&self) -> &Followers {
        &self.0.parts.followers
    }

    /// What the operator decided.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// Time, ids, randomness.
    pub fn world(&self) -> &dyn World {
        self.0.parts.world.as_ref()
    }

    /// Mints an id for something new.
    pub fn new_id(&self) -> uuid::Uuid {
        self.world().new_id()
    }

    /// What was done when this was asked for before, if it was. Asked before a use case with [`By::once`], whose rules
    /// might refuse what has already happened.
    pub async fn repeated(&self, by: &By) -> Result<Option<Done>, Failure> {
        let Some(once) = &by.once else { return Ok(None) };
        let actor = by.authority.actor.to_string();
        match self.store().remembered(&actor, &once.key).await? {
            None => Ok(None),
            Some(remembered) if remembered.fingerprint == once.fingerprint => {
                Ok(Some(Done::at(remembered.last)))
            }
            Some(_) => Err(Failure::Refused(Refusal::KeyReused)),
        }
    }

    /// Remembers that what [`By::once`] asked for changed nothing, so that a repetition does not either, whatever has happened
    /// by then. Answers what the first of such requests did.
    pub async fn remember_nothing(&self, by: &By) -> Result<Done, Failure> {
        let ((), done) = decide!(self, by, work => {
            work.even_without_events();
            Ok(())
        })?;
        Ok(done)
    }

    /// Stands for what was asked, without telling it: requests may hold secrets.
    pub fn fingerprint(&self, request: &str) -> Vec<u8> {
        self.sealing().token(request).into_bytes()
    }

    /// What kind of thing it is that the actor finds under an id, as far as organizations go; the use case of its kind decides.
    /// Oneself is there, too.
    pub async fn noun(&self, by: &By, id: uuid::Uuid) -> Result<Option<Noun>, Failure> {
        if by.authority.is(UserId::from_uuid(id)) {
            return Ok(Some(Noun::User));
        }
        Ok(noun::of(self.store(), &by.authority.reach(), id).await?)
    }

    /// Refuses an id that something of any kind has already: `node(id)` and histories know things by nothing else.
    pub(crate) async fn unused(&self, id: uuid::Uuid) -> Result<(), Failure> {
        match noun::of(self.store(), &ReadScope::of_rules(), id).await? {
            Some(_) => Err(Failure::Refused(Refusal::Exists)),
            None => Ok(()),
        }
    }

    pub(crate) fn sealing(&self) -> &Sealing {
        &self.0.parts.sealing
    }

    pub(crate) fn edge(&self) -> &Edge {
        &self.0.edge
    }

    pub(crate) fn presence(&self) -> &PresenceBook {
        &self.0.presence
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    pub(crate) fn running(&self) -> &Running {
        &self.0.running
    }

    pub(crate) fn rates(&self) -> &RegistrationRates {
        &self.0.rates
    }

    pub(crate) fn guesses(&self) -> &Guesses {
        &self.0.guesses
    }

    pub(crate) fn readings(&self) -> &Readings {
        &self.0.readings
    }

    pub(crate) fn locks(&self) -> &RenderLocks {
        &self.0.locks
    }

    pub(crate) fn template_cache(&self) -> Arc<TemplateCache> {
        Arc::clone(&self.0.templates)
    }

    pub(crate) fn render_permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.render)
    }

    pub(crate) fn dry_run_permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.dry_runs)
    }

    pub(crate) fn bulk_turn(&self) -> &tokio::sync::Mutex<()> {
        &self.0.bulk_turn
    }

    pub(crate) fn token_uses(&self) -> &TokenUses {
        &self.0.token_uses
    }

    pub(crate) fn erasing(&self) -> &Erasing {
        &self.0.erasing
    }

    pub(crate) fn hash_pool(&self) -> &HashPool {
        &self.0.hash
    }

    pub(crate) fn letters(&self) -> &Letters {
        &self.0.letters
    }

    pub(crate) fn asked(&self) -> &LinkRates {
        &self.0.asked
    }

    /// What is mailed.
    pub fn mails(&self) -> Mails<'_> {
        Mails(self)
    }

    /// Accounts and tokens.
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts(self)
    }

    /// Organizations.
    pub fn organizations(&self) -> Organizations<'_> {
        Organizations(self)
    }

    /// Devices.
    pub fn devices(&self) -> Devices<'_> {
        Devices(self)
    }

    /// Permission groups.
    pub fn permission_groups(&self) -> PermissionGroups<'_> {
        PermissionGroups(self)
    }

    /// Requests under idempotency keys.
    pub fn requests(&self) -> Requests<'_> {
        Requests(self)
    }

    /// Device groups.
    pub fn groups(&self) -> Groups<'_> {
        Groups(self)
    }

    /// Templates.
    pub fn templates(&self) -> Templates<'_> {
        Templates(self)
    }

    /// Configurations of devices.
    pub fn configurations(&self) -> Configurations<'_> {
        Configurations(self)
    }

    /// Any moment of the past.
    pub fn history(&self) -> History<'_> {
        History(self)
    }

    /// What happens, as it happens.
    pub fn live(&self) -> Live<'_> {
        Live(self)
    }

    /// The agent protocol.
    pub fn agents(&self) -> Agents<'_> {
        Agents(self)
    }

    /// Webhooks.
    pub fn webhooks(&self) -> Webhooks<'_> {
        Webhooks(self)
    }

    /// How far the log was written into other systems.
    pub fn relays(&self) -> Relays<'_> {
        Relays(self)
    }

    /// What is delivered to webhooks.
    pub fn webhook_queues(&self) -> WebhookQueues<'_> {
        WebhookQueues(self)
    }

    /// Operations on many devices that people order.
    pub fn bulk(&self) -> Bulk<'_> {
        Bulk(self)
    }

    /// What would be if something were changed.
    pub fn previews(&self) -> Previews<'_> {
        Previews(self)
    }

    /// Jobs that follow from one event for many devices.
    pub fn fan_outs(&self) -> FanOuts<'_> {
        FanOuts(self)
    }
}
