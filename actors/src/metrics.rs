//! What the actors count. Labels come from closed sets: no room, user or topic name ever becomes one.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A label whose values are a closed set of short words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// Why it happened.
    pub reason: &'static str,
}

/// What is followed of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Interest {
    /// `sessions` and the like: a closed set.
    pub interest: &'static str,
}

type Count = Counter<u64, AtomicU64>;

/// What is counted; cheap to clone, shared by all actors.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Counters>);

impl Deref for Metrics {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.0
    }
}

/// All counters and gauges of the actors.
#[derive(Debug, Default)]
pub struct Counters {
    /// Engine.IO connections now open.
    pub connections: Gauge,
    /// Engine.IO connections opened.
    pub connections_opened: Count,
    /// Engine.IO connections closed, by reason.
    pub connections_closed: Family<Reason, Count>,
    /// Connections that moved from polling to WebSocket.
    pub upgrades: Count,
    /// CONNECT packets refused, by reason.
    pub connects_refused: Family<Reason, Count>,
    /// Events received from clients.
    pub events_received: Count,
    /// Events refused, by reason.
    pub events_refused: Family<Reason, Count>,
    /// Sockets connected to the root namespace.
    pub sockets: Gauge,
    /// Rooms with at least one member.
    pub rooms: Gauge,
    /// Memberships over all rooms.
    pub members: Gauge,
    /// Publications received from the broker.
    pub publications: Count,
    /// Publications dropped, by reason.
    pub publications_dropped: Family<Reason, Count>,
    /// Events published to the broker.
    pub events_published: Count,
    /// Deliveries handed to sockets: one publication for one socket.
    pub deliveries: Count,
    /// Rooms whose finals are kept even while nobody is in them.
    pub rooms_recorded: Gauge,
    /// Finals stored.
    pub finals_stored: Count,
    /// Finals that were not stored, because too many waited, by the bound they met.
    pub finals_dropped: Family<Reason, Count>,
    /// Attempts to store or purge finals that failed.
    pub storage_failures: Count,
    /// Histories sent to joining sockets, by where they came from.
    pub history_replays: Family<Reason, Count>,
    /// Sockets cut off because they did not read, by the bound they met.
    pub sockets_stalled: Family<Reason, Count>,
    /// Whether all links to the broker are up (1) or not (0).
    pub broker_up: Gauge,
    /// Outages of the broker told to the sockets.
    pub broker_outages: Count,
    /// Links to the broker that were established.
    pub broker_connects: Count,
    /// Attempts to reach the broker that failed.
    pub broker_connect_failures: Count,
    /// Filters wanted at the broker now.
    pub filters_wanted: Gauge,
    /// Filters subscribed (a packet may carry many).
    pub filters_subscribed: Count,
    /// Filters unsubscribed.
    pub filters_unsubscribed: Count,
    /// Organizations that are followed, by what is.
    pub watched_organizations: Family<Interest, Gauge>,
    /// Those who follow an organization, by what they do.
    pub organization_watchers: Family<Interest, Gauge>,
    /// Lists of sessions received.
    pub snapshots: Count,
    /// Lists of sessions refused, by reason.
    pub snapshots_refused: Family<Reason, Count>,
    /// Sessions that had to be parsed because a list had other bytes for them.
    pub sessions_parsed: Count,
    /// Sessions in the last list.
    pub sessions_listed: Gauge,
    /// Sessions added, removed or updated in an organization's picture.
    pub session_changes: Count,
    /// Look-ups of a session's organization that failed.
    pub organization_lookups_failed: Count,
    /// Polls of organizations' media.
    pub media_polls: Count,
    /// Polls of organizations' media that failed or were too late.
    pub media_polls_failed: Count,
    /// Published events of organizations handed to sockets: one event for one socket.
    pub organization_events_delivered: Count,
    /// Published events of organizations refused, by reason.
    pub organization_events_refused: Family<Reason, Count>,
}

