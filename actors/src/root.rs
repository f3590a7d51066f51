//! The root namespace: who may connect, and which family serves which event.
//!
//! Carries live captions, what organizations watch, and chats. A family is a struct with what it talks to and a function
//! for each event; what it knows of a socket is a [`Client`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;
use switchboard_protocol::events;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::socketio::{Event, Namespace};

use crate::captions::Captions;
use crate::chat::family::Chat;
use crate::metrics::{Metrics, Reason};
use crate::organization::family::Organizations;
use crate::ports::{Access, Action, Authenticator, Identity, Principal, Unavailable};
use crate::recovery::{Lease, Recovery};
use crate::rights::{self, Registration, Rights, Verdict};
use crate::service::{
    Accepted, ConnectRequest, Connection, Ending, Failure, Outcome, Refusal, Service, Socket,
    SocketService,
};
use crate::stamp::epoch_millis;

/// How a bad handshake is refused (`SWITCHBOARD_REFUSAL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RefusalMode {
    /// By CONNECT_ERROR with a message.
    #[default]
    ConnectError,
    /// By connecting, `unauthorized` and disconnecting.
    Unauthorized,
}

/// The root namespace's service; one for the whole process.
pub struct Root {
    /// Reads tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Decides what each may do.
    pub access: Arc<dyn Access>,
    /// How a bad handshake is refused.
    pub refusal: RefusalMode,
    /// Rooms.
    pub captions: Captions,
    /// What organizations have to watch.
    pub organizations: Organizations,
    /// Projects' rooms and chats.
    pub chat: Chat,
    /// Whether sockets without a token are let in, to chat.
    pub anonymous_chat: bool,
    /// Sockets that come back.
    pub recovery: Recovery,
    /// Sees to it that whoever may no longer have something loses it.
    pub rights: Rights,
    /// Counts refusals.
    pub metrics: Metrics,
}

impl Root {
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

    fn identify(&self, request: &ConnectRequest) -> Result<Identity, Refusal> {
        if !request.socket.namespace.is_root() {
            self.metrics
                .connects_refused
                .get_or_create(&Reason {
                    reason: "namespace",
                })
                .inc();
            return Err(Refusal::ConnectError("Invalid namespace"));
        }
        let token = match find_token(request.auth.as_deref(), &request.connection) {
            Some(token) => token,
            None if self.anonymous_chat => return Ok(ANONYMOUS),
            None => return Err(self.refuse("no_token", "Authentication required")),
        };
        self.authenticator
            .authenticate(&token)
            .map_err(|_| self.refuse("invalid_token", "Invalid token"))
    }

    async fn accept(self: Arc<Self>, request: ConnectRequest) -> Result<Accepted, Refusal> {
        let identity = self.identify(&request)?;
        let lease = self
            .recovery
            .admit(&*self.access, &identity, &request)
            .await;
        let expires_at = identity.expires_at;
        let socket = lease.as_ref().map_or(request.socket, Lease::socket);
        let ids = lease.as_ref().map(Lease::ids);
        let ids = ids.map(|(sid, pid)| (sid.to_owned(), pid.to_owned()));
        let holder = &identity.principal;
        let service = RootSocket {
            _registration: self.rights.keep(&socket, holder, request.rechecks),
            client: Client {
                socket: socket.clone(),
                connected_at: epoch_millis(SystemTime::now()),
                lease: lease.map(Box::new),
                identity: RefCell::new(identity),
                is_closed: Cell::new(false),
                root: self,
            },
        };
        let mut accepted = Accepted::new(socket, Rc::new(service), expires_at);
        accepted.greeting = Some(greeting());
        if let Some((sid, pid)) = ids {
            accepted.sid = sid;
            accepted.pid = Some(pid);
        }
        Ok(accepted)
    }
}

impl Service for Root {
    fn connect(
        self: Arc<Self>,
        request: ConnectRequest,
    ) -> LocalBoxFuture<'static, Result<Accepted, Refusal>> {
        self.accept(request).boxed_local()
    }
}

/// Whoever has no token.
const ANONYMOUS: Identity = Identity {
    principal: Principal::Anonymous,
    expires_at: None,
    token: None,
};

