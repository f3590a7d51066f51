//! The RightsKeeper: sees to it that whoever may no longer have a room or a watch loses it.
//!
//! Hears which sockets there are (`Register`, `Unregister`), that rights may have changed ([`AccessChanged`], from this
//! process or as a stream from the broker), and the clock. Asks the registries what a socket holds, and the socket's
//! session whether it may still have it; the session then ends the socket that may not. A few at a time, each once
//! however often it is asked for; never knows a frame.

mod notice;
mod queue;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::WeakRecipient;
use actix::prelude::*;
use futures_util::future::join_all;
use switchboard_protocol::ids::UserId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::SocketId;
use crate::broker::Fed;
use crate::chat::projects::{GetHeld, ProjectRegistry};
use crate::limits::{RECHECK_DEADLINE, RECHECK_TURNS, RECHECKS_AT_ONCE};
use crate::metrics::{Metrics, Reason};
use crate::organization::registry::{GetWatched, OrganizationRegistry};
use crate::ports::{Access, Action, Principal};
use crate::registry::{GetSessionsOf, GetSocketsIn, RoomRegistry};
use crate::root::Client;
use crate::service::Socket;
pub use notice::AccessChanged;
use queue::Queue;

/// What a session is asked: whether the holder of one of its sockets may still have all of this. It ends one that may not.
#[derive(Debug, Message)]
#[rtype(result = "Verdict")]
pub struct Recheck {
    /// The socket.
    pub socket: SocketId,
    /// What it has.
    pub held: Vec<Action>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may have all of it.
    Kept,
    /// It may not, and is ended.
    Lost,
    /// Rights cannot be asked now: it keeps what it has.
    Unknown,
}

/// Asks for all of `held` anew.
pub(crate) async fn verdict(client: &Client, held: Vec<Action>) -> Verdict {
    let mut verdict = Verdict::Kept;
    for action in held {
        match client.ask(action).await {
            Ok(true) => {}
            Ok(false) => return Verdict::Lost,
            Err(_) => verdict = Verdict::Unknown,
        }
    }
    verdict
}

/// The way to the RightsKeeper; cheap to clone.
#[derive(Clone)]
pub struct Rights(Arc<Way>);

/// One for the process: each registration holds it.
struct Way {
    keeper: Addr<RightsKeeper>,
    /// Numbers registrations.
    last: AtomicU64,
}

impl Rights {
    /// The way to `keeper`; one for the whole process.
    pub fn new(keeper: Addr<RightsKeeper>) -> Self {
        let last = AtomicU64::default();
        Self(Arc::new(Way { keeper, last }))
    }

    /// Has the rights of a socket's holder asked again, by `session`, until what it returns is dropped.
    pub fn keep(
        &self,
        socket: &Socket,
        holder: &Principal,
        session: WeakRecipient<Recheck>,
    ) -> Registration {
        let id = self.0.last.fetch_add(1, Ordering::Relaxed);
        self.0.keeper.do_send(Register {
            id,
            registered: Registered {
                socket: socket.id,
                user: match holder {
                    Principal::User { id, .. } => Some(id.clone()),
                    Principal::Guest { .. } | Principal::Anonymous => None,
                },
                session,
            },
        });
        Registration {
            id,
            way: Arc::clone(&self.0),
        }
    }
}

