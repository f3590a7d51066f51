//! A recoverable socket in the hands of one connection.

use std::cell::Cell;
use std::sync::Arc;

use actix::Addr;
use serde_json::json;
use switchboard_protocol::events;
use switchboard_protocol::ids::RoomId;
use tokio::sync::oneshot;

use super::Held;
use super::keeper::{Changed, Ended, RecoveryKeeper};
use crate::outbox::{NotResumed, Offset, Outbox, WayOut};
use crate::ports::Action;
use crate::registry::{Join, RoomRegistry, SocketConnected};
use crate::room::{History, Replayed, Wanted};
use crate::service::{ConnectRequest, Ending, Socket};
use crate::stamp;

/// How the socket begins at its connection.
pub(super) enum Start {
    /// Anew.
    New,
    /// Where its client left it, after this event.
    Here(Option<Offset>),
    /// In its rooms as storage remembers them, with the finals since then.
    Stored(Offset),
    /// Anew; its client is told what it misses of these rooms since then.
    Gaps(Vec<RoomId>, Offset),
}

/// See the module's documentation. The latest lease of a socket counts; what earlier ones say is ignored.
pub struct Lease {
    held: Arc<Held>,
    generation: u64,
    start: Cell<Option<Start>>,
    /// The connection's.
    outbox: Arc<Outbox>,
    /// How the socket is reached.
    socket: Socket,
    keeper: Addr<RecoveryKeeper>,
}

impl Lease {
    pub(super) fn new(
        held: Arc<Held>,
        generation: u64,
        start: Start,
        request: &ConnectRequest,
        keeper: Addr<RecoveryKeeper>,
    ) -> Self {
        let socket = Socket {
            id: held.socket,
            namespace: request.socket.namespace.clone(),
            outbox: WayOut::Recoverable(Arc::clone(&held.journal)),
        };
        Self {
            held,
            generation,
            start: Cell::new(Some(start)),
            outbox: Arc::clone(&request.outbox),
            socket,
            keeper,
        }
    }

    /// The socket, reached by its journal.
    pub fn socket(&self) -> Socket {
        self.socket.clone()
    }

    /// Its public and its private id.
    pub fn ids(&self) -> (&str, &str) {
        (&self.held.sid, &self.held.pid)
    }

    /// The CONNECT has been answered: what was missed goes out, then the live flow.
    pub fn begin(&self, rooms: &Addr<RoomRegistry>) {
        let Some(start) = self.start.take() else {
            return;
        };
        if let Start::Here(offset) = start {
            return self.resume(offset);
        }
        if !self.attach() {
            return;
        }
        rooms.do_send(SocketConnected {
            socket: self.socket.id,
            outbox: self.socket.outbox.clone(),
        });
        match start {
            Start::Stored(since) => self.rejoin(rooms, since),
            Start::Gaps(missed, since) => self.tell_gaps(&missed, since.stamp),
            Start::New | Start::Here(_) => {}
        }
    }

    /// Says whether no newer connection has the socket.
    fn attach(&self) -> bool {
        let outbox = Arc::clone(&self.outbox);
        self.held.journal.attach(self.generation, outbox)
    }

    fn resume(&self, offset: Option<Offset>) {
        let outbox = Arc::clone(&self.outbox);
        let resumed = self.held.journal.resume(self.generation, offset, outbox);
        // So much came since it was found that its beginning was forgotten.
        if resumed == Err(NotResumed::Forgotten) && self.attach() {
            let since = offset.map_or(0, |offset| offset.stamp);
            self.tell_gaps(&self.held.rooms(), since);
        }
    }

    fn tell_gaps(&self, rooms: &[RoomId], since: u64) {
        let now = stamp::next();
        rooms
            .iter()
            .for_each(|room| gap(&self.socket, room, since, now));
    }

    /// Joins the rooms before the client can: who is a member already gets no history.
    fn rejoin(&self, rooms: &Addr<RoomRegistry>, since: Offset) {
        for room in self.held.rooms() {
            let (replayed, answer) = oneshot::channel();
            rooms.do_send(Join {
                socket: self.socket.id,
                room: room.clone(),
                history: Some(History {
                    wanted: Wanted::After(since),
                    replayed,
                }),
            });
            let socket = self.socket.clone();
            actix::spawn(async move {
                match answer.await {
                    Ok(Replayed {
                        is_incomplete: false,
                        ..
                    }) => {}
                    Ok(Replayed { first, .. }) => {
                        let to = first.unwrap_or_else(stamp::next);
                        gap(&socket, &room, since.stamp, to);
                    }
                    // The room was left, or the socket is gone.
                    Err(_) => {}
                }
            });
        }
        self.keeper.do_send(Changed(self.held.pid.clone()));
    }

    /// The socket is in a room.
    pub fn joined(&self, room: RoomId) {
        self.changed(self.held.join(room));
    }

    /// It is no more.
    pub fn left(&self, room: &RoomId) {
        self.changed(self.held.leave(room));
    }

    /// The socket follows what this was asked for.
    pub fn follows(&self, action: Action) {
        self.changed(self.held.follow(action));
    }

    /// It does no more.
    pub fn unfollows(&self, action: &Action) {
        self.changed(self.held.unfollow(action));
    }

    fn changed(&self, is_news: bool) {
        if is_news {
            self.keeper.do_send(Changed(self.held.pid.clone()));
        }
    }

    /// The connection has ended.
    pub fn end(&self, ending: Ending) {
        self.held.journal.leave(&self.outbox);
        self.keeper.do_send(Ended {
            pid: self.held.pid.clone(),
            generation: self.generation,
            is_over: ending == Ending::Over,
        });
    }
}

/// Tells a client what it misses: the finals of `room` between two moments, in milliseconds since the epoch.
fn gap(socket: &Socket, room: &RoomId, from: u64, to: u64) {
    let gap = json!({ "room": room.as_str(), "from": from / 1_000, "to": to.div_ceil(1_000) });
    socket.emit(events::GAP, &[gap.to_string().as_bytes()]);
}
