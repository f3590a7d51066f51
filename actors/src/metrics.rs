//! What the actors count. Labels come from closed sets: no room, user or topic name ever becomes one.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::limits::{Limit, LimitLabel};

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

impl Metrics {
    /// Counts that a client met `limit`.
    pub fn limit_reached(&self, limit: Limit) {
        let limit = LimitLabel {
            limit: limit.name(),
        };
        self.limits_reached.get_or_create(&limit).inc();
    }
}

impl Deref for Metrics {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.0
    }
}

/// Declares [`Counters`]: each metric's public name (after `switchboard_`), its type and its help text, once.
macro_rules! counters {
    ($($name:ident: $kind:ty = $help:literal,)*) => {
        /// All counters and gauges of the actors.
        #[derive(Debug, Default)]
        pub struct Counters {
            $(#[doc = $help] pub $name: $kind,)*
        }

        impl Counters {
            /// Registers every metric under its public name.
            pub fn register(&self, registry: &mut Registry) {
                let switchboard = registry.sub_registry_with_prefix("switchboard");
                $(switchboard.register(stringify!($name), $help, self.$name.clone());)*
            }
        }
    };
}

counters! {
    connections: Gauge = "Engine.IO connections open",
    connections_opened: Count = "Engine.IO connections opened",
    connections_closed: Family<Reason, Count> = "Engine.IO connections closed, by reason",
    tls_handshakes_failed: Family<Reason, Count> = "TLS handshakes that failed, by reason",
    draining: Gauge = "1 while the server stops: its connections are told and closed one after the other",
    upgrades: Count = "Connections upgraded to WebSocket",
    limits_reached: Family<LimitLabel, Count> = "Times that a client met a limit, by limit",
    connects_refused: Family<Reason, Count> = "CONNECT packets refused, by reason",
    events_received: Count = "Events from clients",
    events_refused: Family<Reason, Count> = "Events refused, by reason",
    sockets: Gauge = "Sockets connected to the root namespace",
    rooms: Gauge = "Rooms with a member",
    members: Gauge = "Memberships over all rooms",
    publications: Count = "Publications from the broker",
    publications_dropped: Family<Reason, Count> = "Publications dropped, by reason",
    events_published: Count = "Events published to the broker",
    deliveries: Count = "Publications handed to sockets",
    rooms_recorded: Gauge = "Rooms recorded whoever is in them",
    finals_stored: Count = "Finals stored",
    finals_dropped: Family<Reason, Count> = "Finals not stored because too many waited, by bound",
    storage_failures: Count = "Attempts to store or purge finals that failed",
    sockets_recoverable: Gauge = "Recoverable sockets, here or away",
    sockets_away: Gauge = "Recoverable sockets whose connection is lost and that may come back",
    recoveries: Family<Reason, Count> = "Sockets that came back, by where they were found or why they were not",
    history_replays: Family<Reason, Count> = "Histories sent to joining sockets, by source",
    partials_superseded: Count = "Partial lines not sent to slow sockets because newer ones had come",
    sockets_stalled: Family<Reason, Count> = "Sockets cut off because they did not read, by bound",
    rights_rechecked: Family<Reason, Count> = "Sockets whose rights were asked again, by what came of it",
    broker_up: Gauge = "1 while all broker links are up",
    broker_outages: Count = "Broker outages told to sockets",
    broker_connects: Count = "Broker links established",
    broker_connect_failures: Count = "Broker links that failed or were lost",
    filters_wanted: Gauge = "Filters wanted at the broker",
    filters_subscribed: Count = "Filters subscribed",
    filters_unsubscribed: Count = "Filters unsubscribed",
    watched_organizations: Family<Interest, Gauge> = "Organizations that are followed, by what is",
    organization_watchers: Family<Interest, Gauge> = "Those who follow an organization, by what they do",
    session_lists: Count = "Lists of sessions received",
    session_lists_refused: Family<Reason, Count> = "Lists of sessions refused, by reason",
    sessions_parsed: Count = "Sessions parsed because a list had other bytes for them",
    sessions_listed: Gauge = "Sessions in the last list",
    session_changes: Count = "Sessions added, removed or updated",
    organization_lookups_failed: Count = "Look-ups of a session's organization that failed",
    media_polls: Count = "Polls of organizations' media",
    media_polls_failed: Count = "Polls of organizations' media that failed or were too late",
    organization_events_delivered: Count = "Published events of organizations handed to sockets",
    organization_events_refused: Family<Reason, Count> = "Published events of organizations refused, by reason",
}
