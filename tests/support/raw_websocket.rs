//! A WebSocket made of bytes, for frames that no library would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::viewer::{End, GREETING};
use super::{http, within};

/// The mask of every frame sent; any will do.
const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// A connection after its handshake.
pub struct RawWebSocket {
    stream: TcpStream,
    /// What was read and not taken apart yet.
    buffer: Vec<u8>,
    /// The handshake's answer.
    pub answer: String,
    /// The id of the session that was opened; empty where none was.
    pub sid: String,
}

/// The bytes of one masked frame. `first` is FIN, the reserved bits and the opcode.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        size @ 0..=125 => bytes.push(0x80 | size as u8),
        size @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((size as u16).to_be_bytes());
        }
        size => {
            bytes.push(0x80 | 127);
            bytes.extend((size as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
    bytes
}

/// One whole text message.
pub fn text(payload: &str) -> Vec<u8> {
    frame(0x81, payload.as_bytes())
}

impl RawWebSocket {
    /// Opens a connection to `/socket.io/` and reads its open packet.
    pub async fn open(address: SocketAddr, headers: &[(&str, &str)]) -> Self {
        let target = "/socket.io/?EIO=4&transport=websocket";
        let mut raw = Self::upgrade(address, target, headers).await;
        let (_, open) = raw.frame().await.expect("an open packet");
        assert!(open.starts_with(b"0{"), "{open:?}");
        let handshake: serde_json::Value = serde_json::from_slice(&open[1..]).expect("JSON");
        raw.sid = handshake["sid"].as_str().expect("a sid").to_owned();
        raw
    }

    /// Opens a connection and reads the handshake's answer alone, which must be good.
    pub async fn upgrade(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = http::connect(address).await;
        stream.set_nodelay(true).expect("an open socket");
        let request = http::upgrade_bytes(target, headers);
        stream.write_all(&request).await.expect("the server reads");
        let mut raw = Self {
            stream,
            buffer: Vec::new(),
            answer: String::new(),
            sid: String::new(),
        };
        let end = loop {
            if let Some(at) = raw.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(raw.read().await, "no handshake: {:?}", raw.buffer);
        };
        raw.answer = String::from_utf8_lossy(&raw.buffer[..end]).into_owned();
        raw.buffer.drain(..end);
        assert!(raw.answer.starts_with("HTTP/1.1 101 "), "{}", raw.answer);
        raw
    }

    /// As [`open`](Self::open), and connected to the root namespace.
    pub async fn connect(address: SocketAddr, token: &str) -> Self {
        let mut raw = Self::open(address, &[]).await;
        raw.send(&text(&format!(r#"40{{"token":"{token}"}}"#)))
            .await;
        let (_, answer) = raw.frame().await.expect("an answer");
        assert!(answer.starts_with(br#"40{"sid":"#), "{answer:?}");
        raw
    }

    /// Sends bytes; that the server has closed meanwhile is no error.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = within("room to send", self.stream.write_all(bytes)).await;
    }

    /// The next frame's first byte and payload, other than the greeting; `None` at the end of the stream.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((first, payload, size)) = parse(&self.buffer) {
                self.buffer.drain(..size);
                if payload == GREETING.as_bytes() {
                    continue;
                }
                return Some((first, payload));
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// Reads until the connection ends, and says how; answers nothing.
    pub async fn ended(&mut self) -> End {
        while let Some((first, payload)) = self.frame().await {
            if let (0x88, [high, low, ..]) = (first, &payload[..]) {
                return End::Closed(u16::from_be_bytes([*high, *low]));
            }
        }
        End::Cut
    }

    async fn read(&mut self) -> bool {
        let read = within("a frame", self.stream.read_buf(&mut self.buffer)).await;
        read.is_ok_and(|read| read > 0)
    }
}

/// The first whole frame of `bytes`: first byte, payload, size. Servers do not mask.
fn parse(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let (&size, rest) = rest.split_first()?;
    let (header, size) = match size {
        126 => (4, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?) as usize),
        size => (2, usize::from(size)),
    };
    let payload = bytes.get(header..header + size)?.to_vec();
    Some((first, payload, header + size))
}
