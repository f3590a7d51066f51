//! The Recorder: writes finals to storage, in batches, and purges those that are too old.
//!
//! One for the whole program. Hears the rooms (`Keep`), who never wait for it; one batch is under way at a time, and
//! a failed one is tried again with growing pauses. While storage is away finals wait, up to a bound.

mod queue;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::limits::{
    FINALS_PER_BATCH, PURGE_CHUNK, PURGE_INTERVAL, STORE_DEADLINE, STORE_INTERVAL,
    STORE_RETRY_LONGEST,
};
use crate::metrics::{Metrics, Reason};
use crate::ports::{BoxFuture, Final, Transcripts, Unavailable};
use queue::{Dropped, Queue};

/// Finals to be stored, in the order in which they arrived in their rooms.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Keep {
    /// The finals.
    pub finals: Vec<Final>,
    /// Counts them as under way until they are in the bounded queue.
    pub credit: Option<Arc<OwnedSemaphorePermit>>,
}

/// Stores what waits now, at once; resolves when it is stored, or when that fails. A storage that failed just now is
/// given a short pause first.
#[derive(Message)]
#[rtype(result = "Result<(), Unavailable>")]
pub struct Flush;

/// Where finals are kept.
#[derive(Clone)]
pub struct Archive {
    /// Storage, for reading.
    pub transcripts: Arc<dyn Transcripts>,
    /// Writes to it.
    pub recorder: Addr<Recorder>,
}

impl Archive {
    /// Starts a Recorder on the current thread that keeps finals in `transcripts` for the time of `retention`.
    pub fn start(transcripts: Arc<dyn Transcripts>, retention: Duration, metrics: Metrics) -> Self {
        let recorder = Recorder {
            transcripts: Arc::clone(&transcripts),
            retention,
            queue: Queue::default(),
            state: State::Idle,
            failures: 0,
            attempted: Instant::now(),
            has_dropped: false,
            flushes: Vec::new(),
            is_purging: false,
            metrics,
        };
        Self {
            transcripts,
            recorder: recorder.start(),
        }
    }

    /// Flushes until everything is stored; false when that is not to be had within `deadline`.
    pub async fn drain(&self, deadline: Duration) -> bool {
        let drained = async {
            loop {
                match self.recorder.send(Flush).await {
                    Ok(Ok(())) => return true,
                    // The Recorder pauses before it tries again.
                    Ok(Err(_)) => {}
                    Err(_) => return false,
                }
            }
        };
        tokio::time::timeout(deadline, drained)
            .await
            .unwrap_or(false)
    }
}

/// What is going on between the Recorder and storage.
enum State {
    /// Nothing waits.
    Idle,
    /// The next attempt waits for its moment.
    Due(SpawnHandle),
    /// A batch is being written.
    Writing,
}

/// See the module's documentation.
pub struct Recorder {
    transcripts: Arc<dyn Transcripts>,
    /// How long finals are kept.
    retention: Duration,
    queue: Queue,
    state: State,
    /// Attempts that failed since the last success: an outage, when there is one.
    failures: u32,
    /// When the last attempt began or ended.
    attempted: Instant,
    /// Whether finals were dropped in this outage.
    has_dropped: bool,
    /// Told once so many finals wait no more.
    flushes: Vec<(u64, oneshot::Sender<Result<(), Unavailable>>)>,
    is_purging: bool,
    metrics: Metrics,
}

impl Recorder {
    /// Has the next batch written after `pause`.
    fn write_after(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        self.cancel_due(ctx);
        if pause.is_zero() {
            return self.write(ctx);
        }
        self.state = State::Due(ctx.run_later(pause, |actor, ctx| {
            actor.state = State::Idle;
            actor.write(ctx);
        }));
    }

    fn cancel_due(&mut self, ctx: &mut Context<Self>) {
        if let State::Due(handle) = self.state {
            ctx.cancel_future(handle);
            self.state = State::Idle;
        }
    }

    fn write(&mut self, ctx: &mut Context<Self>) {
        self.state = State::Writing;
        self.attempted = Instant::now();
        let written = in_time(self.transcripts.append(self.queue.batch()));
        ctx.spawn(written.into_actor(self).map(|written, actor, ctx| {
            actor.state = State::Idle;
            let took = actor.attempted.elapsed();
            actor.metrics.storage_latency_seconds.observe(took);
            actor.attempted = Instant::now();
            match written {
                Ok(()) => actor.stored(),
                Err(error) => actor.failed(error),
            }
            actor.count_waiting();
            actor.schedule(ctx);
        }));
    }

