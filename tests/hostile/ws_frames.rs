//! Section 1: text and binary messages of every kind of length, however the bytes are cut.

use crate::support::raw_websocket::frame;
use crate::ws::{BINARY, Case, TEXT, run};

/// Around each way of writing a length.
const SIZES: [usize; 9] = [1, 2, 125, 126, 127, 128, 65_535, 65_536, 65_537];

#[actix_web::test]
#[rustfmt::skip]
async fn messages_of_every_length_come_back_however_their_bytes_are_cut() {
    let mut cases = vec![
        Case::echoed("no binary byte", BINARY, b""),
        Case::echoed("a binary NUL", BINARY, b"\0"),
        Case::new("a mask of zeros", &[b"\x82\x81\0\0\0\0x".to_vec()]).back(BINARY, "x"),
        Case::new("a mask of ones", &[b"\x82\x81\xff\xff\xff\xffx".to_vec()])
            .back(BINARY, [b'x' ^ 0xff]),
        Case::new("an unmasked frame", &[b"\x82\x01x".to_vec()]).closed(1002),
        Case::new("an unmasked empty frame", &[b"\x82\x00".to_vec()]).closed(1002),
        // An Engine.IO packet has at least its type.
        Case::new("no text", &[frame(TEXT, b"")]).closed(1002),
    ];
    for size in SIZES {
        let text = format!("4{}", "*".repeat(size - 1)).into_bytes();
        let binary: Vec<u8> = (0..size).map(|n| n as u8).collect();
        for (kind, first, payload) in [("text", TEXT, &text), ("binary", BINARY, &binary)] {
            let name = format!("{kind} of {size} bytes");
            cases.push(Case::echoed(name.clone(), first, payload));
            for write in [997, 64] {
                cases.push(Case::echoed(format!("{name}, in writes of {write}"), first, payload).in_writes_of(write));
            }
            if size < 1_000 {
                cases.push(Case::echoed(name + ", byte by byte", first, payload).in_writes_of(1));
            }
        }
    }
    cases.push(many_in_one_write());
    run(cases).await;
}

fn many_in_one_write() -> Case {
    let frames: Vec<_> = (0..500)
        .map(|n| frame(TEXT, format!("4{n}").as_bytes()))
        .collect();
    let case = Case::new("500 messages in one write", &frames);
    (0..500).fold(case, |case, n| case.back(TEXT, format!("4{n}")))
}
