//! One room: the sockets that see one channel of a session, the fan-out to them, and the last finals.
//!
//! Owned by the RoomRegistry, which alone decides who is a member. A publication is checked and encoded
//! once, then handed to every member's outbox; finals also go to the Recorder. A member that wants a history gets
//! it from memory, else from storage, and then all that was published meanwhile. Nobody else ever waits for that.

mod fan_out;
mod fetch;
mod history;
mod recent;
mod seam;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use smallvec::SmallVec;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::json;
use switchboard_protocol::socketio::Namespace;
use switchboard_protocol::topics::CaptionKind;
use tokio::sync::OwnedSemaphorePermit;

use tokio::time::Instant;

use crate::SocketId;
use crate::limits::MEMORY_SETTLED;
use crate::metrics::{Metrics, Reason};
use crate::outbox::{Note, WayOut};
use crate::packets;
use crate::ports::{Final, Unavailable};
use crate::recorder::{Archive, Keep};
use crate::stamp;
use fan_out::FanOut;
use history::{Fetch, Fetched, Fetches, Pending, Reach};
use recent::{Entry, Recent};

pub use history::{History, Replayed, Wanted};

/// One message of the broker for one room.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Which of the room's topics it came by.
    pub kind: CaptionKind,
    /// The payload as the publisher sent it.
    pub payload: Bytes,
}

/// Some of them; one alone, as most come, needs no memory of its own.
pub type Publications = SmallVec<[Publication; 1]>;

/// Publications for this room, in the broker's order.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// What arrived.
    pub publications: Publications,
    /// When the link had read the first of their batch.
    pub received: Instant,
    /// Lets the link read on once every room of the batch has dealt with it.
    pub credit: Option<Arc<OwnedSemaphorePermit>>,
}

/// Makes a socket a member; a second time changes nothing.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AddMember {
    /// Whose socket it is.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
    /// The finals that it wants first.
    pub history: Option<History>,
}

/// Ends a membership; unknown sockets are ignored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RemoveMember(pub SocketId);

/// See the module's documentation.
pub struct Room {
    id: RoomId,
    /// Tells it from all other rooms.
    number: u64,
    /// Outboxes side by side, so that the fan-out walks through memory in order.
    outboxes: Vec<(SocketId, WayOut)>,
    /// Where each member stands in `outboxes`.
    positions: HashMap<SocketId, usize>,
    /// The last finals, whoever was here to see them.
    recent: Recent,
    /// The digest of the last of them; 0 before the first.
    last_final: u32,
    /// Members that wait for storage; they are not in `outboxes` yet.
    fetches: Fetches,
    /// Numbers the fetches.
    fetched: u64,
    /// Where finals are kept; none: in memory only.
    archive: Option<Archive>,
    /// When the room began.
    opened: Instant,
    namespace: Namespace,
    metrics: Metrics,
    /// A publisher's broken payloads are logged once for each room, and counted always.
    warned: bool,
}

impl Room {
    /// A room without members, whose finals are kept in `archive`.
    pub fn new(id: RoomId, archive: Option<Archive>, metrics: Metrics) -> Self {
        Self {
            id,
            number: stamp::next(),
            outboxes: Vec::new(),
            positions: HashMap::new(),
            recent: Recent::default(),
            last_final: 0,
            fetches: Fetches::default(),
            fetched: 0,
            archive,
            opened: Instant::now(),
            namespace: Namespace::root(),
            metrics,
            warned: false,
        }
    }

    /// Checks that the payload is JSON and encodes it, untouched, as an event; `None` drops it.
    fn encode(&mut self, publication: &Publication) -> Option<Frame> {
        if json::validate(&publication.payload).is_err() {
            self.metrics
                .publications_dropped
                .get_or_create(&Reason { reason: "not_json" })
                .inc();
            if !std::mem::replace(&mut self.warned, true) {
                log::warn!(
                    "a publication is not JSON, such ones are dropped and counted room={} event={} bytes={}",
                    self.id,
                    publication.kind.event_name(),
                    publication.payload.len()
                );
            }
            return None;
        }
        Some(Frame::event(
            &self.namespace,
            publication.kind.event_name(),
            &[&publication.payload],
        ))
    }

