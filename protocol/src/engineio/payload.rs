//! The body of a polling request or answer: packets with a record separator between them.

use bytestring::ByteString;

use super::Packet;
use crate::error::DecodeError;
use crate::frame::Frame;

/// Stands between packets. JSON text cannot hold it, so that a packet cannot be split from within.
pub const SEPARATOR: u8 = 0x1e;

/// Decodes a body of at most `max_packets` packets, in order. One bad packet refuses the whole body.
pub fn decode(body: ByteString, max_packets: usize) -> Result<Vec<Packet>, DecodeError> {
    let mut packets = Vec::new();
    for text in body.split(char::from(SEPARATOR)) {
        if packets.len() == max_packets {
            return Err(DecodeError::TooManyPackets);
        }
        packets.push(Packet::decode(body.slice_ref(text))?);
    }
    Ok(packets)
}

/// Appends a packet to a body, after a separator unless it is the first one.
pub fn append(body: &mut Vec<u8>, frame: &Frame) {
    if !body.is_empty() {
        body.push(SEPARATOR);
    }
    frame.append_polling(body);
}
