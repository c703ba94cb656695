//! Connections: bounded in number and patience, ended gracefully.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use api::HangUp;
use axum::{Router, extract::ConnectInfo};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Bounds of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At a time; further ones wait to be accepted.
    pub connections: usize,
    /// Until the head of a request is there.
    pub header: Duration,
    /// That begun requests have after `stop`.
    pub shutdown: Duration,
}

/// Takes the address, or says who may have it.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: is another server there? choose another address with --listen")
    })
}

/// Serves until `stop`; then takes no more connections and lets begun requests finish.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(limits.connections.max(1)));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(256);
    loop {
        // Ended connections are let go as others come.
        while connections.try_join_next().is_some() {}
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = Arc::clone(&permits).acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly: others have to end first.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot accept a connection"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        drop(stream.set_nodelay(true));
        let hang_up = CancellationToken::new();
        let handle = HangUp::new(hang_up.clone());
        let service = router.clone().map_request(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(handle.clone());
            request
        });
        let (builder, watcher, stopped) = (builder.clone(), graceful.watcher(), stop.clone());
        connections.spawn(async move {
            let _permit = permit;
            // Who has said nothing when the program stops has begun no request.
            let begun = tokio::select! {
                () = stopped.cancelled() => false,
                begun = tokio::time::timeout(limits.header, begun(&stream)) => {
                    matches!(begun, Ok(Ok(true)))
                }
            };
            if !begun {
                return;
            }
            let service = TowerToHyperService::new(service);
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
            let ended = tokio::select! {
                ended = watcher.watch(connection.into_owned()) => ended,
                () = hang_up.cancelled() => Err("its client takes nothing".into()),
            };
            if let Err(error) = ended {
                tracing::debug!(error = error.as_ref(), "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    connections.shutdown().await;
}

/// Waits until it is clear which version of HTTP a client speaks: hyper's own patience begins after that. False when the
/// client went away.
async fn begun(stream: &TcpStream) -> std::io::Result<bool> {
    const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut start = [0; HTTP2.len()];
    loop {
        let length = stream.peek(&mut start).await?;
        if length == 0 {
            return Ok(false);
        }
        if length == HTTP2.len() || start[..length] != HTTP2[..length] {
            return Ok(true);
        }
        // What is there stays readable: only time tells whether more comes.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