    /// Encodes what can be delivered, and remembers its finals.
    fn take(&mut self, deliver: Deliver) -> FanOut {
        let mut taken = FanOut::new(&deliver);
        for publication in deliver.publications {
            let Some(frame) = self.encode(&publication) else {
                continue;
            };
            let mut stamp = stamp::next();
            if publication.kind == CaptionKind::Final {
                let length = publication.payload.len();
                let known = self.recent.push(frame.clone(), length, stamp);
                stamp = known.0.number;
                self.last_final = known.0.digest();
                if self.archive.is_some() {
                    taken.finals.push(known);
                }
            }
            taken.frames.push(frame);
            taken.notes.push(Note {
                stamp,
                last_final: self.last_final,
                is_partial: publication.kind.is_partial(),
            });
        }
        taken
    }

    /// Counts a batch once, however many sockets it went to.
    fn count_delivered(&self, frames: &[Frame], received: Instant) {
        let members = self.outboxes.len() as u64;
        let bytes: usize = frames.iter().map(Frame::len).sum();
        self.metrics
            .deliveries
            .inc_by(frames.len() as u64 * members);
        self.metrics.delivered_bytes.inc_by(bytes as u64 * members);
        if members > 0 && !frames.is_empty() {
            let took = received.elapsed();
            self.metrics.delivery_latency_seconds.observe(took);
        }
        packets::delivered(&self.id, frames, members);
    }

    fn add(&mut self, socket: SocketId, outbox: WayOut) {
        self.positions.insert(socket, self.outboxes.len());
        self.outboxes.push((socket, outbox));
    }

    /// Serves the members, as many in a turn as is fair to others. No message is handled in between: who joins or leaves
    /// meanwhile does so after this batch, as it was asked after it.
    fn fan_out(&mut self, mut fan_out: FanOut, ctx: &mut Context<Self>) {
        if fan_out.turn(self.number, &self.outboxes) {
            return self.fanned_out(fan_out);
        }
        // Not `notify`: only this lets the thread look for arrivals on its sockets before it comes back here.
        let others = tokio::task::yield_now().into_actor(self);
        ctx.wait(others.map(|(), actor, ctx| actor.fan_out(fan_out, ctx)));
    }

    /// Every member has been served: what is left are those that wait for storage, and storage itself.
    fn fanned_out(&mut self, fan_out: FanOut) {
        let FanOut {
            frames,
            finals,
            credit,
            received,
            ..
        } = fan_out;
        self.count_delivered(&frames, received);
        if !self.fetches.is_empty() {
            let entries: Vec<Entry> = finals.iter().map(|(entry, _)| entry.clone()).collect();
            for pending in self.fetches.hold(&frames, &entries) {
                // Nothing more can be held: it goes on live, with what memory has.
                self.release(pending, None, "incomplete");
            }
        }
        if let Some(archive) = &self.archive
            && !finals.is_empty()
        {
            let finals = finals.into_iter().map(|(entry, occurrence)| Final {
                room: self.id.clone(),
                number: entry.number,
                occurrence,
                payload: entry.payload,
            });
            archive.recorder.do_send(Keep {
                finals: finals.collect(),
                credit,
            });
        }
    }

    /// Sends a member its history and makes it one like all others.
    fn release(&mut self, pending: Pending, fetched: Option<&Fetched>, source: &'static str) {
        let (socket, outbox) = pending.release(fetched);
        self.add(socket, outbox);
        let source = Reason { reason: source };
        self.metrics.history_replays.get_or_create(&source).inc();
    }

