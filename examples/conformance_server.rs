//! What the public Engine.IO 4 and Socket.IO 5 test suites ask of a server, built from the same library.
//!
//! On port 3000: an Engine.IO echo at `/engine.io/`; Socket.IO at `/socket.io/` with the namespaces `/` and
//! `/custom`, where `message` is answered by `message-back` and `message-with-ack` by its acknowledgement.
//! Run `cargo run --example conformance_server`, then the suites (docs/protocol.md says how).

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use switchboard::transport::{self, AllowedOrigins, Endpoint};
use switchboard_actors::service::{
    Accepted, ConnectRequest, Outcome, Refusal, Service, Socket, SocketService,
};
use switchboard_actors::session::{Above, SessionSettings};
use switchboard_protocol::socketio::{self, Body, Event, Packet};

struct Suite;

struct SuiteSocket {
    socket: Socket,
    auth: String,
}

impl Service for Suite {
    fn connect(
        &self,
        request: ConnectRequest,
    ) -> LocalBoxFuture<'static, Result<Accepted, Refusal>> {
        if !["/", "/custom"].contains(&request.socket.namespace.as_str()) {
            return ready(Err(Refusal::ConnectError("Invalid namespace"))).boxed_local();
        }
        let auth = request
            .auth
            .map_or("{}".to_owned(), |auth| auth.get().to_owned());
        let service = Rc::new(SuiteSocket {
            socket: request.socket,
            auth,
        });
        ready(Ok(Accepted {
            service,
            expires_at: None,
        }))
        .boxed_local()
    }
}

impl SocketService for SuiteSocket {
    fn connected(&self) {
        self.socket.emit("auth", &[self.auth.as_bytes()]);
    }

    fn event(self: Rc<Self>, event: Event) -> LocalBoxFuture<'static, Outcome> {
        let Event {
            name,
            args,
            attachments,
        } = event;
        let outcome = match name.as_str() {
            "message-with-ack" => Outcome::DoneBinary(args, attachments),
            "message" => {
                let event = Event {
                    name: "message-back".to_owned(),
                    args,
                    attachments,
                };
                let namespace = self.socket.namespace.clone();
                let packet = Packet {
                    namespace,
                    body: Body::Event { event, ack: None },
                };
                self.socket.outbox.send_all(&socketio::encode(&packet));
                Outcome::Done(Vec::new())
            }
            _ => Outcome::Done(Vec::new()),
        };
        ready(outcome).boxed_local()
    }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    let settings = SessionSettings {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_secs(1),
        max_payload: 1_000_000,
        ids: Default::default(),
        metrics: Default::default(),
    };
    let endpoint = |path, above| Endpoint::new(path, settings.clone(), above, AllowedOrigins::Any);
    let endpoints = vec![
        endpoint("/engine.io/", Above::Messages(Some)),
        endpoint("/socket.io/", Above::SocketIo(Arc::new(Suite))),
    ];
    let _server = transport::start(vec![listener], &[], endpoints, |_| {})?;
    std::future::pending().await
}
