use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, unix::OwnedWriteHalf},
    runtime::Handle,
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{Answer, LONGEST, Request, States, place::Place, protocol::shown};
use crate::{
    audit,
    data_folder::DataFolder,
    export,
    log::Pages,
    people::{self, QUEUE},
    read_models,
    serve::open::Serving,
    verify, world,
};

/// Connections at a time.
const CONNECTIONS: usize = 32;
/// How often the progress of a rebuild is told.
const PROGRESS: Duration = Duration::from_millis(250);
/// Until the request is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the socket; one that a dead server left is replaced, since the folder's lock is ours.
pub fn listen(folder: &DataFolder) -> anyhow::Result<UnixListener> {
    let place = Place::of(folder.path()).context("cannot open the data folder")?;
    let path = &place.path;
    if path.exists() {
        fs::remove_file(path).with_context(|| format!("cannot replace {}", path.display()))?;
    }
    let socket =
        UnixListener::bind(path).with_context(|| format!("cannot make {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot protect {}", path.display()))?;
    Ok(socket)
}

/// Answers until `stop`.
pub async fn run(socket: UnixListener, serving: Serving, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    // It reads everything; several at a time would only be slower.
    let verifying = Arc::new(Semaphore::new(1));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = socket.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
        let user = stream.peer_cred().map_or(u32::MAX, |peer| peer.uid());
        let (serving, verifying) = (serving.clone(), Arc::clone(&verifying));
        connections.spawn(async move {
            let _permit = permit;
            tracing::debug!("local user {user} connected to the control socket");
            let (reader, mut writer) = stream.into_split();
            let mut reader = BufReader::new(reader);
            let mut line = String::new();
            let mut start = (&mut reader).take(LONGEST);
            let read = start.read_line(&mut line);
            if !matches!(tokio::time::timeout(PATIENCE, read).await, Ok(Ok(_))) {
                return;
            }
            let answered = async {
                let outcome = answer(&line, user, &mut writer, &serving, &verifying).await;
                let end = match outcome {
                    Ok(()) => Answer::End,
                    Err(error) => Answer::Error(format!("{error:#}")),
                };
                send(&mut writer, &end).await
            };
            // Nothing more is said by who asked: the end means that nobody listens any more.
            let mut gone = [0];
            tokio::select! {
                outcome = answered => if let Err(error) = outcome {
                    tracing::debug!("a control connection ended: {error:#}");
                },
                _ = reader.read(&mut gone) => {}
            }
        });
    }
    connections.shutdown().await;
}

async fn answer(
    line: &str,
    user: u32,
    writer: &mut OwnedWriteHalf,
    serving: &Serving,
    verifying: &Semaphore,
) -> anyhow::Result<()> {
    match serde_json::from_str(line).context("the request is not understood")? {
        Request::Head => send(writer, &Answer::Head(serving.store.head())).await?,
        Request::Verify => {
            let _permit = verifying.acquire().await?;
            let verified = verify::verify(&serving.store, &serving.location).await?;
            send(writer, &Answer::Verified(verified)).await?;
        }
        Request::Projections => {
            let states = States::of(&serving.store, world::now()).await?;
            send(writer, &Answer::Projections(states)).await?;
        }
        Request::Rebuild { name } => {
            // Tables are written a thousand events at a time; nobody needs to hear of more than a few of them a second.
            // On a thread of its own it comes to its end, whether anybody still listens or not.
            let (runtime, store, of) = (Handle::current(), serving.store.clone(), name.clone());
            let mut rebuilding = tokio::task::spawn_blocking(move || {
                runtime.block_on(read_models::rebuild(&store, &of))
            });
            let mut tick = tokio::time::interval(PROGRESS);
            let position = loop {
                tokio::select! {
                    done = &mut rebuilding => break done??,
                    _ = tick.tick() => {
                        if let Some((at, of)) = read_models::progress(&serving.store, &name).await? {
                            send(writer, &Answer::Progress(at, of)).await?;
                        }
                    }
                }
            };
            send(writer, &Answer::Rebuilt(position)).await?;
        }
        Request::Accounts { act } => {
            let (tell, mut told) = mpsc::channel(QUEUE);
            let by = people::by(people::user_name(user));
            let (runtime, app) = (Handle::current(), serving.app.clone());
            // It comes to its end, whether anybody still listens or not.
            let acting = tokio::task::spawn_blocking(move || {
                runtime.block_on(people::perform(&app, &by, &act, &tell))
            });
            while let Some(line) = told.recv().await {
                send(writer, &Answer::Text(line)).await?;
            }
            acting.await??;
        }
        Request::Export => {
            let (sender, mut chunks) = mpsc::channel(2);
            let (runtime, serving) = (Handle::current(), serving.clone());
            // Pages are read where nobody waits for anything else. It ends when nobody takes them any more.
            let exporting = tokio::task::spawn_blocking(move || {
                runtime.block_on(async {
                    let mut export = export::begin(&serving.store, &serving.location).await?;
                    while let Some(lines) = export.next().await? {
                        if sender.send(lines).await.is_err() {
                            break;
                        }
                    }
                    anyhow::Ok(export.close().await?)
                })
            });
            while let Some(lines) = chunks.recv().await {
                writer.write_all(&lines).await?;
            }
            exporting.await??;
        }
        Request::Evidence(part) => {
            let (sender, mut chunks) = mpsc::channel(2);
            let (runtime, serving) = (Handle::current(), serving.clone());
            // It is read and packed where nobody waits for anything else, and ends when nobody takes it any more.
            let packing = tokio::task::spawn_blocking(move || {
                runtime.block_on(async {
                    let Serving { store, location, keyring, .. } = &serving;
                    let key = async || anyhow::Ok(keyring.signing_key().await?);
                    audit::pack(store, location, &part, key, async |bytes| {
                        sender.send(bytes).await.is_ok()
                    })
                    .await
                })
            });
            while let Some(bytes) = chunks.recv().await {
                send(writer, &Answer::Bytes(STANDARD.encode(bytes))).await?;
            }
            send(writer, &Answer::Text(packing.await??)).await?;
        }
        Request::Archive(order) => {
            let (sender, mut told) = mpsc::channel(QUEUE);
            let (runtime, archiver) = (Handle::current(), serving.archiver.clone());
            // It is read and packed where nobody waits for anything else; the file that it is at comes to its end, whether anybody
            // still listens or not.
            let making = tokio::task::spawn_blocking(move || {
                runtime
                    .block_on(archiver.make(&order, async |text| sender.send(text).await.is_ok()))
            });
            while let Some(text) = told.recv().await {
                send(writer, &Answer::Text(text)).await?;
            }
            making.await??;
        }
        Request::AuditKey => {
            let key = serving.keyring.signing_key().await?.public();
            send(writer, &Answer::Key(key)).await?;
        }
        Request::ChainAt { positions } => {
            let chain = serving.store.chain_at(&positions).await?;
            send(writer, &Answer::Chain(chain.into_iter().collect())).await?;
        }
        Request::Events { filter, after, limit, follow } => {
            let mut pages = Pages::new(&serving.store, filter.into(), after, limit, follow);
            while let Some(events) = pages.next().await? {
                for event in &events {
                    send(writer, &Answer::Event(shown(event))).await?;
                }
            }
        }
    }
    Ok(())
}

async fn send(writer: &mut OwnedWriteHalf, answer: &Answer) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    Ok(writer.write_all(&line).await?)
}
