//! Live captions on the root namespace: who may connect, and the events `join_room`, `leave_room` and `authenticate`.
//!
//! Asks the access port, tells the RoomRegistry; deliveries come from the rooms, not from here.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use serde::Deserialize;
use serde_json::value::RawValue;
use switchboard_protocol::events;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::socketio::Event;

use crate::broker::Grant;
use crate::metrics::{Metrics, Reason};
use crate::ports::{Access, Authenticator, Identity, Principal};
use crate::registry::{Join, Joined, Leave, RoomRegistry, SocketClosed, SocketConnected};
use crate::service::{
    Accepted, ConnectRequest, Connection, Failure, Outcome, Refusal, Service, Socket, SocketService,
};

/// How a bad handshake is refused (`SWITCHBOARD_REFUSAL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RefusalMode {
    /// By CONNECT_ERROR with a message.
    #[default]
    ConnectError,
    /// By connecting, `unauthorized` and disconnecting.
    Unauthorized,
}

/// The live captions' service; one for the whole process.
#[derive(Clone)]
pub struct Captions {
    /// Where joins and leaves go.
    pub registry: Addr<RoomRegistry>,
    /// Reads tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Decides joins.
    pub access: Arc<dyn Access>,
    /// How a bad handshake is refused.
    pub refusal: RefusalMode,
    /// Counts refusals.
    pub metrics: Metrics,
}

impl Captions {
    fn refuse(&self, reason: &'static str, message: &'static str) -> Refusal {
        self.metrics
            .connects_refused
            .get_or_create(&Reason { reason })
            .inc();
        match self.refusal {
            RefusalMode::ConnectError => Refusal::ConnectError(message),
            RefusalMode::Unauthorized => Refusal::Unauthorized,
        }
    }

    fn accept(&self, request: ConnectRequest) -> Result<Accepted, Refusal> {
        if !request.socket.namespace.is_root() {
            self.metrics
                .connects_refused
                .get_or_create(&Reason {
                    reason: "namespace",
                })
                .inc();
            return Err(Refusal::ConnectError("Invalid namespace"));
        }
        let token = find_token(request.auth.as_deref(), &request.connection)
            .ok_or_else(|| self.refuse("no_token", "Authentication required"))?;
        let identity = self
            .authenticator
            .authenticate(&token)
            .map_err(|_| self.refuse("invalid_token", "Invalid token"))?;
        let expires_at = Some(identity.expires_at);
        let service = CaptionsSocket {
            socket: request.socket,
            identity: RefCell::new(identity),
            captions: self.clone(),
        };
        Ok(Accepted {
            service: Rc::new(service),
            expires_at,
        })
    }
}

impl Service for Captions {
    fn connect(
        &self,
        request: ConnectRequest,
    ) -> LocalBoxFuture<'static, Result<Accepted, Refusal>> {
        ready(self.accept(request)).boxed_local()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Auth {
    token: Option<String>,
    public_token: Option<String>,
}

/// The first of `auth.token`, `auth.publicToken`, the query's `token`, `Authorization: Bearer`.
///
/// An `auth` whose tokens are no strings counts as a token that vouches for nobody, not as none.
fn find_token(auth: Option<&RawValue>, connection: &Connection) -> Option<String> {
    let auth = match auth.map(|auth| serde_json::from_str::<Auth>(auth.get())) {
        Some(Ok(auth)) => auth,
        Some(Err(_)) => return Some(String::new()),
        None => Auth {
            token: None,
            public_token: None,
        },
    };
    [
        auth.token,
        auth.public_token,
        connection.query_token.clone(),
        connection.bearer.clone(),
    ]
    .into_iter()
    .flatten()
    .find(|token| !token.is_empty())
}

struct CaptionsSocket {
    socket: Socket,
    identity: RefCell<Identity>,
    captions: Captions,
}

impl CaptionsSocket {
    async fn join(self: Rc<Self>, event: Event) -> Outcome {
        let room = match room_argument(&event) {
            Ok(room) => room,
            Err(failure) => return Outcome::Failed(failure),
        };
        let who = self.identity.borrow().principal.clone();
        match self.captions.access.may_join(who, room.session()).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Denied,
            Err(e) => {
                log::warn!("join of {room}: {e}");
                let message = "access cannot be checked now, try again";
                return Outcome::Failed(Failure::unavailable("ACCESS_UNAVAILABLE", message));
            }
        }
        let join = Join {
            socket: self.socket.id,
            room,
        };
        match self.captions.registry.send(join).await {
            Ok(Ok(Joined::Now)) => Outcome::ok(),
            Ok(Ok(Joined::Soon(granted))) => Outcome::Later(
                granted
                    .map(|grant| match grant {
                        Ok(Grant::Granted | Grant::BrokerDown) => Outcome::ok(),
                        Ok(Grant::Refused) => Outcome::Failed(Failure::unavailable(
                            "BROKER_REFUSED",
                            "the broker refused the room's topics",
                        )),
                        Err(_) => Outcome::Failed(Failure::invalid(
                            "LEFT",
                            "the room was left before the join was complete",
                        )),
                    })
                    .boxed_local(),
            ),
            Ok(Err(refused)) => {
                Outcome::Failed(Failure::invalid("JOIN_REFUSED", refused.to_string()))
            }
            Err(_) => Outcome::Failed(Failure::unavailable("STOPPING", "the server is stopping")),
        }
    }

