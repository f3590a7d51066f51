//! One room: the sockets that see one channel of a session, and the fan-out to them.
//!
//! Owned by the RoomRegistry, which alone decides who is a member. A publication is checked and encoded
//! once, then handed to every member's outbox. Never asks anything, never waits.

use std::collections::HashMap;
use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::json;
use switchboard_protocol::socketio::Namespace;
use switchboard_protocol::topics::CaptionKind;
use tokio::sync::OwnedSemaphorePermit;

use crate::SocketId;
use crate::limits::SLICES_PER_WRITE;
use crate::metrics::{Metrics, Reason};
use crate::outbox::{Batch, Outbox};

/// One message of the broker for one room.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Which of the room's topics it came by.
    pub kind: CaptionKind,
    /// The payload as the publisher sent it.
    pub payload: Bytes,
}

/// Publications for this room, in the broker's order.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// What arrived.
    pub publications: Vec<Publication>,
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
    pub outbox: Arc<Outbox>,
}

/// Ends a membership; unknown sockets are ignored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RemoveMember(pub SocketId);

/// See the module's documentation.
pub struct Room {
    /// For log lines.
    id: RoomId,
    /// Outboxes side by side, so that the fan-out walks through memory in order.
    outboxes: Vec<(SocketId, Arc<Outbox>)>,
    /// Where each member stands in `outboxes`.
    positions: HashMap<SocketId, usize>,
    namespace: Namespace,
    metrics: Metrics,
    /// A publisher's broken payloads are logged once for each room, and counted always.
    warned: bool,
}

impl Room {
    /// A room without members.
    pub fn new(id: RoomId, metrics: Metrics) -> Self {
        Self {
            id,
            outboxes: Vec::new(),
            positions: HashMap::new(),
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
                    "room {}: a publication on {:?} is not JSON ({} bytes); such ones are dropped and counted",
                    self.id,
                    publication.kind,
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
}

impl Actor for Room {
    type Context = Context<Self>;
}

impl Handler<Deliver> for Room {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, _: &mut Self::Context) {
        let frames: Vec<Frame> = deliver
            .publications
            .iter()
            .filter_map(|p| self.encode(p))
            .collect();
        for chunk in frames.chunks(SLICES_PER_WRITE) {
            let batch = Batch::new(chunk);
            for (_, outbox) in &self.outboxes {
                outbox.send_batch(&batch);
            }
        }
        self.metrics
            .deliveries
            .inc_by((frames.len() * self.outboxes.len()) as u64);
    }
}

impl Handler<AddMember> for Room {
    type Result = ();

    fn handle(&mut self, AddMember { socket, outbox }: AddMember, _: &mut Self::Context) {
        if self.positions.contains_key(&socket) {
            return;
        }
        self.positions.insert(socket, self.outboxes.len());
        self.outboxes.push((socket, outbox));
    }
}

impl Handler<RemoveMember> for Room {
    type Result = ();

    fn handle(&mut self, RemoveMember(socket): RemoveMember, _: &mut Self::Context) {
        let Some(position) = self.positions.remove(&socket) else {
            return;
        };
        self.outboxes.swap_remove(position);
        if let Some((moved, _)) = self.outboxes.get(position) {
            self.positions.insert(*moved, position);
        }
    }
}