/// Ends when dropped. Numbered of its own: a socket's late end cannot remove what came after it.
pub struct Registration {
    id: u64,
    way: Arc<Way>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.way.keeper.do_send(Unregister(self.id));
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Register {
    id: u64,
    registered: Registered,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Unregister(u64);

#[derive(Clone)]
struct Registered {
    socket: SocketId,
    /// Whose it is, where it is a user's.
    user: Option<UserId>,
    /// Its session; weak, because the session holds this actor's address.
    session: WeakRecipient<Recheck>,
}

/// Where the RightsKeeper finds out what is held, and who may.
#[derive(Clone)]
pub struct Holdings {
    /// Who is in which room.
    pub rooms: Addr<RoomRegistry>,
    /// Who watches which organization.
    pub organizations: Addr<OrganizationRegistry>,
    /// Who is in which project's room.
    pub projects: Addr<ProjectRegistry>,
    /// Whose memory is to be refreshed.
    pub access: Arc<dyn Access>,
}

/// See the module's documentation.
pub struct RightsKeeper {
    registered: HashMap<u64, Registered>,
    queue: Queue,
    holdings: Holdings,
    /// Taken when the actor starts.
    feed: Option<mpsc::UnboundedReceiver<Fed>>,
    /// After this time each socket's rights are asked again whatever is said; none: never.
    every: Option<Duration>,
    /// Which share of the sockets was asked last.
    turn: u64,
    /// Whether it has been logged that rights cannot be asked.
    is_failing: bool,
    metrics: Metrics,
}

impl RightsKeeper {
    /// A keeper without sockets that reads `feed` ([`Feeds::access`](crate::broker::Feeds)).
    pub fn new(
        feed: mpsc::UnboundedReceiver<Fed>,
        holdings: Holdings,
        every: Option<Duration>,
        metrics: Metrics,
    ) -> Self {
        Self {
            registered: HashMap::new(),
            queue: Queue::default(),
            holdings,
            feed: Some(feed),
            every,
            turn: 0,
            is_failing: false,
            metrics,
        }
    }

    /// Has those asked for whom `concerns` says so.
    fn recheck(&mut self, concerns: impl Fn(u64, &Registered) -> bool, ctx: &mut Context<Self>) {
        for (id, registered) in &self.registered {
            if concerns(*id, registered) {
                self.queue.push(*id);
            }
        }
        self.go_on(ctx);
    }

    /// Asks for as many of those that wait as may be asked for at once, and has what they need read together: hence not
    /// before there is room for many.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        if self.queue.running() > RECHECKS_AT_ONCE / 2 {
            return;
        }
        let mut these = Vec::new();
        while let Some(id) = self.queue.begin(RECHECKS_AT_ONCE) {
            match self.registered.get(&id) {
                Some(registered) => these.push(registered.clone()),
                None => self.queue.end(),
            }
        }
        if these.is_empty() {
            return;
        }
        let expected = expect(these, self.holdings.clone()).into_actor(self);
        ctx.spawn(expected.map(|all, keeper, ctx| {
            for holding in all {
                let asked = ask(holding).into_actor(keeper);
                ctx.spawn(asked.map(|verdict, keeper, ctx| {
                    keeper.queue.end();
                    if let Some(verdict) = verdict {
                        keeper.count(verdict);
                    }
                    keeper.go_on(ctx);
                }));
            }
        }));
    }

    fn count(&mut self, verdict: Verdict) {
        let reason = match verdict {
            Verdict::Kept => "kept",
            Verdict::Lost => "lost",
            Verdict::Unknown => "unknown",
        };
        self.metrics
            .rights_rechecked
            .get_or_create(&Reason { reason })
            .inc();
        let fails = verdict == Verdict::Unknown;
        if std::mem::replace(&mut self.is_failing, fails) == fails {
            return;
        }
        match fails {
            true => log::warn!("rights cannot be asked again now: sockets keep what they have"),
            false => log::info!("rights can be asked again"),
        }
    }
}

/// What these sockets hold, which the source of rights has been told to expect questions about.
async fn expect(
    these: Vec<Registered>,
    holdings: Holdings,
) -> Vec<(WeakRecipient<Recheck>, Recheck)> {
    let held = join_all(these.iter().map(|one| held(one.socket, &holdings))).await;
    let actions: HashSet<Action> = held.iter().flatten().cloned().collect();
    // A source that does not answer in time has its say about each of them.
    let expected = holdings.access.expect(actions.into_iter().collect());
    let _ = tokio::time::timeout(RECHECK_DEADLINE, expected).await;
    let recheck = |(one, held): (Registered, _)| {
        let socket = one.socket;
        (one.session, Recheck { socket, held })
    };
    these.into_iter().zip(held).map(recheck).collect()
}

