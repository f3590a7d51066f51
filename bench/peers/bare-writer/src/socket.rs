//! One socket: the minimal handshake, and the few texts that the load tool sends.

use std::io::{self, ErrorKind};

use anyhow::{Context as _, Result, anyhow};
use mio::event::Event;
use mio::net::TcpStream;
use switchboard_bench_wire::buffers::{Inbox, Outbox, ReadEnd, read_all};
use switchboard_bench_wire::websocket::{CLOSE, TEXT, accept_key, put_frame, unmask, whole_frame};

/// The most bytes that wait for one socket before it is closed.
const MAX_WAITING: usize = 16 * 1024 * 1024;
/// The longest request read, in bytes.
const MAX_REQUEST: usize = 8 * 1024;
/// The Engine.IO handshake; one id serves all, since nothing resumes here.
const OPEN: &[u8] =
    br#"0{"sid":"b","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// One socket.
pub struct Socket {
    stream: TcpStream,
    inbox: Inbox,
    outbox: Outbox,
    upgraded: bool,
    /// The room it has joined.
    pub room: Option<String>,
}

/// A wish to join, and the ack that answers it.
pub struct Join {
    /// `{session}/{channel}`.
    pub room: String,
    /// The text of the ack.
    pub ack: String,
}

impl Socket {
    /// A socket that has just been accepted.
    pub fn new(stream: TcpStream) -> Self {
        let (inbox, outbox) = (Inbox::default(), Outbox::default());
        Self {
            stream,
            inbox,
            outbox,
            upgraded: false,
            room: None,
        }
    }

    /// Writes and reads as `event` allows and collects `joins`; false once the peer has closed.
    ///
    /// # Errors
    /// When the socket failed or the peer spoke nonsense.
    pub fn ready(
        &mut self,
        number: usize,
        event: &Event,
        scratch: &mut [u8],
        joins: &mut Vec<Join>,
    ) -> Result<bool> {
        if event.is_writable() {
            self.outbox.flush(&mut self.stream)?;
        }
        if !event.is_readable() {
            return Ok(true);
        }
        let Self {
            stream,
            inbox,
            outbox,
            upgraded,
            ..
        } = self;
        let end = read_all::<anyhow::Error>(stream, scratch, |piece| {
            inbox.feed(piece, |bytes| {
                if *upgraded {
                    return frame(bytes, number, outbox.buffer(), joins);
                }
                let used = upgrade(bytes, outbox.buffer())?;
                *upgraded = used > 0;
                Ok(used)
            })
        })?;
        self.outbox.flush(&mut self.stream)?;
        Ok(end == ReadEnd::Drained)
    }

    /// Sends one text; a failure shows at the next write or read.
    pub fn say(&mut self, text: &str) {
        put_frame(self.outbox.buffer(), TEXT, text.as_bytes(), None);
        let _ = self.outbox.flush(&mut self.stream);
    }

    /// Sends bytes that are frames already.
    ///
    /// # Errors
    /// When the socket has failed, or too much waits for it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.outbox.send(&mut self.stream, bytes)?;
        if self.outbox.len() > MAX_WAITING {
            Err(ErrorKind::OutOfMemory.into())
        } else {
            Ok(())
        }
    }
}

/// Takes one frame from the start of `bytes`; returns the bytes used.
fn frame(bytes: &[u8], number: usize, out: &mut Vec<u8>, joins: &mut Vec<Join>) -> Result<usize> {
    let Some(frame) = whole_frame(bytes)? else {
        return Ok(0);
    };
    if frame.opcode == CLOSE {
        return Err(anyhow!("closed"));
    }
    let payload = &bytes[frame.head..frame.total()];
    let text = unmask(payload, frame.mask.unwrap_or_default());
    let text = str::from_utf8(&text)?;
    if text.starts_with("40") {
        put_frame(
            out,
            TEXT,
            format!("40{{\"sid\":\"{number}\"}}").as_bytes(),
            None,
        );
    }
    joins.extend(read_join(text));
    Ok(frame.total())
}

/// Reads `42{id}["join_room","{room}"]`.
fn read_join(text: &str) -> Option<Join> {
    let (id, rest) = text.strip_prefix("42")?.split_once("[\"join_room\",\"")?;
    let (room, _) = rest.split_once('"')?;
    Some(Join {
        room: room.to_owned(),
        ack: format!("43{id}[{{\"ok\":true}}]"),
    })
}

/// Answers an upgrade request, with the Engine.IO handshake behind it; returns the bytes used.
fn upgrade(bytes: &[u8], out: &mut Vec<u8>) -> Result<usize> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() > MAX_REQUEST {
            Err(anyhow!("an endless request"))
        } else {
            Ok(0)
        };
    };
    let request = str::from_utf8(&bytes[..end])?;
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let accept = accept_key(key.context("no Sec-WebSocket-Key")?);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    out.extend_from_slice(answer.as_bytes());
    put_frame(out, TEXT, OPEN, None);
    Ok(end + 4)
}
