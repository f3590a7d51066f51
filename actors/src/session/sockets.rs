//! The Socket.IO side of a session: its sockets, and serving their packets one after the other.
//!
//! A packet is served when the one before it has been; the heartbeat and the transport go on meanwhile.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use actix::prelude::*;
use bytes::Bytes;
use serde_json::value::RawValue;
use switchboard_protocol::events;
use switchboard_protocol::socketio::{self, AckId, Body, Event, Namespace, Packet};
use tokio::time::Instant;

use super::asker::Asker;
use super::pace::Verdict;
use super::timers::TokenEnd;
use super::{Above, CloseReason, Session};
use crate::limits::{
    Limit, NAMESPACES_PER_SESSION, PENDING_ANSWERS, PENDING_EVENTS, REFUSED_CONNECTS,
};
use crate::metrics::Reason;
use crate::service::{
    Accepted, ConnectRequest, Ending, Failure, Outcome, Refusal, Socket, SocketService,
};
use crate::stamp::epoch_millis;

/// A socket in its namespace.
pub(super) struct Connected {
    pub(super) socket: Socket,
    pub(super) service: Rc<dyn SocketService>,
    /// When its token ends.
    pub(super) token_end: Option<TokenEnd>,
}

/// The socket in `namespace`, if there is one.
pub(super) fn connected_in<'a>(
    sockets: &'a mut [Connected],
    namespace: &Namespace,
) -> Option<&'a mut Connected> {
    sockets
        .iter_mut()
        .find(|s| s.socket.namespace == *namespace)
}

/// A packet that is served in its turn.
pub(super) enum Work {
    Connect(Namespace, Option<Box<RawValue>>),
    Event(Namespace, Event, Option<AckId>),
    Disconnect(Namespace),
}

impl Session {
    pub(super) fn socketio_packet(&mut self, packet: Packet, ctx: &mut Context<Self>) {
        let Packet { namespace, body } = packet;
        let work = match body {
            Body::Connect(auth) => Work::Connect(namespace, auth),
            Body::Event { event, ack } => {
                self.metrics().events_received.inc();
                Work::Event(namespace, event, ack)
            }
            Body::Disconnect => Work::Disconnect(namespace),
            // We ask for none, so there is nothing that it could answer.
            Body::Ack { .. } => return,
            Body::ConnectError(_) => {
                return self.close(CloseReason::Protocol("unexpected_packet"), ctx);
            }
        };
        self.work.push_back(work);
        self.serve_next(ctx);
    }

    /// Serves what waits until something has to be waited for.
    fn serve_next(&mut self, ctx: &mut Context<Self>) {
        while !self.busy
            && !self.closing
            && let Some(work) = self.work.pop_front()
        {
            match work {
                Work::Connect(namespace, auth) => self.connect(namespace, auth, ctx),
                Work::Event(namespace, event, ack) => self.event(&namespace, event, ack, ctx),
                Work::Disconnect(namespace) => self.disconnect(&namespace),
            }
        }
        if self.work.is_empty() {
            // Whoever asks for nothing keeps no room for questions.
            self.work = VecDeque::new();
        }
        let is_full = self.work.len() >= PENDING_EVENTS;
        if self.gate.set_closed(is_full) && is_full {
            self.metrics().limit_reached(Limit::PendingEvents);
        }
    }

