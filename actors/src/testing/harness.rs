//! Registry, broker and the root namespace over fakes, and clients to use them.

use std::cell::RefCell;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::prelude::*;
use futures_util::stream::BoxStream;
use switchboard_protocol::frame::Frame;

use super::client::Line;
use super::{
    ChatStage, Client, FakeAccess, FakeBroker, FakeDirectory, FakeMedia, FakeRecoverables,
    FakeTokens, FakeTranscripts, FakeWire, eventually, quiet,
};
use crate::SocketIds;
use crate::broker::{BrokerActor, Router};
use crate::captions::Captions;
use crate::metrics::Metrics;
use crate::mqtt_client::LinkRole;
use crate::organization::family::Organizations;
use crate::organization::registry::{GetWatchCounts, OrganizationRegistry, Sources, WatchCounts};
use crate::outbox::{Outbox, OutboxLimits};
use crate::recorder::Archive;
use crate::recovery::{DEFAULT_WINDOW, Recovery, RecoveryKeeper, RecoveryMode};
use crate::registry::{GetCounts, RoomRegistry};
use crate::rights::{Holdings, Rights, RightsKeeper};
use crate::root::{RefusalMode, Root};
use crate::service::{Connection, Service};
use crate::session::{Above, Incoming, Opening, Session, SessionSettings};

/// What a test may want otherwise.
pub struct Setup {
    /// Pause between pings, 25 s.
    pub ping_interval: Duration,
    /// Time to answer one, 20 s.
    pub ping_timeout: Duration,
    /// Time to connect to a namespace, 10 s.
    pub connect_timeout: Duration,
    /// Events a second; 0 is no limit.
    pub events_per_second: u32,
    /// Bounds of every client's outbox.
    pub outbox: OutboxLimits,
    /// How a bad handshake is refused.
    pub refusal: RefusalMode,
    /// How long finals are kept; none: in the rooms' memory only.
    pub retention: Option<Duration>,
    /// Which sockets are recoverable.
    pub recovery: RecoveryMode,
    /// Those that storage remembers already, from another switchboard's life.
    pub recoverables: Option<Arc<FakeRecoverables>>,
    /// What is stored already.
    pub transcripts: Option<Arc<FakeTranscripts>>,
    /// After which time rights are asked again; none: only when something is said to have changed.
    pub recheck: Option<Duration>,
    /// Threads for rooms and organizations; none: all on the test's own.
    pub threads: Vec<ArbiterHandle>,
    /// Whether sockets without a token are let in, to chat.
    pub anonymous_chat: bool,
    /// Connections that transcripts come by, 1.
    pub delivery_links: usize,
    /// Puts another service before, or in the place of, the root namespace's.
    pub service: fn(Root) -> Arc<dyn Service>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(10),
            events_per_second: 0,
            outbox: OutboxLimits::default(),
            refusal: RefusalMode::default(),
            retention: None,
            recheck: None,
            threads: Vec::new(),
            anonymous_chat: false,
            delivery_links: 1,
            recovery: RecoveryMode::Ask,
            recoverables: None,
            transcripts: None,
            service: |root| Arc::new(root),
        }
    }
}

/// See the module's documentation.
pub struct Harness {
    /// The broker behind the links.
    pub broker: FakeBroker,
    /// The BrokerActor.
    pub broker_actor: Addr<BrokerActor>,
    /// The RoomRegistry.
    pub registry: Addr<RoomRegistry>,
    /// The OrganizationRegistry.
    pub organizations: Addr<OrganizationRegistry>,
    /// Projects' rooms, answers, and what they are made with.
    pub chat: ChatStage,
    /// Which sessions are whose, where the list does not say.
    pub directory: Arc<FakeDirectory>,
    /// What is being processed; asked every ten seconds.
    pub media: Arc<FakeMedia>,
    /// Who may join what.
    pub access: Arc<FakeAccess>,
    /// Who a token belongs to.
    pub tokens: Arc<FakeTokens>,
    /// What is stored.
    pub transcripts: Arc<FakeTranscripts>,
    /// Sockets that may come back.
    pub keeper: Addr<RecoveryKeeper>,
    /// Those of them that storage remembers.
    pub recoverables: Arc<FakeRecoverables>,
    /// Where finals are kept.
    pub archive: Option<Archive>,
    /// What all of them count.
    pub metrics: Metrics,
    /// What all sessions share.
    pub settings: Arc<SessionSettings>,
    /// What speaks on the sessions.
    pub above: Above,
    limits: OutboxLimits,
    outboxes: RefCell<Vec<Weak<Outbox>>>,
    leases: RefCell<Vec<Weak<()>>>,
}

