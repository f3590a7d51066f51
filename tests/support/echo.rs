//! A server of transports alone, with what the public protocol suites ask for: an Engine.IO echo at
//! `/engine.io/`, and at `/socket.io/` the namespaces `/` and `/custom` that give back what they get.

#[path = "../../examples/conformance_server/suite.rs"]
mod suite;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use switchboard::transport::{self, Admission, AllowedOrigins, Endpoint, Server};
use switchboard_actors::metrics::Metrics;
use switchboard_actors::session::{Above, SessionSettings};

use super::{DEADLINE, eventually};
use suite::Suite;

/// Pause between two pings.
pub const PING_INTERVAL: Duration = Duration::from_millis(300);
/// How long a ping may go unanswered.
pub const PING_TIMEOUT: Duration = Duration::from_millis(200);

/// A running server. End it by [`stop`](Self::stop).
pub struct EchoServer {
    pub address: SocketAddr,
    pub metrics: Metrics,
    /// Serves while it lives.
    _server: Server,
}

impl EchoServer {
    /// Starts with short pings, a connect timeout of a second, and every origin allowed.
    pub async fn start() -> Self {
        Self::start_with(PING_INTERVAL, PING_TIMEOUT).await
    }

    /// Starts with pings so rare that no test sees one.
    pub async fn start_quiet() -> Self {
        Self::start_with(Duration::from_secs(600), Duration::from_secs(600)).await
    }

    async fn start_with(ping_interval: Duration, ping_timeout: Duration) -> Self {
        let metrics = Metrics::default();
        let settings = SessionSettings {
            ping_interval,
            ping_timeout,
            connect_timeout: Duration::from_secs(1),
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            max_events_per_second: 0,
            ids: Default::default(),
            metrics: metrics.clone(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let endpoint =
            |path, above| Endpoint::new(path, settings.clone(), above, AllowedOrigins::Any);
        let endpoints = vec![
            endpoint("/engine.io/", Above::Messages(Some)),
            endpoint("/socket.io/", Above::SocketIo(Arc::new(Suite))),
        ];
        let admission = Admission::new(Default::default(), metrics.clone());
        let server = transport::start(vec![listener], &[], &admission, endpoints, None, |_| {});
        let server = server.expect("the server starts");
        Self {
            address,
            metrics,
            _server: server,
        }
    }

    /// Ends it, after checking that no connection is left.
    pub async fn stop(self) {
        let look = async || self.metrics.connections.get();
        eventually("no connection to be left", DEADLINE, look, |n| *n == 0).await;
    }
}
