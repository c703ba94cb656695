//! Hearing of what other processes appended.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::time::timeout;

use super::facts;
use crate::store::Core;

/// Notifications may be missed: the head is looked at so often.
const PERIOD: Duration = Duration::from_secs(1);

/// Rings the bell until the store is closed; connects again for ever.
pub(super) async fn listen(listening: PgPool, pool: PgPool, core: Arc<Core>) {
    let mut closed = core.live.closed();
    tokio::select! {
        _ = closed.wait_for(|closed| *closed) => {}
        never = hear(&listening, &pool, &core) => match never {},
    }
    listening.close().await;
}

async fn hear(listening: &PgPool, pool: &PgPool, core: &Core) -> std::convert::Infallible {
    let mut listener = None;
    loop {
        let Some(hears) = &mut listener else {
            listener = connect(listening).await;
            look(pool, core).await;
            if listener.is_none() {
                tokio::time::sleep(PERIOD).await;
            }
            continue;
        };
        match timeout(PERIOD, hears.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Ok(position) = notification.payload().parse() {
                    core.live.ring_bell(position);
                }
            }
            Ok(Ok(None) | Err(_)) => {
                tracing::warn!("the connection that hears of other processes' appends was lost");
                listener = None;
            }
            Err(_) => look(pool, core).await,
        }
    }
}

async fn connect(pool: &PgPool) -> Option<PgListener> {
    let mut listener = PgListener::connect_with(pool).await.ok()?;
    listener.listen("events").await.ok()?;
    Some(listener)
}

async fn look(pool: &PgPool, core: &Core) {
    let Ok(mut connection) = pool.acquire().await else { return };
    if let Ok(position) = facts::position(&mut connection).await {
        core.live.ring_bell(position);
    }
}
