//! Live captions: the events `join_room` and `leave_room`.
//!
//! Asks whether the socket may, tells the RoomRegistry; deliveries come from the rooms, not from here.

use std::sync::Arc;

use actix::Addr;
use futures_util::FutureExt;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::socketio::Event;

use crate::broker::Grant;
use crate::ports::Action;
use crate::registry::{Join, Joined, Leave, RoomRegistry, SocketClosed, SocketConnected};
use crate::root::Client;
use crate::service::{Failure, Outcome};

/// The live captions' family of events.
#[derive(Clone)]
pub struct Captions {
    /// Where joins and leaves go.
    pub registry: Addr<RoomRegistry>,
}

impl Captions {
    /// The socket may join rooms from now on.
    pub fn connected(&self, client: &Client) {
        self.registry.do_send(SocketConnected {
            socket: client.socket.id,
            outbox: Arc::clone(&client.socket.outbox),
        });
    }

    /// The socket is gone.
    pub fn closed(&self, client: &Client) {
        self.registry.do_send(SocketClosed(client.socket.id));
    }

    /// `join_room`: `"session/channel"`.
    pub async fn join(&self, client: &Client, event: &Event) -> Outcome {
        let room = match room_argument(event) {
            Ok(room) => room,
            Err(failure) => return Outcome::Failed(failure),
        };
        match client.may(Action::JoinSession(room.session())).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Denied,
            Err(failure) => return Outcome::Failed(failure),
        }
        let join = Join {
            socket: client.socket.id,
            room,
        };
        match self.registry.send(join).await {
            Ok(Ok(Joined::Now)) => Outcome::ok(),
            Ok(Ok(Joined::Soon(granted))) => Outcome::Later(
                granted
                    .map(|grant| match grant {
                        Ok(Grant::Granted | Grant::BrokerDown) => Outcome::ok(),
                        Ok(Grant::Refused) => Outcome::Failed(Failure::unavailable(
                            "BROKER_REFUSED",
                            "the broker refused the room's topics",
                        )),
                        Err(_) => Outcome::Failed(Failure::invalid(
                            "LEFT",
                            "the room was left before the join was complete",
                        )),
                    })
                    .boxed_local(),
            ),
            Ok(Err(refused)) => {
                Outcome::Failed(Failure::invalid("JOIN_REFUSED", refused.to_string()))
            }
            Err(_) => Outcome::stopping(),
        }
    }

    /// `leave_room`: `"session/channel"`.
    pub async fn leave(&self, client: &Client, event: &Event) -> Outcome {
        let room = match room_argument(event) {
            Ok(room) => room,
            Err(failure) => return Outcome::Failed(failure),
        };
        let leave = Leave {
            socket: client.socket.id,
            room,
        };
        // Waited for, so that nothing published after the acknowledgement is delivered.
        match self.registry.send(leave).await {
            Ok(()) => Outcome::ok(),
            Err(_) => Outcome::stopping(),
        }
    }
}

fn room_argument(event: &Event) -> Result<RoomId, Failure> {
    let text = event
        .args
        .first()
        .and_then(|arg| serde_json::from_str::<String>(arg.get()).ok());
    let Some(text) = text else {
        let message = format!("{} takes a room id \"session/channel\"", event.name);
        return Err(Failure::invalid("INVALID_ROOM", message));
    };
    text.parse()
        .map_err(|e| Failure::invalid("INVALID_ROOM", format!("{e}")))
}
