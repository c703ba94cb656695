//! `wisptrail serve`: opens everything, serves, and ends in order.

mod administrator;
mod demo;
pub mod logging;
mod mail;
pub mod open;
mod relays;

use std::{path::Path, process::ExitCode, sync::Arc};

use administrator::Given;
use anyhow::{Context as _, bail};
use app::{App, Fixture};
use axum::Router;
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::ExposeSecret as _;
use store::Replayed;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use workers::Postman;

use crate::{
    archive, audit,
    cli::{self, ServeArgs},
    control, erasures,
    http::{self, BodyLimits, Health, Limits, Proxies},
    replay,
    settings::{self, LogFormat, Settings},
    world,
};

/// Runs until SIGTERM or SIGINT; then requests finish, followers checkpoint, and the answer is success.
pub async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, args.listen, args.demo)?.settings;
    logging::start(&settings.log.level, settings.log.format == LogFormat::Json);
    let replayed = shown(&settings, args.read_only)?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;

    // Before anything is written: what was typed wrong, or a used port, should leave no data behind.
    let given = Given::from_environment()?;
    let fixture = args.fixture.as_deref().map(fixture).transpose()?;
    let postman = if args.read_only { None } else { mail::postman(&settings)? };
    let wanted = relays::wanted(&settings, args.read_only).await?;
    let listener = http::bind(settings.http.listen).await?;
    let address = listener.local_addr().context("cannot tell where it listens")?;
    let opened = open::open(&settings).await?;
    let app = opened.app.clone();

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    for background in app.background(|| stop.clone().cancelled_owned()) {
        tasks.spawn(background.run);
    }
    let listed = opened.folder.path().join(erasures::FILE);
    let outcome = async {
        if args.read_only {
            return Ok(());
        }
        // Before anybody is served, or mailed.
        erasures::apply(&app, &listed).await?;
        start_workers(&opened, &settings, (postman, wanted), &tasks, &stop).await?;
        prepare(&app, fixture, given, args.demo).await
    }
    .await;
    if outcome.is_err() {
        finish(&opened, &tasks, &stop).await;
    }
    outcome?;
    let socket = control::listen(&opened.folder)?;
    tasks.spawn(control::serve(socket, opened.serving(), stop.clone()));

    let sockets = api::Sockets::new(api::SocketLimits {
        connections: settings.graphql.max_subscriptions,
        slow_client: settings.graphql.slow_client.0,
        keep_alive: settings.graphql.keep_alive.0,
    });
    let streams = api::Sockets::new(api::SocketLimits {
        connections: settings.events.max_streams,
        slow_client: settings.events.slow_client.0,
        keep_alive: settings.events.heartbeat.0,
    });
    let router = router(&settings, &app, (&sockets, &streams))?;
    let limits = Limits {
        connections: settings.http.max_connections,
        header: settings.http.header_timeout.0,
        shutdown: settings.http.shutdown_timeout.0,
    };
    let requests_stop = CancellationToken::new();
    let requests =
        TaskTracker::new().spawn(http::serve(listener, router, limits, requests_stop.clone()));
    cli::print(&format!(
        "listening on http://{address}\ndata in {}",
        opened.folder.path().display()
    ))?;
    if let (Some(replayed), Some(token)) = (&replayed, &opened.viewer) {
        let when = replayed.recorded_at.map(|time| format!(", {}", world::shown(time)));
        let gone = replay::gone(replayed).map(|gone| format!("\n{gone}")).unwrap_or_default();
        cli::print(&format!(
            "shows position {}{}; nothing can be changed{gone}\nto look at everything, sign in with the token {}",
            replayed.position,
            when.unwrap_or_default(),
            token.expose_secret(),
        ))?;
    }
    if args.demo {
        tasks.spawn(demo::run(app.clone(), address, opened.folder.path().to_owned(), stop.clone()));
    }

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("asked to stop: requests finish, then the log is closed");
    requests_stop.cancel();
    let ended = async {
        // Requests that have become connections are not waited for.
        let (requests, (), ()) = tokio::join!(requests, sockets.close(), streams.close());
        drop(requests);
        finish(&opened, &tasks, &stop).await;
    };
    tokio::select! {
        () = ended => Ok(ExitCode::SUCCESS),
        // A person who asks twice means at once; supervisors may repeat themselves.
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
    }
}

/// What the folder shows, if it is one that shows what was; and that is what was asked for.
fn shown(settings: &Settings, read_only: bool) -> anyhow::Result<Option<Replayed>> {
    let folder = settings.data.folder.display();
    match Replayed::of(&settings.data.folder)? {
        Some(replayed) if !read_only => bail!(
            "the data folder {folder} shows the log as of position {} and is never written: add --read-only to look at it",
            replayed.position
        ),
        None if read_only => bail!(
            "--read-only shows what `wisptrail replay` made, and {folder} is no such folder: make one with `wisptrail replay --until TIME --into DIR`"
        ),
        replayed => Ok(replayed),
    }
}

