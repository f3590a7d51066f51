//! One viewer: a WebSocket that speaks Engine.IO 4 and Socket.IO 5 as text, and joins one room.
//!
//! It reads only what it must: the first bytes of each frame, and the mark of each publication.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow, bail};
use memchr::memmem;
use mio::net::TcpStream;
use switchboard_bench_wire::buffers::{Inbox, Outbox, ReadEnd, read_all};
use switchboard_bench_wire::websocket::{CLOSE, PING, PONG, TEXT, put_frame, whole_frame};

use crate::payload::Mark;
use crate::tally::{Line, Tally};

/// The masking key of every frame: a benchmark has no proxy to protect from.
const MASK: [u8; 4] = [0x5b, 0x1f, 0xc3, 0x88];
/// The longest HTTP answer read, in bytes.
const MAX_ANSWER: usize = 8_192;

/// How far a viewer has come; each step waits for the server's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The HTTP upgrade is asked for.
    Upgrading,
    /// Upgraded; the Engine.IO handshake comes next.
    Opening,
    /// The token is sent; the Socket.IO welcome comes next.
    Connecting,
    /// The room is asked for; its ack comes next.
    Joining,
    /// In the room.
    Joined,
}

/// One viewer.
pub struct Client {
    /// Its connection.
    pub stream: TcpStream,
    /// The conversation on it.
    pub talk: Talk,
    inbox: Inbox,
}

/// The conversation with the server, apart from the connection that carries it.
pub struct Talk {
    /// How far it has come.
    pub phase: Phase,
    /// The number of the room.
    pub room: u16,
    /// How its two topics stand: partials, finals.
    pub lines: [Line; 2],
    outbox: Outbox,
    /// CONNECT with the token, ready to send.
    connect: String,
    /// The wish to join, ready to send.
    join: String,
}

impl Client {
    /// A viewer of `room`, which it asks for by `wish`, over a `stream` that connects to `server`.
    pub fn new(
        stream: TcpStream,
        server: SocketAddr,
        room: u16,
        wish: String,
        token: &str,
    ) -> Self {
        let mut outbox = Outbox::default();
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\n\
             Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        outbox.buffer().extend_from_slice(request.as_bytes());
        let talk = Talk {
            phase: Phase::Upgrading,
            room,
            lines: Default::default(),
            outbox,
            connect: format!("40{{\"token\":\"{token}\"}}"),
            join: wish,
        };
        Self {
            stream,
            talk,
            inbox: Inbox::default(),
        }
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// When the connection has failed.
    pub fn flush(&mut self) -> Result<()> {
        self.talk
            .outbox
            .flush(&mut self.stream)
            .context("writing to the server")
    }

    /// Reads all that waits, at `now` nanoseconds, notes its deliveries in `tally`, and answers.
    ///
    /// # Errors
    /// When the server closed, refused, or spoke nonsense; the viewer is of no use any more.
    pub fn read(&mut self, scratch: &mut [u8], now: u64, tally: &mut Tally) -> Result<()> {
        let Self {
            stream,
            talk,
            inbox,
        } = self;
        let end = read_all::<anyhow::Error>(stream, scratch, |piece| {
            inbox.feed(piece, |bytes| talk.unit(bytes, now, tally))
        })?;
        if end == ReadEnd::Closed {
            bail!("closed by the server while {:?}", self.talk.phase);
        }
        self.flush()
    }
}

impl Talk {
    /// Takes one unit from the start of `bytes`: the HTTP answer first, frames afterwards.
    fn unit(&mut self, bytes: &[u8], now: u64, tally: &mut Tally) -> Result<usize> {
        if self.phase == Phase::Upgrading {
            return self.upgraded(bytes);
        }
        let Some(frame) = whole_frame(bytes)? else {
            return Ok(0);
        };
        let payload = &bytes[frame.head..frame.total()];
        match frame.opcode {
            TEXT => self.text(payload, now, tally)?,
            PING => put_frame(self.outbox.buffer(), PONG, payload, Some(MASK)),
            CLOSE => bail!("WebSocket close while {:?}", self.phase),
            _ => {}
        }
        Ok(frame.total())
    }

    fn upgraded(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            let whole = bytes.len() <= MAX_ANSWER;
            return if whole {
                Ok(0)
            } else {
                Err(anyhow!("an endless HTTP answer"))
            };
        };
        if !bytes.starts_with(b"HTTP/1.1 101") {
            bail!(
                "upgrade refused: {}",
                String::from_utf8_lossy(&bytes[..end.min(200)])
            );
        }
        self.phase = Phase::Opening;
        Ok(end + 4)
    }

