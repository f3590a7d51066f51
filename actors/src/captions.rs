//! Live captions: the events `join_room` and `leave_room`.
//!
//! Asks whether the socket may, tells the RoomRegistry; deliveries come from the rooms, not from here.

use std::collections::HashMap;

use actix::Addr;
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::json;
use serde_json::value::RawValue;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::socketio::Event;
use tokio::sync::oneshot;

use crate::broker::Grant;
use crate::limits::{HISTORY_FINALS, Limit};
use crate::ports::Action;
use crate::registry::{
    Join, JoinRefused, Joined, Leave, RoomRegistry, SocketClosed, SocketConnected,
};
use crate::room::{History, Replayed, Wanted};
use crate::root::Client;
use crate::service::{Failure, Outcome};

/// The live captions' family of events.
#[derive(Clone)]
pub struct Captions {
    /// Where joins and leaves go.
    pub registry: Addr<RoomRegistry>,
}

impl Captions {
    /// The socket may join rooms from now on; one that has come back is in its rooms again.
    pub fn connected(&self, client: &Client) {
        if let Some(lease) = &client.lease {
            return lease.begin(&self.registry);
        }
        self.registry.do_send(SocketConnected {
            socket: client.socket.id,
            outbox: client.socket.outbox.clone(),
        });
    }

    /// The socket is gone.
    pub fn closed(&self, client: &Client) {
        self.registry.do_send(SocketClosed(client.socket.id));
    }

    /// `join_room`: `"session/channel"`, and optionally `{history: N}`.
    pub async fn join(&self, client: &Client, event: &Event) -> Outcome {
        let (room, wanted) = match room_argument(event).and_then(|r| Ok((r, history(event)?))) {
            Ok(arguments) => arguments,
            Err(failure) => return Outcome::Failed(failure),
        };
        match client.may(Action::JoinSession(room.session())).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Denied,
            Err(failure) => return Outcome::Failed(failure),
        }
        let (history, replayed) = wanted.map(ask_history).unzip();
        let join = Join {
            socket: client.socket.id,
            room: room.clone(),
            history,
        };
        let joined = match self.registry.send(join).await {
            Ok(Ok(joined)) => joined,
            Ok(Err(refused)) => {
                let failure = Failure::invalid("JOIN_REFUSED", refused.to_string());
                return Outcome::Failed(match refused {
                    JoinRefused::TooManyRooms => failure.at(Limit::RoomsPerSocket),
                    JoinRefused::Gone => failure,
                });
            }
            Err(_) => return Outcome::stopping(),
        };
        client.note(|lease| lease.joined(room));
        match (joined, replayed) {
            (Joined::Now, None) => Outcome::ok(),
            (joined, replayed) => Outcome::Later(complete(joined, replayed).boxed_local()),
        }
    }

    /// `leave_room`: `"session/channel"`.
    pub async fn leave(&self, client: &Client, event: &Event) -> Outcome {
        let room = match room_argument(event) {
            Ok(room) => room,
            Err(failure) => return Outcome::Failed(failure),
        };
        client.note(|lease| lease.left(&room));
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

/// The `history` of the options, the second argument; none where it asks for none.
fn history(event: &Event) -> Result<Option<u16>, Failure> {
    let Some(options) = event.args.get(1) else {
        return Ok(None);
    };
    let invalid = || {
        let message = format!("history is a whole number from 0 to {HISTORY_FINALS}");
        Failure::invalid("INVALID_HISTORY", message)
    };
    // An object; `null`, as who passes nothing where options may stand sends it, asks for nothing.
    let options: Option<HashMap<String, &RawValue>> =
        serde_json::from_str(options.get()).map_err(|_| invalid())?;
    let Some(wanted) = options.and_then(|mut options| options.remove("history")) else {
        return Ok(None);
    };
    match serde_json::from_str(wanted.get()) {
        Ok(wanted @ 0..=HISTORY_FINALS) => Ok(Some(wanted)),
        _ => Err(invalid()),
    }
}

fn ask_history(wanted: u16) -> (History, oneshot::Receiver<Replayed>) {
    let (replayed, receiver) = oneshot::channel();
    let wanted = Wanted::Last(wanted);
    (History { wanted, replayed }, receiver)
}

/// Waits until the broker has granted the room's topics and the history is sent.
async fn complete(joined: Joined, replayed: Option<oneshot::Receiver<Replayed>>) -> Outcome {
    let left = || {
        let message = "the room was left before the join was complete";
        Outcome::Failed(Failure::invalid("LEFT", message))
    };
    if let Joined::Soon(granted) = joined {
        match granted.await {
            Ok(Grant::Granted | Grant::BrokerDown) => {}
            Ok(Grant::Refused) => {
                return Outcome::Failed(Failure::unavailable(
                    "BROKER_REFUSED",
                    "the broker refused the room's topics",
                ));
            }
            Err(_) => return left(),
        }
    }
    let Some(replayed) = replayed else {
        return Outcome::ok();
    };
    match replayed.await {
        Ok(replayed) => {
            let mut answer = json!({ "ok": true, "history": replayed.finals });
            if replayed.is_incomplete {
                answer["incomplete"] = true.into();
            }
            Outcome::Done(vec![Bytes::from(answer.to_string())])
        }
        Err(_) => left(),
    }
}
