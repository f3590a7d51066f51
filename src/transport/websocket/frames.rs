//! What a client sends over a WebSocket, as Engine.IO packets (RFC 6455 section 5).
//!
//! actix-http's parser takes a frame apart once all of it is there; size, fragments, UTF-8 and control frames
//! are judged here. An idle connection holds no buffer: bytes are read into one of the thread's.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_http::ws::{OpCode, Parser, ProtocolError};
use actix_web::web::{Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::Stream;
use switchboard_actors::outbox::Outbox;
use switchboard_actors::session::{CloseReason, Incoming};
use switchboard_protocol::engineio::{Message, Packet};
use switchboard_protocol::frame::Frame;
use tokio::io::{AsyncRead, ReadBuf};

/// Fragments of one message.
const FRAGMENTS: usize = 1_024;
/// Largest payload of a control frame.
const CONTROL_PAYLOAD: u64 = 125;
/// Bytes read at once.
const READ_SIZE: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8; READ_SIZE]>> = RefCell::new(Box::new([0; READ_SIZE]));
}

/// The packets of one connection, until it ends or breaks the protocol; after that its bytes are
/// discarded, so that the goodbye is not lost to a reset.
pub struct Packets<R> {
    reader: R,
    /// Where WebSocket pings are answered.
    outbox: Arc<Outbox>,
    /// Largest message in bytes.
    limit: usize,
    /// Bytes of frames that are not complete yet.
    buffer: BytesMut,
    /// A message of which more fragments are due.
    fragments: Option<Box<Fragments>>,
    /// Nothing that comes is of interest any more.
    discarding: bool,
}

struct Fragments {
    is_text: bool,
    bytes: BytesMut,
    count: usize,
}

impl<R: AsyncRead + Unpin> Packets<R> {
    /// Reads `early`, then `reader`: a client's side of a WebSocket, after the handshake. Messages have at most
    /// `limit` bytes; WebSocket pings are answered through `outbox`.
    pub fn new(reader: R, outbox: Arc<Outbox>, limit: usize, early: &[u8]) -> Self {
        let buffer = BytesMut::from(early);
        Self {
            reader,
            outbox,
            limit,
            buffer,
            fragments: None,
            discarding: false,
        }
    }

    /// From now on WebSocket pings are answered through `outbox`.
    pub(super) fn answer_to(&mut self, outbox: Arc<Outbox>) {
        self.outbox = outbox;
    }

    /// The next packet of the bytes at hand; `None` when more are needed.
    fn next_packet(&mut self) -> Result<Option<Packet>, CloseReason> {
        while let Some(announced) = announced_size(&self.buffer, self.limit)? {
            if self.buffer.len() < announced {
                return Ok(None);
            }
            let parsed = Parser::parse(&mut self.buffer, true, self.limit).map_err(framing)?;
            let Some((is_last, opcode, payload)) = parsed else {
                return Ok(None);
            };
            if let Some(packet) = self.frame(is_last, opcode, payload.unwrap_or_default())? {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    fn frame(
        &mut self,
        is_last: bool,
        opcode: OpCode,
        payload: BytesMut,
    ) -> Result<Option<Packet>, CloseReason> {
        match opcode {
            OpCode::Ping => self.outbox.send(Frame::pong(&payload)),
            OpCode::Pong => {}
            OpCode::Close => return Err(farewell(&payload)),
            OpCode::Text | OpCode::Binary => {
                if self.fragments.is_some() {
                    return Err(CloseReason::Framing("message within a message"));
                }
                let is_text = opcode == OpCode::Text;
                if is_last {
                    return packet(is_text, payload.freeze()).map(Some);
                }
                self.fragments = Some(Box::new(Fragments {
                    is_text,
                    bytes: payload,
                    count: 1,
                }));
            }
            OpCode::Continue => return self.fragment(is_last, &payload),
            OpCode::Bad => return Err(CloseReason::Framing("opcode")),
        }
        Ok(None)
    }

    fn fragment(&mut self, is_last: bool, payload: &[u8]) -> Result<Option<Packet>, CloseReason> {
        let Some(mut fragments) = self.fragments.take() else {
            return Err(CloseReason::Framing("continuation of nothing"));
        };
        fragments.count += 1;
        if fragments.count > FRAGMENTS || fragments.bytes.len() + payload.len() > self.limit {
            return Err(CloseReason::TooLarge);
        }
        fragments.bytes.extend_from_slice(payload);
        if is_last {
            return packet(fragments.is_text, fragments.bytes.freeze()).map(Some);
        }
        self.fragments = Some(fragments);
        Ok(None)
    }

    /// Reads what the stream has; the number of bytes, 0 at its end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut scratch = ReadBuf::new(&mut scratch[..]);
            ready!(Pin::new(&mut self.reader).poll_read(cx, &mut scratch))?;
            if !self.discarding {
                self.buffer.extend_from_slice(scratch.filled());
            }
            Poll::Ready(Ok(scratch.filled().len()))
        })
    }

