//! When batches are read: as soon as no resolver can go on without one.
//!
//! A timer would cut batches where a busy machine is slow, and make every level of a query wait.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures::{
    StreamExt as _,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    future::BoxFuture,
    stream::{self, BoxStream, FuturesUnordered},
    task::{ArcWake, waker_ref},
};

/// Where loaders put what they have to read. Not more than a request's complexity.
pub(super) type Queue = UnboundedSender<BoxFuture<'static, ()>>;

/// How often work that wakes itself is asked to go on before others have their turn.
const PATIENCE: u32 = 1000;

/// Tells whether work woke itself.
struct Watched {
    woken: AtomicBool,
    waker: Waker,
}

impl Watched {
    fn of(waker: &Waker) -> Self {
        Self { woken: AtomicBool::new(false), waker: waker.clone() }
    }
}

impl ArcWake for Watched {
    fn wake_by_ref(watched: &Arc<Self>) {
        watched.woken.store(true, Ordering::Relaxed);
        watched.waker.wake_by_ref();
    }
}

/// Batches that are being read.
type Reading = FuturesUnordered<BoxFuture<'static, ()>>;

/// Batches that wait to be read.
pub(super) struct Batches(UnboundedReceiver<BoxFuture<'static, ()>>);

impl Batches {
    pub(super) fn new() -> (Queue, Self) {
        let (queue, batches) = unbounded();
        (queue, Self(batches))
    }

    /// Runs a request's work, and reads batches whenever it waits.
    pub(super) async fn serve<F: Future>(mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut reading = Reading::new();
        poll_fn(move |context| {
            self.drive(&mut reading, context, |context| work.as_mut().poll(context))
        })
        .await
    }

    /// The same for work that gives more than one answer.
    pub(super) fn stream<T: 'static>(
        mut self,
        mut work: BoxStream<'static, T>,
    ) -> BoxStream<'static, T> {
        let mut reading = Reading::new();
        stream::poll_fn(move |context| {
            self.drive(&mut reading, context, |context| work.as_mut().poll_next(context))
        })
        .boxed()
    }

    /// Lets work go on until it has something, or until it and all batches wait.
    fn drive<T>(
        &mut self,
        reading: &mut Reading,
        context: &mut Context<'_>,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let watched = Arc::new(Watched::of(context.waker()));
        let waker = waker_ref(&watched);
        loop {
            for _ in 0..PATIENCE {
                watched.woken.store(false, Ordering::Relaxed);
                if let Poll::Ready(output) = work(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(output);
                }
                // Sets of futures pause now and then and wake themselves: they do not wait yet.
                if !watched.woken.load(Ordering::Relaxed) {
                    break;
                }
            }
            while let Ok(batch) = self.0.try_recv() {
                reading.push(batch);
            }
            // What was read lets resolvers go on.
            if !matches!(reading.poll_next_unpin(context), Poll::Ready(Some(()))) {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use async_graphql::dataloader::{DataLoader, Loader};
    use futures::future::join_all;
    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Counted(Arc<Mutex<Vec<usize>>>);

    impl Loader<u32> for Counted {
        type Value = u32;
        type Error = ();

        async fn load(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, ()> {
            self.0.lock().push(keys.len());
            tokio::task::yield_now().await;
            Ok(keys.iter().map(|key| (*key, key * 2)).collect())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_that_wait_are_read_at_once() {
        let counted = Counted::default();
        let (queue, batches) = Batches::new();
        let loader = DataLoader::new(counted.clone(), move |batch| queue.unbounded_send(batch))
            .delay(std::time::Duration::ZERO);
        let resolve = |key: u32| {
            let loader = &loader;
            async move {
                let first = loader.load_one(key).await?;
                loader.load_one(first.unwrap_or_default() + 1000).await
            }
        };
        let values = batches.serve(join_all((0..300).map(resolve))).await;
        assert_eq!(values[7], Ok(Some(2028)));
        assert_eq!(*counted.0.lock(), [300, 300]);
    }
}
