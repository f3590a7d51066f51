//! The RoomRegistry: every socket and every room, and the only one who knows that a room is empty.
//!
//! Hears the sessions (`SocketConnected`, `Join`, `Leave`, `SocketClosed`), who wants a room recorded whoever is in it
//! (`Record`, `StopRecording`), and the broker's state. Starts a Room on its first member or hold and lets it go after
//! the last one, telling the BrokerActor each time, never in between.
//! Tells every socket once when the broker goes or comes. Never waits for anybody.

mod held;
mod recorded;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use actix::prelude::*;
use switchboard_protocol::events;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::socketio::Namespace;
use tokio::sync::{oneshot, watch};
use tokio_stream::wrappers::WatchStream;

use crate::SocketId;
use crate::broker::{BrokerActor, BrokerStatus, Grant, Subscribe, Unsubscribe};
use crate::limits::ROOMS_PER_SOCKET;
use crate::metrics::Metrics;
use crate::outbox::WayOut;
use crate::recorder::Archive;
use crate::room::{AddMember, History, RemoveMember, Room, RoomAddr};
use table::{Leave as Left, Memberships};

pub use held::{GetSessionsOf, GetSocketsIn};
pub use recorded::{Record, StopRecording};

/// A socket has connected to the root namespace; it hears at once when the broker is away.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SocketConnected {
    /// The socket.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
}

/// A socket is gone, however it went. A second time changes nothing.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SocketClosed(pub SocketId);

/// A socket that may have it joins a room.
#[derive(Message)]
#[rtype(result = "Result<Joined, JoinRefused>")]
pub struct Join {
    /// The socket.
    pub socket: SocketId,
    /// The room.
    pub room: RoomId,
    /// The finals that it wants first. A socket that is a member already is sent none.
    pub history: Option<History>,
}

/// The socket is a member; whether the room's topics flow already.
#[derive(Debug)]
pub enum Joined {
    /// They do, or the broker is away and they will when it is back.
    Now,
    /// They do once this resolves; it fails when the room is given up first.
    Soon(oneshot::Receiver<Grant>),
}

/// Why a socket cannot join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefused {
    /// The socket's bound is met.
    #[error("a socket may be in {ROOMS_PER_SOCKET} rooms at most")]
    TooManyRooms,
    /// The socket is gone.
    #[error("the socket is closed")]
    Gone,
}

/// A socket leaves a room; it is no error to leave a room it is not in.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave {
    /// The socket.
    pub socket: SocketId,
    /// The room.
    pub room: RoomId,
}

/// Asks for [`Counts`].
#[derive(Message)]
#[rtype(result = "Counts")]
pub struct GetCounts;

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MessageResponse)]
pub struct Counts {
    /// Sockets connected to the root namespace.
    pub sockets: usize,
    /// Rooms with a member.
    pub rooms: usize,
    /// Memberships over all rooms.
    pub members: usize,
}

struct RoomEntry {
    address: RoomAddr,
    /// Tells this room from an earlier one of the same id.
    generation: u64,
    /// Members that wait for the broker's answer; `None` once there is one.
    waiting: Option<Vec<(SocketId, oneshot::Sender<Grant>)>>,
}

/// See the module's documentation.
pub struct RoomRegistry {
    memberships: Memberships<WayOut>,
    rooms: HashMap<RoomId, RoomEntry>,
    generation: u64,
    broker: Addr<BrokerActor>,
    status: watch::Receiver<BrokerStatus>,
    /// What the sockets have been told last.
    told: BrokerStatus,
    /// Threads that rooms are spread over; empty: all on this actor's own.
    threads: Vec<ArbiterHandle>,
    /// Where rooms keep their finals; none: in memory only.
    archive: Option<Archive>,
    metrics: Metrics,
}

impl RoomRegistry {
    /// A registry without sockets. Rooms run on `threads` in turn, or on the registry's own when there are none.
    pub fn new(
        broker: Addr<BrokerActor>,
        status: watch::Receiver<BrokerStatus>,
        threads: Vec<ArbiterHandle>,
        metrics: Metrics,
    ) -> Self {
        let told = *status.borrow();
        Self {
            memberships: Memberships::default(),
            rooms: HashMap::new(),
            generation: 0,
            broker,
            status,
            told,
            threads,
            archive: None,
            metrics,
        }
    }

    /// Has the finals of all rooms kept in `archive`.
    pub fn with_archive(mut self, archive: Archive) -> Self {
        self.archive = Some(archive);
        self
    }

    fn start_room(&self, id: &RoomId) -> RoomAddr {
        let room = Room::new(id.clone(), self.archive.clone(), self.metrics.clone());
        let turn = (self.generation as usize).checked_rem(self.threads.len());
        RoomAddr::start(room, turn.map(|turn| &self.threads[turn]))
    }

    /// Starts the room and has its topics subscribed.
    fn open_room(&mut self, id: RoomId, ctx: &mut Context<Self>) {
        self.generation += 1;
        log::debug!("room opened room={id}");
        let (generation, address) = (self.generation, self.start_room(&id));
        let (granted, answer) = oneshot::channel();
        self.broker.do_send(Subscribe {
            room: id.clone(),
            address: address.clone(),
            granted,
        });
        let room = id.clone();
        ctx.spawn(
            answer
                .into_actor(self)
                .map(move |grant, actor: &mut Self, _| {
                    // No answer at all: the broker actor has given the room up.
                    actor.answered(&room, generation, grant.unwrap_or(Grant::BrokerDown));
                }),
        );
        self.rooms.insert(
            id,
            RoomEntry {
                address,
                generation,
                waiting: Some(Vec::new()),
            },
        );
    }

