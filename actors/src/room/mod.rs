//! One room: the sockets that see one channel of a session, the fan-out to them, and the last finals.
//!
//! Owned by the RoomRegistry, which alone decides who is a member. A publication is checked and encoded
//! once, then handed to every member's outbox; finals also go to the Recorder. A member that wants a history gets
//! it from memory, else from storage, and then all that was published meanwhile. Nobody else ever waits for that.

mod address;
mod arrival;
mod fan_out;
mod fetch;
mod history;
mod recent;
mod seam;
mod state;

use std::sync::{Arc, MutexGuard};

use actix::prelude::*;
use bytes::Bytes;
use smallvec::SmallVec;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::topics::CaptionKind;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::SocketId;
use crate::metrics::Metrics;
use crate::outbox::WayOut;
use crate::recorder::Archive;
use address::{Place, Queued, Shared};
use fan_out::FanOut;
use state::State;

pub use address::RoomAddr;
pub use arrival::Arrival;
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

/// See the module's documentation. Reached by a [`RoomAddr`].
pub struct Room {
    shared: Arc<Shared>,
}

/// A batch on its way to the members, over several turns.
struct UnderWay {
    fan_out: FanOut,
    credit: Option<Arc<OwnedSemaphorePermit>>,
    _place: Place,
}

impl Room {
    /// A room without members, whose finals are kept in `archive`.
    pub fn new(id: RoomId, archive: Option<Archive>, metrics: Metrics) -> Self {
        Self {
            shared: Shared::new(State::new(id, archive, metrics)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// Serves the members, as many in a turn as is fair to others. No message is handled in between: who joins or leaves
    /// meanwhile does so after this batch, as it was asked after it.
    fn fan_out(&mut self, mut batch: UnderWay, ctx: &mut Context<Self>) {
        let mut state = self.state();
        if state.turn(&mut batch.fan_out) {
            return state.fanned_out(batch.fan_out, || batch.credit);
        }
        drop(state);
        // Not `notify`: only this lets the thread look for arrivals on its sockets before it comes back here.
        let others = tokio::task::yield_now().into_actor(self);
        ctx.wait(others.map(|(), actor, ctx| actor.fan_out(batch, ctx)));
    }
}

impl Actor for Room {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.shared.started_here();
    }
}

impl Handler<Queued<Deliver>> for Room {
    type Result = ();

    fn handle(&mut self, deliver: Queued<Deliver>, ctx: &mut Self::Context) {
        let Queued { message, place } = deliver;
        let batch = UnderWay {
            fan_out: self.state().take(message.publications, message.received),
            credit: message.credit,
            _place: place,
        };
        self.fan_out(batch, ctx);
    }
}

impl Handler<Queued<AddMember>> for Room {
    type Result = ();

    fn handle(&mut self, member: Queued<AddMember>, ctx: &mut Self::Context) {
        self.state().add_member(member.message, ctx);
    }
}

impl Handler<Queued<RemoveMember>> for Room {
    type Result = ();

    fn handle(&mut self, leaver: Queued<RemoveMember>, ctx: &mut Self::Context) {
        let RemoveMember(socket) = leaver.message;
        self.state().remove_member(socket, ctx);
    }
}