impl Counters {
    /// Registers every metric under its public name.
    pub fn register(&self, registry: &mut Registry) {
        let r = registry.sub_registry_with_prefix("switchboard");
        r.register(
            "connections",
            "Engine.IO connections open",
            self.connections.clone(),
        );
        r.register(
            "connections_opened",
            "Engine.IO connections opened",
            self.connections_opened.clone(),
        );
        r.register(
            "connections_closed",
            "Engine.IO connections closed, by reason",
            self.connections_closed.clone(),
        );
        r.register(
            "upgrades",
            "Connections upgraded to WebSocket",
            self.upgrades.clone(),
        );
        r.register(
            "connects_refused",
            "CONNECT packets refused, by reason",
            self.connects_refused.clone(),
        );
        r.register(
            "events_received",
            "Events from clients",
            self.events_received.clone(),
        );
        r.register(
            "events_refused",
            "Events refused, by reason",
            self.events_refused.clone(),
        );
        r.register(
            "sockets",
            "Sockets connected to the root namespace",
            self.sockets.clone(),
        );
        r.register("rooms", "Rooms with a member", self.rooms.clone());
        r.register(
            "members",
            "Memberships over all rooms",
            self.members.clone(),
        );
        r.register(
            "publications",
            "Publications from the broker",
            self.publications.clone(),
        );
        r.register(
            "publications_dropped",
            "Publications dropped, by reason",
            self.publications_dropped.clone(),
        );
        r.register(
            "events_published",
            "Events published to the broker",
            self.events_published.clone(),
        );
        r.register(
            "deliveries",
            "Publications handed to sockets",
            self.deliveries.clone(),
        );
        r.register(
            "rooms_recorded",
            "Rooms recorded whoever is in them",
            self.rooms_recorded.clone(),
        );
        r.register("finals_stored", "Finals stored", self.finals_stored.clone());
        r.register(
            "finals_dropped",
            "Finals not stored because too many waited, by bound",
            self.finals_dropped.clone(),
        );
        r.register(
            "storage_failures",
            "Attempts to store or purge finals that failed",
            self.storage_failures.clone(),
        );
        r.register(
            "history_replays",
            "Histories sent to joining sockets, by source",
            self.history_replays.clone(),
        );
        r.register(
            "sockets_stalled",
            "Sockets cut off because they did not read, by bound",
            self.sockets_stalled.clone(),
        );
        r.register(
            "broker_up",
            "1 while all broker links are up",
            self.broker_up.clone(),
        );
        r.register(
            "broker_outages",
            "Broker outages told to sockets",
            self.broker_outages.clone(),
        );
        r.register(
            "broker_connects",
            "Broker links established",
            self.broker_connects.clone(),
        );
        r.register(
            "broker_connect_failures",
            "Broker links that failed or were lost",
            self.broker_connect_failures.clone(),
        );
        r.register(
            "filters_wanted",
            "Filters wanted at the broker",
            self.filters_wanted.clone(),
        );
        r.register(
            "filters_subscribed",
            "Filters subscribed",
            self.filters_subscribed.clone(),
        );
        r.register(
            "filters_unsubscribed",
            "Filters unsubscribed",
            self.filters_unsubscribed.clone(),
        );
        self.register_organizations(r);
    }

    fn register_organizations(&self, r: &mut Registry) {
        r.register(
            "watched_organizations",
            "Organizations that are followed, by what is",
            self.watched_organizations.clone(),
        );
        r.register(
            "organization_watchers",
            "Those who follow an organization, by what they do",
            self.organization_watchers.clone(),
        );
        r.register(
            "session_lists",
            "Lists of sessions received",
            self.snapshots.clone(),
        );
        r.register(
            "session_lists_refused",
            "Lists of sessions refused, by reason",
            self.snapshots_refused.clone(),
        );
        r.register(
            "sessions_parsed",
            "Sessions parsed because a list had other bytes for them",
            self.sessions_parsed.clone(),
        );
        r.register(
            "sessions_listed",
            "Sessions in the last list",
            self.sessions_listed.clone(),
        );
        r.register(
            "session_changes",
            "Sessions added, removed or updated",
            self.session_changes.clone(),
        );
        r.register(
            "organization_lookups_failed",
            "Look-ups of a session's organization that failed",
            self.organization_lookups_failed.clone(),
        );
        r.register(
            "media_polls",
            "Polls of organizations' media",
            self.media_polls.clone(),
        );
        r.register(
            "media_polls_failed",
            "Polls of organizations' media that failed or were too late",
            self.media_polls_failed.clone(),
        );
        r.register(
            "organization_events_delivered",
            "Published events of organizations handed to sockets",
            self.organization_events_delivered.clone(),
        );
        r.register(
            "organization_events_refused",
            "Published events of organizations refused, by reason",
            self.organization_events_refused.clone(),
        );
    }
}
