//! A session's clocks: heartbeat, connect deadline, attachments deadline, the end of a token.

use std::time::{Duration, SystemTime};

use actix::prelude::*;
use switchboard_protocol::events;
use switchboard_protocol::socketio::Namespace;
use tokio::time::Instant;

use super::sockets::connected_in;
use super::{CloseReason, Session, ping};
use crate::limits::{ATTACHMENTS_DEADLINE, TOKEN_NOTICE, TOKEN_TIMER};

impl Session {
    pub(super) fn schedule_ping(&mut self, ctx: &mut Context<Self>) {
        // The pong's deadline counts from here, so that a late ping leaves the client no later an end.
        let deadline = Instant::now() + self.settings.ping_interval + self.settings.ping_timeout;
        self.heartbeat = ctx.run_later(self.settings.ping_interval, move |session, ctx| {
            session.outbox.send(ping());
            let sockets = session.sockets.iter();
            sockets.for_each(|connected| connected.socket.outbox.mark());
            session.awaiting_pong = true;
            let left = deadline.saturating_duration_since(Instant::now());
            session.heartbeat = ctx.run_later(left, |session, ctx| {
                session.close(CloseReason::PingTimeout, ctx);
            });
        });
    }

    /// A pong that nobody asked for changes nothing, so that a flood of them costs nothing.
    pub(super) fn pong(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.awaiting_pong, false) {
            ctx.cancel_future(self.heartbeat);
            let sockets = self.sockets.iter();
            sockets.for_each(|connected| connected.socket.outbox.confirm());
            self.schedule_ping(ctx);
        }
    }

    /// Gives the client until the connect deadline, from now, to have a socket in some namespace.
    pub(super) fn await_connect(&mut self, ctx: &mut Context<Self>) {
        let timer = ctx.run_later(self.settings.connect_timeout, |session, ctx| {
            session.connect_timer = None;
            if !session.sockets.is_empty() {
                return;
            }
            if session.busy {
                // A CONNECT is being decided; should it be refused, the client still has a deadline.
                return session.await_connect(ctx);
            }
            session.close(CloseReason::ConnectTimeout, ctx);
        });
        if let Some(earlier) = self.connect_timer.replace(timer) {
            ctx.cancel_future(earlier);
        }
    }

    /// Starts or stops the deadline of a binary packet's attachments.
    pub(super) fn watch_attachments(&mut self, ctx: &mut Context<Self>) {
        match (self.decoder.is_waiting(), self.attachments_timer) {
            (true, None) => {
                let timer = ctx.run_later(ATTACHMENTS_DEADLINE, |session, ctx| {
                    session.close(CloseReason::AttachmentsTimeout, ctx);
                });
                self.attachments_timer = Some(timer);
            }
            (false, Some(timer)) => {
                ctx.cancel_future(timer);
                self.attachments_timer = None;
            }
            _ => {}
        }
    }

    /// Sets the clock of a socket's token: a notice before its end, and its end.
    pub(super) fn watch_token(&mut self, namespace: &Namespace, ctx: &mut Context<Self>) {
        let Some(connected) = connected_in(&mut self.sockets, namespace) else {
            return;
        };
        if let Some(timer) = connected.token_timer.take() {
            ctx.cancel_future(timer);
        }
        let Some(end) = &connected.token_end else {
            return;
        };
        let wait = match end.is_told {
            true => end.left(),
            false => end.left().saturating_sub(TOKEN_NOTICE),
        };
        let namespace = namespace.clone();
        let timer = ctx.run_later(wait.min(TOKEN_TIMER), move |session, ctx| {
            session.token_timer(&namespace, ctx);
        });
        connected.token_timer = Some(timer);
    }

    fn token_timer(&mut self, namespace: &Namespace, ctx: &mut Context<Self>) {
        let Some(connected) = connected_in(&mut self.sockets, namespace) else {
            return;
        };
        let Some(end) = &mut connected.token_end else {
            return;
        };
        let left = end.left();
        if left.is_zero() {
            return self.deny(namespace, ctx);
        }
        if left <= TOKEN_NOTICE && !std::mem::replace(&mut end.is_told, true) {
            let notice = format!(r#"{{"expires_at":{}}}"#, epoch_millis(end.at));
            connected
                .socket
                .emit(events::TOKEN_EXPIRING, &[notice.as_bytes()]);
        }
        self.watch_token(namespace, ctx);
    }
}

/// The end of a socket's token.
///
/// Counted on the clock that timers run by, from the moment at which the token was shown: so a step of the
/// wall clock does not end it, and a test can let it pass.
pub(super) struct TokenEnd {
    /// What clients are told.
    at: SystemTime,
    /// How long the token was still good for when it was shown.
    lifetime: Duration,
    since: Instant,
    /// Whether its socket has been told that the end is near.
    is_told: bool,
}

impl TokenEnd {
    pub(super) fn new(at: SystemTime) -> Self {
        Self {
            at,
            lifetime: at.duration_since(SystemTime::now()).unwrap_or_default(),
            since: Instant::now(),
            is_told: false,
        }
    }

    fn left(&self) -> Duration {
        self.lifetime.saturating_sub(self.since.elapsed())
    }
}

/// Milliseconds since 1970, the unit of every time that clients see.
pub(super) fn epoch_millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
}
