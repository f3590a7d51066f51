//! A session's deadlines: heartbeat, connect, attachments, the end of a token. The clock of its thread keeps the earliest.

use std::future::ready;
use std::time::{Duration, SystemTime};

use actix::prelude::*;
use switchboard_protocol::events;
use switchboard_protocol::socketio::Namespace;
use tokio::time::Instant;

use super::clock::Due;
use super::sockets::connected_in;
use super::{CloseReason, Session, ping};
use crate::limits::{ATTACHMENTS_DEADLINE, TOKEN_NOTICE};
use crate::stamp::epoch_millis;

/// When something is to happen to a session whatever its client does.
pub(super) struct Deadlines {
    /// When the next ping is due, or the one was that waits for its pong.
    ping: Instant,
    awaits_pong: bool,
    /// By when the client must have a socket.
    connect: Option<Instant>,
    /// By when the attachments of a binary packet must be there.
    attachments: Option<Instant>,
}

impl Deadlines {
    /// Of a session that begins: the first ping.
    pub(super) fn new(ping_interval: Duration) -> Self {
        Self {
            ping: Instant::now() + ping_interval,
            awaits_pong: false,
            connect: None,
            attachments: None,
        }
    }

    /// The client has a socket.
    pub(super) fn connected(&mut self) {
        self.connect = None;
    }
}

impl Handler<Due> for Session {
    type Result = ();

    fn handle(&mut self, _: Due, ctx: &mut Self::Context) {
        // After the stream was read: what has arrived in time, and waits because the server was busy, counts.
        let read = ready(()).into_actor(self);
        ctx.spawn(read.map(|(), session, ctx| session.due(ctx)));
    }
}

impl Session {
    /// Does all that is due.
    fn due(&mut self, ctx: &mut Context<Self>) {
        self.alarm.rang();
        let now = Instant::now();
        self.heartbeat_due(now, ctx);
        if self.deadlines.connect.is_some_and(|at| at <= now) {
            self.connect_due(ctx);
        }
        if self.deadlines.attachments.is_some_and(|at| at <= now) {
            self.close(CloseReason::AttachmentsTimeout, ctx);
        }
        while let Some(namespace) = self.token_due_in(now) {
            self.token_due(&namespace, now, ctx);
        }
        self.set_alarm();
    }

    /// Has the session wake when the next is due. To be called after each change of a deadline.
    pub(super) fn set_alarm(&mut self) {
        if self.closing {
            return self.alarm.set(None);
        }
        let deadlines = &self.deadlines;
        let all = [
            Some(self.heartbeat_at()),
            deadlines.connect,
            deadlines.attachments,
        ];
        let tokens = self
            .sockets
            .iter()
            .filter_map(|s| s.token_end.as_ref()?.next());
        self.alarm
            .set(all.into_iter().flatten().chain(tokens).min());
    }

    fn heartbeat_at(&self) -> Instant {
        match self.deadlines.awaits_pong {
            false => self.deadlines.ping,
            // It counts from when the ping was due, so that a late one leaves the client no later an end.
            true => self.deadlines.ping + self.settings.ping_timeout,
        }
    }

    fn heartbeat_due(&mut self, now: Instant, ctx: &mut Context<Self>) {
        if self.closing || now < self.heartbeat_at() {
            return;
        }
        if std::mem::replace(&mut self.deadlines.awaits_pong, true) {
            return self.close(CloseReason::PingTimeout, ctx);
        }
        self.outbox.send(ping());
        let sockets = self.sockets.iter();
        sockets.for_each(|connected| connected.socket.outbox.mark());
    }

    /// A pong that nobody asked for changes nothing, so that a flood of them costs nothing.
    pub(super) fn pong(&mut self) {
        if std::mem::replace(&mut self.deadlines.awaits_pong, false) {
            let sockets = self.sockets.iter();
            sockets.for_each(|connected| connected.socket.outbox.confirm());
            self.deadlines.ping = Instant::now() + self.settings.ping_interval;
            self.set_alarm();
        }
    }

    /// Gives the client until the connect deadline, from now, to have a socket in some namespace.
    pub(super) fn await_connect(&mut self) {
        self.deadlines.connect = Some(Instant::now() + self.settings.connect_timeout);
        self.set_alarm();
    }

    fn connect_due(&mut self, ctx: &mut Context<Self>) {
        self.deadlines.connect = None;
        if !self.sockets.is_empty() {
            return;
        }
        if self.busy {
            // A CONNECT is being decided; should it be refused, the client still has a deadline.
            return self.await_connect();
        }
        self.close(CloseReason::ConnectTimeout, ctx);
    }

    /// Starts or stops the deadline of a binary packet's attachments.
    pub(super) fn watch_attachments(&mut self) {
        let deadline = match (self.decoder.is_waiting(), self.deadlines.attachments) {
            (true, None) => Some(Instant::now() + ATTACHMENTS_DEADLINE),
            (false, Some(_)) => None,
            _ => return,
        };
        self.deadlines.attachments = deadline;
        self.set_alarm();
    }

    /// A namespace whose socket's token has something due.
    fn token_due_in(&self, now: Instant) -> Option<Namespace> {
        let is_due = |end: &TokenEnd| end.next().is_some_and(|at| at <= now);
        let mut sockets = self.sockets.iter();
        let due = sockets.find(|s| s.token_end.as_ref().is_some_and(is_due))?;
        Some(due.socket.namespace.clone())
    }

    /// Tells the socket that its token ends soon, or ends it.
    fn token_due(&mut self, namespace: &Namespace, now: Instant, ctx: &mut Context<Self>) {
        let Some(connected) = connected_in(&mut self.sockets, namespace) else {
            return;
        };
        let Some(end) = &mut connected.token_end else {
            return;
        };
        if end.has_come(now) {
            return self.deny(namespace, ctx);
        }
        end.is_told = true;
        let notice = format!(r#"{{"expires_at":{}}}"#, epoch_millis(end.at));
        connected
            .socket
            .emit(events::TOKEN_EXPIRING, &[notice.as_bytes()]);
    }
}

/// The end of a socket's token.
///
/// Counted on the clock that timers run by, from the moment at which the token was shown: so a step of the
/// wall clock does not end it, and a test can let it pass.
pub(super) struct TokenEnd {
    /// What clients are told.
    at: SystemTime,
    /// The same on the timers' clock; `None`: later than that can count.
    ends: Option<Instant>,
    /// Whether its socket has been told that the end is near.
    is_told: bool,
}

impl TokenEnd {
    pub(super) fn new(at: SystemTime) -> Self {
        let lifetime = at.duration_since(SystemTime::now()).unwrap_or_default();
        Self {
            at,
            ends: Instant::now().checked_add(lifetime),
            is_told: false,
        }
    }

    /// When the socket is to be told, or, having been told, to end.
    fn next(&self) -> Option<Instant> {
        let ends = self.ends?;
        match self.is_told {
            true => Some(ends),
            false => Some(ends.checked_sub(TOKEN_NOTICE).unwrap_or(ends)),
        }
    }

    fn has_come(&self, now: Instant) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }
}
