//! Packets in WebSocket frames, from the upgrade on.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use memchr::memmem;
use switchboard_bench_wire::websocket::{CLOSE, PING, PONG, TEXT, put_frame, whole_frame};

use super::Talk;

/// The masking key of every frame: a benchmark has no proxy to protect from.
const MASK: [u8; 4] = [0x5b, 0x1f, 0xc3, 0x88];
/// The longest HTTP answer read, in bytes.
const MAX_ANSWER: usize = 8_192;

/// A WebSocket.
pub struct WebSocket {
    /// Whether the server has agreed.
    is_upgraded: bool,
}

impl WebSocket {
    /// Asks `server` for an upgrade.
    pub fn begin(server: SocketAddr, out: &mut Vec<u8>) -> Self {
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\n\
             Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        out.extend_from_slice(request.as_bytes());
        Self { is_upgraded: false }
    }

    /// Takes one unit from the start of `bytes`: the HTTP answer first, frames afterwards; 0 while it is incomplete.
    ///
    /// # Errors
    /// When the server refuses, closes or speaks nonsense.
    pub fn unit(
        &mut self,
        bytes: &[u8],
        talk: &mut Talk,
        out: &mut Vec<u8>,
        hear: impl FnOnce(&[u8], &mut Talk) -> Result<()>,
    ) -> Result<usize> {
        if !self.is_upgraded {
            let used = upgraded(bytes)?;
            self.is_upgraded = used > 0;
            return Ok(used);
        }
        let Some(frame) = whole_frame(bytes)? else {
            return Ok(0);
        };
        let payload = &bytes[frame.head..frame.total()];
        match frame.opcode {
            TEXT => hear(payload, talk)?,
            PING => put_frame(out, PONG, payload, Some(MASK)),
            CLOSE => bail!("WebSocket close while {:?}", talk.phase),
            _ => {}
        }
        for text in talk.says.drain(..) {
            Self::say(&text, out);
        }
        Ok(frame.total())
    }

    /// Writes one packet.
    pub fn say(packet: &str, out: &mut Vec<u8>) {
        put_frame(out, TEXT, packet.as_bytes(), Some(MASK));
    }
}

/// Reads the answer to the upgrade.
fn upgraded(bytes: &[u8]) -> Result<usize> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        if bytes.len() > MAX_ANSWER {
            bail!("an endless HTTP answer");
        }
        return Ok(0);
    };
    if !bytes.starts_with(b"HTTP/1.1 101") {
        let start = String::from_utf8_lossy(&bytes[..end.min(200)]);
        bail!("upgrade refused: {start}");
    }
    Ok(end + 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::talk::tests::talk;

    #[test]
    fn frames_follow_the_upgrade_and_what_is_said_goes_out_masked() {
        let mut out = Vec::new();
        let mut socket = WebSocket::begin(([127, 0, 0, 1], 80).into(), &mut out);
        out.clear();
        let mut talk = talk();
        let mut heard = Vec::new();
        let mut unit = |bytes: &[u8], out: &mut Vec<u8>| {
            let hear = |text: &[u8], talk: &mut Talk| {
                heard.push(text.to_vec());
                talk.says.push("3".to_owned());
                Ok(())
            };
            socket.unit(bytes, &mut talk, out, hear)
        };
        let answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81";
        assert_eq!(unit(answer, &mut out).unwrap(), answer.len() - 1);
        assert_eq!(unit(b"\x81\x012", &mut out).unwrap(), 3);
        assert_eq!(out.len(), 6 + 1, "a masked pong");
        assert_eq!(heard, [b"2"]);
    }
}
