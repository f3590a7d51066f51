//! What a room knows of its members and its finals, and what becomes of a publication.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use smallvec::SmallVec;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::json;
use switchboard_protocol::socketio::Namespace;
use switchboard_protocol::topics::CaptionKind;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::fan_out::{FanOut, writes_each};
use super::history::{Fetch, Fetched, Fetches, Pending, Reach, Wanted};
use super::recent::{Entry, Recent};
use super::{AddMember, Publication, Publications, Room, fetch, seam};
use crate::SocketId;
use crate::limits::MEMORY_SETTLED;
use crate::metrics::{Metrics, Reason};
use crate::outbox::{Note, WayOut};
use crate::packets;
use crate::ports::{Final, Unavailable};
use crate::recorder::{Archive, Keep};
use crate::stamp;

/// See the module's documentation. What each publication looks at comes first and lies together: of 10,000 rooms it is in no
/// cache of the processor.
#[repr(C)]
pub(super) struct State {
    /// Outboxes side by side, so that the fan-out walks through memory in order; where there is one, in none of its own.
    outboxes: SmallVec<[(SocketId, WayOut); 1]>,
    /// Members that wait for storage; they are not in `outboxes` yet.
    fetches: Fetches,
    metrics: Metrics,
    namespace: Namespace,
    /// Tells it from all other rooms.
    number: u64,
    /// The digest of the last of `recent`; 0 before the first.
    last_final: u32,
    /// A publisher's broken payloads are logged once for each room, and counted always.
    warned: bool,
    /// Where finals are kept; none: in memory only.
    archive: Option<Archive>,
    /// The last finals, whoever was here to see them.
    recent: Recent,
    id: RoomId,
    /// Where each member stands in `outboxes`.
    positions: HashMap<SocketId, usize>,
    /// Numbers the fetches.
    fetched: u64,
    /// When the room began.
    opened: Instant,
}

impl State {
    /// Of a room without members.
    pub(super) fn new(id: RoomId, archive: Option<Archive>, metrics: Metrics) -> Self {
        Self {
            id,
            number: stamp::next(),
            outboxes: SmallVec::new(),
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

    /// Writes that so many publications take.
    pub(super) fn writes(&self, publications: usize) -> usize {
        self.outboxes.len() * writes_each(publications)
    }

    /// Checks that the payload is JSON and encodes it, untouched, as an event; `None` drops it.
    fn encode(&mut self, publication: &Publication) -> Option<Frame> {
        if json::validate(&publication.payload).is_err() {
            self.metrics.drop_publication("not_json");
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
    pub(super) fn take(&mut self, publications: Publications, received: Instant) -> FanOut {
        let mut taken = FanOut::new(publications.len(), received);
        for publication in publications {
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

    /// Serves the members of one turn; says whether that were the last ones.
    pub(super) fn turn(&self, fan_out: &mut FanOut) -> bool {
        fan_out.turn(self.number, &self.outboxes)
    }

    /// Delivering has ended in a panic, which the log has.
    pub(super) fn failed(&self) {
        log::error!(
            "a publication has reached no more than a part of its room, because of a fault room={}",
            self.id
        );
        self.metrics.drop_publication("fault");
    }

    /// Every member has been served: what is left are those that wait for storage, and storage itself, which holds
    /// the batch's credit until the finals are in its bounded queue.
    pub(super) fn fanned_out(
        &mut self,
        fan_out: FanOut,
        credit: impl FnOnce() -> Option<Arc<OwnedSemaphorePermit>>,
    ) {
        let FanOut {
            frames,
            finals,
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
                credit: credit(),
            });
        }
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

    /// See [`AddMember`].
    pub(super) fn add_member(&mut self, member: AddMember, ctx: &mut Context<Room>) {
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

    /// See [`RemoveMember`](super::RemoveMember).
    pub(super) fn remove_member(&mut self, socket: SocketId, ctx: &mut Context<Room>) {
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

    fn add(&mut self, socket: SocketId, outbox: WayOut) {
        self.positions.insert(socket, self.outboxes.len());
        self.outboxes.push((socket, outbox));
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
        ctx: &mut Context<Room>,
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
        let answered = wrap_future(answer).map(move |answer, room: &mut Room, _| {
            room.state().answered(id, answer, is_settled);
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

    /// Storage has answered, or failed to: whoever waits for it goes on.
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
