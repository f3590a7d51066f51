//! The ProjectRoom: the sockets that are in one project's room.
//!
//! Owned by the ProjectRegistry, which alone decides who is a member. Checks what is published of the project, encodes it
//! once, and hands it to every member. Never asks, never waits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::ProjectId;
use switchboard_protocol::socketio::Namespace;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::SocketId;
use crate::metrics::{Metrics, Reason};
use crate::organization::events::Refused;
use crate::outbox::WayOut;
use crate::project_events;

/// A socket is in the room from now on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AddMember {
    /// The socket.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
}

/// A socket is in the room no more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RemoveMember {
    /// The socket.
    pub socket: SocketId,
    /// Told, or dropped, once nothing more is sent to it.
    pub done: Option<oneshot::Sender<()>>,
}

/// What was published of the project.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Published {
    /// The event's name.
    pub event: String,
    /// Its data.
    pub payload: Bytes,
    /// Lets the broker's link read on.
    pub credit: Option<Arc<OwnedSemaphorePermit>>,
}

/// See the module's documentation.
pub struct ProjectRoom {
    project: ProjectId,
    members: HashMap<SocketId, WayOut>,
    /// Kinds of refusals that have been logged.
    warned: HashSet<Refused>,
    metrics: Metrics,
}

impl ProjectRoom {
    /// A room without members.
    pub fn new(project: ProjectId, metrics: Metrics) -> Self {
        Self {
            project,
            members: HashMap::new(),
            warned: HashSet::new(),
            metrics,
        }
    }

    fn refuse(&mut self, refused: Refused) {
        let reason = refused.word();
        self.metrics
            .project_events_refused
            .get_or_create(&Reason { reason })
            .inc();
        if self.warned.insert(refused) {
            let project = self.project;
            log::warn!(
                "an event is refused, such ones are counted project={project} reason={reason}"
            );
        }
    }
}

impl Actor for ProjectRoom {
    type Context = Context<Self>;
}

impl Handler<AddMember> for ProjectRoom {
    type Result = ();

    fn handle(&mut self, add: AddMember, _: &mut Self::Context) {
        self.members.insert(add.socket, add.outbox);
    }
}

impl Handler<RemoveMember> for ProjectRoom {
    type Result = ();

    fn handle(&mut self, RemoveMember { socket, done }: RemoveMember, _: &mut Self::Context) {
        self.members.remove(&socket);
        if let Some(done) = done {
            // Its session may have gone; then nobody waits.
            let _ = done.send(());
        }
    }
}

impl Handler<Published> for ProjectRoom {
    type Result = ();

    fn handle(&mut self, published: Published, _: &mut Self::Context) {
        if let Err(refused) = project_events::check(&published.event, &published.payload) {
            return self.refuse(refused);
        }
        let data: &[&[u8]] = match published.payload.is_empty() {
            true => &[],
            false => &[&published.payload],
        };
        let frame = Frame::event(&Namespace::root(), &published.event, data);
        for outbox in self.members.values() {
            outbox.send(frame.clone());
        }
        let delivered = self.members.len() as u64;
        self.metrics.project_events_delivered.inc_by(delivered);
    }
}
