//! MQTT 3.1.1 packets of a QoS 0 client: just enough to publish and to subscribe.

use crate::{MAX_UNIT_BYTES, WireError};

/// A packet from the broker.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The broker's answer to CONNECT; 0 is welcome.
    ConnAck {
        /// The return code.
        code: u8,
    },
    /// The broker has granted the subscription with this id.
    SubAck {
        /// The packet id given to [`put_subscribe`].
        id: u16,
    },
    /// A publication.
    Publish {
        /// Its topic.
        topic: &'a str,
        /// Its payload.
        payload: &'a [u8],
    },
    /// Anything else (UNSUBACK, PINGRESP), of no interest here.
    Other,
}

/// Appends a CONNECT with a clean session and no keep-alive: a benchmark is never silent for long.
pub fn put_connect(out: &mut Vec<u8>, client_id: &str) {
    put_head(out, 0x10, 10 + 2 + client_id.len());
    put_text(out, "MQTT");
    out.extend_from_slice(&[4, 0x02, 0, 0]);
    put_text(out, client_id);
}

/// Appends a SUBSCRIBE to `filters`, QoS 0.
pub fn put_subscribe(out: &mut Vec<u8>, id: u16, filters: &[String]) {
    put_head(
        out,
        0x82,
        2 + filters.iter().map(|filter| filter.len() + 3).sum::<usize>(),
    );
    out.extend_from_slice(&id.to_be_bytes());
    for filter in filters {
        put_text(out, filter);
        out.push(0);
    }
}

/// Appends an UNSUBSCRIBE from `filters`.
pub fn put_unsubscribe(out: &mut Vec<u8>, id: u16, filters: &[String]) {
    put_head(
        out,
        0xa2,
        2 + filters.iter().map(|filter| filter.len() + 2).sum::<usize>(),
    );
    out.extend_from_slice(&id.to_be_bytes());
    for filter in filters {
        put_text(out, filter);
    }
}

/// Appends a PUBLISH of `payload` to `topic`, QoS 0.
pub fn put_publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
    put_head(out, 0x30, 2 + topic.len() + payload.len());
    put_text(out, topic);
    out.extend_from_slice(payload);
}

/// Reads the packet at the start of `bytes` and its length; `None` while it is incomplete.
///
/// # Errors
/// A packet above [`MAX_UNIT_BYTES`], or one whose inside contradicts its length.
pub fn whole_packet(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, WireError> {
    let mut length: u64 = 0;
    for place in 0..4 {
        let Some(&digit) = bytes.get(1 + place) else {
            return Ok(None);
        };
        length |= u64::from(digit & 0x7f) << (7 * place);
        if digit & 0x80 == 0 {
            if length > MAX_UNIT_BYTES {
                return Err(WireError::TooLong(length));
            }
            let (head, total) = (2 + place, 2 + place + length as usize);
            let Some(body) = bytes.get(head..total) else {
                return Ok(None);
            };
            return Ok(Some((read_body(bytes[0], body)?, total)));
        }
    }
    Err(WireError::Unreadable(
        "an MQTT length of more than four bytes",
    ))
}

fn read_body(first: u8, body: &[u8]) -> Result<Packet<'_>, WireError> {
    match (first >> 4, body) {
        (2, &[_, code]) => Ok(Packet::ConnAck { code }),
        (9, &[a, b, ..]) => Ok(Packet::SubAck {
            id: u16::from_be_bytes([a, b]),
        }),
        (3, &[a, b, ref rest @ ..]) => {
            let topic = usize::from(u16::from_be_bytes([a, b]));
            let id = if first & 0b110 == 0 { 0 } else { 2 };
            let split = rest.get(..topic).zip(rest.get(topic + id..));
            let (topic, payload) = split.ok_or(WireError::Unreadable("a short PUBLISH"))?;
            let topic = str::from_utf8(topic).map_err(|_| WireError::Unreadable("a topic"))?;
            Ok(Packet::Publish { topic, payload })
        }
        (2 | 3 | 9, _) => Err(WireError::Unreadable("a short MQTT packet")),
        _ => Ok(Packet::Other),
    }
}

fn put_head(out: &mut Vec<u8>, first: u8, mut length: usize) {
    out.push(first);
    loop {
        let digit = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            return out.push(digit);
        }
        out.push(digit | 0x80);
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_is_read_back() {
        for length in [0, 100, 127, 128, 20_000] {
            let payload = vec![b'x'; length];
            let mut bytes = Vec::new();
            put_publish(&mut bytes, "a/b", &payload);
            let expected = Packet::Publish {
                topic: "a/b",
                payload: &payload,
            };
            assert_eq!(whole_packet(&bytes), Ok(Some((expected, bytes.len()))));
            assert_eq!(whole_packet(&bytes[..bytes.len() - 1]), Ok(None));
        }
    }

    #[test]
    fn broken_packets_are_refused() {
        assert!(whole_packet(&[0x30, 0xff, 0xff, 0xff, 0xff, 0x01]).is_err());
        assert!(whole_packet(&[0x30, 3, 0, 9, b'a']).is_err());
        assert!(whole_packet(&[0x20, 1, 0]).is_err());
    }

    #[test]
    fn a_subscription_names_every_filter() {
        let mut bytes = Vec::new();
        put_subscribe(&mut bytes, 7, &["a".into(), "b/c".into()]);
        assert_eq!(bytes, b"\x82\x0c\0\x07\0\x01a\0\0\x03b/c\0");
        assert_eq!(
            whole_packet(&[0x90, 3, 0, 7, 0]),
            Ok(Some((Packet::SubAck { id: 7 }, 5)))
        );
    }
}