    fn answered(&mut self, room: &RoomId, generation: u64, grant: Grant) {
        let Some(entry) = self
            .rooms
            .get_mut(room)
            .filter(|e| e.generation == generation)
        else {
            return;
        };
        for (socket, waiting) in entry.waiting.take().unwrap_or_default() {
            if grant == Grant::Refused {
                // Whose join fails is no member. So the room ends, and the next join asks the broker again.
                let left = self.memberships.leave(socket, room);
                self.leave(socket, room, left);
            }
            // Its session may have gone; then nobody waits.
            let _ = waiting.send(grant);
        }
        if grant == Grant::Refused && self.memberships.let_go(room) == Left::Last {
            self.close_room(room);
        }
        self.count();
    }

    fn leave(&mut self, socket: SocketId, room: &RoomId, left: Left) {
        match left {
            Left::NoMember => {}
            Left::Others => {
                if let Some(entry) = self.rooms.get_mut(room) {
                    entry.address.tell(RemoveMember(socket));
                    // Its joins must not be told of a grant when it is no member any more.
                    if let Some(waiting) = &mut entry.waiting {
                        waiting.retain(|(member, _)| *member != socket);
                    }
                }
            }
            Left::Last => {
                if let Some(entry) = self.rooms.get(room) {
                    entry.address.tell(RemoveMember(socket));
                }
                self.close_room(room);
            }
        }
    }

    fn close_room(&mut self, room: &RoomId) {
        self.rooms.remove(room);
        log::debug!("room closed room={room}");
        self.broker.do_send(Unsubscribe(room.clone()));
    }

    fn count(&self) {
        let (rooms, members) = self.memberships.counts();
        self.metrics.sockets.set(self.memberships.sockets() as i64);
        self.metrics.rooms.set(rooms as i64);
        self.metrics.members.set(members as i64);
        let held = self.memberships.held();
        self.metrics.rooms_recorded.set(held as i64);
    }
}

fn status_event(status: BrokerStatus) -> &'static str {
    match status {
        BrokerStatus::Up => events::BROKER_OK,
        BrokerStatus::Down => events::BROKER_KO,
    }
}

fn status_frame(status: BrokerStatus) -> Frame {
    Frame::event(&Namespace::root(), status_event(status), &[])
}

impl Actor for RoomRegistry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.add_stream(WatchStream::from_changes(self.status.clone()));
    }
}

impl StreamHandler<BrokerStatus> for RoomRegistry {
    fn handle(&mut self, status: BrokerStatus, _: &mut Self::Context) {
        // A change and back again that nobody saw is no news.
        if std::mem::replace(&mut self.told, status) == status {
            return;
        }
        let (event, frame) = (status_event(status), status_frame(status));
        log::info!(
            "sockets are told of the broker event={event} sockets={}",
            self.memberships.sockets()
        );
        for outbox in self.memberships.ways_out() {
            outbox.send(frame.clone());
        }
    }

    // The broker actor is gone; sockets are still served what they are due until the system stops.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<SocketConnected> for RoomRegistry {
    type Result = ();

    fn handle(&mut self, connected: SocketConnected, _: &mut Self::Context) {
        let SocketConnected { socket, outbox } = connected;
        if self.told == BrokerStatus::Down {
            outbox.send(status_frame(BrokerStatus::Down));
        }
        self.memberships.open(socket, outbox);
        self.count();
    }
}

impl Handler<SocketClosed> for RoomRegistry {
    type Result = ();

    fn handle(&mut self, SocketClosed(socket): SocketClosed, _: &mut Self::Context) {
        for (room, left) in self.memberships.close(socket) {
            self.leave(socket, &room, left);
        }
        self.count();
    }
}

impl Handler<Join> for RoomRegistry {
    type Result = Result<Joined, JoinRefused>;

    fn handle(&mut self, join: Join, ctx: &mut Self::Context) -> Self::Result {
        let Join {
            socket,
            room,
            history,
        } = join;
        let joined = self.memberships.join(socket, &room);
        match joined {
            table::Join::Gone => return Err(JoinRefused::Gone),
            table::Join::TooManyRooms => return Err(JoinRefused::TooManyRooms),
            table::Join::First => self.open_room(room.clone(), ctx),
            table::Join::Further | table::Join::Already => {}
        }
        self.count();
        let entry = self
            .rooms
            .get_mut(&room)
            .expect("a room with a member has an entry");
        if joined == table::Join::Already {
            if let Some(history) = history {
                history.pass_over();
            }
        } else if let Some(outbox) = self.memberships.way_out(socket) {
            entry.address.tell(AddMember {
                socket,
                outbox: outbox.clone(),
                history,
            });
        }
        let Some(waiting) = &mut entry.waiting else {
            return Ok(Joined::Now);
        };
        let (sender, receiver) = oneshot::channel();
        waiting.push((socket, sender));
        Ok(Joined::Soon(receiver))
    }
}

impl Handler<Leave> for RoomRegistry {
    type Result = ();

    fn handle(&mut self, Leave { socket, room }: Leave, _: &mut Self::Context) {
        let left = self.memberships.leave(socket, &room);
        self.leave(socket, &room, left);
        self.count();
    }
}

impl Handler<GetCounts> for RoomRegistry {
    type Result = Counts;

    fn handle(&mut self, _: GetCounts, _: &mut Self::Context) -> Counts {
        let (rooms, members) = self.memberships.counts();
        Counts {
            sockets: self.memberships.sockets(),
            rooms,
            members,
        }
    }
}
