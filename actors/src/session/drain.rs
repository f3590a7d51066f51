//! A server that stops: each session's sockets are told when their connection will be closed, and are served until
//! then. Closing it at that moment is the transport's, by [`Close`](super::Close).

use std::time::Duration;

use actix::prelude::*;
use switchboard_protocol::events;
use tokio::time::Instant;

use super::Session;
use crate::service::Socket;

/// The server stops: this session will be closed after that time.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Drain {
    /// What its sockets are told, in whole milliseconds.
    pub closes_in: Duration,
}

impl Handler<Drain> for Session {
    type Result = ();

    fn handle(&mut self, Drain { closes_in }: Drain, _: &mut Self::Context) {
        self.closes_at = Some(Instant::now() + closes_in);
        for connected in &self.sockets {
            tell(&connected.socket, closes_in);
        }
    }
}

impl Session {
    /// Takes note of a socket that has come, and tells it if it has come since.
    pub(super) fn tell_newcomer(&self, socket: &Socket) {
        let (connection, number) = (self.number, socket.id.0);
        log::debug!("socket connected connection={connection} socket={number}");
        if let Some(closes_at) = self.closes_at {
            tell(socket, closes_at.saturating_duration_since(Instant::now()));
        }
    }
}

fn tell(socket: &Socket, closes_in: Duration) {
    let notice = format!(r#"{{"reconnect_in_ms":{}}}"#, closes_in.as_millis());
    socket.emit(events::DRAINING, &[notice.as_bytes()]);
}