    fn connect(
        &mut self,
        namespace: Namespace,
        auth: Option<Box<RawValue>>,
        ctx: &mut Context<Self>,
    ) {
        if self.sockets.iter().any(|s| s.socket.namespace == namespace) {
            return self.close(CloseReason::Protocol("connected_twice"), ctx);
        }
        if self.sockets.len() >= NAMESPACES_PER_SESSION {
            let refusal = Refusal::ConnectError("Too many namespaces");
            self.count_refused_connect(Limit::Namespaces);
            return self.refuse(&namespace, refusal, ctx);
        }
        if !self.keeps_pace(ctx) {
            let refusal = Refusal::ConnectError("Too many events a second");
            self.count_refused_connect(Limit::EventsPerSecond);
            return self.refuse(&namespace, refusal, ctx);
        }
        let socket = Socket {
            id: self.next_socket_id(),
            namespace,
            outbox: Arc::clone(&self.outbox).into(),
        };
        let namespace = socket.namespace.clone();
        let request = ConnectRequest {
            socket,
            outbox: Arc::clone(&self.outbox),
            session: ctx.address().recipient(),
            rechecks: ctx.address().downgrade().recipient(),
            auth,
            connection: Rc::clone(&self.connection),
        };
        let Above::SocketIo(service) = &self.above else {
            return;
        };
        let decision = Arc::clone(service).connect(request);
        self.busy = true;
        ctx.spawn(
            decision
                .into_actor(self)
                .map(move |decision, session, ctx| {
                    session.busy = false;
                    match decision {
                        Ok(accepted) if session.closing => accepted.service.closed(Ending::Lost),
                        _ if session.closing => {}
                        Ok(accepted) => session.accept(accepted),
                        Err(refusal) => session.refuse(&namespace, refusal, ctx),
                    }
                    session.serve_next(ctx);
                }),
        );
    }

    fn accept(&mut self, accepted: Accepted) {
        let namespace = accepted.socket.namespace.clone();
        let connected = match &accepted.pid {
            Some(pid) => socketio::connect_recoverable(&namespace, &accepted.sid, pid),
            None => socketio::connect_ok(&namespace, &accepted.sid),
        };
        match accepted.greeting {
            Some(greeting) => self.outbox.send_all(&[connected, greeting]),
            None => self.outbox.send(connected),
        }
        accepted.service.connected();
        self.tell_newcomer(&accepted.socket);
        // Most connections have one for ever.
        self.sockets.reserve_exact(1);
        self.sockets.push(Connected {
            socket: accepted.socket,
            service: accepted.service,
            token_end: accepted.expires_at.map(TokenEnd::new),
        });
        self.deadlines.connected();
        self.set_alarm();
    }

    fn refuse(&mut self, namespace: &Namespace, refusal: Refusal, ctx: &mut Context<Self>) {
        self.ended_one = true;
        self.refused += 1;
        match refusal {
            Refusal::ConnectError(message) => {
                self.outbox
                    .send(socketio::connect_error(namespace, message));
            }
            Refusal::Unauthorized => {
                self.outbox
                    .send(socketio::connect_ok(namespace, &crate::random_id()));
                self.say_unauthorized(namespace);
                self.close_if_empty(ctx);
            }
        }
        if self.refused >= REFUSED_CONNECTS {
            self.close(CloseReason::TooBusy(Limit::RefusedConnects), ctx);
        }
    }

    fn event(
        &mut self,
        namespace: &Namespace,
        event: Event,
        ack: Option<AckId>,
        ctx: &mut Context<Self>,
    ) {
        let Some(connected) = connected_in(&mut self.sockets, namespace) else {
            // After the server ended a socket its client may still send; before a CONNECT it may not.
            if !self.ended_one {
                self.close(CloseReason::Protocol("not_connected"), ctx);
            }
            return;
        };
        let asker = Asker {
            socket: connected.socket.clone(),
            ack,
        };
        let service = Rc::clone(&connected.service);
        if !self.keeps_pace(ctx) {
            let message = format!(
                "more than {} events a second",
                self.settings.max_events_per_second
            );
            let failure = Failure::unavailable("RATE_LIMITED", message).at(Limit::EventsPerSecond);
            return self.fail(&asker, &failure);
        }
        let outcome = service.event(event);
        self.busy = true;
        ctx.spawn(outcome.into_actor(self).map(|outcome, session, ctx| {
            session.busy = false;
            session.answer(asker, outcome, ctx);
            session.serve_next(ctx);
        }));
    }

