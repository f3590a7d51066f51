//! The transcriber's side: publications to the broker, in batches, over one MQTT connection.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use switchboard_bench_wire::buffers::{Outbox, ReadEnd, read_all};
use switchboard_bench_wire::mqtt::{Packet, put_connect, put_publish, whole_packet};

use crate::payload::{FINAL_BYTES, FINAL_EVERY, Mark, PARTIAL_BYTES};
use crate::statuses::{self, Statuses};

/// One MQTT connection that publishes to the rooms in turn.
pub struct Publisher {
    /// The connection to the broker.
    pub stream: TcpStream,
    outbox: Outbox,
    /// `transcriber/out/{room}/{partial|final}`, by topic number.
    topics: Vec<String>,
    /// The next sequence number of each topic.
    next: Vec<u32>,
    /// The room whose turn it is.
    turn: usize,
    /// Publications so far.
    pub published: u64,
    /// The payload being written, kept for its memory.
    payload: Vec<u8>,
    /// The list of sessions, where that is what is published.
    statuses: Option<Statuses>,
}

impl Publisher {
    /// Connects to the broker at `address` to publish to these `rooms`.
    ///
    /// # Errors
    /// When the broker does not welcome the connection within five seconds.
    pub fn connect(address: SocketAddr, rooms: &[String]) -> Result<Self> {
        let stream = welcome(address).with_context(|| format!("broker {address}"))?;
        let topics: Vec<_> = rooms.iter().flat_map(|room| topics_of(room)).collect();
        let next = vec![0; topics.len()];
        Ok(Self {
            stream,
            outbox: Outbox::default(),
            topics,
            next,
            turn: 0,
            published: 0,
            payload: Vec::new(),
            statuses: None,
        })
    }

    /// Writes one publication, stamped `now`, to the room whose turn it is, and returns that room;
    /// [`Publisher::flush`] sends it.
    pub fn publish(&mut self, now: u64) -> usize {
        let room = self.turn;
        self.turn = (room + 1) % (self.topics.len() / 2);
        self.publish_to(room, now);
        room
    }

    /// The same to `room`, whose turn it need not be and does not become.
    pub fn publish_to(&mut self, room: usize, now: u64) {
        // The rooms have their finals at different times, so that each second has its tenth of them.
        let round = self.next[2 * room] + self.next[2 * room + 1] + room as u32;
        let is_final = self.statuses.is_none() && round % FINAL_EVERY == FINAL_EVERY - 1;
        self.write(room, is_final, now);
    }

    /// A final to `room`, out of turn.
    pub fn publish_final_to(&mut self, room: usize, now: u64) {
        self.write(room, true, now);
    }

    fn write(&mut self, room: usize, is_final: bool, now: u64) {
        let topic = 2 * room + usize::from(is_final);
        let mark = Mark {
            topic: topic as u16,
            sequence: self.next[topic],
            published: now,
        };
        self.next[topic] += 1;
        self.published += 1;
        self.payload.clear();
        let topic = match &mut self.statuses {
            Some(statuses) => {
                statuses.write(room, mark, &mut self.payload);
                statuses::TOPIC
            }
            None => {
                let size = if is_final { FINAL_BYTES } else { PARTIAL_BYTES };
                mark.write_payload(size, &mut self.payload);
                &self.topics[topic]
            }
        };
        put_publish(self.outbox.buffer(), topic, &self.payload);
    }

    /// From now on publishes the list of `count` sessions of these organizations.
    pub fn publish_statuses(&mut self, organizations: &[String], count: usize) {
        self.statuses = Some(Statuses::new(organizations, count));
    }

    /// Whether something published has not been sent.
    pub fn is_busy(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Sends what was published since the last flush, in one write where the socket takes it.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn flush(&mut self) -> Result<()> {
        self.outbox
            .flush(&mut self.stream)
            .context("writing to the broker")
    }

    /// Reads and ignores what the broker says.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn read(&mut self, scratch: &mut [u8]) -> Result<()> {
        let end = read_all::<anyhow::Error>(&mut self.stream, scratch, |_| Ok(()))?;
        if end == ReadEnd::Closed {
            bail!("the broker closed the publisher's link")
        } else {
            Ok(())
        }
    }

    /// The sequence numbers that the partials and the finals of `room` will have next.
    pub fn next_of(&self, room: usize) -> [u32; 2] {
        [self.next[2 * room], self.next[2 * room + 1]]
    }
}

/// The topics of a room, partials first.
fn topics_of(room: &str) -> [String; 2] {
    ["partial", "final"].map(|kind| format!("transcriber/out/{room}/{kind}"))
}

/// Connects and waits for the broker's welcome, then stops blocking.
fn welcome(address: SocketAddr) -> Result<TcpStream> {
    let patience = Duration::from_secs(5);
    let mut stream = std::net::TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_nodelay(true)?;
    let mut hello = Vec::new();
    put_connect(&mut hello, "switchboard-bench-load");
    stream.write_all(&hello)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).context("no CONNACK")?;
    match whole_packet(&answer)? {
        Some((Packet::ConnAck { code: 0 }, _)) => {}
        other => bail!("answered CONNECT with {other:?}"),
    }
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}
