//! WebSocket frames: the same packets come out however TCP cuts the bytes, within the limit, up to the first fault.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use switchboard::transport::Packets;
use switchboard_actors::metrics::Metrics;
use switchboard_actors::outbox::{Outbox, OutboxLimits};
use switchboard_actors::session::Incoming;
use switchboard_protocol::engineio::{Message, Packet};
use switchboard_protocol::frame::Frame;
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes that one message may have here; few, so that the bound is met.
const LIMIT: usize = 256;

/// What a client sends after its handshake.
pub fn frames(input: &[u8]) {
    let whole = read(input, 0, |_| usize::MAX);
    let bytewise = read(input, 0, |_| 1);
    assert_eq!(whole, bytewise, "whole, and byte by byte");
    let seed = input.iter().fold(17_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    let early = seed % (input.len() + 1);
    let uneven = read(input, early, |at| 1 + (seed >> (at % 48)) % 9);
    assert_eq!(whole, uneven, "whole, and in pieces");
    check(&whole);
}

/// What came out: packets and at most one fault, and the pongs.
type Seen = (Vec<Incoming>, Vec<Bytes>);

/// Reads the input, of which so many bytes came with the handshake, in pieces of the sizes that `size` says.
fn read(input: &[u8], early: usize, size: impl Fn(usize) -> usize + Unpin) -> Seen {
    let outbox = Outbox::new(OutboxLimits::default(), Metrics::default());
    let (early, data) = input.split_at(early);
    let mut packets = pin!(Packets::new(
        Pieces { data, at: 0, size },
        Arc::clone(&outbox),
        LIMIT,
        early
    ));
    let mut context = Context::from_waker(Waker::noop());
    let (mut seen, mut pongs) = (Vec::new(), Vec::new());
    loop {
        let next = packets.as_mut().poll_next(&mut context);
        while let Poll::Ready(Some(frames)) = outbox.poll_take(&mut context) {
            pongs.extend(frames.iter().map(|frame| frame.websocket().clone()));
        }
        match next {
            Poll::Ready(Some(item)) => seen.push(item),
            Poll::Ready(None) => return (seen, pongs),
            Poll::Pending => panic!("the bytes are all there"),
        }
    }
}

fn check((seen, pongs): &Seen) {
    let faults = seen.iter().filter(|item| item.is_err()).count();
    assert!(faults == 0 || (faults == 1 && seen.last().is_some_and(Result::is_err)));
    for pong in pongs {
        assert_eq!(pong[0], 0x8a);
        assert!(pong[1] <= 125 && pong.len() == 2 + usize::from(pong[1]));
    }
    for packet in seen.iter().flatten() {
        if let Packet::Message(Message::Binary(data)) = packet {
            assert!(data.len() <= LIMIT);
        }
        let frame = packet.encode();
        assert!(frame.payload().len() <= LIMIT);
        let again = read(&masked(&frame), 0, |_| usize::MAX).0;
        assert_eq!(again, [Ok(packet.clone())]);
    }
}

/// The frame as a client would send it.
fn masked(frame: &Frame) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let payload = frame.payload();
    let mut bytes = frame.websocket()[..frame.len() - payload.len()].to_vec();
    bytes[1] |= 0x80;
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
    bytes
}

/// Bytes that arrive in pieces.
struct Pieces<'a, F> {
    data: &'a [u8],
    at: usize,
    size: F,
}

impl<F: Fn(usize) -> usize + Unpin> AsyncRead for Pieces<'_, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.data[self.at..];
        let size = (self.size)(self.at).min(rest.len()).min(out.remaining());
        out.put_slice(&rest[..size]);
        self.at += size;
        Poll::Ready(Ok(()))
    }
}
