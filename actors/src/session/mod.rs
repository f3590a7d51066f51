//! One client connection: an Engine.IO session, and the Socket.IO sockets that it carries.
//!
//! Hears packets (a WebSocket's stream, or polling POSTs) and its thread's clock; says frames into its outbox and
//! hands events to the services, one after the other. Never waits in a handler and never writes to a stream
//! itself. However it ends, also by a panic, `stopped` tells the services that its sockets are gone.

mod asker;
mod clock;
mod close;
mod drain;
mod evict;
mod gate;
mod pace;
mod recheck;
mod sockets;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytestring::ByteString;
use futures_util::stream::BoxStream;
use switchboard_protocol::engineio::{Message as EngineMessage, Packet};
use switchboard_protocol::frame::Frame;
use switchboard_protocol::socketio::Decoder;
use tokio::time::Instant;

use clock::Alarm;
pub use close::CloseReason;
pub use drain::Drain;
use gate::Gate;
use pace::Pace;
use sockets::{Connected, Work};
use timers::Deadlines;

use crate::metrics::{Metrics, Reason};
use crate::outbox::{Outbox, Wire};
use crate::packets;
use crate::service::{Connection, Ending, Service};
use crate::{SocketId, SocketIds};

/// What all sessions of a server have in common.
#[derive(Clone)]
pub struct SessionSettings {
    /// Pause between two pings.
    pub ping_interval: Duration,
    /// How long the client may take to answer a ping.
    pub ping_timeout: Duration,
    /// How long a client may take to connect to a namespace.
    pub connect_timeout: Duration,
    /// How long a WebSocket may take to take over from polling; kept by the transport.
    pub upgrade_timeout: Duration,
    /// Largest packet and polling body in bytes.
    pub max_payload: usize,
    /// Events and CONNECTs a second; 0 is no limit.
    pub max_events_per_second: u32,
    /// Numbers sockets.
    pub ids: SocketIds,
    /// Counts.
    pub metrics: Metrics,
}

/// What speaks above Engine.IO.
#[derive(Clone)]
pub enum Above {
    /// Socket.IO with these services.
    SocketIo(Arc<dyn Service>),
    /// Engine.IO alone: each message may be answered by one.
    Messages(fn(EngineMessage) -> Option<EngineMessage>),
}

/// How a session comes to be.
pub struct Opening {
    /// What the request said.
    pub connection: Connection,
    /// The way out, which has taken the handshake already; on a WebSocket its wire is attached.
    pub outbox: Arc<Outbox>,
    /// Packets of a WebSocket; none over polling.
    pub incoming: Option<BoxStream<'static, Incoming>>,
    /// Whatever must live exactly as long as the session, such as its entry in the transport's table.
    pub lease: Box<dyn std::any::Any>,
}

/// An item of a WebSocket's stream: a packet, or why there will be no more.
pub type Incoming = Result<Packet, CloseReason>;

/// Packets of one polling POST. Answered once few enough of the client's packets wait.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Posted(pub Vec<Packet>);

/// A WebSocket has answered the probe; the waiting poll is to be released.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Probed;

/// A probed WebSocket takes over from polling.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Upgraded {
    /// Where frames go from now on.
    pub wire: Arc<dyn Wire>,
    /// Its packets.
    pub incoming: BoxStream<'static, Incoming>,
}

/// Ends the session.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close(pub CloseReason);

/// See the module's documentation.
pub struct Session {
    settings: Arc<SessionSettings>,
    /// Names the connection in the log, where the Engine.IO id would let a reader take it over.
    number: u64,
    above: Above,
    outbox: Arc<Outbox>,
    connection: Rc<Connection>,
    is_websocket: bool,
    decoder: Decoder,
    /// Sockets in their namespaces.
    sockets: Vec<Connected>,
    /// Packets that wait for the one being served.
    work: VecDeque<Work>,
    /// Closed while too many wait: then nothing more is read.
    gate: Gate,
    /// Whether one is being served.
    busy: bool,
    /// How fast its events come.
    pace: Pace,
    /// Answers that are awaited beside the serving.
    answers_awaited: usize,
    /// Refused CONNECT packets so far.
    refused: u32,
    /// Whether the server has ended a socket: its client may have sent events before it learned so.
    ended_one: bool,
    deadlines: Deadlines,
    /// Set to the first of all deadlines.
    alarm: Alarm,
    /// When the server that stops will close it.
    closes_at: Option<Instant>,
    closing: bool,
    _lease: Box<dyn std::any::Any>,
}

