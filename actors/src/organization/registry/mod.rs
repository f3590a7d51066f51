//! The OrganizationRegistry: who follows what of which organization, and the only one who knows that nobody does.
//!
//! Hears the organizations' family of events (`WatchSessions`, `UnwatchSessions`, `SocketClosed`) and, as a stream,
//! what the broker says about organizations. Keeps the board of all sessions; starts an actor for an organization
//! on its first watcher, tells it what changes, and lets it go after the last one. Never waits for anybody.

mod events;
mod feed;
mod lookup;
mod table;
mod watched;
mod watches;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use switchboard_protocol::ids::{OrganizationId, SessionId};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::SocketId;
use crate::broker::Fed;
use crate::limits::ORGANIZATIONS_PER_SOCKET;
use crate::metrics::Metrics;
use crate::organization::jobs::JobFollowers;
use crate::organization::media::MediaWatcher;
use crate::organization::sessions::{AddMember, SessionWatcher, Watched};
use crate::organization::statuses::{Board, Lookups, Statuses};
use crate::outbox::WayOut;
use crate::ports::{Directory, Media};
use crate::registry::SocketClosed;
use crate::threads::Threads;
pub use events::{FollowJobs, LeaveJobs, UnfollowJobs, UnwatchMedia, WatchMedia};
pub use watched::GetWatched;
pub use watches::{Watcher, Watches};

/// A socket that may follows an organization's sessions; a second time it only gets a fresh picture.
#[derive(Message)]
#[rtype(result = "Result<oneshot::Receiver<Watched>, WatchRefused>")]
pub struct WatchSessions {
    /// The socket.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
    /// What it follows.
    pub organization: OrganizationId,
    /// The one session that a guest may see; `None`: all of them.
    pub only: Option<SessionId>,
}

/// A socket no longer follows an organization's sessions; it is no error if it does not.
#[derive(Message)]
#[rtype(result = "()")]
pub struct UnwatchSessions {
    /// The socket.
    pub socket: SocketId,
    /// What it followed.
    pub organization: OrganizationId,
    /// Told, or dropped, once nothing more is sent.
    pub done: oneshot::Sender<()>,
}

/// The socket's bound is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a socket may watch {ORGANIZATIONS_PER_SOCKET} organizations at most")]
pub struct WatchRefused;

/// Asks for [`WatchCounts`].
#[derive(Message)]
#[rtype(result = "WatchCounts")]
pub struct GetWatchCounts;

/// How much is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MessageResponse)]
pub struct WatchCounts {
    /// Organizations whose sessions are watched, and their watchers.
    pub sessions: (usize, usize),
    /// Organizations whose media are watched, and their watchers.
    pub media: (usize, usize),
    /// Organizations whose jobs are followed, and their followers.
    pub jobs: (usize, usize),
}

/// What the registry and its watchers ask.
pub struct Sources {
    /// Which organization a session belongs to, where its list does not say.
    pub directory: Arc<dyn Directory>,
    /// What is being processed.
    pub media: Arc<dyn Media>,
    /// From one answer of `media` to the next question.
    pub media_poll: Duration,
}

/// See the module's documentation.
pub struct OrganizationRegistry {
    sessions: Watches<SessionWatcher>,
    media: Watches<MediaWatcher>,
    jobs: Watches<JobFollowers>,
    threads: Threads,
    /// Taken when the actor starts.
    feed: Option<mpsc::UnboundedReceiver<Fed>>,
    statuses: Statuses,
    /// Kinds of faults of lists that have been logged.
    statuses_warned: HashSet<&'static str>,
    board: Board,
    lookups: Lookups,
    /// Runs until the next look-up is due.
    lookup_timer: Option<SpawnHandle>,
    /// Whether a failing directory has been logged.
    directory_warned: bool,
    sources: Sources,
    metrics: Metrics,
}

impl OrganizationRegistry {
    /// A registry without watchers that reads `feed` ([`Feeds::organization`](crate::broker::Feeds)) and asks
    /// `sources` for what the feed does not say. Watchers run on `threads` in turn, or on the registry's own.
    pub fn new(
        feed: mpsc::UnboundedReceiver<Fed>,
        sources: Sources,
        threads: Vec<ArbiterHandle>,
        metrics: Metrics,
    ) -> Self {
        Self {
            sessions: Watches::new(metrics.clone()),
            media: Watches::new(metrics.clone()),
            jobs: Watches::new(metrics.clone()),
            threads: Threads::new(threads),
            feed: Some(feed),
            statuses: Statuses::default(),
            statuses_warned: HashSet::new(),
            board: Board::default(),
            lookups: Lookups::default(),
            lookup_timer: None,
            directory_warned: false,
            sources,
            metrics,
        }
    }
}

impl Actor for OrganizationRegistry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let feed = self.feed.take().expect("an actor starts once");
        ctx.add_stream(UnboundedReceiverStream::new(feed));
    }
}

impl Handler<WatchSessions> for OrganizationRegistry {
    type Result = Result<oneshot::Receiver<Watched>, WatchRefused>;

    fn handle(&mut self, watch: WatchSessions, _: &mut Self::Context) -> Self::Result {
        let organization = &watch.organization;
        let make = || SessionWatcher::new(organization.clone(), self.board.picture(organization));
        let watcher = self
            .sessions
            .watch(watch.socket, organization, &mut self.threads, make)?;
        let (watched, receiver) = oneshot::channel();
        watcher.do_send(AddMember {
            socket: watch.socket,
            outbox: watch.outbox,
            only: watch.only,
            watched,
        });
        Ok(receiver)
    }
}

impl Handler<UnwatchSessions> for OrganizationRegistry {
    type Result = ();

    fn handle(&mut self, unwatch: UnwatchSessions, _: &mut Self::Context) {
        self.sessions
            .unwatch(unwatch.socket, &unwatch.organization, unwatch.done);
    }
}

impl Handler<SocketClosed> for OrganizationRegistry {
    type Result = ();

    fn handle(&mut self, SocketClosed(socket): SocketClosed, _: &mut Self::Context) {
        self.sessions.close(socket);
        self.media.close(socket);
        self.jobs.close(socket);
    }
}

impl Handler<GetWatchCounts> for OrganizationRegistry {
    type Result = WatchCounts;

    fn handle(&mut self, _: GetWatchCounts, _: &mut Self::Context) -> WatchCounts {
        WatchCounts {
            sessions: self.sessions.counts(),
            media: self.media.counts(),
            jobs: self.jobs.counts(),
        }
    }
}
