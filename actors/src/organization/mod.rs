//! Organizations: who follows which, and what they are told.
//!
//! The [`registry`] counts the watchers of each organization, for each thing to follow apart, and starts an actor for
//! each organization that is followed. [`family`] serves the clients' events; [`statuses`] reads the list of all sessions,
//! and [`sessions`] tells its changes to those who watch them. [`events`] reads what else is published about an organization,
//! for those who watch its [`media`] or follow its LLM [`jobs`].

mod audience;
pub mod events;
pub mod family;
pub mod jobs;
pub mod media;
pub mod registry;
pub mod sessions;
pub mod statuses;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::SocketId;

/// Ends a socket's membership at the actor of an organization; unknown sockets are ignored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RemoveMember {
    /// Whose membership ends.
    pub socket: SocketId,
    /// Told once nothing more is sent to the socket.
    pub done: Option<oneshot::Sender<()>>,
}

/// The acknowledgement of a member has been sent: what came up since it was made a member follows now, then the rest.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Begin(pub SocketId);
