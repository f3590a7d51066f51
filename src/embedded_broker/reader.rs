//! Cuts packets out of what a peer sends, and checks what the codec does not.

use std::io;

use bytes::BytesMut;
use rumqttc::mqttbytes;
use rumqttc::mqttbytes::v4::Packet;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::ReadHalf;

/// Room made for each read.
const READ_BYTES: usize = 32 << 10;

/// Why no more can be read from a peer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It closed the connection without a goodbye.
    #[error("closed without DISCONNECT")]
    Closed,
    /// The connection broke.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// The codec refuses a packet.
    #[error("malformed packet: {0}")]
    Malformed(#[from] mqttbytes::Error),
    /// A packet begins with what begins none.
    #[error("malformed packet: its type or flags do not exist")]
    FirstByte,
}

/// The reading side of a connection.
pub(super) struct PacketReader<'a> {
    read: ReadHalf<'a>,
    buffer: BytesMut,
}

impl<'a> PacketReader<'a> {
    pub(super) fn new(read: ReadHalf<'a>) -> Self {
        Self {
            read,
            buffer: BytesMut::new(),
        }
    }

    /// The protocol level, once the first bytes of a CONNECT are here.
    pub(super) fn protocol_level(&self) -> Option<u8> {
        protocol_level(&self.buffer)
    }

    /// The next packet, if all of it is here; see [`next_packet`].
    pub(super) fn next_buffered(&mut self, max_bytes: usize) -> Result<Option<Packet>, ReadError> {
        next_packet(&mut self.buffer, max_bytes)
    }

    /// Waits for more bytes. The buffer grows with what came, never with what a packet announces.
    pub(super) async fn fill(&mut self) -> Result<(), ReadError> {
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * READ_BYTES {
            self.buffer = BytesMut::new();
        }
        self.buffer.reserve(READ_BYTES);
        match self.read.read_buf(&mut self.buffer).await? {
            0 => Err(ReadError::Closed),
            _ => Ok(()),
        }
    }
}

/// Takes the packet that `buffer` begins with, if all of it is there; a fault if it is malformed or over `max_bytes`.
pub fn next_packet(buffer: &mut BytesMut, max_bytes: usize) -> Result<Option<Packet>, ReadError> {
    if buffer.first().is_some_and(|&byte| !valid_first_byte(byte)) {
        return Err(ReadError::FirstByte);
    }
    match Packet::read(buffer, max_bytes) {
        Ok(packet) => Ok(Some(packet)),
        Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether packet type and flags go together. The codec does not look at the flags.
fn valid_first_byte(byte: u8) -> bool {
    match byte >> 4 {
        3 => true,
        6 | 8 | 10 => byte & 0x0f == 0b0010,
        kind => kind != 0 && kind != 15 && byte & 0x0f == 0,
    }
}

/// The level in the first bytes of a CONNECT, once they are there. Looked up before parsing, as the
/// packet of another level has another form.
fn protocol_level(bytes: &[u8]) -> Option<u8> {
    let after_length = 2 + bytes
        .get(1..)?
        .iter()
        .take(3)
        .take_while(|&&byte| byte >= 0x80)
        .count();
    let name_and_level = bytes.get(after_length..)?;
    name_and_level
        .strip_prefix(b"\x00\x04MQTT")?
        .first()
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_level_is_found_before_the_packet_is_whole() {
        assert_eq!(protocol_level(b"\x10\x0c\x00\x04MQTT\x04"), Some(4));
        assert_eq!(
            protocol_level(b"\x10\xff\xff\x03\x00\x04MQTT\x05\x02"),
            Some(5)
        );
        for bytes in [
            &b""[..],
            b"\x10",
            b"\x10\x0c\x00\x04MQTT",
            b"GET / HTTP/1.1",
            &[0xff; 9],
        ] {
            assert_eq!(protocol_level(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn reserved_types_and_flags_are_malformed() {
        for byte in [0x10, 0x30, 0x3f, 0x40, 0x50, 0x62, 0x82, 0xa2, 0xc0, 0xe0] {
            assert!(valid_first_byte(byte), "{byte:#x}");
        }
        for byte in [0x00, 0x11, 0x42, 0x60, 0x80, 0xa0, 0xc1, 0xe1, 0xf0, b'G'] {
            assert!(!valid_first_byte(byte), "{byte:#x}");
        }
    }
}
