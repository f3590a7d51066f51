//! What the actors count. Labels come from closed sets: no room, user or topic name ever becomes one.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
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

/// The class of an HTTP answer's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Status {
    /// `2xx` and the like.
    pub status: &'static str,
}

type Count = Counter<u64, AtomicU64>;

/// The upper ends of a [`Latency`]'s buckets, in seconds: fine below 50 ms, the bound that captions are held to.
const LATENCY_BUCKETS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0,
];

/// How long something takes, in seconds, as a histogram.
#[derive(Clone, Debug)]
pub struct Latency(Histogram);

impl Latency {
    /// Counts one that took this long.
    pub fn observe(&self, took: Duration) {
        self.0.observe(took.as_secs_f64());
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self(Histogram::new(LATENCY_BUCKETS))
    }
}

impl EncodeMetric for Latency {
    fn encode(&self, encoder: MetricEncoder) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.metric_type()
    }
}

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

    /// Counts a publication that reaches nobody, or not the broker.
    pub fn drop_publication(&self, reason: &'static str) {
        let reason = Reason { reason };
        self.publications_dropped.get_or_create(&reason).inc();
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
            /// Every metric as it is declared: name, Rust type, help. docs/operations.md has the same.
            pub const DECLARED: &[(&str, &str, &str)] =
                &[$((stringify!($name), stringify!($kind), $help)),*];

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
    received_bytes: Count = "Bytes of messages from clients",
    requests_refused: Family<Reason, Count> = "Engine.IO requests refused, by reason",
    accepts_failed: Count = "TCP connections that could not be accepted, as for want of file descriptors",
    http_responses: Family<Status, Count> = "HTTP answers other than WebSocket upgrades, by class of status",
    limits_reached: Family<LimitLabel, Count> = "Times that a client met a limit, by limit",
    connects_refused: Family<Reason, Count> = "CONNECT packets refused, by reason",
    events_received: Count = "Events from clients",
    events_refused: Family<Reason, Count> = "Events refused, by reason",
    sockets: Gauge = "Sockets connected to the root namespace",
    rooms: Gauge = "Rooms with a member",
    members: Gauge = "Memberships over all rooms",
    publications: Count = "Publications from the broker",
    publication_bytes: Count = "Bytes of payloads from the broker",
    publication_bytes_in_flight: Gauge = "Bytes of publications read from the broker and not yet dealt with, in whole KiB",
    publications_dropped: Family<Reason, Count> = "Publications dropped, by reason",
    events_published: Count = "Events published to the broker",
    events_waiting: Gauge = "Events that wait to be published until the broker is back",
    deliveries: Count = "Publications handed to sockets",
    delivered_bytes: Count = "Bytes of publications handed to sockets, framed",
    delivery_latency_seconds: Latency = "From a batch's receipt from the broker to its hand-over to the sockets of a room",
    rooms_recorded: Gauge = "Rooms recorded whoever is in them",
    finals_stored: Count = "Finals stored",
    finals_waiting: Gauge = "Finals that wait to be stored",
    finals_waiting_bytes: Gauge = "Bytes of finals that wait to be stored",
    storage_latency_seconds: Latency = "How long it takes to store a batch of finals",
    finals_dropped: Family<Reason, Count> = "Finals not stored because too many waited, by bound",
    storage_failures: Count = "Attempts to store or purge finals that failed",
    database_up: Gauge = "1 while the last look into the database succeeded",
    access_failures: Count = "Questions about rights that could not be answered",
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
    chat_sockets: Gauge = "Sockets that have used the chat",
    project_rooms: Gauge = "Projects' rooms with a member",
    project_members: Gauge = "Sockets in a project's room",
    project_events_delivered: Count = "Published events of projects handed to sockets",
    project_events_refused: Family<Reason, Count> = "Published events of projects refused, by reason",
    answers_running: Gauge = "Answers that run",
    answers: Family<Reason, Count> = "Answers that have ended, by how",
    answer_tokens: Count = "Pieces of answers handed to sockets",
    documents_processing: Gauge = "Documents that are being processed",
    documents_processed: Family<Reason, Count> = "Documents that have been processed, by what came of it",
}
