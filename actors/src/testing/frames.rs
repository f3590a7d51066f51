//! WebSocket frames as a server writes them, taken apart.

use std::fmt;

/// One frame of a server: unmasked and unfragmented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerFrame {
    /// A text frame: one Engine.IO packet.
    Text(String),
    /// A binary frame: one attachment.
    Binary(Vec<u8>),
    /// A close frame: code and reason.
    Close(u16, String),
    /// A pong frame's data.
    Pong(Vec<u8>),
}

impl fmt::Display for ServerFrame {
    /// Text as it is, `binary [1, 2]`, `close 1000 denied`, `pong [1]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Binary(bytes) => write!(f, "binary {bytes:?}"),
            Self::Close(code, reason) => write!(f, "close {code} {reason}"),
            Self::Pong(data) => write!(f, "pong {data:?}"),
        }
    }
}

/// Splits what a server wrote into its whole frames, and the beginning of one that is not whole yet.
///
/// # Panics
/// When the bytes are no such frames: a header or text that is broken or torn.
pub fn frames(mut bytes: &[u8]) -> (Vec<ServerFrame>, &[u8]) {
    let mut found = Vec::new();
    while let Some((opcode, payload, rest)) = split(bytes) {
        found.push(frame(opcode, payload));
        bytes = rest;
    }
    (found, bytes)
}

/// First byte, payload and what follows; `None` when the first frame is not whole.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[opcode, len], rest) = bytes.split_first_chunk::<2>()?;
    let (len, rest) = match len {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*len) as usize, rest)
        }
        len => {
            assert!(len < 126, "a server masks nothing: {len:#x}");
            (usize::from(len), rest)
        }
    };
    let (payload, rest) = rest.split_at_checked(len)?;
    Some((opcode, payload, rest))
}

fn frame(opcode: u8, payload: &[u8]) -> ServerFrame {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a server writes UTF-8");
    match opcode {
        0x81 => ServerFrame::Text(text(payload)),
        0x82 => ServerFrame::Binary(payload.to_vec()),
        0x88 => {
            let (code, reason) = payload.split_at(2);
            ServerFrame::Close(u16::from_be_bytes([code[0], code[1]]), text(reason))
        }
        0x8a => ServerFrame::Pong(payload.to_vec()),
        other => panic!("no server frame begins with {other:#x}"),
    }
}