/// What must happen without anyone asking.
async fn start_workers(
    opened: &open::Opened,
    settings: &Settings,
    (postman, wanted): (Option<Arc<dyn Postman>>, Vec<relays::Wanted>),
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let (app, folder) = (&opened.app, opened.folder.name());
    // Whoever had the folder before did not give them back if it was killed.
    let left = app.jobs().release_of(folder, world::now()).await.context("cannot take up jobs")?;
    if left > 0 {
        tracing::info!("{left} jobs of a process that is gone are taken up again");
    }
    let queues = app.webhook_queues();
    queues.release_of(folder).await.context("cannot take up deliveries")?;
    app.relays().release_of(folder).await.context("cannot take up relays")?;
    let name = format!("{folder}/{}-{}", std::process::id(), world::new_id());
    let owner = workers::Owner { name, stop: stop.clone() };
    let mut all = workers::all(app, &owner);
    all.push(Arc::new(workers::Mail::new(app.clone(), owner.clone(), postman)));
    let given = &settings.webhooks;
    let courier = Arc::new(adapters::http::Http::new(given.timeout.0, given.allow_private));
    let deliver = workers::DeliverEvents::new(app.clone(), owner.clone(), courier, given.parallel);
    let deliver = Arc::new(deliver);
    all.push(deliver.clone());
    let relays: Vec<_> = wanted.into_iter().map(|one| Arc::new(one.worker(app, &owner))).collect();
    for relay in &relays {
        all.push(relay.clone());
    }
    let serving = opened.serving();
    let archives = archive::MakeArchives::new(app.clone(), serving.archiver.clone(), settings);
    all.extend(archives.map(|archives| Arc::new(archives) as Arc<dyn workers::Reconciler>));
    if let Some(checkpoints) =
        audit::WriteCheckpoints::new(serving.store, serving.keyring, settings)
    {
        let checkpoints = Arc::new(checkpoints);
        all.push(checkpoints.clone());
        let asked = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            asked.await;
            // The last one is of what was last.
            checkpoints.add().await;
        });
    }
    let asked = stop.clone().cancelled_owned();
    tasks.spawn(async move {
        asked.await;
        // What is under way is given back before the log is closed.
        deliver.settled().await;
        for relay in relays {
            relay.settled().await;
        }
    });
    for worker in all {
        let head = app.store().watch();
        tasks.spawn(workers::run(worker, head, stop.clone().cancelled_owned()));
    }
    Ok(())
}

/// What a fixture says.
fn fixture(path: &Path) -> anyhow::Result<Fixture> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the fixture {shown}"))?;
    Fixture::parse(&text).with_context(|| format!("cannot load {shown}"))
}

/// A fixture, or the administrator of the very first start.
async fn prepare(
    app: &App,
    fixture: Option<Fixture>,
    given: Given,
    demo: bool,
) -> anyhow::Result<()> {
    if let Some(fixture) = fixture {
        fixture.load(app).await?;
    }
    let by = app::By::system("first_start");
    app.permission_groups().found(&by).await.context("cannot make the permission groups")?;
    administrator::ensure(app, given).await?;
    if demo {
        demo::seed(app).await?;
    }
    Ok(())
}

async fn finish(opened: &open::Opened, tasks: &TaskTracker, stop: &CancellationToken) {
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    if opened.viewer.is_some() {
        return opened.close().await;
    }
    // What workers would have done in their next round.
    if let Err(failure) = opened.app.devices().flush_presence().await {
        tracing::warn!("presence of the last seconds is lost: {failure}");
    }
    if let Err(failure) = opened.app.accounts().flush_token_uses().await {
        tracing::warn!("uses of tokens in the last seconds are lost: {failure}");
    }
    opened.close().await;
}

fn router(
    settings: &Settings,
    app: &App,
    (sockets, streams): (&api::Sockets, &api::Sockets),
) -> anyhow::Result<Router> {
    let metrics =
        PrometheusBuilder::new().install_recorder().context("cannot count what happens")?;
    let file = &settings.metrics.token_file;
    let file = (!file.as_os_str().is_empty()).then_some(file.as_path());
    let token = settings::secret_or_file("metrics.token", &settings.metrics.token, file)?;
    let relays = settings::wanted_relays(settings);
    let health = Health { app: app.clone(), metrics, token: token.map(Arc::new), relays };
    let proxies = Proxies::new(settings.http.trusted_proxies.clone());
    let timeout = settings.http.request_timeout.0;
    let body = BodyLimits::new(settings.http.body_limit.0, timeout);
    let graphql = api::GraphqlLimits {
        depth: settings.graphql.max_depth,
        complexity: settings.graphql.max_complexity,
        introspection: settings.graphql.introspection,
        graphiql: settings.graphql.graphiql,
    };
    let docs = api::DocsSettings {
        enabled: settings.rest.docs,
        title: settings.rest.docs_title.clone(),
        description: settings.rest.docs_description.clone(),
    };
    let (sockets, streams) = (sockets.clone(), streams.clone());
    let state = api::ApiState { app: app.clone(), graphql, docs, sockets, streams };
    let frame = http::Frame::new(proxies, body, timeout);
    Ok(frame.around_watchers(http::router(health)).merge(frame.around(api::router(state))))
}
