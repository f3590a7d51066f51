//! The body of a polling request or answer: packets with a record separator between them.

use bytestring::ByteString;

use super::Packet;
use crate::error::DecodeError;
use crate::frame::Frame;

/// Stands between packets. JSON text cannot hold it, so that a packet cannot be split from within.
pub const SEPARATOR: u8 = 0x1e;

/// Decodes a body of at most `max_packets` packets, in order. One bad packet refuses the whole body.
pub fn decode(body: ByteString, max_packets: usize) -> Result<Vec<Packet>, DecodeError> {
    let mut packets = Vec::new();
    for text in body.split(char::from(SEPARATOR)) {
        if packets.len() == max_packets {
            return Err(DecodeError::TooManyPackets);
        }
        packets.push(Packet::decode(body.slice_ref(text))?);
    }
    Ok(packets)
}

/// Appends a packet to a body, after a separator unless it is the first one.
pub fn append(body: &mut Vec<u8>, frame: &Frame) {
    if !body.is_empty() {
        body.push(SEPARATOR);
    }
    frame.append_polling(body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engineio::Message;

    #[test]
    fn packets_stand_between_separators() {
        let mut body = Vec::new();
        append(&mut body, &Frame::text("4hello"));
        append(&mut body, &Frame::text("2"));
        append(&mut body, &Frame::binary(&[1, 2, 3, 4]));
        assert_eq!(body, b"4hello\x1e2\x1ebAQIDBA==");
        let packets = [
            Packet::Message(Message::Text("hello".into())),
            Packet::Ping("".into()),
            Packet::Message(Message::Binary(vec![1, 2, 3, 4].into())),
        ];
        let body = ByteString::try_from(body).expect("UTF-8");
        assert_eq!(decode(body, 3), Ok(packets.to_vec()));
    }

    #[test]
    fn a_body_has_at_most_so_many_packets() {
        let decode = |body: &str, max| decode(body.into(), max).map(|packets| packets.len());
        assert_eq!(decode("2\x1e2\x1e2", 3), Ok(3));
        assert_eq!(decode("2\x1e2\x1e2", 2), Err(DecodeError::TooManyPackets));
    }

    #[test]
    fn empty_packets_refuse_the_body() {
        for body in ["", "\x1e", "2\x1e", "\x1e2", "2\x1e\x1e2"] {
            assert_eq!(decode(body.into(), 9), Err(DecodeError::Empty), "{body:?}");
        }
    }
}
