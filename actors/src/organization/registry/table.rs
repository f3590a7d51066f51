//! Which socket follows which organizations: a pure, reference-counted table whose answers say what changed.

use std::collections::{HashMap, HashSet};

use switchboard_protocol::ids::OrganizationId;

use crate::SocketId;
use crate::limits::ORGANIZATIONS_PER_SOCKET;

/// What a watch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// The organization had no watcher before.
    First,
    /// It had watchers already, perhaps this socket among them.
    Further,
    /// The socket watches as many organizations as it may.
    TooMany,
}

/// What the end of a watch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unwatch {
    /// The organization has no watcher left.
    Last,
    /// Others remain.
    Others,
    /// The socket did not watch it.
    NoWatcher,
}

/// See the module's documentation. One table for each thing there is to follow.
#[derive(Debug, Default)]
pub struct Table {
    sockets: HashMap<SocketId, HashSet<OrganizationId>>,
    organizations: HashMap<OrganizationId, usize>,
    /// The sum over `organizations`.
    watchers: usize,
}

impl Table {
    /// Adds a watcher.
    pub fn watch(&mut self, socket: SocketId, organization: &OrganizationId) -> Watch {
        let watched = self.sockets.entry(socket).or_default();
        if watched.contains(organization) {
            return Watch::Further;
        }
        if watched.len() >= ORGANIZATIONS_PER_SOCKET {
            return Watch::TooMany;
        }
        watched.insert(organization.clone());
        self.watchers += 1;
        let watchers = self.organizations.entry(organization.clone()).or_insert(0);
        *watchers += 1;
        match *watchers {
            1 => Watch::First,
            _ => Watch::Further,
        }
    }

    /// Removes a watcher.
    pub fn unwatch(&mut self, socket: SocketId, organization: &OrganizationId) -> Unwatch {
        let Some(watched) = self.sockets.get_mut(&socket) else {
            return Unwatch::NoWatcher;
        };
        if !watched.remove(organization) {
            return Unwatch::NoWatcher;
        }
        if watched.is_empty() {
            self.sockets.remove(&socket);
        }
        self.release(organization)
    }

    /// Forgets a socket; each organization it watched, and what its end did. A second time returns nothing.
    pub fn close(&mut self, socket: SocketId) -> Vec<(OrganizationId, Unwatch)> {
        let watched = self.sockets.remove(&socket).unwrap_or_default();
        watched
            .into_iter()
            .map(|organization| {
                let unwatch = self.release(&organization);
                (organization, unwatch)
            })
            .collect()
    }

    /// What a socket watches.
    pub fn watched_by(&self, socket: SocketId) -> impl Iterator<Item = &OrganizationId> {
        self.sockets.get(&socket).into_iter().flatten()
    }

    /// Organizations with a watcher, and watchers over all of them.
    pub fn counts(&self) -> (usize, usize) {
        (self.organizations.len(), self.watchers)
    }

    fn release(&mut self, organization: &OrganizationId) -> Unwatch {
        let Some(watchers) = self.organizations.get_mut(organization) else {
            return Unwatch::NoWatcher;
        };
        *watchers -= 1;
        self.watchers -= 1;
        if *watchers > 0 {
            return Unwatch::Others;
        }
        self.organizations.remove(organization);
        Unwatch::Last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> OrganizationId {
        name.parse().unwrap()
    }

    #[test]
    fn the_first_watch_and_the_last_unwatch_are_told_apart_from_those_between() {
        let mut table = Table::default();
        assert_eq!(table.watch(SocketId(1), &id("a")), Watch::First);
        assert_eq!(table.watch(SocketId(2), &id("a")), Watch::Further);
        assert_eq!(table.counts(), (1, 2));
        assert_eq!(table.unwatch(SocketId(1), &id("a")), Unwatch::Others);
        assert_eq!(table.unwatch(SocketId(1), &id("a")), Unwatch::NoWatcher);
        assert_eq!(table.unwatch(SocketId(2), &id("a")), Unwatch::Last);
        assert_eq!(table.counts(), (0, 0));
        assert!(table.sockets.is_empty());
    }

    #[test]
    fn watching_twice_counts_once() {
        let mut table = Table::default();
        assert_eq!(table.watch(SocketId(1), &id("a")), Watch::First);
        assert_eq!(table.watch(SocketId(1), &id("a")), Watch::Further);
        assert_eq!(table.counts(), (1, 1));
        assert_eq!(table.unwatch(SocketId(1), &id("a")), Unwatch::Last);
    }

    #[test]
    fn a_closed_socket_ends_all_its_watches_once() {
        let mut table = Table::default();
        table.watch(SocketId(1), &id("a"));
        table.watch(SocketId(1), &id("b"));
        table.watch(SocketId(2), &id("b"));
        let mut ended = table.close(SocketId(1));
        ended.sort();
        assert_eq!(
            ended,
            [(id("a"), Unwatch::Last), (id("b"), Unwatch::Others)]
        );
        assert_eq!(table.close(SocketId(1)), []);
        assert_eq!(table.counts(), (1, 1));
    }

    #[test]
    fn a_socket_may_watch_so_many_organizations_and_no_more() {
        let mut table = Table::default();
        for n in 0..ORGANIZATIONS_PER_SOCKET {
            let organization = id(&format!("o{n}"));
            assert_eq!(table.watch(SocketId(1), &organization), Watch::First);
        }
        assert_eq!(table.watch(SocketId(1), &id("more")), Watch::TooMany);
        assert_eq!(table.watch(SocketId(1), &id("o0")), Watch::Further);
        assert_eq!(table.watch(SocketId(2), &id("more")), Watch::First);
        let of_both = ORGANIZATIONS_PER_SOCKET + 1;
        assert_eq!(table.counts(), (of_both, of_both));
    }
}
