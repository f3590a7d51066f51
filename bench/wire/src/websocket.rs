//! WebSocket frames (RFC 6455), whole ones only, and the handshake's arithmetic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::{MAX_UNIT_BYTES, WireError};

/// Opcode of a text frame.
pub const TEXT: u8 = 1;
/// Opcode of a closing frame.
pub const CLOSE: u8 = 8;
/// Opcode of a ping frame.
pub const PING: u8 = 9;
/// Opcode of a pong frame.
pub const PONG: u8 = 10;

/// A frame's header, as it stands at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the frame is: [`TEXT`], [`CLOSE`], [`PING`], [`PONG`], …
    pub opcode: u8,
    /// The key the payload is masked with (frames from a client).
    pub mask: Option<[u8; 4]>,
    /// Bytes before the payload.
    pub head: usize,
    /// Bytes of payload.
    pub payload: usize,
}

impl Header {
    /// Bytes of the whole frame.
    pub fn total(&self) -> usize {
        self.head + self.payload
    }
}

/// Reads the header of the whole frame at the start of `bytes`; `None` while the frame is incomplete.
///
/// # Errors
/// A fragmented frame, or one above [`MAX_UNIT_BYTES`].
pub fn whole_frame(bytes: &[u8]) -> Result<Option<Header>, WireError> {
    let [first, second, ..] = *bytes else {
        return Ok(None);
    };
    if first & 0x80 == 0 || first & 0x0f == 0 {
        return Err(WireError::Unreadable("a fragmented WebSocket frame"));
    }
    let (length, mut head) = match second & 0x7f {
        126 => match bytes.get(2..4) {
            Some(&[a, b]) => (u64::from(u16::from_be_bytes([a, b])), 4),
            _ => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|eight| eight.try_into().ok()) {
            Some(eight) => (u64::from_be_bytes(eight), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    if length > MAX_UNIT_BYTES {
        return Err(WireError::TooLong(length));
    }
    let mut mask = None;
    if second & 0x80 != 0 {
        let Some(&[a, b, c, d]) = bytes.get(head..head + 4) else {
            return Ok(None);
        };
        mask = Some([a, b, c, d]);
        head += 4;
    }
    let header = Header {
        opcode: first & 0x0f,
        mask,
        head,
        payload: length as usize,
    };
    Ok((bytes.len() >= header.total()).then_some(header))
}

/// Appends one whole frame to `out`; a client gives a `mask`, a server none.
pub fn put_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => out.push(masked | short as u8),
        medium @ 126..=65_535 => {
            out.push(masked | 126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(masked | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    let Some(key) = mask else {
        return out.extend_from_slice(payload);
    };
    out.extend_from_slice(&key);
    out.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

/// Takes the mask off a payload.
pub fn unmask(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    payload
        .iter()
        .zip(key.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect()
}

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2).
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_the_one_of_the_rfc() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn a_frame_of_any_length_is_read_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let payload = vec![7u8; length];
                let mut bytes = Vec::new();
                put_frame(&mut bytes, TEXT, &payload, mask);
                let header = whole_frame(&bytes).unwrap().unwrap();
                assert_eq!((header.opcode, header.mask), (TEXT, mask));
                assert_eq!((header.payload, header.total()), (length, bytes.len()));
                let body = &bytes[header.head..];
                let plain = mask.map_or_else(|| body.to_vec(), |key| unmask(body, key));
                assert_eq!(plain, payload);
                assert_eq!(whole_frame(&bytes[..bytes.len() - 1]), Ok(None));
            }
        }
    }

    #[test]
    fn fragments_and_giants_are_refused() {
        assert!(whole_frame(&[0x01, 0]).is_err());
        let giant = [0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0];
        assert_eq!(whole_frame(&giant), Err(WireError::TooLong(1 << 40)));
    }
}
