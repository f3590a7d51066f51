//! A client over a WebSocket in memory, as raw as the protocol.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use actix::Addr;
use bytes::Bytes;
use bytestring::ByteString;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use switchboard_protocol::engineio::{Message, Packet};
use tokio::sync::mpsc;

use super::{FakeWire, eventually};
use crate::outbox::Outbox;
use crate::session::{CloseReason, Incoming, Session};

/// What a session reads, and how much of it it has read.
pub(super) struct Line {
    sender: Arc<Mutex<Option<mpsc::UnboundedSender<Incoming>>>>,
    said: AtomicUsize,
    read: Arc<AtomicUsize>,
}

impl Line {
    /// A line whose stream ends when `wire` is cut.
    pub(super) fn new(wire: &FakeWire) -> (Self, BoxStream<'static, Incoming>) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let read = Arc::new(AtomicUsize::new(0));
        let hang_up = Arc::clone(&sender);
        wire.on_cut(move || drop(take(&hang_up)));
        let counter = Arc::clone(&read);
        let items = stream::poll_fn(move |cx| receiver.poll_recv(cx)).inspect(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let line = Self {
            sender,
            said: AtomicUsize::new(0),
            read,
        };
        (line, items.boxed())
    }

    fn put(&self, item: Incoming) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        // What is said after the end is lost, as on a network.
        if sender.as_ref().is_some_and(|s| s.send(item).is_ok()) {
            self.said.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// One client of a [`Harness`](super::Harness).
pub struct Client {
    /// Its session.
    pub session: Addr<Session>,
    /// The server's way to it.
    pub wire: Arc<FakeWire>,
    pub(super) line: Line,
    pub(super) outbox: Weak<Outbox>,
    /// Numbers the events that want an ack.
    pub(super) acks: AtomicU64,
}

/// What every socket of the root namespace is told with the answer to its CONNECT.
const GREETING: &str = r#"42["connection_status",{"status":"connected"}]"#;

impl Client {
    /// Says one Engine.IO text packet, such as `3` or `42["leave_room","S/1"]`.
    pub fn say(&self, packet: &str) {
        let packet = Packet::decode(ByteString::from(packet)).expect("a packet of Engine.IO");
        self.line.put(Ok(packet));
    }

    /// Says one binary message.
    pub fn say_binary(&self, bytes: &[u8]) {
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        self.line.put(Ok(Packet::Message(message)));
    }

    /// The reading side finds out that nothing more can be read, for this reason.
    pub fn fail(&self, reason: CloseReason) {
        self.line.put(Err(reason));
    }

    /// The stream ends without a word.
    pub fn hang_up(&self) {
        drop(take(&self.line.sender));
    }

    /// Packets said that the session has not read.
    pub fn unread(&self) -> usize {
        self.line.said.load(Ordering::Relaxed) - self.line.read.load(Ordering::Relaxed)
    }

    /// Everything the server has said but its greeting, as [`ServerFrame`](super::ServerFrame) prints it.
    pub fn heard(&self) -> Vec<String> {
        let frames = self.wire.frames();
        let heard = frames.iter().map(ToString::to_string);
        heard.filter(|heard| heard != GREETING).collect()
    }

    /// How often the server has greeted.
    pub fn greeted(&self) -> usize {
        let frames = self.wire.frames();
        let heard = frames.iter().map(ToString::to_string);
        heard.filter(|heard| heard == GREETING).count()
    }

    /// Waits for something that begins with `start`, and returns the first such.
    pub async fn hears(&self, start: &str) -> String {
        let is_meant = |heard: &&String| heard.starts_with(start);
        let heard = eventually(|| self.heard(), |heard| heard.iter().any(|h| is_meant(&h))).await;
        let found = heard.iter().find(is_meant);
        found.expect("just seen").clone()
    }

    /// How often the server has said something that begins with `start`.
    pub fn times(&self, start: &str) -> usize {
        let heard = self.heard();
        heard.iter().filter(|h| h.starts_with(start)).count()
    }

    /// Connects to the root namespace and waits until it is.
    pub async fn connect(&self, token: &str) {
        self.say(&format!(r#"40{{"token":"{token}"}}"#));
        self.hears(r#"40{"sid":"#).await;
    }

    /// Emits an event with the JSON `args` and wants an ack; returns how the ack's packet begins.
    pub fn emit(&self, name: &str, args: &str) -> String {
        let id = self.acks.fetch_add(1, Ordering::Relaxed);
        self.say(&format!(r#"42{id}["{name}",{args}]"#));
        format!("43{id}[")
    }

    /// Emits an event and waits for its ack's first argument.
    pub async fn ask(&self, name: &str, args: &str) -> serde_json::Value {
        let start = self.emit(name, args);
        let ack = self.hears(&start).await;
        let args = ack[start.len() - 1..].parse::<serde_json::Value>();
        args.expect("an ack is JSON")[0].take()
    }

    /// Joins `room` and waits for the ack.
    pub async fn join(&self, room: &str) {
        let answer = self.ask("join_room", &format!("\"{room}\"")).await;
        assert_eq!(answer, serde_json::json!({"ok": true}));
    }

    /// The outbox, as long as anybody holds it.
    pub fn outbox(&self) -> Option<Arc<Outbox>> {
        self.outbox.upgrade()
    }
}
