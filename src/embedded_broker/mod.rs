//! A small MQTT 3.1.1 broker inside the process: the default when no external broker is configured.
//!
//! One task accepts; each connection is one task, and what it reads it routes itself, under the lock
//! of the one `Router`. So a publisher is slowed by its own routing and by nothing else, and
//! an acknowledgement follows the routing it stands for. Never written to by the router directly: a
//! peer's socket; everything for a peer waits in its bounded `Outbox`.

mod connection;
mod frame;
mod outbox;
mod reader;
mod retained;
mod router;
mod subscriptions;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use connection::Shared;
pub use reader::{ReadError, next_packet};

/// How long accepting pauses when the system refuses (no file descriptors left, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A running broker. Dropping it closes the port and every connection, as soon as the runtime next
/// runs; its clients' wills are then not promised to anybody.
///
/// What it speaks: MQTT 3.1.1 (protocol level 4), QoS 0, 1 and 2 inwards, at most QoS 1 outwards (a
/// subscription that asks for 2 is granted 1), retained messages, wills, takeover of a client id,
/// `+`, `#` and the `$` rule. What it does not: sessions that outlive their connection (one is
/// accepted with "session present" off, and ends with its connection), shared subscriptions
/// (refused), MQTT 5, TLS, persistence. An external broker does these.
pub struct EmbeddedBroker {
    local_addr: SocketAddr,
    accepting: JoinHandle<()>,
}

/// How the broker admits clients, and what it lets them use.
#[derive(Clone, Default)]
pub struct Options {
    /// User name and password that every client must present; `None` admits everybody.
    pub credentials: Option<(String, String)>,
    /// The bounds on everything that clients can make grow.
    pub limits: Limits,
}

/// Bounds on everything that clients can make grow.
///
/// The defaults let one connection hold about 100 MiB at the very worst (it sends a large packet
/// slowly and does not read its own); frames that wait for several peers are counted for each of
/// them but are in memory once.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections; one more is closed at once. Default 1,000.
    pub connections: usize,
    /// Bytes of one packet, its fixed header not counted. Default 16 MiB.
    pub packet_bytes: usize,
    /// Filters of one connection; one more is refused (0x80). Default 100,000.
    pub filters_per_connection: usize,
    /// Messages that wait for one peer. Beyond, QoS 0 is dropped and QoS 1 ends the peer. Default 100,000.
    pub queued_messages: usize,
    /// Bytes that wait for one peer, likewise; an empty queue takes any packet. Default 64 MiB.
    pub queued_bytes: usize,
    /// QoS 1 messages sent to one peer and not yet acknowledged by it. Default 256.
    pub unacknowledged: usize,
    /// Retained messages; one more is delivered but not kept. Default 10,000.
    pub retained_messages: usize,
    /// Bytes of retained topics and payloads, likewise. Default 32 MiB.
    pub retained_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            packet_bytes: 16 << 20,
            filters_per_connection: 100_000,
            queued_messages: 100_000,
            queued_bytes: 64 << 20,
            unacknowledged: 256,
            retained_messages: 10_000,
            retained_bytes: 32 << 20,
        }
    }
}

/// The broker's address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("the embedded MQTT broker cannot listen on {address}: {source}")]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl EmbeddedBroker {
    /// Listens on `address` and serves on the current tokio runtime, of either kind.
    ///
    /// Port 0 takes a free one, see [`EmbeddedBroker::local_addr`]. Meant for loopback: there is no
    /// TLS, so a warning is logged for any other address. Fails when the address cannot be bound.
    pub async fn bind(address: SocketAddr, options: Options) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        if !local_addr.ip().is_loopback() {
            log::warn!(
                "the embedded MQTT broker on {local_addr} is open to the network, without TLS"
            );
        }
        let accepting = tokio::spawn(accept(listener, Arc::new(Shared::new(options))));
        Ok(Self {
            local_addr,
            accepting,
        })
    }

    /// The address it listens on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        // The task owns the listener and, in its JoinSet, all connections.
        self.accepting.abort();
    }
}

/// Accepts for ever. Does nothing else: whatever a peer may delay happens in its connection's task.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                while connections.try_join_next().is_some() {}
                if connections.len() < shared.options.limits.connections {
                    connections.spawn(connection::serve(stream, peer, Arc::clone(&shared)));
                } else {
                    log::warn!("MQTT connection from {peer} closed: too many connections");
                }
            }
            Err(error) => {
                log::warn!("the embedded MQTT broker cannot accept: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Locks, and carries on after a panic elsewhere: one connection's fault must not end the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