impl Harness {
    /// Starts everything with the broker up.
    pub async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    /// As [`Harness::start`], otherwise than usual.
    pub async fn start_with(setup: Setup) -> Self {
        let harness = Self::start_down(setup).await;
        harness.broker.up();
        quiet().await;
        assert_eq!(harness.metrics.broker_up.get(), 1);
        harness
    }

    /// Starts everything with the broker away.
    pub async fn start_down(setup: Setup) -> Self {
        let metrics = Metrics::default();
        let (router, feeds) = Router::new(metrics.clone());
        let (broker, links) = FakeBroker::start(setup.delivery_links, router);
        let (actor, status) = BrokerActor::new(links, metrics.clone());
        let broker_actor = actor.start();
        let mut registry = RoomRegistry::new(
            broker_actor.clone(),
            status,
            setup.threads.clone(),
            metrics.clone(),
        );
        let transcripts = setup.transcripts.unwrap_or_default();
        let keep = |retention| Archive::start(transcripts.clone(), retention, metrics.clone());
        let archive = setup.retention.map(keep);
        if let Some(archive) = &archive {
            registry = registry.with_archive(archive.clone());
        }
        let registry = registry.start();
        let directory = Arc::new(FakeDirectory::default());
        let media = Arc::new(FakeMedia::default());
        let sources = Sources {
            directory: directory.clone(),
            media: media.clone(),
            media_poll: Duration::from_secs(10),
        };
        let organizations = OrganizationRegistry::new(
            feeds.organization,
            sources,
            setup.threads.clone(),
            metrics.clone(),
        )
        .start();
        let threads = setup.threads;
        let chat = ChatStage::start(feeds.project, threads, metrics.clone());
        let access = Arc::new(FakeAccess::default());
        let tokens = Arc::new(FakeTokens::default());
        let recoverables = setup.recoverables.unwrap_or_default();
        let keeper = RecoveryKeeper::new(
            DEFAULT_WINDOW,
            vec![
                registry.clone().recipient(),
                organizations.clone().recipient(),
                chat.projects.clone().recipient(),
                chat.answers.clone().recipient(),
            ],
            Some(recoverables.clone()),
            metrics.clone(),
        )
        .start();
        let holdings = Holdings {
            rooms: registry.clone(),
            organizations: organizations.clone(),
            projects: chat.projects.clone(),
            access: access.clone(),
        };
        let rights = RightsKeeper::new(feeds.access, holdings, setup.recheck, metrics.clone());
        let root = Root {
            authenticator: tokens.clone(),
            access: access.clone(),
            refusal: setup.refusal,
            captions: Captions {
                registry: registry.clone(),
            },
            organizations: Organizations {
                registry: organizations.clone(),
            },
            chat: chat.family(),
            anonymous_chat: setup.anonymous_chat,
            recovery: Recovery {
                mode: setup.recovery,
                keeper: keeper.clone(),
                metrics: metrics.clone(),
            },
            rights: Rights::new(rights.start()),
            metrics: metrics.clone(),
        };
        let settings = SessionSettings {
            ping_interval: setup.ping_interval,
            ping_timeout: setup.ping_timeout,
            connect_timeout: setup.connect_timeout,
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            max_events_per_second: setup.events_per_second,
            ids: SocketIds::default(),
            metrics: metrics.clone(),
        };
        quiet().await;
        Self {
            broker,
            broker_actor,
            registry,
            organizations,
            chat,
            directory,
            media,
            access,
            tokens,
            transcripts,
            keeper,
            recoverables,
            archive,
            metrics,
            settings: Arc::new(settings),
            above: Above::SocketIo((setup.service)(root)),
            limits: setup.outbox,
            outboxes: RefCell::default(),
            leases: RefCell::default(),
        }
    }