    fn text(&mut self, text: &[u8], now: u64, tally: &mut Tally) -> Result<()> {
        match text {
            [b'4', b'2', ..] => self.event(text, now, tally),
            [b'2', ..] => self.say("3"),
            [b'0', ..] => self.step(Phase::Opening, Phase::Connecting)?,
            [b'4', b'0', ..] => self.step(Phase::Connecting, Phase::Joining)?,
            [b'4', b'3', b'0', answer @ ..] => {
                if memmem::find(answer, br#""ok":true"#).is_none() {
                    bail!("join refused: {}", String::from_utf8_lossy(answer));
                }
                self.step(Phase::Joining, Phase::Joined)?;
            }
            [b'4', b'4' | b'1', ..] | [b'1', ..] => {
                bail!(
                    "refused while {:?}: {}",
                    self.phase,
                    String::from_utf8_lossy(text)
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Goes from one phase to the next and says what that phase asks for.
    fn step(&mut self, from: Phase, to: Phase) -> Result<()> {
        if self.phase != from {
            bail!("the server's word for {from:?} came while {:?}", self.phase);
        }
        self.phase = to;
        let words = match to {
            Phase::Connecting => std::mem::take(&mut self.connect),
            Phase::Joining => std::mem::take(&mut self.join),
            Phase::Upgrading | Phase::Opening | Phase::Joined => return Ok(()),
        };
        self.say(&words);
        Ok(())
    }

    fn event(&mut self, text: &[u8], now: u64, tally: &mut Tally) {
        let Some(mark) = Mark::find(text) else { return };
        if mark.topic / 2 != self.room {
            tally.faults.stray += 1;
            return;
        }
        let line = &mut self.lines[usize::from(mark.topic % 2)];
        let age = now.saturating_sub(mark.published);
        tally.note(self.room, line, mark.sequence, age);
    }

    fn say(&mut self, text: &str) {
        put_frame(self.outbox.buffer(), TEXT, text.as_bytes(), Some(MASK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::PARTIAL_BYTES;

    fn talk() -> Talk {
        let lines = [Line::from(0), Line::from(0)];
        let (connect, join) = ("40{}".to_owned(), "420[]".to_owned());
        Talk {
            phase: Phase::Upgrading,
            room: 3,
            lines,
            outbox: Outbox::default(),
            connect,
            join,
        }
    }

    fn hear(talk: &mut Talk, text: &str, tally: &mut Tally) -> Result<()> {
        talk.text(text.as_bytes(), 5_000_000, tally)
    }

    #[test]
    fn a_viewer_joins_step_by_step_and_answers_pings() {
        let (mut talk, mut tally) = (talk(), Tally::new());
        let answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81";
        assert_eq!(talk.unit(answer, 0, &mut tally).unwrap(), answer.len() - 1);
        for (text, phase) in [
            ("0{}", Phase::Connecting),
            ("2", Phase::Connecting),
            ("40{\"sid\":\"x\"}", Phase::Joining),
            ("430[{\"ok\":true}]", Phase::Joined),
        ] {
            hear(&mut talk, text, &mut tally).unwrap();
            assert_eq!(talk.phase, phase);
        }
        assert_eq!(
            talk.outbox.len(),
            (6 + 4) + (6 + 1) + (6 + 5),
            "CONNECT, pong, join"
        );
    }

    #[test]
    fn a_refusal_is_told_with_its_reason() {
        let (mut talk, mut tally) = (talk(), Tally::new());
        talk.phase = Phase::Connecting;
        let error = hear(&mut talk, "44{\"message\":\"Invalid token\"}", &mut tally).unwrap_err();
        assert!(error.to_string().contains("Invalid token"), "{error}");
        talk.phase = Phase::Joining;
        assert!(hear(&mut talk, "430[{\"ok\":false}]", &mut tally).is_err());
    }

    #[test]
    fn a_delivery_of_another_room_is_stray() {
        let (mut talk, mut tally) = (talk(), Tally::new());
        for topic in [6, 7, 8] {
            let mut text = b"42[\"partial\",".to_vec();
            Mark {
                topic,
                sequence: 0,
                published: 1_000_000,
            }
            .write_payload(PARTIAL_BYTES, &mut text);
            talk.event(&text, 5_000_000, &mut tally);
        }
        assert_eq!((tally.deliveries, tally.faults.stray), (2, 1));
        assert!((3_990..=4_010).contains(&tally.latency().p50));
    }
}
