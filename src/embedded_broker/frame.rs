//! Packets as they are queued: encoded once, shared by every peer that gets them. Pure.

use bytes::{BufMut, Bytes, BytesMut};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish};

/// What a queued frame costs besides its bytes, roughly.
const OVERHEAD: usize = 64;

/// An encoded packet, shared by all the peers that get it.
#[derive(Clone)]
pub(super) struct Frame {
    bytes: Bytes,
    kind: Kind,
}

/// What may become of a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A QoS 0 publication: dropped when there is no room.
    AtMostOnce,
    /// A QoS 1 publication: each peer writes its own packet id at this offset.
    AtLeastOnce { packet_id_at: usize },
    /// An answer that must stay in order with the publications around it.
    Reply,
}

impl Frame {
    /// Encodes a publication for peers that are granted `qos` (0 or 1).
    pub(super) fn publication(publication: &mut Publish, qos: QoS, retain: bool) -> Self {
        publication.dup = false;
        publication.retain = retain;
        publication.qos = qos;
        // Any but zero; see `Kind::AtLeastOnce`.
        publication.pkid = 1;
        let mut buffer = BytesMut::with_capacity(publication.size());
        publication
            .write(&mut buffer)
            .expect("it came in within the size limit");
        let kind = match qos {
            QoS::AtMostOnce => Kind::AtMostOnce,
            _ => Kind::AtLeastOnce {
                packet_id_at: buffer.len() - publication.payload.len() - 2,
            },
        };
        Self {
            bytes: buffer.freeze(),
            kind,
        }
    }

    /// Encodes an answer.
    pub(super) fn reply(packet: &Packet) -> Self {
        let mut buffer = BytesMut::new();
        packet
            .write(&mut buffer, usize::MAX)
            .expect("answers are small");
        Self {
            bytes: buffer.freeze(),
            kind: Kind::Reply,
        }
    }

    /// What it costs while it waits, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }

    /// Whether it is dropped when there is no room for it.
    pub(super) fn may_be_dropped(&self) -> bool {
        self.kind == Kind::AtMostOnce
    }

    /// Whether the peer must acknowledge it.
    pub(super) fn needs_acknowledgement(&self) -> bool {
        matches!(self.kind, Kind::AtLeastOnce { .. })
    }

    /// Puts its first bytes, with this peer's packet id if it needs one, into `batch` and returns
    /// the others, which are shared with the other peers.
    pub(super) fn begin(mut self, packet_id: impl FnOnce() -> u16, batch: &mut BytesMut) -> Bytes {
        match self.kind {
            Kind::AtLeastOnce { packet_id_at } => {
                batch.put(self.bytes.split_to(packet_id_at));
                batch.put_u16(packet_id());
                self.bytes.split_off(2)
            }
            // One byte, so that a batch that is not empty always stands for a packet.
            Kind::AtMostOnce | Kind::Reply => {
                batch.put(self.bytes.split_to(1));
                self.bytes
            }
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
