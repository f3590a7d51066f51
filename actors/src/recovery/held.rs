//! A recoverable socket, whichever connection it has.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use switchboard_protocol::ids::RoomId;

use crate::SocketId;
use crate::outbox::Journal;
use crate::ports::{Action, Principal, Recoverable};
use crate::service::ConnectRequest;

/// What stays of a socket while its client is away.
pub struct Held {
    /// Its client alone knows it.
    pub pid: String,
    /// What everybody may know.
    pub sid: String,
    /// What the actors know it by.
    pub socket: SocketId,
    /// What it was sent.
    pub journal: Arc<Journal>,
    /// Who holds it.
    pub(super) principal: String,
    interests: Mutex<Interests>,
}

#[derive(Default)]
struct Interests {
    rooms: BTreeSet<RoomId>,
    /// What it follows of organizations, as what was asked for it.
    follows: Vec<Action>,
}

/// Names a principal, so that the same one is known again.
pub(super) fn key(principal: &Principal) -> String {
    match principal {
        Principal::User { id, .. } => format!("user:{id}"),
        Principal::Guest { session, .. } => format!("guest:{session}"),
        Principal::Anonymous => "anonymous".to_owned(),
    }
}

impl Held {
    /// The new socket of a CONNECT.
    pub(super) fn new(request: &ConnectRequest, pid: String, who: &Principal) -> Arc<Self> {
        let socket = Recoverable {
            pid,
            sid: crate::random_id(),
            principal: key(who),
            rooms: Vec::new(),
            is_watching: false,
        };
        Self::restored(request, socket)
    }

    /// A socket that storage remembers, in its rooms again as soon as it has begun.
    pub(super) fn restored(request: &ConnectRequest, stored: Recoverable) -> Arc<Self> {
        Arc::new(Self {
            pid: stored.pid,
            sid: stored.sid,
            socket: request.socket.id,
            journal: Journal::new(),
            principal: stored.principal,
            interests: Mutex::new(Interests {
                rooms: stored.rooms.into_iter().collect(),
                follows: Vec::new(),
            }),
        })
    }

    /// The rooms that it is in.
    pub(super) fn rooms(&self) -> Vec<RoomId> {
        self.lock().rooms.iter().cloned().collect()
    }

    /// What it must be allowed to do, to be sent what it missed.
    pub(super) fn actions(&self) -> Vec<Action> {
        let interests = self.lock();
        let rooms = interests.rooms.iter().map(RoomId::session);
        let rooms = rooms.map(Action::JoinSession);
        rooms.chain(interests.follows.iter().cloned()).collect()
    }

    /// As storage is to remember it; `None` when there is nothing to come back to.
    pub(super) fn record(&self) -> Option<Recoverable> {
        let interests = self.lock();
        (!interests.rooms.is_empty()).then(|| Recoverable {
            pid: self.pid.clone(),
            sid: self.sid.clone(),
            principal: self.principal.clone(),
            rooms: interests.rooms.iter().cloned().collect(),
            is_watching: !interests.follows.is_empty(),
        })
    }

    /// Notes a room; says whether that is news.
    pub(super) fn join(&self, room: RoomId) -> bool {
        self.lock().rooms.insert(room)
    }

    pub(super) fn leave(&self, room: &RoomId) -> bool {
        self.lock().rooms.remove(room)
    }

    pub(super) fn follow(&self, action: Action) -> bool {
        let follows = &mut self.lock().follows;
        let is_new = !follows.contains(&action);
        if is_new {
            follows.push(action);
        }
        is_new
    }

    pub(super) fn unfollow(&self, action: &Action) -> bool {
        let follows = &mut self.lock().follows;
        let before = follows.len();
        follows.retain(|followed| followed != action);
        follows.len() != before
    }

    fn lock(&self) -> MutexGuard<'_, Interests> {
        // Whole after every statement.
        self.interests
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
