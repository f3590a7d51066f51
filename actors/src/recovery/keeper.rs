//! The RecoveryKeeper: every recoverable socket, here or away, and what storage is to remember of it.
//!
//! Hears leases (`Hold`, `Changed`, `Ended`) and clients that come back (`Take`). Ends what stays away for too long:
//! only then do the registries learn that the socket is gone. Never waits for storage.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, TryFutureExt};
use tokio::time::Instant;

use super::Held;
use crate::limits::{RECOVERABLES_AWAY, RECOVERABLES_KEPT, RECOVERABLES_PURGE, STORE_DEADLINE};
use crate::metrics::Metrics;
use crate::outbox::Offset;
use crate::ports::{Recoverable, Recoverables, Unavailable};
use crate::registry::SocketClosed;
use crate::service::Evict;

/// How often storage is told what has changed.
const SAVE_INTERVAL: Duration = Duration::from_millis(250);
/// How often those that stay away are looked at.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A client asks for the socket with this private id; whoever has it loses it.
#[derive(Message)]
#[rtype(result = "Option<Found>")]
pub(super) struct Take {
    pub(super) pid: String,
    pub(super) offset: Option<Offset>,
    pub(super) principal: String,
}

/// A socket that a client asked for.
pub(super) enum Found {
    /// It is here, with everything after the client's offset.
    Here(Arc<Held>, u64),
    /// Only what storage remembers.
    Stored(Recoverable),
}

/// A connection takes the socket; the answer is the lease's generation.
#[derive(Message)]
#[rtype(result = "u64")]
pub(super) struct Hold {
    pub(super) held: Arc<Held>,
    pub(super) session: Recipient<Evict>,
}

/// What the socket is interested in has changed.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Changed(pub(super) String);

/// A lease has ended. One that is not the latest any more changes nothing.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Ended {
    pub(super) pid: String,
    pub(super) generation: u64,
    /// Whether the socket will not come back.
    pub(super) is_over: bool,
}

/// Resolves once storage knows everything, with how many sockets may come back.
#[derive(Message)]
#[rtype(result = "Result<usize, Unavailable>")]
pub struct Flush;

struct Entry {
    held: Arc<Held>,
    generation: u64,
    /// Who has it; none while it is away.
    session: Option<Recipient<Evict>>,
}

/// See the module's documentation.
pub struct RecoveryKeeper {
    entries: HashMap<String, Entry>,
    generation: u64,
    /// Those that went away, with their generation then, the first first.
    away: VecDeque<(Instant, String, u64)>,
    window: Duration,
    /// Who learns that a socket is gone.
    registries: Vec<Recipient<SocketClosed>>,
    storage: Option<Arc<dyn Recoverables>>,
    /// What storage does not know yet.
    changed: HashSet<String>,
    /// What it is to forget.
    gone: HashSet<String>,
    is_saving: bool,
    metrics: Metrics,
}

impl RecoveryKeeper {
    /// Keeps sockets for `window` after their connection is lost, and in `storage` for a day; `registries` learn when
    /// they are gone.
    pub fn new(
        window: Duration,
        registries: Vec<Recipient<SocketClosed>>,
        storage: Option<Arc<dyn Recoverables>>,
        metrics: Metrics,
    ) -> Self {
        Self {
            entries: HashMap::new(),
            generation: 0,
            away: VecDeque::new(),
            window,
            registries,
            storage,
            changed: HashSet::new(),
            gone: HashSet::new(),
            is_saving: false,
            metrics,
        }
    }

    fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// Ends a socket here. Storage may remember it.
    fn end(&mut self, pid: &str) -> Option<Arc<Held>> {
        let entry = self.entries.remove(pid)?;
        for registry in &self.registries {
            registry.do_send(SocketClosed(entry.held.socket));
        }
        Some(entry.held)
    }

    fn park(&mut self, pid: String, generation: u64) {
        self.away.push_back((Instant::now(), pid, generation));
        self.sweep();
    }

    /// Ends those that are away for too long, or too many.
    fn sweep(&mut self) {
        let now = Instant::now();
        while let Some((since, pid, generation)) = self.away.front() {
            let is_away = is_away(self.entries.get(pid), *generation);
            let is_due = now.duration_since(*since) >= self.window;
            if is_away && !is_due && self.away.len() <= RECOVERABLES_AWAY {
                break;
            }
            let pid = pid.clone();
            self.away.pop_front();
            if is_away {
                self.end(&pid);
            }
        }
    }

    fn count(&self) {
        self.metrics
            .sockets_recoverable
            .set(self.entries.len() as i64);
        let away = self
            .entries
            .values()
            .filter(|entry| entry.session.is_none());
        let away = away.count();
        self.metrics.sockets_away.set(away as i64);
    }