    async fn leave(self: Rc<Self>, event: Event) -> Outcome {
        let room = match room_argument(&event) {
            Ok(room) => room,
            Err(failure) => return Outcome::Failed(failure),
        };
        // Waited for, so that nothing published after the acknowledgement is delivered.
        match self
            .captions
            .registry
            .send(Leave {
                socket: self.socket.id,
                room,
            })
            .await
        {
            Ok(()) => Outcome::ok(),
            Err(_) => Outcome::Failed(Failure::unavailable("STOPPING", "the server is stopping")),
        }
    }

    /// Carries on with a fresh token of the same principal.
    fn authenticate(&self, event: &Event) -> Outcome {
        #[derive(Deserialize)]
        struct Argument {
            token: String,
        }
        let fresh = event
            .args
            .first()
            .and_then(|arg| serde_json::from_str::<Argument>(arg.get()).ok())
            .and_then(|arg| self.captions.authenticator.authenticate(&arg.token).ok());
        let Some(fresh) = fresh else {
            let message = "authenticate takes {token} with a valid token";
            return Outcome::Failed(Failure::invalid("INVALID_TOKEN", message));
        };
        let mut identity = self.identity.borrow_mut();
        if !same_principal(&identity.principal, &fresh.principal) {
            let message = "the fresh token belongs to somebody else";
            return Outcome::Failed(Failure::invalid("OTHER_PRINCIPAL", message));
        }
        *identity = fresh;
        Outcome::Renewed(identity.expires_at)
    }
}

fn same_principal(a: &Principal, b: &Principal) -> bool {
    match (a, b) {
        (Principal::User { id: a, .. }, Principal::User { id: b, .. }) => a == b,
        (a, b) => a == b,
    }
}

fn room_argument(event: &Event) -> Result<RoomId, Failure> {
    let text = event
        .args
        .first()
        .and_then(|arg| serde_json::from_str::<String>(arg.get()).ok());
    let Some(text) = text else {
        let message = format!("{} takes a room id \"session/channel\"", event.name);
        return Err(Failure::invalid("INVALID_ROOM", message));
    };
    text.parse()
        .map_err(|e| Failure::invalid("INVALID_ROOM", format!("{e}")))
}

impl SocketService for CaptionsSocket {
    fn connected(&self) {
        self.captions.registry.do_send(SocketConnected {
            socket: self.socket.id,
            outbox: Arc::clone(&self.socket.outbox),
        });
    }

    fn event(self: Rc<Self>, event: Event) -> LocalBoxFuture<'static, Outcome> {
        match event.name.as_str() {
            events::JOIN_ROOM => self.join(event).boxed_local(),
            events::LEAVE_ROOM => self.leave(event).boxed_local(),
            events::AUTHENTICATE => ready(self.authenticate(&event)).boxed_local(),
            _ => ready(Outcome::Failed(Failure::invalid(
                "UNKNOWN_EVENT",
                "unknown event",
            )))
            .boxed_local(),
        }
    }

    fn closed(&self) {
        self.captions.registry.do_send(SocketClosed(self.socket.id));
    }
}
