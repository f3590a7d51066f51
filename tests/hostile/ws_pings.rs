//! Section 2: pings are answered with their data, pongs are not.

use crate::support::raw_websocket::frame;
use crate::ws::{BINARY, Case, PING, PONG, TEXT, run};

#[actix_web::test]
#[rustfmt::skip]
async fn control_frames_are_short_and_whole_and_pings_answered() {
    let odd: Vec<u8> = (0..=255).rev().step_by(3).collect();
    let ping = |payload: &[u8]| frame(PING, payload);
    let ten: Vec<_> = (0..10)
        .map(|n| ping(format!("ping {n}").as_bytes()))
        .collect();
    let answered = |case| (0..10).fold(case, |case: Case, n| case.back(PONG, format!("ping {n}")));
    let text = frame(TEXT, b"4hello");
    let cases = vec![
        Case::new("without data", &[ping(b"")]).back(PONG, ""),
        Case::new("with text", &[ping(b"hello")]).back(PONG, "hello"),
        Case::new("with bytes that are no text", &[ping(&odd)]).back(PONG, &odd),
        Case::new("with 125 bytes", &[ping(&[0xfe; 125])]).back(PONG, [0xfe; 125]),
        Case::new("with 125 bytes, one by one", &[ping(&[0xfe; 125])])
            .in_writes_of(1)
            .back(PONG, [0xfe; 125]),
        Case::new("with 126 bytes", &[ping(&[0xfe; 126])]).closed(1002),
        Case::new("with 65,536 bytes", &[ping(&[0xfe; 65_536])]).closed(1002),
        Case::new("in a fragment", &[frame(0x09, b"x")]).closed(1002),
        Case::new("unmasked", &[b"\x89\x00".to_vec()]).closed(1002),
        answered(Case::new("ten", &ten)),
        answered(Case::new("ten, byte by byte", &ten)).in_writes_of(1),
        Case::new(
            "between messages",
            &[text.clone(), ping(b"?"), text.clone()],
        )
        .back(TEXT, "4hello")
        .back(PONG, "?")
        .back(TEXT, "4hello"),
        Case::new("a pong that nobody asked for", &[frame(PONG, b"")]),
        Case::new("a pong with data", &[frame(PONG, b"hello")]),
        Case::new("a pong of 126 bytes", &[frame(PONG, &[0; 126])]).closed(1002),
        Case::new("a pong in a fragment", &[frame(0x0a, b"x")]).closed(1002),
        Case::new("a pong, then a ping", &[frame(PONG, b"no"), ping(b"yes")]).back(PONG, "yes"),
        Case::new("pongs around a message", &[frame(PONG, b"a"), frame(BINARY, b"x"), frame(PONG, b"b")]).back(BINARY, "x"),
    ];
    run(cases).await;
}