    /// Tells storage what has changed, one after the other.
    fn save(&mut self) -> LocalBoxFuture<'static, Result<(), Unavailable>> {
        let Some(storage) = self.storage.clone() else {
            return std::future::ready(Ok(())).boxed_local();
        };
        let mut kept = Vec::new();
        let mut gone: Vec<String> = self.gone.drain().collect();
        for pid in self.changed.drain() {
            match self.entries.get(&pid).map(|entry| entry.held.record()) {
                Some(Some(record)) => kept.push(record),
                Some(None) => gone.push(pid),
                None => {}
            }
        }
        if kept.is_empty() && gone.is_empty() {
            return std::future::ready(Ok(())).boxed_local();
        }
        let saved = tokio::time::timeout(STORE_DEADLINE, storage.save(kept, gone));
        let late = |_| Err(Unavailable("no answer in time".to_owned()));
        saved
            .map(move |saved| saved.unwrap_or_else(late))
            .boxed_local()
    }

    fn save_changes(&mut self, ctx: &mut Context<Self>) {
        if self.is_saving || (self.changed.is_empty() && self.gone.is_empty()) {
            return;
        }
        let (changed, gone) = (self.changed.clone(), self.gone.clone());
        self.is_saving = true;
        let saving = self.save().into_actor(self);
        ctx.spawn(saving.map(move |saved, keeper, _| {
            keeper.is_saving = false;
            if let Err(error) = saved {
                log::debug!(
                    "recoverable sockets are not stored reason={:?}",
                    error.to_string()
                );
                keeper.metrics.storage_failures.inc();
                // Again at the next look, as far as they are still here.
                keeper.changed.extend(changed);
                keeper.gone.extend(gone);
            }
        }));
    }

    fn purge(&self, ctx: &mut Context<Self>) {
        let Some(storage) = &self.storage else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let before = now.unwrap_or_default().saturating_sub(RECOVERABLES_KEPT);
        let purged = storage.purge(before.as_millis() as u64).into_actor(self);
        ctx.spawn(purged.map(|purged, _, _| {
            if let Err(error) = purged {
                log::debug!(
                    "old recoverable sockets stay in storage reason={:?}",
                    error.to_string()
                );
            }
        }));
    }
}

fn is_away(entry: Option<&Entry>, generation: u64) -> bool {
    entry.is_some_and(|entry| entry.generation == generation && entry.session.is_none())
}

impl Actor for RecoveryKeeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(SAVE_INTERVAL, |keeper, ctx| keeper.save_changes(ctx));
        ctx.run_interval(SWEEP_INTERVAL, |keeper, _| {
            keeper.sweep();
            keeper.count();
        });
        ctx.run_interval(RECOVERABLES_PURGE, |keeper, ctx| keeper.purge(ctx));
    }
}

impl Handler<Take> for RecoveryKeeper {
    type Result = ResponseFuture<Option<Found>>;

    fn handle(&mut self, take: Take, _: &mut Self::Context) -> Self::Result {
        let generation = self.next_generation();
        if let Some(entry) = self.entries.get_mut(&take.pid) {
            if entry.held.principal != take.principal {
                return std::future::ready(None).boxed_local();
            }
            // The connection before is half-open, or loses to the newer one.
            if let Some(session) = entry.session.take() {
                session.do_send(Evict(entry.held.socket));
            }
            entry.generation = generation;
            let held = Arc::clone(&entry.held);
            held.journal.own(generation);
            let found = if held.journal.knows(take.offset) {
                self.park(take.pid, generation);
                Some(Found::Here(held, generation))
            } else {
                self.end(&take.pid);
                held.record().map(Found::Stored)
            };
            return std::future::ready(found).boxed_local();
        }
        let Some(storage) = &self.storage else {
            return std::future::ready(None).boxed_local();
        };
        let loaded = tokio::time::timeout(STORE_DEADLINE, storage.load(take.pid));
        Box::pin(async move {
            let stored = match loaded.await {
                Ok(Ok(stored)) => stored?,
                Ok(Err(error)) => {
                    log::debug!(
                        "a socket cannot be recovered reason={:?}",
                        error.to_string()
                    );
                    return None;
                }
                Err(_) => return None,
            };
            (stored.principal == take.principal).then_some(Found::Stored(stored))
        })
    }
}

impl Handler<Hold> for RecoveryKeeper {
    type Result = u64;

    fn handle(&mut self, Hold { held, session }: Hold, _: &mut Self::Context) -> u64 {
        let generation = self.next_generation();
        let pid = held.pid.clone();
        held.journal.own(generation);
        let entry = Entry {
            held,
            generation,
            session: Some(session),
        };
        let socket = entry.held.socket;
        if let Some(before) = self.entries.insert(pid, entry) {
            if let Some(session) = before.session {
                session.do_send(Evict(before.held.socket));
            }
            if before.held.socket != socket {
                for registry in &self.registries {
                    registry.do_send(SocketClosed(before.held.socket));
                }
            }
        }
        generation
    }
}

impl Handler<Changed> for RecoveryKeeper {
    type Result = ();

    fn handle(&mut self, Changed(pid): Changed, _: &mut Self::Context) {
        self.changed.insert(pid);
    }
}

impl Handler<Ended> for RecoveryKeeper {
    type Result = ();

    fn handle(&mut self, ended: Ended, _: &mut Self::Context) {
        let Some(entry) = self.entries.get_mut(&ended.pid) else {
            return;
        };
        if entry.generation != ended.generation {
            return;
        }
        entry.session = None;
        if ended.is_over {
            self.end(&ended.pid);
            self.gone.insert(ended.pid);
        } else {
            self.park(ended.pid, ended.generation);
        }
    }
}

impl Handler<Flush> for RecoveryKeeper {
    type Result = ResponseFuture<Result<usize, Unavailable>>;

    fn handle(&mut self, _: Flush, _: &mut Self::Context) -> Self::Result {
        let count = self.entries.len();
        self.save().map_ok(move |()| count).boxed_local()
    }
}
