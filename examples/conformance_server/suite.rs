//! The Socket.IO side of what the public protocol suites ask for: the namespaces `/` and `/custom` give back what they get.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use switchboard_actors::service::{
    Accepted, ConnectRequest, Outcome, Refusal, Service, Socket, SocketService,
};
use switchboard_protocol::socketio::{self, Body, Event, Packet};

/// Lets everybody into the two namespaces.
pub struct Suite;

struct SuiteSocket {
    socket: Socket,
    /// The handshake's `auth`, or `{}`.
    auth: String,
}

impl Service for Suite {
    fn connect(
        self: Arc<Self>,
        request: ConnectRequest,
    ) -> LocalBoxFuture<'static, Result<Accepted, Refusal>> {
        if !["/", "/custom"].contains(&request.socket.namespace.as_str()) {
            return ready(Err(Refusal::ConnectError("Invalid namespace"))).boxed_local();
        }
        let auth = request
            .auth
            .map_or("{}".to_owned(), |auth| auth.get().to_owned());
        let service = Rc::new(SuiteSocket {
            socket: request.socket.clone(),
            auth,
        });
        ready(Ok(Accepted::new(request.socket, service, None))).boxed_local()
    }
}

impl SocketService for SuiteSocket {
    fn connected(&self) {
        self.socket.emit("auth", &[self.auth.as_bytes()]);
    }

    /// `message-with-ack` is answered by its acknowledgement, any other event by one named `…-back`.
    fn event(self: Rc<Self>, event: Event) -> LocalBoxFuture<'static, Outcome> {
        if event.name == "message-with-ack" {
            return ready(Outcome::DoneBinary(event.args, event.attachments)).boxed_local();
        }
        let event = Event {
            name: format!("{}-back", event.name),
            ..event
        };
        let namespace = self.socket.namespace.clone();
        let packet = Packet {
            namespace,
            body: Body::Event { event, ack: None },
        };
        self.socket.outbox.send_all(&socketio::encode(&packet));
        ready(Outcome::Done(Vec::new())).boxed_local()
    }
}
