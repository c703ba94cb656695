//! One stream: a task that reads the log for one client, and never ahead of what the client takes.

use std::sync::Arc;

use app::{EventsLive, Listener};
use axum::body::Body;
use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture, stream};
use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Duration, Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::frame::{self, Farewell};
use crate::{Sockets, request::HangUp};

/// How long a client has for the last words when the server stops; otherwise it is three times its patience with slow ones.
const LAST_FAREWELL: Duration = Duration::from_secs(1);

/// How the connection of a stream can be ended.
#[derive(Debug)]
pub(super) struct Connection {
    /// None where nobody knows.
    pub(super) hang_up: Option<HangUp>,
    /// Is it the stream's alone?
    pub(super) alone: bool,
}

/// A stream, as the body of an answer.
pub(super) fn begin(
    streams: &Sockets,
    place: OwnedSemaphorePermit,
    listener: &Listener,
    events: EventsLive,
    connection: Connection,
) -> Body {
    let (given, taken) = mpsc::channel(1);
    let (last_words, over) = (Arc::new(Mutex::new(None)), CancellationToken::new());
    let body = Taken {
        from: taken,
        last_words: Arc::clone(&last_words),
        _over: over.clone().drop_guard(),
    };
    let (watched, held) = (listener.clone(), listener.clone());
    let stream = Stream {
        all: streams.clone(),
        given,
        events,
        told: None,
        ended: async move { watched.ended().await }.boxed(),
    };
    streams.spawn(async move {
        let _kept = place;
        let _open = Open::new();
        let serve = async {
            held.hold();
            stream.run(&last_words, over, connection).await;
        };
        app::store::reach::watched(serve).await;
    });
    Body::from_stream(stream::unfold(body, |mut body| async move {
        let bytes = body.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), body))
    }))
}

/// What the connection takes from.
struct Taken {
    from: mpsc::Receiver<Bytes>,
    last_words: Arc<Mutex<Option<Bytes>>>,
    /// Tells the task when the client has it all, or is gone.
    _over: DropGuard,
}

impl Taken {
    async fn next(&mut self) -> Option<Bytes> {
        match self.from.recv().await {
            Some(bytes) => Some(bytes),
            None => self.last_words.lock().take(),
        }
    }
}

struct Stream {
    all: Sockets,
    given: mpsc::Sender<Bytes>,
    events: EventsLive,
    /// Up to here everything was given to the client.
    told: Option<i64>,
    ended: BoxFuture<'static, app::Ended>,
}

/// What happens next.
enum Next {
    Page(app::EventsPage),
    Beat,
}

impl Stream {
    /// Serves it to its end.
    async fn run(
        mut self,
        last_words: &Mutex<Option<Bytes>>,
        over: CancellationToken,
        connection: Connection,
    ) {
        let Err(farewell) = self.serve().await;
        let reason = farewell.reason();
        metrics::counter!("wisptrail_event_streams_closed_total", "reason" => reason).increment(1);
        tracing::debug!(reason, position = self.told, "a stream of events ends");
        let patience = if self.all.stop().is_cancelled() {
            LAST_FAREWELL
        } else {
            self.all.limits().slow_client * 3
        };
        // Before the sender goes: whoever finds nobody there looks for last words.
        *last_words.lock() = Some(farewell.frame(self.told));
        drop(self);
        let until = Instant::now() + patience;
        let taken = timeout_at(until, over.cancelled()).await.is_ok();
        let slow = connection.alone && matches!(farewell, Farewell::Slow);
        if taken && slow {
            // The last of it may be on its way, for as long as the client likes.
            sleep_until(until).await;
        }
        if let Some(hang_up) = connection.hang_up
            && (slow || !taken)
        {
            hang_up.now();
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, Farewell> {
        let every = self.all.limits().keep_alive;
        let mut beat = interval_at(Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.all.stop().clone();
        self.give(frame::HELLO).await?;
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return Err(Farewell::Stopping),
                ended = &mut self.ended => return Err(Farewell::Ended(ended)),
                () = self.given.closed() => return Err(Farewell::Gone),
                page = self.events.next() => Next::Page(page.map_err(Farewell::Ended)?),
                _ = beat.tick() => Next::Beat,
            };
            match next {
                Next::Page(page) => {
                    self.give(frame::page(&page)).await?;
                    self.told = Some(page.position);
                }
                Next::Beat => self.give(frame::BEAT).await?,
            }
        }
    }

    /// Waits until there is room for it, and not for ever.
    async fn give(&mut self, bytes: Bytes) -> Result<(), Farewell> {
        let patience = self.all.limits().slow_client;
        let stop = self.all.stop().clone();
        tokio::select! {
            biased;
            room = self.given.reserve() => match room {
                Ok(room) => {
                    room.send(bytes);
                    Ok(())
                }
                Err(_) => Err(Farewell::Gone),
            },
            () = stop.cancelled() => Err(Farewell::Stopping),
            ended = &mut self.ended => Err(Farewell::Ended(ended)),
            () = sleep(patience) => {
                tracing::warn!(
                    position = self.told,
                    "a client took nothing of its stream for {patience:?} and is sent away"
                );
                Err(Farewell::Slow)
            }
        }
    }
}

/// Counted for as long as it is there.
struct Open;

impl Open {
    fn new() -> Self {
        metrics::gauge!("wisptrail_event_streams").increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!("wisptrail_event_streams").decrement(1.0);
    }
}
