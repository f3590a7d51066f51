//! A session's clocks: heartbeat, connect deadline, attachments deadline, the end of a token.

use std::time::{Duration, SystemTime};

use actix::prelude::*;
use switchboard_protocol::events;
use switchboard_protocol::socketio::Namespace;

use super::{CloseReason, Session, ping};
use crate::limits::{ATTACHMENTS_DEADLINE, TOKEN_NOTICE, TOKEN_TIMER};

impl Session {
    pub(super) fn schedule_ping(&mut self, ctx: &mut Context<Self>) {
        self.heartbeat = ctx.run_later(self.settings.ping_interval, |session, ctx| {
            session.outbox.send(ping());
            session.awaiting_pong = true;
            session.heartbeat = ctx.run_later(session.settings.ping_timeout, |session, ctx| {
                session.close(CloseReason::PingTimeout, ctx);
            });
        });
    }

    /// A pong that nobody asked for changes nothing, so that a flood of them costs nothing.
    pub(super) fn pong(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.awaiting_pong, false) {
            ctx.cancel_future(self.heartbeat);
            self.schedule_ping(ctx);
        }
    }

    /// Gives the client until the connect deadline, from now, to have a socket in some namespace.
    pub(super) fn await_connect(&mut self, ctx: &mut Context<Self>) {
        let timer = ctx.run_later(self.settings.connect_timeout, |session, ctx| {
            session.connect_timer = None;
            if session.sockets.is_empty() && !session.busy {
                session.close(CloseReason::ConnectTimeout, ctx);
            }
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
        let Some(connected) = self
            .sockets
            .iter_mut()
            .find(|s| s.socket.namespace == *namespace)
        else {
            return;
        };
        if let Some(timer) = connected.token_timer.take() {
            ctx.cancel_future(timer);
        }
        let Some(expires_at) = connected.expires_at else {
            return;
        };
        let left = expires_at
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        let wait = match connected.told_expiring {
            true => left,
            false => left.saturating_sub(TOKEN_NOTICE),
        };
        let namespace = namespace.clone();
        let timer = ctx.run_later(wait.min(TOKEN_TIMER), move |session, ctx| {
            session.token_timer(&namespace, ctx);
        });
        connected.token_timer = Some(timer);
    }

    fn token_timer(&mut self, namespace: &Namespace, ctx: &mut Context<Self>) {
        let Some(connected) = self
            .sockets
            .iter_mut()
            .find(|s| s.socket.namespace == *namespace)
        else {
            return;
        };
        let Some(expires_at) = connected.expires_at else {
            return;
        };
        let left = expires_at
            .duration_since(SystemTime::now())
            .unwrap_or(Duration::ZERO);
        if left.is_zero() {
            return self.deny(namespace, ctx);
        }
        if left <= TOKEN_NOTICE && !std::mem::replace(&mut connected.told_expiring, true) {
            let notice = format!(r#"{{"expires_at":{}}}"#, epoch_millis(expires_at));
            connected
                .socket
                .emit(events::TOKEN_EXPIRING, &[notice.as_bytes()]);
        }
        self.watch_token(namespace, ctx);
    }
}

/// Milliseconds since 1970, the unit of every time that clients see.
pub(super) fn epoch_millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
}
