//! Those who follow one thing of organizations: the table of who does, and an actor for each organization.
//!
//! The registry has one for each thing to follow, so that the end of one can never be the end of another.

use std::collections::HashMap;

use actix::prelude::*;
use switchboard_protocol::ids::OrganizationId;
use tokio::sync::oneshot;

use super::WatchRefused;
use super::table::{Table, Unwatch, Watch};
use crate::SocketId;
use crate::metrics::{Interest, Metrics};
use crate::organization::RemoveMember;
use crate::threads::Threads;

/// What the actor of an organization can do.
pub trait Watcher: Actor<Context = Context<Self>> + Handler<RemoveMember> + Send {
    /// What it is that is followed, as a metric's label.
    const INTEREST: &'static str;
}

/// See the module's documentation.
pub struct Watches<W: Watcher> {
    table: Table,
    watchers: HashMap<OrganizationId, Addr<W>>,
    metrics: Metrics,
}

impl<W: Watcher> Watches<W> {
    /// Nobody follows anything.
    pub fn new(metrics: Metrics) -> Self {
        Self {
            table: Table::default(),
            watchers: HashMap::new(),
            metrics,
        }
    }

    /// Counts a watcher and returns the organization's actor, which `make` makes for the first one.
    pub fn watch(
        &mut self,
        socket: SocketId,
        organization: &OrganizationId,
        threads: &mut Threads,
        make: impl FnOnce() -> W,
    ) -> Result<&Addr<W>, WatchRefused> {
        match self.table.watch(socket, organization) {
            Watch::TooMany => return Err(WatchRefused),
            Watch::First => {
                let watcher = threads.start(make());
                self.watchers.insert(organization.clone(), watcher);
            }
            Watch::Further => {}
        }
        self.count();
        let watcher = self.watchers.get(organization);
        Ok(watcher.expect("an organization with a watcher has an actor"))
    }

    /// Ends a watch. `done` is told once nothing more of it is sent, at once if there was none.
    pub fn unwatch(
        &mut self,
        socket: SocketId,
        organization: &OrganizationId,
        done: oneshot::Sender<()>,
    ) {
        let unwatch = self.table.unwatch(socket, organization);
        self.end(socket, organization, unwatch, Some(done));
        self.count();
    }

    /// Ends all watches of a socket.
    pub fn close(&mut self, socket: SocketId) {
        for (organization, unwatch) in self.table.close(socket) {
            self.end(socket, &organization, unwatch, None);
        }
        self.count();
    }

    /// The actor of an organization that is watched.
    pub fn watcher(&self, organization: impl AsRef<str>) -> Option<&Addr<W>> {
        self.watchers.get(organization.as_ref())
    }

    /// The organizations that a socket follows.
    pub fn watched_by(&self, socket: SocketId) -> impl Iterator<Item = OrganizationId> {
        self.table.watched_by(socket).cloned()
    }

    /// Watched organizations, and watchers over all of them.
    pub fn counts(&self) -> (usize, usize) {
        self.table.counts()
    }

    fn end(
        &mut self,
        socket: SocketId,
        organization: &OrganizationId,
        unwatch: Unwatch,
        done: Option<oneshot::Sender<()>>,
    ) {
        let remove = RemoveMember { socket, done };
        match unwatch {
            // Dropping `done` tells whoever waits.
            Unwatch::NoWatcher => {}
            Unwatch::Others => {
                if let Some(watcher) = self.watchers.get(organization) {
                    watcher.do_send(remove);
                }
            }
            Unwatch::Last => {
                if let Some(watcher) = self.watchers.remove(organization) {
                    watcher.do_send(remove);
                }
            }
        }
    }

    fn count(&self) {
        let interest = Interest {
            interest: W::INTEREST,
        };
        let (organizations, watchers) = self.table.counts();
        let metrics = &self.metrics;
        metrics
            .watched_organizations
            .get_or_create(&interest)
            .set(organizations as i64);
        metrics
            .organization_watchers
            .get_or_create(&interest)
            .set(watchers as i64);
    }
}
