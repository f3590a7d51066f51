//! A peer's bounded way out: what waits to be written to it, and which packet ids are in use.
//!
//! The router pushes without ever waiting; the connection's write loop takes batches. A peer that
//! does not read loses its own QoS 0 messages, and its connection rather than a QoS 1 message.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use bytes::{BufMut, Bytes, BytesMut};
use rumqttc::mqttbytes::v4::Packet;
use tokio::sync::Notify;

use super::frame::Frame;
use super::{Limits, lock};

/// Bytes gathered for one write; a larger payload is written from where it is.
const BATCH_BYTES: usize = 64 << 10;
/// Bytes of acknowledgements that may wait: 262,144 of them, more than there are packet ids.
const MAX_ACK_BYTES: usize = 1 << 20;

/// One peer's way out.
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Tells the write loop that there may be something to write.
    filled: Notify,
    /// Tells the connection to end.
    closed: Notify,
}

struct State {
    /// Names the peer in the log.
    client_id: String,
    /// Encoded acknowledgements. They overtake publications, which may wait for the peer's own.
    acks: BytesMut,
    /// Publications and ordered answers.
    frames: VecDeque<Frame>,
    /// Cost of `frames`.
    bytes: usize,
    /// Packet ids sent with QoS 1 and not yet acknowledged.
    unacknowledged: HashSet<u16>,
    last_packet_id: u16,
    /// Whether QoS 0 is being dropped, so that the log says it once for each time.
    dropping: bool,
    closed: bool,
    max_frames: usize,
    max_bytes: usize,
    max_unacknowledged: usize,
}

impl Outbox {
    pub(super) fn new(client_id: &str, limits: &Limits) -> Self {
        let state = State {
            client_id: client_id.to_owned(),
            acks: BytesMut::new(),
            frames: VecDeque::new(),
            bytes: 0,
            unacknowledged: HashSet::new(),
            last_packet_id: 0,
            dropping: false,
            closed: false,
            max_frames: limits.queued_messages,
            max_bytes: limits.queued_bytes,
            max_unacknowledged: limits.unacknowledged.clamp(1, usize::from(u16::MAX)),
        };
        Self {
            state: Mutex::new(state),
            filled: Notify::new(),
            closed: Notify::new(),
        }
    }

    /// Queues a frame; without room, drops it or closes the peer, as its kind says.
    pub(super) fn push(&self, frame: Frame) {
        let open = lock(&self.state).push(frame);
        self.wake(open);
    }

    /// Queues an acknowledgement, ahead of all frames.
    pub(super) fn acknowledge(&self, packet: &Packet) {
        let open = lock(&self.state).acknowledge(packet);
        self.wake(open);
    }

    /// The peer acknowledged a QoS 1 publication.
    pub(super) fn acknowledged(&self, packet_id: u16) {
        lock(&self.state).unacknowledged.remove(&packet_id);
        self.filled.notify_one();
    }

    /// Drops what waits and ends the connection.
    pub(super) fn close(&self) {
        lock(&self.state).close();
        self.wake(false);
    }

    /// Resolves once the peer is closed.
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }

    /// Waits for something to write and puts it into `batch`, which must be empty. What is
    /// returned is the rest of the last packet, to be written after it.
    pub(super) async fn next_batch(&self, batch: &mut BytesMut) -> Bytes {
        loop {
            let rest = lock(&self.state).take(batch);
            if !batch.is_empty() {
                return rest;
            }
            self.filled.notified().await;
        }
    }

    fn wake(&self, open: bool) {
        if open {
            self.filled.notify_one()
        } else {
            self.closed.notify_one()
        }
    }
}

impl State {
    /// Whether the peer is still open afterwards.
    fn push(&mut self, frame: Frame) -> bool {
        if self.closed {
            return false;
        }
        let full = self.frames.len() >= self.max_frames
            || (self.bytes + frame.cost() > self.max_bytes && !self.frames.is_empty());
        if !full {
            self.dropping = false;
            self.bytes += frame.cost();
            self.frames.push_back(frame);
        } else if !frame.may_be_dropped() {
            log::warn!(
                "MQTT client {:?} does not read, and is disconnected",
                self.client_id
            );
            self.close();
        } else if !self.dropping {
            log::warn!(
                "MQTT client {:?} reads too slowly, and loses messages",
                self.client_id
            );
            self.dropping = true;
        }
        !self.closed
    }

    fn acknowledge(&mut self, packet: &Packet) -> bool {
        if !self.closed {
            packet
                .write(&mut self.acks, usize::MAX)
                .expect("acknowledgements are small");
        }
        if self.acks.len() > MAX_ACK_BYTES {
            log::warn!(
                "MQTT client {:?} reads no answer, and is disconnected",
                self.client_id
            );
            self.close();
        }
        !self.closed
    }

    fn close(&mut self) {
        self.closed = true;
        self.acks = BytesMut::new();
        self.frames = VecDeque::new();
        self.bytes = 0;
    }

    fn take(&mut self, batch: &mut BytesMut) -> Bytes {
        batch.extend_from_slice(&self.acks);
        self.acks.clear();
        while batch.len() < BATCH_BYTES {
            let blocked = self.unacknowledged.len() >= self.max_unacknowledged;
            if blocked
                && self
                    .frames
                    .front()
                    .is_some_and(Frame::needs_acknowledgement)
            {
                break;
            }
            let Some(frame) = self.frames.pop_front() else {
                break;
            };
            self.bytes -= frame.cost();
            let rest = frame.begin(|| self.next_packet_id(), batch);
            if rest.len() > BATCH_BYTES {
                return rest;
            }
            batch.put(rest);
        }
        Bytes::new()
    }

