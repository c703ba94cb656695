use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use tracing::Instrument as _;

use crate::{Reconciler, Report};

/// Pause after an event: what followers make of it takes a moment, so the round is repeated a few times.
const SOON: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(250),
    Duration::from_millis(750),
    Duration::from_secs(2),
];

/// Runs a reconciler until `stop` resolves. A round that has begun is finished.
pub async fn run(
    reconciler: Arc<dyn Reconciler>,
    mut head: watch::Receiver<i64>,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let rhythm = reconciler.rhythm();
    let mut soon = SOON.len();
    loop {
        let found = round(reconciler.as_ref()).await.found > 0;
        // Where there was something there may be more.
        let pause = if found { SOON[0] } else { SOON.get(soon).copied().unwrap_or(rhythm.every) };
        soon = if found { 0 } else { (soon + 1).min(SOON.len()) };
        tokio::select! {
            () = &mut stop => return,
            () = sleep(pause.min(rhythm.every)) => {}
            () = changed(&mut head), if rhythm.on_events => soon = 0,
        }
    }
}

/// Resolves when the head moves; never when nobody will move it any more.
async fn changed(head: &mut watch::Receiver<i64>) {
    if head.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn round(reconciler: &dyn Reconciler) -> Report {
    let name = reconciler.name();
    let span = tracing::info_span!("reconcile", worker = name);
    match reconciler.reconcile().instrument(span).await {
        Ok(report) => {
            if report.closed > 0 {
                tracing::debug!(
                    worker = name,
                    report.found,
                    report.closed,
                    "{name} closed {} of {} gaps",
                    report.closed,
                    report.found
                );
            }
            report
        }
        Err(failure) => {
            tracing::warn!(
                worker = name,
                error = &failure as &dyn std::error::Error,
                "{name} did not finish its round: {failure}"
            );
            Report::default()
        }
    }
}
