//! Whom the answer to an event goes to, and how.

use bytes::Bytes;
use serde_json::value::RawValue;
use switchboard_protocol::events;
use switchboard_protocol::socketio::{self, AckId, Body, Packet};

use crate::service::{Failure, Socket};

/// The socket that sent an event.
pub(super) struct Asker {
    pub(super) socket: Socket,
    /// What its client told to name in the acknowledgement; none: it asked for none.
    pub(super) ack: Option<AckId>,
}

impl Asker {
    pub(super) fn acknowledge(&self, args: &[Bytes]) {
        let Some(id) = self.ack else { return };
        let args: Vec<&[u8]> = args.iter().map(|arg| &arg[..]).collect();
        self.socket
            .outbox
            .send(socketio::ack(&self.socket.namespace, id, &args));
    }

    pub(super) fn acknowledge_binary(&self, args: Vec<Box<RawValue>>, attachments: Vec<Bytes>) {
        let Some(id) = self.ack else { return };
        let namespace = self.socket.namespace.clone();
        let packet = Packet {
            namespace,
            body: Body::Ack {
                args,
                attachments,
                id,
            },
        };
        self.socket.outbox.send_all(&socketio::encode(&packet));
    }

    /// The error acknowledgement, or the `error` event when none was asked for.
    pub(super) fn fail(&self, failure: &Failure) {
        if self.ack.is_some() {
            let answer = failure.acknowledgement().to_string();
            return self.acknowledge(&[Bytes::from(answer)]);
        }
        self.socket
            .emit(events::ERROR, &[failure.event().to_string().as_bytes()]);
    }
}
