use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{Answer, LONGEST, Request, SOCKET, protocol::shown};
use crate::{
    serve::open::{Opened, Serving},
    verify,
};

/// Connections at a time.
const CONNECTIONS: usize = 32;

/// Makes the socket; one that a dead server left is replaced, since the folder's lock is ours.
pub fn listen(folder: &Path, _: &Opened) -> anyhow::Result<UnixListener> {
    let path = folder.join(SOCKET);
    if path.exists() {
        fs::remove_file(&path).with_context(|| format!("cannot replace {}", path.display()))?;
    }
    let socket =
        UnixListener::bind(&path).with_context(|| format!("cannot make {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot protect {}", path.display()))?;
    Ok(socket)
}

/// Answers until `stop`.
pub async fn run(socket: UnixListener, serving: Serving, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = socket.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
        let user = stream.peer_cred().map(|peer| peer.uid()).unwrap_or(u32::MAX);
        let serving = serving.clone();
        connections.spawn(async move {
            let _permit = permit;
            tracing::debug!("local user {user} connected to the control socket");
            if let Err(error) = answer(stream, &serving).await {
                tracing::debug!("a control connection ended: {error:#}");
            }
        });
    }
    connections.shutdown().await;
}

async fn answer(mut stream: UnixStream, serving: &Serving) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    BufReader::new(reader.take(LONGEST)).read_line(&mut line).await?;
    let request: Request = match serde_json::from_str(&line) {
        Ok(request) => request,
        Err(error) => return send(&mut writer, &Answer::Error(error.to_string())).await,
    };
    match request {
        Request::Head => send(&mut writer, &Answer::Head(serving.store.head())).await?,
        Request::Verify => {
            let outcome = verify::verify(&serving.store, &serving.location).await;
            let answer = match outcome {
                Ok(verified) => Answer::Verified(verified),
                Err(error) => Answer::Error(format!("{error:#}")),
            };
            send(&mut writer, &answer).await?;
        }
        Request::Events { filter, after, limit, follow } => {
            let (filter, mut after, mut left) = (filter.into(), after, limit.unwrap_or(u64::MAX));
            let mut head = serving.store.watch();
            loop {
                let known = *head.borrow_and_update();
                let page = u32::try_from(left.min(500)).unwrap_or(500);
                let events = serving.store.events(&filter, after, page).await?;
                for event in &events {
                    send(&mut writer, &Answer::Event(shown(event))).await?;
                    after = event.position;
                    left -= 1;
                }
                if left == 0 || (events.is_empty() && !follow) {
                    break;
                }
                if events.is_empty() {
                    after = after.max(known);
                    head.changed().await?;
                }
            }
        }
    }
    send(&mut writer, &Answer::End).await
}

async fn send(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    answer: &Answer,
) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    Ok(writer.write_all(&line).await?)
}