    /// A client over a WebSocket that has just been opened.
    pub fn client(&self) -> Client {
        self.client_on(FakeWire::new())
    }

    /// A client over `wire`.
    pub fn client_on(&self, wire: Arc<FakeWire>) -> Client {
        self.open(wire, Connection::default())
    }

    /// A client whose request said what `connection` says.
    pub fn client_from(&self, connection: Connection) -> Client {
        self.open(FakeWire::new(), connection)
    }

    fn open(&self, wire: Arc<FakeWire>, connection: Connection) -> Client {
        let outbox = self.outbox();
        outbox.attach(wire.clone());
        let (line, incoming) = Line::new(&wire);
        let opening = Opening {
            connection,
            ..self.opening(&outbox, Some(incoming))
        };
        Client {
            session: Session::open(Arc::clone(&self.settings), self.above.clone(), opening),
            wire,
            line,
            outbox: Arc::downgrade(&outbox),
            acks: AtomicU64::new(0),
        }
    }

    /// A client that is connected to the root namespace as the user of the same name.
    pub async fn connected(&self, user: &str) -> Client {
        let client = self.client();
        client.connect(&format!("user:{user}")).await;
        client
    }

    /// A session over polling, and the way out that its polls take from.
    pub fn polling(&self) -> (Addr<Session>, Arc<Outbox>) {
        let outbox = self.outbox();
        let opening = self.opening(&outbox, None);
        let session = Session::open(Arc::clone(&self.settings), self.above.clone(), opening);
        (session, outbox)
    }

    /// Waits until nothing is left of any client: no session, socket, member, watch, room, outbox or
    /// subscription;
    /// and that the broker was asked for nothing twice or in vain.
    ///
    /// All clients must have hung up or been closed.
    pub async fn assert_nothing_left(&self) {
        let metrics = &self.metrics;
        let left = || {
            [
                ("connections", metrics.connections.get()),
                ("sockets", metrics.sockets.get()),
                ("rooms", metrics.rooms.get()),
                ("members", metrics.members.get()),
                ("chat sockets", metrics.chat_sockets.get()),
                ("project rooms", metrics.project_rooms.get()),
                ("project members", metrics.project_members.get()),
                ("answers", metrics.answers_running.get()),
                ("rooms recorded", metrics.rooms_recorded.get()),
                ("session actors", alive(&self.leases)),
                ("outboxes", alive(&self.outboxes)),
                // Those that are wanted always.
                ("filters wanted", metrics.filters_wanted.get() - 4),
                (
                    "filters subscribed",
                    self.broker.subscribed(LinkRole::Delivery).len() as i64,
                ),
            ]
        };
        eventually(left, |left| left.iter().all(|(_, count)| *count == 0)).await;
        let counts = self.registry.send(GetCounts).await;
        let counts = counts.expect("the registry runs");
        assert_eq!((counts.sockets, counts.rooms, counts.members), (0, 0, 0));
        let watches = self.organizations.send(GetWatchCounts).await;
        assert_eq!(watches.ok(), Some(WatchCounts::default()));
        assert_eq!(self.broker.faults(), Vec::<String>::new());
    }

    fn outbox(&self) -> Arc<Outbox> {
        let outbox = Outbox::new(self.limits, self.metrics.clone());
        self.outboxes.borrow_mut().push(Arc::downgrade(&outbox));
        outbox
    }

    fn opening(
        &self,
        outbox: &Arc<Outbox>,
        incoming: Option<BoxStream<'static, Incoming>>,
    ) -> Opening {
        let lease = Arc::new(());
        self.leases.borrow_mut().push(Arc::downgrade(&lease));
        // A transport sends its handshake before it opens the session.
        outbox.send(Frame::text(r#"0{"sid":"sid"}"#));
        Opening {
            connection: Connection::default(),
            outbox: Arc::clone(outbox),
            incoming,
            lease: Box::new(lease),
        }
    }
}

fn alive<T>(list: &RefCell<Vec<Weak<T>>>) -> i64 {
    let list = list.borrow();
    list.iter().filter(|weak| weak.strong_count() > 0).count() as i64
}
