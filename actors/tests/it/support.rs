//! What several tests need: bare sockets at the registry, and a log that can be read.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, Once};

use log::{LevelFilter, Log, Metadata, Record};
use switchboard_actors::SocketId;
use switchboard_actors::metrics::{Metrics, Reason};
use switchboard_actors::outbox::{Outbox, OutboxLimits, Wire};
use switchboard_actors::registry::{
    GetCounts, Join, JoinRefused, Joined, Leave, SocketClosed, SocketConnected,
};
use switchboard_actors::testing::{Client, FakeWire, Harness};
use switchboard_protocol::ids::RoomId;

/// A socket without a session: what the registry sees of one.
pub struct Socket {
    pub id: SocketId,
    pub wire: Arc<FakeWire>,
    pub outbox: Arc<Outbox>,
}

impl Socket {
    /// A socket that nobody knows.
    pub fn new(id: u64) -> Self {
        let wire = FakeWire::new();
        let outbox = Outbox::new(OutboxLimits::default(), Metrics::default());
        outbox.attach(wire.clone());
        let id = SocketId(id);
        Self { id, wire, outbox }
    }

    /// A socket that the registry knows.
    pub async fn open(harness: &Harness) -> Self {
        let socket = Self::new(harness.settings.ids.next().0);
        let connected = SocketConnected {
            socket: socket.id,
            outbox: Arc::clone(&socket.outbox).into(),
        };
        harness.registry.send(connected).await.unwrap();
        socket
    }

    pub async fn join(&self, harness: &Harness, room: &str) -> Result<Joined, JoinRefused> {
        let (socket, room) = (self.id, self::room(room));
        harness
            .registry
            .send(Join {
                socket,
                room,
                history: None,
            })
            .await
            .unwrap()
    }

    pub async fn leave(&self, harness: &Harness, room: &str) {
        let (socket, room) = (self.id, self::room(room));
        harness.registry.send(Leave { socket, room }).await.unwrap();
    }

    pub async fn close(&self, harness: &Harness) {
        let closed = SocketClosed(self.id);
        harness.registry.send(closed).await.unwrap();
    }

    /// The frames it was sent, as text.
    pub fn heard(&self) -> Vec<String> {
        let frames = self.wire.frames();
        frames.iter().map(ToString::to_string).collect()
    }
}

pub fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

/// Sockets, rooms and members that the registry has.
pub async fn counts(harness: &Harness) -> (usize, usize, usize) {
    let counts = harness.registry.send(GetCounts).await.unwrap();
    (counts.sockets, counts.rooms, counts.members)
}

/// Publications dropped for `reason`.
pub fn dropped(metrics: &Metrics, reason: &'static str) -> u64 {
    let reason = Reason { reason };
    metrics.publications_dropped.get_or_create(&reason).get()
}

/// Sessions closed for `reason`.
pub fn closed(metrics: &Metrics, reason: &'static str) -> u64 {
    let reason = Reason { reason };
    metrics.connections_closed.get_or_create(&reason).get()
}

/// Sockets that came back, by where they were found or why they were not.
pub fn recovered(metrics: &Metrics, reason: &'static str) -> u64 {
    let reason = Reason { reason };
    metrics.recoveries.get_or_create(&reason).get()
}

struct Recorder(Mutex<Vec<String>>);

static RECORDER: Recorder = Recorder(Mutex::new(Vec::new()));

impl Log for Recorder {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// Has warnings recorded from now on.
pub fn record_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&RECORDER).unwrap();
        log::set_max_level(LevelFilter::Warn);
    });
}

/// The recorded warnings, of all tests, that contain `part`.
pub fn logged(part: &str) -> Vec<String> {
    let lines = RECORDER.0.lock().unwrap();
    lines.iter().filter(|l| l.contains(part)).cloned().collect()
}

/// The close frame that `client` was sent, if any; it comes last.
pub fn goodbye(client: &Client) -> Option<String> {
    let heard = client.heard();
    let position = heard.iter().position(|h| h.starts_with("close "))?;
    assert_eq!(position, heard.len() - 1, "nothing follows a close frame");
    heard.last().cloned()
}

pub async fn ended(harness: &Harness, client: Client) {
    client.hang_up();
    drop(client);
    harness.assert_nothing_left().await;
}

/// Records where the bytes are that it is handed.
#[derive(Default)]
pub struct Addresses(pub Mutex<Vec<usize>>);

impl Wire for Addresses {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut addresses = self.0.lock().unwrap();
        addresses.extend(slices.iter().map(|s| s.as_ptr() as usize));
        Ok(slices.iter().map(|s| s.len()).sum())
    }

    fn resume_when_writable(self: Arc<Self>, _: Arc<Outbox>) {}

    fn shutdown(&self, _: Shutdown) {}
}
