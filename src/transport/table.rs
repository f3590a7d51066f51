//! Which session a `sid` names, and what its client may do with it now.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use actix::{Addr, WeakAddr};
use switchboard_actors::outbox::Outbox;
use switchboard_actors::session::Session;

/// Where a session's transport stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Polls and posts.
    Polling,
    /// Still polls, while a WebSocket is there that may want to take over.
    Probing,
    /// The WebSocket has proved to work: polls end at once, so that the client can move.
    Proven,
    /// A WebSocket.
    WebSocket,
}

/// A session as requests see it.
pub(super) struct Entry {
    sid: Box<str>,
    /// Its way out.
    pub(super) outbox: Arc<Outbox>,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Set right after the session has started. It lives by itself, and an address that keeps it takes more room.
    session: Option<WeakAddr<Session>>,
    polling: bool,
    posting: bool,
}

/// One of the two requests that a polling client may have under way; gives its place back when dropped.
pub(super) struct Turn {
    entry: Arc<Entry>,
    is_poll: bool,
}

impl Entry {
    pub(super) fn new(sid: String, outbox: Arc<Outbox>, phase: Phase) -> Arc<Self> {
        let state = State {
            phase,
            session: None,
            polling: false,
            posting: false,
        };
        Arc::new(Self {
            sid: sid.into(),
            outbox,
            state: Mutex::new(state),
        })
    }

    pub(super) fn set_session(&self, session: &Addr<Session>) {
        self.lock().session = Some(session.downgrade());
    }

    /// `None` before it has started, and once it is gone.
    pub(super) fn session(&self) -> Option<Addr<Session>> {
        self.lock().session.as_ref()?.upgrade()
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// A WebSocket may try to take over; `None` when one does already, or has.
    pub(super) fn begin_probe(self: &Arc<Self>) -> Option<Probe> {
        self.advance(Phase::Polling, Phase::Probing)
            .then(|| Probe(Arc::clone(self)))
    }

    /// Goes from one phase to the next; false when it is not in the first.
    fn advance(&self, from: Phase, to: Phase) -> bool {
        let mut state = self.lock();
        let is_there = state.phase == from;
        if is_there {
            state.phase = to;
        }
        is_there
    }

    /// Takes the poll's or the post's place; `None` while another request has it.
    pub(super) fn take_turn(self: &Arc<Self>, is_poll: bool) -> Option<Turn> {
        let mut state = self.lock();
        let taken = if is_poll {
            &mut state.polling
        } else {
            &mut state.posting
        };
        match std::mem::replace(taken, true) {
            true => None,
            false => Some(Turn {
                entry: Arc::clone(self),
                is_poll,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole after every statement.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A WebSocket's try to take over a polling session. Unless it completes, the session stays with polling.
pub(super) struct Probe(pub(super) Arc<Entry>);

impl Probe {
    /// The WebSocket has answered the probe.
    pub(super) fn proven(&self) {
        self.0.advance(Phase::Probing, Phase::Proven);
    }

    /// The session is the WebSocket's; false when it was not proven.
    pub(super) fn complete(&self) -> bool {
        self.0.advance(Phase::Proven, Phase::WebSocket)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if matches!(state.phase, Phase::Probing | Phase::Proven) {
            state.phase = Phase::Polling;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.entry.lock();
        let taken = if self.is_poll {
            &mut state.polling
        } else {
            &mut state.posting
        };
        *taken = false;
    }
}

/// All sessions of an endpoint.
#[derive(Clone, Default)]
pub(super) struct Table(Arc<Mutex<Sessions>>);

#[derive(Default)]
struct Sessions {
    by_sid: HashSet<BySid>,
    /// No session is added any more.
    closed: bool,
}

/// An entry that is found by its `sid`.
struct BySid(Arc<Entry>);

impl Borrow<str> for BySid {
    fn borrow(&self) -> &str {
        &self.0.sid
    }
}

impl PartialEq for BySid {
    fn eq(&self, other: &Self) -> bool {
        self.0.sid == other.0.sid
    }
}

impl Eq for BySid {}

impl Hash for BySid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.sid.hash(state);
    }
}

/// Removes the entry when the session that holds it ends.
pub(super) struct Lease {
    table: Table,
    entry: Arc<Entry>,
}

impl Table {
    /// Adds a session for as long as the lease lives; `None` when the table is closed.
    pub(super) fn insert(&self, entry: Arc<Entry>) -> Option<Lease> {
        let mut sessions = self.lock();
        if sessions.closed {
            return None;
        }
        sessions.by_sid.insert(BySid(Arc::clone(&entry)));
        Some(Lease {
            table: self.clone(),
            entry,
        })
    }

    pub(super) fn get(&self, sid: &str) -> Option<Arc<Entry>> {
        let sessions = self.lock();
        sessions.by_sid.get(sid).map(|found| Arc::clone(&found.0))
    }

    /// Takes no further session, so that nobody comes back to a server that stops, and returns all that are there.
    pub(super) fn close(&self) -> Vec<Addr<Session>> {
        let mut sessions = self.lock();
        sessions.closed = true;
        let entries = sessions.by_sid.iter();
        entries.filter_map(|entry| entry.0.session()).collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How many sessions are there.
    pub(super) fn len(&self) -> usize {
        self.lock().by_sid.len()
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.table.lock().by_sid.remove(&*self.entry.sid);
    }
}
