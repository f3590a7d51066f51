//! Engine.IO 4: the packets that carry Socket.IO and keep a connection alive.
//!
//! Over WebSocket each frame is one packet, and a binary frame is a binary message. Over polling several
//! packets make one [`payload`], where a binary message is `b` and base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;

use crate::error::DecodeError;
use crate::frame::Frame;

mod handshake;
pub mod payload;

pub use handshake::{Handshake, RefusalCode};

/// What an Engine.IO message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text, such as a Socket.IO packet.
    Text(ByteString),
    /// Bytes, such as a Socket.IO attachment.
    Binary(Bytes),
}

/// An Engine.IO packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// `0`, from the server: the handshake's JSON.
    Open(ByteString),
    /// `1`: the connection ends.
    Close,
    /// `2`: are you there? With `probe` from a client that tries a WebSocket.
    Ping(ByteString),
    /// `3`: the answer, with the ping's data.
    Pong(ByteString),
    /// `4`, or a binary frame.
    Message(Message),
    /// `5`, from a client: the WebSocket takes over.
    Upgrade,
    /// `6`, from the server: nothing, to end a poll.
    Noop,
}

impl Packet {
    /// Decodes one text packet: `4hello`, or `bAQID` for a binary message. The data shares the text's memory.
    pub fn decode(text: ByteString) -> Result<Self, DecodeError> {
        let kind = *text.as_bytes().first().ok_or(DecodeError::Empty)?;
        let data = || text.slice_ref(&text[1..]);
        match kind {
            b'0' => Ok(Self::Open(data())),
            b'2' => Ok(Self::Ping(data())),
            b'3' => Ok(Self::Pong(data())),
            b'4' => Ok(Self::Message(Message::Text(data()))),
            b'b' => decode_base64(&text[1..]),
            b'1' | b'5' | b'6' if text.len() > 1 => Err(DecodeError::UnexpectedData),
            b'1' => Ok(Self::Close),
            b'5' => Ok(Self::Upgrade),
            b'6' => Ok(Self::Noop),
            _ => Err(DecodeError::EngineType),
        }
    }

    /// Frames the packet for either transport.
    pub fn encode(&self) -> Frame {
        let text = |kind: &str, data: &str| Frame::concat(&[kind.as_bytes(), data.as_bytes()]);
        match self {
            Self::Open(data) => text("0", data),
            Self::Close => text("1", ""),
            Self::Ping(data) => text("2", data),
            Self::Pong(data) => text("3", data),
            Self::Message(Message::Text(data)) => text("4", data),
            Self::Message(Message::Binary(data)) => Frame::binary(data),
            Self::Upgrade => text("5", ""),
            Self::Noop => text("6", ""),
        }
    }
}

fn decode_base64(text: &str) -> Result<Packet, DecodeError> {
    let bytes = STANDARD.decode(text).map_err(|_| DecodeError::Base64)?;
    Ok(Packet::Message(Message::Binary(Bytes::from(bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Packet, DecodeError> {
        Packet::decode(ByteString::from(text))
    }

    #[test]
    fn every_packet_type_is_read_and_written() {
        for (text, packet) in [
            ("0{}", Packet::Open("{}".into())),
            ("1", Packet::Close),
            ("2", Packet::Ping("".into())),
            ("2probe", Packet::Ping("probe".into())),
            ("3", Packet::Pong("".into())),
            ("3probe", Packet::Pong("probe".into())),
            ("4", Packet::Message(Message::Text("".into()))),
            ("4héllo", Packet::Message(Message::Text("héllo".into()))),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
        ] {
            assert_eq!(decode(text), Ok(packet.clone()));
            assert_eq!(packet.encode(), Frame::text(text));
        }
    }

    #[test]
    fn binary_messages_have_a_text_form_and_a_frame_of_their_own() {
        let packet = Packet::Message(Message::Binary(Bytes::from_static(&[1, 2, 3])));
        assert_eq!(decode("bAQID"), Ok(packet.clone()));
        assert_eq!(packet.encode(), Frame::binary(&[1, 2, 3]));
    }

    #[test]
    fn close_upgrade_and_noop_carry_nothing() {
        for text in ["1x", "5x", "6x"] {
            assert_eq!(decode(text), Err(DecodeError::UnexpectedData), "{text}");
        }
    }

    #[test]
    fn a_message_shares_the_memory_of_its_packet() {
        let text = ByteString::from("4hello");
        let Ok(Packet::Message(Message::Text(data))) = Packet::decode(text.clone()) else {
            panic!("no text message")
        };
        assert_eq!(data.as_ptr(), text[1..].as_ptr());
    }
}
