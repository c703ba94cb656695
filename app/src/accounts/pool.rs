//! Where passwords are hashed: off the requests' threads, a few at a time, and with an end to the queue.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use crate::Failure;

/// Hashes that wait at most; who comes later is sent away.
const QUEUE: usize = 256;

/// A bounded pool. Each hash that runs takes 19 MiB, up to 128 MiB where another system made it; those that wait take nothing.
pub(crate) struct HashPool {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl HashPool {
    /// For so many cores: one is left to everything else.
    pub(crate) fn new(cores: usize) -> Self {
        let running = cores.saturating_sub(1).max(1);
        Self {
            running: Arc::new(Semaphore::new(running)),
            places: Arc::new(Semaphore::new(running + QUEUE)),
        }
    }

    /// Runs it when there is room; [`Failure::Unavailable`] where too many wait already.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(Failure::Unavailable);
        };
        let running = Arc::clone(&self.running).acquire_owned().await;
        let (told, answer) = oneshot::channel();
        // A thread of its own: it gives way to all others, and a thread cannot take that back.
        let thread = std::thread::Builder::new().name("password".to_owned());
        let started = thread.spawn(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _held = (place, running);
            give_way();
            // Whoever asked may have gone.
            let _ = told.send(work());
        });
        started.map_err(|error| Failure::Broken(Box::new(error)))?;
        answer.await.map_err(|error| Failure::Broken(Box::new(error)))
    }
}

/// Devices that poll come before people who log in: on Linux, where each thread has a priority, this one's is lowered.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        tracing::debug!(error = &error as &dyn std::error::Error, "hashing keeps its priority");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_comes_when_the_queue_is_full_is_sent_away() {
        let pool = Arc::new(HashPool::new(2));
        let (go, wait) = mpsc::channel::<()>();
        let mut running = tokio::task::JoinSet::new();
        let first = Arc::clone(&pool);
        running.spawn(async move { first.run(move || wait.recv().is_ok()).await });
        while pool.places.available_permits() > QUEUE {
            tokio::task::yield_now().await;
        }
        for _ in 0..QUEUE {
            let pool = Arc::clone(&pool);
            running.spawn(async move { pool.run(|| true).await });
        }
        while pool.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.run(|| ()).await, Err(Failure::Unavailable)));
        go.send(()).unwrap();
        while let Some(one) = running.join_next().await {
            assert!(one.unwrap().unwrap());
        }
        assert!(pool.run(|| ()).await.is_ok());
    }
}
