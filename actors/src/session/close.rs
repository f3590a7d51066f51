//! Why a session ends, and how: one table from reason to metric label and WebSocket close code.

use std::future::poll_fn;
use std::sync::Arc;

use actix::prelude::*;
use switchboard_protocol::engineio::Packet;
use switchboard_protocol::frame::Frame;

use super::Session;
use crate::limits::{CLOSE_LINGER, Limit};
use crate::metrics::Reason;
use crate::service::Ending;

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said so, by a close packet or a close frame without a code.
    ClientClosed,
    /// The same, by a close frame with this code, which is returned.
    ClosedWith(u16),
    /// The TCP connection ended, or a poll was broken off.
    TransportClosed,
    /// The last socket was disconnected by the server.
    Denied,
    /// No pong in time.
    PingTimeout,
    /// No CONNECT in time.
    ConnectTimeout,
    /// A binary packet's attachments did not arrive in time.
    AttachmentsTimeout,
    /// A POST's body did not arrive in time.
    BodyTimeout,
    /// What was sent breaks Engine.IO or Socket.IO; the word says how.
    Protocol(&'static str),
    /// A broken WebSocket frame; the word says how.
    Framing(&'static str),
    /// Text that is not UTF-8.
    NotUtf8,
    /// A message beyond the limit.
    TooLarge,
    /// The client asks for more than the server does for one connection.
    TooBusy(Limit),
    /// It did not read until a bound of its outbox was met.
    Stalled,
    /// Two polls, or two posts, at once.
    Overlap,
    /// The client has come back by another connection.
    Replaced,
    /// The server stops, and this session's moment has come.
    Draining,
}

impl CloseReason {
    /// A stable word for metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::ClientClosed | Self::ClosedWith(_) => "client_closed",
            Self::TransportClosed => "transport_closed",
            Self::Denied => "denied",
            Self::PingTimeout => "ping_timeout",
            Self::ConnectTimeout => "connect_timeout",
            Self::AttachmentsTimeout => "attachments_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::Protocol(_) => "protocol",
            Self::Framing(_) => "framing",
            Self::NotUtf8 => "not_utf8",
            Self::TooLarge => "too_large",
            Self::TooBusy(_) => "too_busy",
            Self::Stalled => "stalled",
            Self::Overlap => "overlap",
            Self::Replaced => "replaced",
            Self::Draining => "draining",
        }
    }

    /// The WebSocket close code (RFC 6455 section 7.4.1).
    pub fn code(self) -> u16 {
        match self {
            Self::ClientClosed | Self::TransportClosed | Self::Denied => 1000,
            Self::ClosedWith(code) => code,
            Self::Protocol(_) | Self::Framing(_) => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLarge => 1009,
            Self::Draining => 1012,
            Self::PingTimeout
            | Self::ConnectTimeout
            | Self::AttachmentsTimeout
            | Self::BodyTimeout
            | Self::TooBusy(_)
            | Self::Replaced
            | Self::Overlap => 1008,
            Self::Stalled => 1013,
        }
    }

    /// Whether the clients of its sockets may come back to them: not after what they did wrong, or were denied.
    fn ending(self) -> Ending {
        match self {
            Self::Denied
            | Self::Protocol(_)
            | Self::Framing(_)
            | Self::NotUtf8
            | Self::TooLarge
            | Self::TooBusy(_) => Ending::Over,
            _ => Ending::Lost,
        }
    }

    /// The limit that was met, if it was one.
    fn limit(self, is_websocket: bool) -> Option<Limit> {
        match self {
            Self::ConnectTimeout => Some(Limit::ConnectTime),
            Self::AttachmentsTimeout => Some(Limit::AttachmentTime),
            // That of a polling body is counted where it is read.
            Self::TooLarge if is_websocket => Some(Limit::MessageBytes),
            Self::TooBusy(limit) => Some(limit),
            _ => None,
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Protocol(word) | Self::Framing(word) => word,
            Self::TooBusy(limit) => limit.name(),
            other => other.label(),
        }
    }
}

impl Session {
    /// Ends the session: what waits still leaves, then the transport's own goodbye, and after a bounded
    /// time the actor stops whatever the client does. A second time changes nothing.
    pub(super) fn close(&mut self, reason: CloseReason, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.closing, true) {
            return;
        }
        let (connection, sockets) = (self.number, self.sockets.len());
        let (word, detail) = (reason.label(), reason.detail());
        log::debug!(
            "session closed connection={connection} reason={word} detail={detail} sockets={sockets}"
        );
        let label = Reason {
            reason: reason.label(),
        };
        self.metrics()
            .connections_closed
            .get_or_create(&label)
            .inc();
        if let Some(limit) = reason.limit(self.is_websocket) {
            self.metrics().limit_reached(limit);
        }
        self.alarm.set(None);
        self.work.clear();
        self.gate.set_closed(false);
        for connected in self.sockets.drain(..) {
            connected.service.closed(reason.ending());
        }
        let Some(goodbye) = self.goodbye(reason) else {
            self.outbox.close();
            ctx.stop();
            return;
        };
        self.outbox.finish(&goodbye);
        let outbox = Arc::clone(&self.outbox);
        let ended = poll_fn(move |cx| outbox.poll_ended(cx));
        let ended = ended.into_actor(self);
        ctx.spawn(ended.map(move |(), session, ctx: &mut Context<Self>| {
            // A WebSocket's client answers the close frame and ends the stream, which stops the actor. Of one that
            // was stalled, the stream is at its end already.
            if !session.is_websocket || reason == CloseReason::Stalled {
                ctx.stop();
            }
        }));
        ctx.run_later(CLOSE_LINGER, |_, ctx| ctx.stop());
    }

    /// Ends the session when its way out is cut. A WebSocket's stream ends with it; over polling nothing
    /// else would show that the client has stopped reading.
    pub(super) fn watch_way_out(&self, ctx: &mut Context<Self>) {
        let outbox = Arc::clone(&self.outbox);
        let ended = poll_fn(move |cx| outbox.poll_ended(cx));
        ctx.spawn(
            ended
                .into_actor(self)
                .map(|(), session, ctx: &mut Context<Self>| {
                    session.close(CloseReason::TransportClosed, ctx);
                }),
        );
    }

    /// What the transport says last; `None` when nobody is there to hear it.
    fn goodbye(&self, reason: CloseReason) -> Option<Vec<Frame>> {
        if matches!(
            reason,
            CloseReason::TransportClosed | CloseReason::PingTimeout
        ) {
            return None;
        }
        if self.is_websocket {
            return Some(vec![Frame::close(reason.code(), reason.detail())]);
        }
        let is_polled = self.outbox.is_polled();
        match reason {
            // Ends the client's poll, also one that the post with the close packet has overtaken.
            CloseReason::ClientClosed => Some(vec![Packet::Noop.encode()]),
            // What the server ends, the next poll is told.
            CloseReason::Denied => Some(vec![Packet::Close.encode()]),
            // The poll after it finds no session: python-socketio takes that for a lost link and comes back, but
            // stays away for ever after a close packet.
            CloseReason::Draining if is_polled => Some(vec![Packet::Noop.encode()]),
            // What waits is the last; a client that finds the listeners closed will not poll for more.
            CloseReason::Draining => Some(Vec::new()),
            _ if is_polled => Some(vec![Packet::Close.encode()]),
            _ => None,
        }
    }
}
