//! How others reach a room: by its mailbox, and publications that find it idle on their own thread by a call.
//!
//! Of 10,000 rooms, none of a room's mailbox, task and queue is in the processor's cache when its publication comes; a
//! call needs none of them. The order stays that in which the room was told: a call is made only when nothing waits in the mailbox.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{self, ThreadId};

use actix::WeakAddr;
use actix::prelude::*;

use super::arrival::Arrival;
use super::state::State;
use super::{Deliver, Publications, Room};

/// See the module's documentation.
#[derive(Clone)]
pub struct RoomAddr {
    mailbox: Addr<Room>,
    shared: Arc<Shared>,
}

/// What a room's actor and its addresses share.
#[repr(C)]
pub(super) struct Shared {
    /// Messages that the actor has been sent and has not dealt with.
    waiting: AtomicUsize,
    /// Where the actor runs, once it does.
    thread: OnceLock<ThreadId>,
    /// Never waited for: only the room's own thread takes it.
    state: Mutex<State>,
}

/// A message that counts as waiting until the room has dealt with it, or is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Queued<M> {
    pub(super) message: M,
    pub(super) place: Place,
}

/// One of those that wait.
pub(super) struct Place(Arc<Shared>);

impl RoomAddr {
    /// Starts a room on `thread`, or on this one.
    pub fn start(room: Room, thread: Option<&ArbiterHandle>) -> Self {
        let shared = Arc::clone(&room.shared);
        let mailbox = match thread {
            Some(thread) => Room::start_in_arbiter(thread, move |_| room),
            None => room.start(),
        };
        Self { mailbox, shared }
    }

    /// Tells the room; in the order of what it is told, and never waiting.
    pub fn tell<M>(&self, message: M)
    where
        M: Send + 'static,
        Room: Handler<Queued<M>>,
    {
        self.mailbox.do_send(self.queued(message));
    }

    /// The same, and resolves once the room has dealt with it.
    pub fn ask<M>(&self, message: M) -> Request<Room, Queued<M>>
    where
        M: Send + 'static,
        Room: Handler<Queued<M>>,
    {
        self.mailbox.send(self.queued(message))
    }

    /// Has publications of `arrival` delivered: at once where the room is idle on this thread and few enough writes do it, else as
    /// [`tell`](Self::tell) does.
    pub fn deliver(&self, publications: Publications, arrival: &mut Arrival) {
        if self.shared.is_idle_here() {
            let mut state = self.shared.lock();
            let writes = state.writes(publications.len());
            if writes <= arrival.writes {
                arrival.writes -= writes;
                let deliver = || {
                    let mut fan_out = state.take(publications, arrival.received);
                    state.turn(&mut fan_out);
                    state.fanned_out(fan_out, || arrival.credit());
                };
                // A fault of this room is none of the link's, nor of the other rooms.
                if panic::catch_unwind(AssertUnwindSafe(deliver)).is_err() {
                    state.failed();
                }
                return;
            }
        }
        self.tell(Deliver {
            publications,
            received: arrival.received,
            credit: arrival.credit(),
        });
    }

    /// The actor, without keeping it alive.
    pub fn downgrade(&self) -> WeakAddr<Room> {
        self.mailbox.downgrade()
    }

    fn queued<M>(&self, message: M) -> Queued<M> {
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&self.shared));
        Queued { message, place }
    }
}

impl Shared {
    pub(super) fn new(state: State) -> Arc<Self> {
        Arc::new(Self {
            thread: OnceLock::new(),
            waiting: AtomicUsize::new(0),
            state: Mutex::new(state),
        })
    }

    /// The actor begins, on this thread.
    pub(super) fn started_here(&self) {
        // It starts once.
        let _ = self.thread.set(thread::current().id());
    }

    /// Whether the actor runs on this thread and has dealt with all that it was told.
    fn is_idle_here(&self) -> bool {
        let nothing_waits = self.waiting.load(Ordering::Acquire) == 0;
        nothing_waits && self.thread.get() == Some(&thread::current().id())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not spoil it.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Release);
    }
}