/// What seed 003's clients wait for; others do not know it, and pass it over.
fn greeting() -> Frame {
    static FRAME: LazyLock<Frame> = LazyLock::new(|| {
        let status: &[u8] = br#"{"status":"connected"}"#;
        Frame::event(&Namespace::root(), events::CONNECTION_STATUS, &[status])
    });
    FRAME.clone()
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

/// A connected socket as the families see it.
pub struct Client {
    /// Its name and its way out.
    pub socket: Socket,
    /// When its client connected, in milliseconds since the epoch.
    pub connected_at: u64,
    /// What makes it recoverable; none: it is not.
    pub lease: Option<Box<Lease>>,
    identity: RefCell<Identity>,
    is_closed: Cell<bool>,
    root: Arc<Root>,
}

impl Client {
    /// Who holds the socket.
    pub fn principal(&self) -> Principal {
        self.identity.borrow().principal.clone()
    }

    /// Whether the socket is gone: what is asked of an actor after that would leave a trace.
    pub fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Has what the socket is in or follows noted, so that it has it again when its client comes back.
    pub fn note(&self, note: impl FnOnce(&Lease)) {
        if let Some(lease) = &self.lease {
            note(lease);
        }
    }

    /// Asks whether the socket's holder may.
    pub async fn may(&self, action: Action) -> Result<bool, Failure> {
        self.ask(action).await.map_err(|_| {
            let message = "access cannot be checked now, try again";
            Failure::unavailable("ACCESS_UNAVAILABLE", message)
        })
    }

    /// As [`may`](Self::may), where nobody waits to be told of a failure.
    pub async fn ask(&self, action: Action) -> Result<bool, Unavailable> {
        let who = self.identity.borrow().clone();
        let answer = self.root.access.may(who, action).await;
        answer.inspect_err(|error| {
            self.root.metrics.access_failures.inc();
            // Whoever is away is the news of its own module; here it would be told once an event.
            log::debug!(
                "access cannot be checked socket={} reason={:?}",
                self.socket.id.0,
                error.to_string()
            );
        })
    }
}

struct RootSocket {
    client: Client,
    /// While it is here, the holder's rights are asked again.
    _registration: Registration,
}

impl RootSocket {
    async fn serve(self: Rc<Self>, event: Event) -> Outcome {
        let client = &self.client;
        let Root {
            captions,
            organizations,
            chat,
            ..
        } = &*client.root;
        match event.name.as_str() {
            events::JOIN_ROOM => captions.join(client, &event).await,
            events::LEAVE_ROOM => captions.leave(client, &event).await,
            events::WATCH_ORGANIZATION_SESSION => {
                organizations.watch_sessions(client, &event).await
            }
            events::UNWATCH_ORGANIZATION_SESSION => {
                organizations.unwatch_sessions(client, &event).await
            }
            events::WATCH_ORGANIZATION_MEDIA => organizations.watch_media(client, &event).await,
            events::UNWATCH_ORGANIZATION_MEDIA => organizations.unwatch_media(client, &event).await,
            events::LLM_JOIN => organizations.join_jobs(client, &event).await,
            events::LLM_LEAVE => organizations.leave_jobs(client, &event).await,
            events::JOIN_PROJECT => chat.join(client, &event).await,
            events::LEAVE_PROJECT => chat.leave(client, &event).await,
            events::SEND_MESSAGE => chat.ask(client, &event).await,
            events::CANCEL_MESSAGE => chat.cancel(client, &event).await,
            events::PING => chat.ping(client),
            events::AUTHENTICATE => self.authenticate(&event),
            _ => Outcome::Failed(Failure::invalid("UNKNOWN_EVENT", "unknown event")),
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
            .and_then(|arg| self.client.root.authenticator.authenticate(&arg.token).ok());
        let Some(fresh) = fresh else {
            let message = "authenticate takes {token} with a valid token";
            return Outcome::Failed(Failure::invalid("INVALID_TOKEN", message));
        };
        let mut identity = self.client.identity.borrow_mut();
        if !same_principal(&identity.principal, &fresh.principal) {
            let message = "the fresh token belongs to somebody else";
            return Outcome::Failed(Failure::invalid("OTHER_PRINCIPAL", message));
        }
        *identity = fresh;
        match identity.expires_at {
            Some(expires_at) => Outcome::Renewed(expires_at),
            None => Outcome::ok(),
        }
    }
}

fn same_principal(a: &Principal, b: &Principal) -> bool {
    match (a, b) {
        (Principal::User { id: a, .. }, Principal::User { id: b, .. }) => a == b,
        (a, b) => a == b,
    }
}

impl SocketService for RootSocket {
    fn connected(&self) {
        self.client.root.captions.connected(&self.client);
    }

    fn event(self: Rc<Self>, event: Event) -> LocalBoxFuture<'static, Outcome> {
        self.serve(event).boxed_local()
    }

    fn still_may(self: Rc<Self>, held: Vec<Action>) -> LocalBoxFuture<'static, Verdict> {
        async move { rights::verdict(&self.client, held).await }.boxed_local()
    }

    fn closed(&self, ending: Ending) {
        self.client.is_closed.set(true);
        if let Some(lease) = &self.client.lease {
            // Whoever keeps it says when it is gone.
            return lease.end(ending);
        }
        self.client.root.captions.closed(&self.client);
        self.client.root.organizations.closed(&self.client);
        self.client.root.chat.closed(&self.client);
    }
}
