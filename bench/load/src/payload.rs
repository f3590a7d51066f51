//! The publications: JSON of a transcript's shape, carrying the mark by which a receiver judges them.
//!
//! The mark is one fixed-width string field, so that it survives a gateway that parses and writes the
//! JSON anew, and is found by one search instead of a JSON parser.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// Bytes of a partial's payload.
pub const PARTIAL_BYTES: usize = 100;
/// Bytes of a final's payload.
pub const FINAL_BYTES: usize = 300;
/// One publication in this many is a final.
pub const FINAL_EVERY: u32 = 10;

const FIELD: &[u8] = br#""bench":""#;
/// Made once: they are asked at each delivery.
static FIND_FIELD: LazyLock<Finder> = LazyLock::new(|| Finder::new(FIELD));
/// Where the mark stands in a token of an answer.
static FIND_TOKEN: LazyLock<Finder> = LazyLock::new(|| Finder::new(br#""token":""#));
const TOPIC_DIGITS: usize = 4;
const SEQUENCE_DIGITS: usize = 8;
const TIME_DIGITS: usize = 16;
const WORDS: &str = "so what we have here is a line of speech that somebody is saying right now and that \
     the people in the room read while it is spoken, word after word, until the speaker pauses and the \
     final text of the whole sentence takes the place of what was shown so far, once and for all of them";

/// The mark of one publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which topic it was published on: room × 2, plus 1 for finals.
    pub topic: u16,
    /// Its place in that topic, from 0.
    pub sequence: u32,
    /// When it was published, by [`crate::clock`].
    pub published: u64,
}

impl Mark {
    /// The mark in a server's frame; `None` in a frame that is no publication of ours.
    pub fn find(frame: &[u8]) -> Option<Self> {
        // The field stands first in the payload, but a server may sort the fields.
        let behind = |field: &Finder| Some(field.find(frame)? + field.needle().len());
        let start = behind(&FIND_FIELD).or_else(|| behind(&FIND_TOKEN))?;
        let digits = frame.get(start..start + TOPIC_DIGITS + SEQUENCE_DIGITS + TIME_DIGITS)?;
        let (topic, rest) = digits.split_at(TOPIC_DIGITS);
        let (sequence, time) = rest.split_at(SEQUENCE_DIGITS);
        Some(Self {
            topic: read_hex(topic)? as u16,
            sequence: read_hex(sequence)? as u32,
            published: read_hex(time)?,
        })
    }

    /// Writes the mark itself into `out`, as a model's token.
    pub fn write_token(self, out: &mut Vec<u8>) {
        write_hex(u64::from(self.topic), TOPIC_DIGITS, out);
        write_hex(u64::from(self.sequence), SEQUENCE_DIGITS, out);
        write_hex(self.published, TIME_DIGITS, out);
    }

    /// Writes the payload of this publication into `out`, `size` bytes of JSON.
    pub fn write_payload(self, size: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(b'{');
        out.extend_from_slice(FIELD);
        self.write_token(out);
        out.extend_from_slice(br#"","start":1240,"end":3980,"text":""#);
        let text = size.saturating_sub(out.len() - start + 2).min(WORDS.len());
        out.extend_from_slice(&WORDS.as_bytes()[..text]);
        out.extend_from_slice(br#""}"#);
    }
}

fn write_hex(value: u64, digits: usize, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(value >> (4 * place)) as usize & 0xf]);
    }
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    let mut value = 0;
    for &digit in digits {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u64::from(nibble);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        topic: 0x1f,
        sequence: 77,
        published: u64::MAX - 5,
    };

    #[test]
    fn a_payload_is_json_of_the_size_asked_for() {
        for size in [PARTIAL_BYTES, FINAL_BYTES] {
            let mut bytes = Vec::new();
            MARK.write_payload(size, &mut bytes);
            assert_eq!(bytes.len(), size);
            assert!(
                serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["text"].is_string()
            );
        }
    }

    #[test]
    fn the_mark_is_found_in_a_token_of_an_answer() {
        let mut token = Vec::new();
        MARK.write_token(&mut token);
        let token = String::from_utf8(token).unwrap();
        let frame = format!("42[\"message_token\",{{\"chat_id\":7,\"token\":\"{token} \"}}]");
        assert_eq!(Mark::find(frame.as_bytes()), Some(MARK));
    }

    #[test]
    fn the_mark_is_found_in_a_frame_whose_fields_moved() {
        let mut bytes = Vec::new();
        MARK.write_payload(PARTIAL_BYTES, &mut bytes);
        let value: serde_json::Map<_, _> = serde_json::from_slice(&bytes).unwrap();
        let turned: serde_json::Map<_, _> = value.into_iter().rev().collect();
        let frame = format!(
            "42[\"partial\",{}]",
            serde_json::to_string(&turned).unwrap()
        );
        assert_eq!(Mark::find(frame.as_bytes()), Some(MARK));
        assert_eq!(Mark::find(br#"42["broker_ok"]"#), None);
        assert_eq!(Mark::find(br#"42["x","\"bench\":\"00"]"#), None);
    }
}