    /// Has a joining member wait for what storage knows.
    fn ask_storage(
        &mut self,
        archive: Archive,
        pending: Pending,
        wanted: Wanted,
        ctx: &mut Context<Self>,
    ) {
        let reach = Reach::from(wanted);
        let evictions = self.recent.evictions();
        if let Some(fetch) = self.fetches.shared(evictions, reach) {
            return fetch.pending.push(pending);
        }
        self.fetched += 1;
        let id = self.fetched;
        let first = self.recent.first_number(stamp::next());
        // Before that, another switchboard may not have stored yet what was published before this room began. Who comes
        // back to its room waits for it, so that it misses nothing; who wants to see something at once does not.
        let unsettled = MEMORY_SETTLED.saturating_sub(self.opened.elapsed());
        let (is_settled, pause) = match wanted {
            Wanted::Last(_) => (unsettled.is_zero(), Duration::ZERO),
            Wanted::After(_) => (true, unsettled),
        };
        let answer = fetch::fetch(archive, self.id.clone(), first, reach, pause);
        let answered = answer.into_actor(self).map(move |answer, actor, _| {
            actor.answered(id, answer, is_settled);
        });
        let fetch = Fetch {
            id,
            evictions,
            wanted: reach,
            handle: ctx.spawn(answered),
            pending: vec![pending],
        };
        self.fetches.start(fetch);
    }

    fn answered(&mut self, id: u64, answer: Result<Fetched, Unavailable>, is_settled: bool) {
        let Some(fetch) = self.fetches.take(id) else {
            return;
        };
        let (fetched, source) = match answer {
            Ok(fetched) => (Some(fetched), "storage"),
            Err(error) => {
                // Storage away is the Recorder's news; here it would be told once a join.
                log::debug!(
                    "no history from storage room={} reason={:?}",
                    self.id,
                    error.to_string()
                );
                (None, "incomplete")
            }
        };
        for pending in fetch.pending {
            self.release(pending, fetched.as_ref(), source);
        }
        // Memory that nothing was dropped from can take in what comes before it: the next joins need not ask.
        if let Some(fetched) = fetched
            && is_settled
            && fetch.evictions == self.recent.evictions()
        {
            let memory: Vec<Entry> = self.recent.finals().iter().cloned().collect();
            let older = seam::missing(&fetched.finals, &memory);
            self.recent.extend_back(&older, fetched.is_all);
        }
    }
}

impl Actor for Room {
    type Context = Context<Self>;
}

impl Handler<Deliver> for Room {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, ctx: &mut Self::Context) {
        let fan_out = self.take(deliver);
        self.fan_out(fan_out, ctx);
    }
}

impl Handler<AddMember> for Room {
    type Result = ();

    fn handle(&mut self, member: AddMember, ctx: &mut Self::Context) {
        let AddMember {
            socket,
            outbox,
            history,
        } = member;
        if self.positions.contains_key(&socket) || self.fetches.has(socket) {
            return;
        }
        let Some(history) = history else {
            return self.add(socket, outbox);
        };
        let wanted = history.wanted;
        let finals = self.recent.finals();
        let (count, suffices) = match wanted {
            Wanted::Last(wanted) => {
                let wanted = usize::from(wanted);
                (wanted, self.recent.suffices(wanted))
            }
            Wanted::After(offset) => (finals.len(), self.recent.reaches(offset.stamp)),
        };
        let recent = finals.range(finals.len().saturating_sub(count)..);
        let pending = Pending::new(socket, outbox, history, recent);
        match &self.archive {
            Some(archive) if !suffices => {
                self.ask_storage(archive.clone(), pending, wanted, ctx);
            }
            _ => {
                let nothing_older = Fetched {
                    finals: Vec::new(),
                    is_all: suffices,
                };
                self.release(pending, Some(&nothing_older), "memory");
            }
        }
    }
}

impl Handler<RemoveMember> for Room {
    type Result = ();

    fn handle(&mut self, RemoveMember(socket): RemoveMember, ctx: &mut Self::Context) {
        for unwanted in self.fetches.remove(socket) {
            ctx.cancel_future(unwanted);
        }
        let Some(position) = self.positions.remove(&socket) else {
            return;
        };
        self.outboxes.swap_remove(position);
        if let Some((moved, _)) = self.outboxes.get(position) {
            self.positions.insert(*moved, position);
        }
    }
}