/// What a socket holds; nothing where it is gone.
async fn held(socket: SocketId, holdings: &Holdings) -> Vec<Action> {
    let sessions = holdings.rooms.send(GetSessionsOf(socket)).await;
    let sessions = sessions.unwrap_or_default().into_iter();
    let mut held: Vec<_> = sessions.map(Action::JoinSession).collect();
    let watched = holdings.organizations.send(GetWatched(socket)).await;
    held.extend(watched.unwrap_or_default());
    let project = holdings.projects.send(GetHeld(socket)).await;
    held.extend(project.unwrap_or_default());
    held
}

/// Asks for one socket; nothing where it holds nothing, or is gone.
async fn ask((session, recheck): (WeakRecipient<Recheck>, Recheck)) -> Option<Verdict> {
    let session = session.upgrade()?;
    if recheck.held.is_empty() {
        return None;
    }
    let asked = session.send(recheck);
    match tokio::time::timeout(RECHECK_DEADLINE, asked).await {
        // It has gone meanwhile, and with it what it held.
        Ok(answer) => answer.ok(),
        Err(_) => Some(Verdict::Unknown),
    }
}

impl Actor for RightsKeeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let feed = self.feed.take().expect("an actor starts once");
        ctx.add_stream(UnboundedReceiverStream::new(feed));
        if let Some(every) = self.every {
            // A share at a time: all at once would be felt by those who watch.
            let step = (every / RECHECK_TURNS).max(Duration::from_millis(1));
            ctx.run_interval(step, |keeper, ctx| {
                keeper.turn = (keeper.turn + 1) % u64::from(RECHECK_TURNS);
                let turn = keeper.turn;
                keeper.recheck(|id, _| id % u64::from(RECHECK_TURNS) == turn, ctx);
            });
        }
    }
}

impl StreamHandler<Fed> for RightsKeeper {
    fn handle(&mut self, fed: Fed, ctx: &mut Self::Context) {
        match AccessChanged::read(&fed.topic, &fed.payload) {
            Ok(change) => self.changed(change, ctx),
            Err(reason) => {
                self.metrics
                    .organization_events_refused
                    .get_or_create(&Reason { reason })
                    .inc();
            }
        }
    }

    // The BrokerActor is gone; the clock goes on until the system stops.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl RightsKeeper {
    fn changed(&mut self, change: AccessChanged, ctx: &mut Context<Self>) {
        self.holdings.access.forget(&change);
        match change {
            AccessChanged::Organization(_) => self.recheck(|_, _| true, ctx),
            AccessChanged::Member(_, user) => {
                self.recheck(|_, registered| registered.user.as_ref() == Some(&user), ctx);
            }
            AccessChanged::Session(session) => {
                let sockets = self.holdings.rooms.send(GetSocketsIn(session));
                let sockets = sockets.into_actor(self);
                ctx.spawn(sockets.map(|sockets, keeper, ctx| {
                    let sockets = sockets.unwrap_or_default();
                    keeper.recheck(|_, registered| sockets.contains(&registered.socket), ctx);
                }));
            }
        }
    }
}

impl Handler<AccessChanged> for RightsKeeper {
    type Result = ();

    fn handle(&mut self, change: AccessChanged, ctx: &mut Self::Context) {
        self.changed(change, ctx);
    }
}

impl Handler<Register> for RightsKeeper {
    type Result = ();

    fn handle(&mut self, Register { id, registered }: Register, _: &mut Self::Context) {
        self.registered.insert(id, registered);
    }
}

impl Handler<Unregister> for RightsKeeper {
    type Result = ();

    fn handle(&mut self, Unregister(id): Unregister, _: &mut Self::Context) {
        self.registered.remove(&id);
    }
}