    fn stored(&mut self) {
        let stored = self.queue.stored();
        self.metrics.finals_stored.inc_by(stored);
        if std::mem::take(&mut self.failures) > 0 {
            self.has_dropped = false;
            log::info!(
                "storage is back, finals are stored again finals={}",
                self.queue.len()
            );
        }
        let settled = self.queue.settled();
        let done = self.flushes.extract_if(.., |(count, _)| *count <= settled);
        for (_, flushed) in done {
            // Who asked may have gone.
            let _ = flushed.send(Ok(()));
        }
    }

    fn failed(&mut self, error: Unavailable) {
        self.queue.failed();
        self.metrics.storage_failures.inc();
        if self.failures == 0 {
            log::warn!(
                "storage is away, finals wait reason={:?} finals={}",
                error.to_string(),
                self.queue.len()
            );
        }
        self.failures = self.failures.saturating_add(1);
        for (_, flushed) in self.flushes.drain(..) {
            let _ = flushed.send(Err(error.clone()));
        }
    }

    /// Sees to it that what waits is written in time.
    fn schedule(&mut self, ctx: &mut Context<Self>) {
        if self.queue.len() == 0 || matches!(self.state, State::Writing) {
            return;
        }
        let is_due = matches!(self.state, State::Due(_));
        if self.failures > 0 {
            if !is_due {
                self.write_after(retry_pause(self.failures), ctx);
            }
        } else if self.queue.len() >= FINALS_PER_BATCH || !self.flushes.is_empty() {
            self.write_after(Duration::ZERO, ctx);
        } else if !is_due {
            self.write_after(STORE_INTERVAL, ctx);
        }
    }

    fn count_dropped(&mut self, dropped: Dropped) {
        let reason = Reason {
            reason: dropped.bound,
        };
        let metric = &self.metrics.finals_dropped;
        metric.get_or_create(&reason).inc_by(dropped.count);
        if !std::mem::replace(&mut self.has_dropped, true) {
            log::warn!(
                "too many finals wait to be stored, the oldest are dropped and counted bound={}",
                dropped.bound
            );
        }
    }

    fn count_waiting(&self) {
        self.metrics.finals_waiting.set(self.queue.len() as i64);
        let bytes = self.queue.bytes() as i64;
        self.metrics.finals_waiting_bytes.set(bytes);
    }

    fn purge(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_purging, true) {
            return;
        }
        let purged = purge(Arc::clone(&self.transcripts), self.retention);
        ctx.spawn(purged.into_actor(self).map(|purged, actor, _| {
            actor.is_purging = false;
            match purged {
                Ok(0) => {}
                Ok(count) => log::debug!("finals older than the retention are gone finals={count}"),
                Err(error) => {
                    actor.metrics.storage_failures.inc();
                    log::debug!("finals cannot be purged reason={:?}", error.to_string());
                }
            }
        }));
    }
}

/// Deletes everything that is older than `retention`, chunk after chunk.
async fn purge(transcripts: Arc<dyn Transcripts>, retention: Duration) -> Result<u64, Unavailable> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let before = now.unwrap_or_default().saturating_sub(retention);
    let mut count = 0;
    loop {
        let purged = in_time(transcripts.purge(before.as_millis() as u64, PURGE_CHUNK)).await?;
        count += purged;
        if purged < u64::from(PURGE_CHUNK) {
            return Ok(count);
        }
    }
}

async fn in_time<T>(operation: BoxFuture<Result<T, Unavailable>>) -> Result<T, Unavailable> {
    let answer = tokio::time::timeout(STORE_DEADLINE, operation).await;
    answer.unwrap_or_else(|_| Err(Unavailable("no answer in time".to_owned())))
}

/// The pause after that many failures in a row.
fn retry_pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(8);
    (STORE_INTERVAL * 2_u32.pow(doublings)).min(STORE_RETRY_LONGEST)
}

impl Actor for Recorder {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(PURGE_INTERVAL, |actor, ctx| actor.purge(ctx));
    }
}

impl Handler<Keep> for Recorder {
    type Result = ();

    fn handle(&mut self, keep: Keep, ctx: &mut Self::Context) {
        if let Some(dropped) = self.queue.push(keep.finals) {
            self.count_dropped(dropped);
        }
        self.count_waiting();
        self.schedule(ctx);
    }
}

impl Handler<Flush> for Recorder {
    type Result = ResponseFuture<Result<(), Unavailable>>;

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) -> Self::Result {
        let count = self.queue.received();
        if self.queue.settled() >= count {
            return Box::pin(std::future::ready(Ok(())));
        }
        let (flushed, answer) = oneshot::channel();
        self.flushes.push((count, flushed));
        if !matches!(self.state, State::Writing) {
            let pause = match self.failures {
                0 => Duration::ZERO,
                _ => STORE_INTERVAL.saturating_sub(self.attempted.elapsed()),
            };
            self.write_after(pause, ctx);
        }
        let gone = || Err(Unavailable("the recorder has stopped".to_owned()));
        Box::pin(async move { answer.await.unwrap_or_else(|_| gone()) })
    }
}
