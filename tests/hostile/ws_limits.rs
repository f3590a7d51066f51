//! Section 9: messages up to the limit come back, in one frame or in many; beyond it they are refused.

use crate::support::raw_websocket::frame;
use crate::ws::{BINARY, Case, FIRST_BINARY, FIRST_TEXT, LAST, LIMIT, MIDDLE, TEXT, run};

/// Fragments that one message may have.
const FRAGMENTS: usize = 1_024;

/// A message of so many bytes in fragments of that size.
fn fragments(first: u8, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let count = payload.len().div_ceil(size);
    let opcode = |n: usize| match n {
        0 => first,
        n if n + 1 == count => LAST,
        _ => MIDDLE,
    };
    let parts = payload.chunks(size).enumerate();
    parts.map(|(n, part)| frame(opcode(n), part)).collect()
}

#[actix_web::test]
#[rustfmt::skip]
async fn messages_are_taken_up_to_the_limit_and_no_further() {
    let mut cases = Vec::new();
    let text = |size: usize| format!("4{}", "é".repeat(size / 2)).into_bytes();
    for size in [64 * 1024, 256 * 1024, LIMIT] {
        cases.push(Case::echoed(format!("binary of {size}"), BINARY, &vec![0xfe; size]));
        cases.push(Case::echoed(format!("text of {size}"), TEXT, &text(size - 2)));
        for write in [1_000, 65_536] {
            let name = format!("binary of {size} in writes of {write}");
            cases.push(Case::echoed(name, BINARY, &vec![0xfe; size]).in_writes_of(write));
        }
        for part in [1_000, 4_096, 65_536, 400_000] {
            let payload = vec![0xfe; size];
            let frames = fragments(FIRST_BINARY, &payload, part);
            // One fragment would have to be the last as well.
            if frames.len() > 1 {
                cases.push(Case::new(format!("binary of {size} in fragments of {part}"), &frames).back(BINARY, payload));
            }
        }
    }
    cases.extend(too_large());
    cases.extend(too_many());
    run(cases).await;
}

#[rustfmt::skip]
fn too_large() -> Vec<Case> {
    let one_more = vec![0; LIMIT + 1];
    let in_two = fragments(FIRST_BINARY, &one_more, LIMIT);
    let in_many = fragments(FIRST_BINARY, &one_more, 1_000);
    let header = |size: u64| [&[BINARY, 0xff][..], &size.to_be_bytes(), &[0; 4]].concat();
    let tenfold = vec![0; 10 * LIMIT];
    vec![
        Case::new("a byte too much", &[frame(BINARY, &one_more)]).closed(1009),
        Case::new("ten times too much", &[frame(BINARY, &tenfold)]).closed(1009),
        Case::new("a byte too much in two fragments", &in_two).closed(1009),
        Case::new("a byte too much in many", &in_many).closed(1009),
        Case::new("a byte too much, announced alone", &[header(LIMIT as u64 + 1)]).closed(1009),
        Case::new("2^63 - 1 bytes announced", &[header((1 << 63) - 1)]).closed(1009),
        Case::new("2^63 bytes announced", &[header(1 << 63)]).closed(1009),
        Case::new("2^64 - 1 bytes announced", &[header(u64::MAX)]).closed(1009),
    ]
}

fn too_many() -> Vec<Case> {
    let message = [&b"4"[..], &[b'x'; FRAGMENTS - 1]].concat();
    let most = fragments(FIRST_TEXT, &message, 1);
    let more = fragments(FIRST_TEXT, &[&message[..], b"x"].concat(), 1);
    let empty = [frame(FIRST_TEXT, b"4"), frame(MIDDLE, b"").repeat(100_000)];
    vec![
        Case::new("as many fragments as may be", &most).back(TEXT, message),
        Case::new("one fragment more", &more).closed(1009),
        Case::new("100,000 empty fragments", &empty).closed(1009),
    ]
}