    fn discard(&mut self) {
        self.discarding = true;
        self.buffer = BytesMut::new();
        self.fragments = None;
    }
}

impl<R: AsyncRead + Unpin> Stream for Packets<R> {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        loop {
            if !self.discarding {
                match self.next_packet() {
                    Ok(Some(packet)) => return Poll::Ready(Some(Ok(packet))),
                    Ok(None) if self.buffer.is_empty() => self.buffer = BytesMut::new(),
                    Ok(None) => {}
                    Err(reason) => {
                        self.discard();
                        return Poll::Ready(Some(Err(reason)));
                    }
                }
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(None),
                Ok(_) => {}
            }
        }
    }
}

/// The size of the frame that `bytes` begins with, as its header announces it, checked before any of its
/// payload is kept: header and payload together; `None` while the header is not complete.
fn announced_size(bytes: &[u8], limit: usize) -> Result<Option<usize>, CloseReason> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if second & 0x80 == 0 {
        // Refused here, because its few bytes would be waited on for those of the mask.
        return Err(CloseReason::Framing("unmasked frame"));
    }
    let is_control = first & 0x08 != 0;
    let is_fragment = first & 0x80 == 0;
    if is_control && is_fragment {
        return Err(CloseReason::Framing("fragmented control frame"));
    }
    let (extra, payload) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(size) => (2, u64::from(u16::from_be_bytes(*size))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(size) => (8, u64::from_be_bytes(*size)),
            None => return Ok(None),
        },
        size => (0, u64::from(size)),
    };
    if is_control && payload > CONTROL_PAYLOAD {
        return Err(CloseReason::Framing("control frame too long"));
    }
    if payload > limit as u64 {
        return Err(CloseReason::TooLarge);
    }
    // 2 bytes of header and 4 of mask.
    Ok(Some(2 + extra + 4 + payload as usize))
}

fn framing(error: ProtocolError) -> CloseReason {
    match error {
        ProtocolError::Overflow => CloseReason::TooLarge,
        ProtocolError::UnmaskedFrame => CloseReason::Framing("unmasked frame"),
        ProtocolError::InvalidOpcode(_) | ProtocolError::BadOpCode => {
            CloseReason::Framing("opcode")
        }
        _ => CloseReason::Framing("malformed frame"),
    }
}

/// What a client's close frame says (RFC 6455 sections 5.5.1 and 7.4).
fn farewell(payload: &[u8]) -> CloseReason {
    let (code, why) = match payload {
        [] => return CloseReason::ClientClosed,
        [high, low, why @ ..] => (u16::from_be_bytes([*high, *low]), why),
        [_] => return CloseReason::Framing("half a close code"),
    };
    match code {
        1000..=1003 | 1007..=1014 | 3000..=4999 => {}
        _ => return CloseReason::Framing("close code"),
    }
    match str::from_utf8(why) {
        Ok(_) => CloseReason::ClosedWith(code),
        Err(_) => CloseReason::NotUtf8,
    }
}

fn packet(is_text: bool, bytes: Bytes) -> Result<Packet, CloseReason> {
    if !is_text {
        return Ok(Packet::Message(Message::Binary(bytes)));
    }
    let text = ByteString::try_from(bytes).map_err(|_| CloseReason::NotUtf8)?;
    Packet::decode(text).map_err(|e| CloseReason::Protocol(e.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_measured_by_its_header_alone() {
        assert_eq!(announced_size(&[0x81], 100), Ok(None));
        assert_eq!(announced_size(&[0x81, 0x85], 100), Ok(Some(11)));
        assert_eq!(announced_size(&[0x81, 0xfe, 0x01], 1000), Ok(None));
        assert_eq!(
            announced_size(&[0x81, 0xfe, 0x01, 0x00], 1000),
            Ok(Some(264))
        );
    }

    #[test]
    fn an_unmasked_frame_is_refused_by_its_first_bytes() {
        let unmasked = Err(CloseReason::Framing("unmasked frame"));
        assert_eq!(announced_size(&[0x89, 0x00], 100), unmasked);
        assert_eq!(announced_size(&[0x81, 0x7e], 100), unmasked);
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused_before_its_payload_arrives() {
        let huge = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(announced_size(&huge, 1_000_000), Err(CloseReason::TooLarge));
        assert_eq!(
            announced_size(&[0x81, 0xe5], 100),
            Err(CloseReason::TooLarge)
        );
    }

    #[test]
    fn control_frames_are_short_and_whole() {
        assert!(matches!(
            announced_size(&[0x09, 0x80], 100),
            Err(CloseReason::Framing(_))
        ));
        let long_ping = [0x89, 0xfe, 0x00, 0x7e];
        assert!(matches!(
            announced_size(&long_ping, 1000),
            Err(CloseReason::Framing(_))
        ));
    }
}
