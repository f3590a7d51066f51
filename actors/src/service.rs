//! What serves the sockets of a namespace: the seam between a session, which speaks the protocol, and
//! the event families (live captions and those to come), which know what events mean.
//!
//! A session calls its services on its own thread, one event of a connection after the other.

use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use actix::{Message, Recipient, WeakRecipient};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use serde_json::value::RawValue;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::socketio::{Event, Namespace};

use crate::SocketId;
use crate::outbox::{Outbox, WayOut};
use crate::ports::Action;
use crate::rights::{Recheck, Verdict};

pub use crate::failure::Failure;

/// What the HTTP request that opened a connection said, as far as services need it.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The query's `token`.
    pub query_token: Option<String>,
    /// The `Authorization: Bearer` header.
    pub bearer: Option<String>,
}

/// A connected socket as its service sees it: one client in one namespace.
#[derive(Clone)]
pub struct Socket {
    /// Unique in this process.
    pub id: SocketId,
    /// Where it is connected.
    pub namespace: Namespace,
    /// Its way out.
    pub outbox: WayOut,
}

impl Socket {
    /// Sends one event with arguments that are JSON already.
    pub fn emit(&self, name: &str, args: &[&[u8]]) {
        self.outbox.send(Frame::event(&self.namespace, name, args));
    }
}

/// A CONNECT packet.
pub struct ConnectRequest {
    /// The socket that it would make.
    pub socket: Socket,
    /// The connection's way out, which that socket has, too.
    pub outbox: Arc<Outbox>,
    /// Where the session hears that the socket's client has come back elsewhere.
    pub session: Recipient<Evict>,
    /// Where its session hears that the rights of its holder are to be asked anew.
    pub rechecks: WeakRecipient<Recheck>,
    /// The handshake's `auth` object.
    pub auth: Option<Box<RawValue>>,
    /// The request that opened the connection.
    pub connection: Rc<Connection>,
}

/// Why a CONNECT is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// CONNECT_ERROR with this message.
    ConnectError(&'static str),
    /// Connected, told `unauthorized`, and disconnected: the letter of LinTO's document.
    Unauthorized,
}

/// A socket that was let in.
pub struct Accepted {
    /// The socket: that of the request, or the one that its client had before.
    pub socket: Socket,
    /// Its public id, which the client is told.
    pub sid: String,
    /// Its private id; none: it cannot be recovered.
    pub pid: Option<String>,
    /// What serves its events.
    pub service: Rc<dyn SocketService>,
    /// When its token ends; its socket is then told and disconnected.
    pub expires_at: Option<SystemTime>,
    /// What the client is told with the answer to its CONNECT.
    pub greeting: Option<Frame>,
}

impl Accepted {
    /// The request's socket, served by `service` until `expires_at`.
    pub fn new(
        socket: Socket,
        service: Rc<dyn SocketService>,
        expires_at: Option<SystemTime>,
    ) -> Self {
        Self {
            socket,
            sid: crate::random_id(),
            pid: None,
            service,
            expires_at,
            greeting: None,
        }
    }
}

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its connection is lost: the client may come back.
    Lost,
    /// For good: the client has left, or may not stay.
    Over,
}

/// The client of this socket has come back by another connection: this one is closed.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Evict(pub SocketId);

/// Decides who may connect to which namespace.
pub trait Service: Send + Sync + 'static {
    /// Lets a socket in or not.
    fn connect(
        self: Arc<Self>,
        request: ConnectRequest,
    ) -> LocalBoxFuture<'static, Result<Accepted, Refusal>>;
}

/// Serves one socket.
pub trait SocketService: 'static {
    /// The socket's CONNECT has been answered.
    fn connected(&self) {}

    /// Serves one event. The session goes on to the socket's next event when the future resolves.
    fn event(self: Rc<Self>, event: Event) -> LocalBoxFuture<'static, Outcome>;

    /// Whether the socket's holder may still have all of this. Asked at any time, beside events.
    fn still_may(self: Rc<Self>, _held: Vec<Action>) -> LocalBoxFuture<'static, Verdict> {
        ready(Verdict::Kept).boxed_local()
    }

    /// The socket is gone from this connection; called once, also after a panic.
    fn closed(&self, _ending: Ending) {}
}

/// What an event led to.
pub enum Outcome {
    /// The acknowledgement's arguments (JSON), sent when the client asked for one.
    Done(Vec<Bytes>),
    /// As `Done`, with binary attachments that the arguments' placeholders name.
    DoneBinary(Vec<Box<RawValue>>, Vec<Bytes>),
    /// As `Done`; then this is called, once the acknowledgement stands before whatever it sets going.
    DoneThen(Vec<Bytes>, Box<dyn FnOnce()>),
    /// The answer comes later; the socket's next event does not wait for it.
    Later(LocalBoxFuture<'static, Outcome>),
    /// The socket may not have what it asked for: `unauthorized`, then disconnect.
    Denied,
    /// The event is refused and the socket stays.
    Failed(Failure),
    /// A fresh token: the socket now lives until then.
    Renewed(SystemTime),
}

impl Outcome {
    /// `{"ok":true}`.
    pub fn ok() -> Self {
        Self::Done(vec![Bytes::from_static(br#"{"ok":true}"#)])
    }

    /// The actor that was asked is gone.
    pub fn stopping() -> Self {
        Self::Failed(Failure::unavailable("STOPPING", "the server is stopping"))
    }
}
