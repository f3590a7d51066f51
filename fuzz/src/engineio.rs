//! Engine.IO: what is read can be written, and reads the same again, over either transport.

use bytes::Bytes;
use bytestring::ByteString;
use switchboard_protocol::engineio::{Message, Packet, payload as body};
use switchboard_protocol::frame::Frame;

/// Packets that one body may have here; few, so that the bound is met.
const MAX_PACKETS: usize = 16;

/// One text packet.
pub fn packet(input: &[u8]) {
    let Ok(text) = ByteString::try_from(Bytes::copy_from_slice(input)) else {
        return;
    };
    let Ok(packet) = Packet::decode(text) else {
        return;
    };
    let frame = packet.encode();
    assert!(frame.payload().len() <= input.len(), "it has grown");
    assert_eq!(over_websocket(&frame), packet);
    let mut polled = Vec::new();
    frame.append_polling(&mut polled);
    let polled = ByteString::try_from(polled).expect("polling is text");
    assert_eq!(Packet::decode(polled), Ok(packet));
}

/// The body of a POST.
pub fn payload(input: &[u8]) {
    let Ok(text) = ByteString::try_from(Bytes::copy_from_slice(input)) else {
        return;
    };
    let Ok(packets) = body::decode(text, MAX_PACKETS) else {
        return;
    };
    assert!((1..=MAX_PACKETS).contains(&packets.len()));
    let mut again = Vec::new();
    for packet in &packets {
        body::append(&mut again, &packet.encode());
    }
    assert!(again.len() <= input.len(), "it has grown");
    let again = ByteString::try_from(again).expect("a body is text");
    assert_eq!(body::decode(again, MAX_PACKETS), Ok(packets));
}

/// What a client reads out of the frame.
fn over_websocket(frame: &Frame) -> Packet {
    let data = Bytes::copy_from_slice(frame.payload());
    if frame.is_binary() {
        return Packet::Message(Message::Binary(data));
    }
    let text = ByteString::try_from(data).expect("text frames are text");
    Packet::decode(text).expect("what was read can be read again")
}