    fn answer(&mut self, asker: Asker, outcome: Outcome, ctx: &mut Context<Self>) {
        let is_connected = self.sockets.iter().any(|s| s.socket.id == asker.socket.id);
        if !is_connected {
            return;
        }
        match outcome {
            Outcome::Done(args) => asker.acknowledge(&args),
            Outcome::DoneThen(args, then) => {
                asker.acknowledge(&args);
                then();
            }
            Outcome::DoneBinary(args, attachments) => asker.acknowledge_binary(args, attachments),
            Outcome::Later(later) => self.answer_later(asker, later, ctx),
            Outcome::Denied => {
                self.count_refused("denied");
                self.deny(&asker.socket.namespace, ctx);
            }
            Outcome::Failed(failure) => self.fail(&asker, &failure),
            Outcome::Renewed(expires_at) => self.renew(&asker, expires_at),
        }
    }

    fn answer_later(
        &mut self,
        asker: Asker,
        later: futures_util::future::LocalBoxFuture<'static, Outcome>,
        ctx: &mut Context<Self>,
    ) {
        if self.answers_awaited >= PENDING_ANSWERS {
            return self.close(CloseReason::TooBusy(Limit::PendingAcks), ctx);
        }
        self.answers_awaited += 1;
        ctx.spawn(later.into_actor(self).map(|outcome, session, ctx| {
            session.answers_awaited -= 1;
            session.answer(asker, outcome, ctx);
        }));
    }

    fn renew(&mut self, asker: &Asker, expires_at: SystemTime) {
        let id = asker.socket.id;
        if let Some(connected) = self.sockets.iter_mut().find(|s| s.socket.id == id) {
            connected.token_end = Some(TokenEnd::new(expires_at));
        }
        self.set_alarm();
        let answer = format!(r#"{{"ok":true,"expires_at":{}}}"#, epoch_millis(expires_at));
        asker.acknowledge(&[Bytes::from(answer)]);
    }

    /// The client leaves a namespace; its connection stays for others.
    fn disconnect(&mut self, namespace: &Namespace) {
        self.remove(namespace);
        if self.sockets.is_empty() {
            self.await_connect();
        }
    }

    /// Ends a socket that may not have what it asked for, or whose token has ended.
    pub(super) fn deny(&mut self, namespace: &Namespace, ctx: &mut Context<Self>) {
        self.ended_one = true;
        self.remove(namespace);
        self.say_unauthorized(namespace);
        self.close_if_empty(ctx);
    }

    fn say_unauthorized(&self, namespace: &Namespace) {
        let unauthorized = switchboard_protocol::Frame::event(namespace, events::UNAUTHORIZED, &[]);
        self.outbox
            .send_all(&[unauthorized, socketio::disconnect(namespace)]);
    }

    fn close_if_empty(&mut self, ctx: &mut Context<Self>) {
        if self.sockets.is_empty() {
            self.close(CloseReason::Denied, ctx);
        }
    }

    pub(super) fn remove(&mut self, namespace: &Namespace) {
        let position = self
            .sockets
            .iter()
            .position(|s| s.socket.namespace == *namespace);
        let Some(position) = position else { return };
        let connected = self.sockets.swap_remove(position);
        self.set_alarm();
        connected.service.closed(Ending::Over);
    }

    /// Whether one more event may be served now. A flood ends the session.
    fn keeps_pace(&mut self, ctx: &mut Context<Self>) -> bool {
        let per_second = self.settings.max_events_per_second;
        let verdict = self.pace.event(per_second, Instant::now().into_std());
        if verdict == Verdict::Flood {
            self.close(CloseReason::TooBusy(Limit::EventsPerSecond), ctx);
        }
        verdict == Verdict::Serve
    }

    fn fail(&self, asker: &Asker, failure: &Failure) {
        self.count_refused(failure.code);
        if let Some(limit) = failure.limit {
            self.metrics().limit_reached(limit);
        }
        asker.fail(failure);
    }

    fn count_refused_connect(&self, limit: Limit) {
        self.metrics().limit_reached(limit);
        let reason = Reason {
            reason: limit.name(),
        };
        self.metrics().connects_refused.get_or_create(&reason).inc();
    }

    fn count_refused(&self, reason: &'static str) {
        self.metrics()
            .events_refused
            .get_or_create(&Reason { reason })
            .inc();
    }
}
