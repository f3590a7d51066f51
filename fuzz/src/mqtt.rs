//! MQTT packets, as the embedded broker reads them from its peers.

use bytes::BytesMut;
use switchboard::embedded_broker::next_packet;

/// Bytes that one packet may have here; few, so that the bound is met.
const LIMIT: usize = 512;

/// What a peer sends. Whole or in pieces, the same packets come out, up to the first fault.
pub fn packets(input: &[u8]) {
    let whole = read(input, input.len().max(1));
    assert_eq!(whole, read(input, 1), "whole, and byte by byte");
    assert_eq!(whole, read(input, 7), "whole, and in pieces");
}

/// The packets, and the fault if there was one.
fn read(input: &[u8], piece: usize) -> Vec<String> {
    let mut buffer = BytesMut::new();
    let mut seen = Vec::new();
    for piece in input.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            let before = buffer.len();
            match next_packet(&mut buffer, LIMIT) {
                Ok(None) => break,
                Ok(Some(packet)) => {
                    assert!(buffer.len() < before, "a packet of nothing");
                    // Fixed header: a byte and at most four of length.
                    assert!(before - buffer.len() <= LIMIT + 5);
                    seen.push(format!("{packet:?}"));
                }
                Err(fault) => {
                    seen.push(fault.to_string());
                    return seen;
                }
            }
        }
    }
    seen
}