    fn next_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if self.unacknowledged.insert(self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::mqttbytes::QoS;
    use rumqttc::mqttbytes::v4::{PubAck, Publish};

    use super::*;

    fn outbox(limits: Limits) -> Outbox {
        Outbox::new("peer", &limits)
    }

    fn publication(payload: &[u8], qos: QoS) -> Frame {
        Frame::publication(&mut Publish::new("t", qos, payload), qos, false)
    }

    /// Takes everything that may be written now, as packets.
    fn written(outbox: &Outbox) -> Vec<Packet> {
        let mut batch = BytesMut::new();
        let mut bytes = BytesMut::new();
        loop {
            let rest = lock(&outbox.state).take(&mut batch);
            if batch.is_empty() {
                break;
            }
            bytes.unsplit(batch.split());
            bytes.extend_from_slice(&rest);
        }
        let mut packets = Vec::new();
        while !bytes.is_empty() {
            packets.push(Packet::read(&mut bytes, usize::MAX).expect("a packet"));
        }
        packets
    }

    fn ids_and_payloads(packets: &[Packet]) -> Vec<(u16, &[u8])> {
        let publications = packets.iter().map(|packet| match packet {
            Packet::Publish(publish) => (publish.pkid, &publish.payload[..]),
            other => panic!("{other:?}"),
        });
        publications.collect()
    }

    #[test]
    fn qos_1_waits_for_the_window_in_order_and_acknowledgements_do_not() {
        let outbox = outbox(Limits {
            unacknowledged: 2,
            ..Limits::default()
        });
        for payload in [b"1", b"2", b"3"] {
            outbox.push(publication(payload, QoS::AtLeastOnce));
        }
        outbox.push(publication(b"4", QoS::AtMostOnce));
        assert_eq!(
            ids_and_payloads(&written(&outbox)),
            [(1, &b"1"[..]), (2, b"2")]
        );
        outbox.acknowledge(&Packet::PubAck(PubAck::new(9)));
        assert_eq!(written(&outbox), [Packet::PubAck(PubAck::new(9))]);
        outbox.acknowledged(1);
        assert_eq!(
            ids_and_payloads(&written(&outbox)),
            [(3, &b"3"[..]), (0, b"4")]
        );
    }

    #[test]
    fn packet_ids_in_use_are_skipped_and_zero_is_never_used() {
        let outbox = outbox(Limits::default());
        outbox.push(publication(b"1", QoS::AtLeastOnce));
        assert_eq!(ids_and_payloads(&written(&outbox)), [(1, &b"1"[..])]);
        lock(&outbox.state).last_packet_id = u16::MAX;
        outbox.push(publication(b"2", QoS::AtLeastOnce));
        assert_eq!(ids_and_payloads(&written(&outbox)), [(2, &b"2"[..])]);
    }

    #[test]
    fn a_full_queue_drops_qos_0_and_takes_up_again() {
        let outbox = outbox(Limits {
            queued_messages: 2,
            ..Limits::default()
        });
        for payload in [b"1", b"2", b"3"] {
            outbox.push(publication(payload, QoS::AtMostOnce));
        }
        assert_eq!(
            ids_and_payloads(&written(&outbox)),
            [(0, &b"1"[..]), (0, b"2")]
        );
        outbox.push(publication(b"4", QoS::AtMostOnce));
        assert_eq!(ids_and_payloads(&written(&outbox)), [(0, &b"4"[..])]);
    }

    #[test]
    fn qos_1_without_room_closes_the_peer_and_frees_its_queue() {
        let outbox = outbox(Limits {
            queued_bytes: 1_000,
            ..Limits::default()
        });
        outbox.push(publication(&[0; 5_000], QoS::AtLeastOnce));
        assert!(
            !lock(&outbox.state).closed,
            "an empty queue takes any packet"
        );
        outbox.push(publication(b"2", QoS::AtLeastOnce));
        assert!(lock(&outbox.state).closed);
        outbox.push(publication(b"3", QoS::AtLeastOnce));
        assert_eq!((written(&outbox).len(), lock(&outbox.state).bytes), (0, 0));
    }

    #[test]
    fn unread_acknowledgements_close_the_peer() {
        let outbox = outbox(Limits::default());
        for _ in 0..=MAX_ACK_BYTES / 4 {
            outbox.acknowledge(&Packet::PubAck(PubAck::new(1)));
        }
        assert!(lock(&outbox.state).closed);
    }

    #[test]
    fn a_large_payload_is_not_copied_and_the_bytes_are_accounted() {
        let outbox = outbox(Limits::default());
        let large = publication(&vec![7; BATCH_BYTES * 2], QoS::AtLeastOnce);
        let end_of_the_shared_bytes = large.bytes().as_ptr_range().end;
        outbox.push(publication(b"1", QoS::AtMostOnce));
        outbox.push(large);
        let mut batch = BytesMut::new();
        let rest = lock(&outbox.state).take(&mut batch);
        assert_eq!(rest.as_ptr_range().end, end_of_the_shared_bytes);
        assert_eq!(lock(&outbox.state).bytes, 0);
        batch.extend_from_slice(&rest);
        assert!(matches!(
            Packet::read(&mut batch, 100),
            Ok(Packet::Publish(_))
        ));
        let packet = Packet::read(&mut batch, usize::MAX).expect("a packet");
        assert_eq!(
            ids_and_payloads(&[packet]),
            [(1, &vec![7; BATCH_BYTES * 2][..])]
        );
    }
}