impl Session {
    /// Starts a session on the current thread.
    pub fn open(settings: Arc<SessionSettings>, above: Above, opening: Opening) -> Addr<Self> {
        let number = settings.ids.next().0;
        opening.outbox.set_connection(number);
        Self::create(|ctx| {
            let mut session = Self {
                number,
                above,
                outbox: opening.outbox,
                connection: Rc::new(opening.connection),
                is_websocket: false,
                decoder: Decoder::new(settings.max_payload),
                sockets: Vec::new(),
                work: VecDeque::new(),
                gate: Gate::default(),
                busy: false,
                pace: Pace::new(Instant::now().into_std()),
                answers_awaited: 0,
                refused: 0,
                ended_one: false,
                deadlines: Deadlines::new(settings.ping_interval),
                alarm: Alarm::new(number, ctx.address().downgrade()),
                closes_at: None,
                closing: false,
                _lease: opening.lease,
                settings,
            };
            match opening.incoming {
                Some(incoming) => session.listen(incoming, ctx),
                None => session.watch_way_out(ctx),
            }
            session
        })
    }

    fn metrics(&self) -> &Metrics {
        &self.settings.metrics
    }

    fn next_socket_id(&self) -> SocketId {
        self.settings.ids.next()
    }

    fn packet(&mut self, packet: Packet, ctx: &mut Context<Self>) {
        if self.closing {
            return;
        }
        packets::received(self.number, &packet);
        match packet {
            Packet::Message(message) => self.message(message, ctx),
            Packet::Pong(_) => self.pong(),
            Packet::Close => self.close(CloseReason::ClientClosed, ctx),
            // Only servers open, ping and send noop; `5` belongs to the probe, which the transport leads.
            Packet::Open(_) | Packet::Ping(_) | Packet::Upgrade | Packet::Noop => {
                self.close(CloseReason::Protocol("unexpected_packet"), ctx);
            }
        }
    }

    fn message(&mut self, message: EngineMessage, ctx: &mut Context<Self>) {
        let bytes = match &message {
            EngineMessage::Text(text) => text.len(),
            EngineMessage::Binary(bytes) => bytes.len(),
        };
        self.metrics().received_bytes.inc_by(bytes as u64);
        if let Above::Messages(answer) = &self.above {
            if let Some(answer) = answer(message) {
                self.outbox.send(Packet::Message(answer).encode());
            }
            return;
        }
        let decoded = match message {
            EngineMessage::Text(text) => self.decoder.text(text),
            EngineMessage::Binary(bytes) => self.decoder.binary(bytes),
        };
        match decoded {
            Ok(packet) => {
                self.watch_attachments();
                if let Some(packet) = packet {
                    self.socketio_packet(packet, ctx);
                }
            }
            Err(e) => self.close(CloseReason::Protocol(e.code()), ctx),
        }
    }

    fn listen(&mut self, incoming: BoxStream<'static, Incoming>, ctx: &mut Context<Self>) {
        self.is_websocket = true;
        ctx.add_stream(self.gate.guard(incoming));
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.metrics().connections.inc();
        self.metrics().connections_opened.inc();
        log::debug!(
            "session opened connection={} websocket={}",
            self.number,
            self.is_websocket
        );
        match self.above {
            Above::SocketIo(_) => self.await_connect(),
            Above::Messages(_) => self.set_alarm(),
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.outbox.close();
        for connected in self.sockets.drain(..) {
            connected.service.closed(Ending::Lost);
        }
        self.metrics().connections.dec();
        if !self.closing {
            // Neither side closed it: the system stops, or a handler panicked.
            let reason = Reason { reason: "dropped" };
            self.metrics()
                .connections_closed
                .get_or_create(&reason)
                .inc();
        }
    }
}

impl StreamHandler<Incoming> for Session {
    fn handle(&mut self, incoming: Incoming, ctx: &mut Self::Context) {
        match incoming {
            Ok(packet) => self.packet(packet, ctx),
            Err(reason) => self.close(reason, ctx),
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        if self.outbox.is_stalled() {
            // The outbox has ended the stream, and still says why to a client that reads again.
            return self.close(CloseReason::Stalled, ctx);
        }
        self.close(CloseReason::TransportClosed, ctx);
        // Nobody can read what still waits.
        ctx.stop();
    }
}

impl Handler<Posted> for Session {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Posted(packets): Posted, ctx: &mut Self::Context) -> Self::Result {
        for packet in packets {
            self.packet(packet, ctx);
        }
        let gate = self.gate.clone();
        Box::pin(poll_fn(move |cx| gate.poll_open(cx)))
    }
}

impl Handler<Probed> for Session {
    type Result = ();

    fn handle(&mut self, _: Probed, _: &mut Self::Context) {
        self.outbox.wake_poll();
    }
}

impl Handler<Upgraded> for Session {
    type Result = ();

    fn handle(&mut self, upgraded: Upgraded, ctx: &mut Self::Context) {
        self.metrics().upgrades.inc();
        // Also of a session that closes: what still waits, a denial perhaps, leaves by the way its client has taken.
        self.outbox.attach(upgraded.wire);
        self.listen(upgraded.incoming, ctx);
    }
}

impl Handler<Close> for Session {
    type Result = ();

    fn handle(&mut self, Close(reason): Close, ctx: &mut Self::Context) {
        self.close(reason, ctx);
    }
}

/// The ping that every session sends, encoded once.
fn ping() -> Frame {
    Packet::Ping(ByteString::from_static("")).encode()
}
