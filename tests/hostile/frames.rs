//! WebSocket frames, against the whole program: what must cost one client its connection and nobody any memory. The
//! `ws_…` tables have the rest of them.

use crate::rig::Rig;
use crate::row::Expect::Closed;
use crate::row::{On, Row, row, text};
use crate::support::http::metric;
use crate::support::raw_websocket::{RawWebSocket, frame};
use crate::support::server::STANDING_FILTERS;
use crate::support::{DEADLINE, eventually, tokens};

#[actix_web::test]
async fn broken_frames_cost_their_sender_its_connection() {
    let mut rig = Rig::start(&[]).await;
    rig.run(&rows()).await;
    // The neighbour's four: what stood behind a fault was not read.
    let subscribed = metric(rig.address, "filters_subscribed_total").await;
    assert_eq!(subscribed, STANDING_FILTERS + 4);
    rig.finish().await;
}

/// The header of a binary message of so many bytes, and its mask.
fn announce(size: u64) -> Vec<u8> {
    [&[0x82, 0xff][..], &size.to_be_bytes(), &[1, 2, 3, 4]].concat()
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let mut rows = malformed();
    for size in [1_000_001, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX] {
        let name = format!("{size} bytes announced");
        rows.push(row(49, name, On::Connected, announce(size), Closed(1009)));
    }
    for (name, bytes) in [
        ("a stray byte", frame(0x81, b"42[\"\xff\"]")),
        ("an overlong form", frame(0x81, b"42[\"\xc0\xaf\"]")),
        ("a surrogate", frame(0x81, b"42[\"\xed\xa0\x80\"]")),
        ("a letter cut off", frame(0x81, b"42[\"\xe2\x82")),
        ("a letter cut off over fragments", [frame(0x01, b"42[\"\xe2"), frame(0x80, b"\"]")].concat()),
    ] {
        rows.push(row(50, name, On::Connected, bytes, Closed(1007)));
    }
    for (name, fragment) in [("empty", frame(0x00, b"")), ("one-byte", frame(0x00, b"x"))] {
        let bytes = [frame(0x01, b"4"), fragment.repeat(1_000_000)].concat();
        rows.push(row(51, format!("a million {name} fragments"), On::Connected, bytes, Closed(1009)));
    }
    let large = text(format!(r#"42["a","{}"]"#, "x".repeat(1_000_000)));
    rows.push(row(49, "a message beyond the limit", On::Connected, large, Closed(1009)));
    let compressed = frame(0xc1, b"\xaa\x56\x4a\x4c\x04\x00");
    rows.push(row(53, "a compressed message that nobody agreed on", On::Connected, compressed, Closed(1002)));
    rows
}

#[rustfmt::skip]
fn malformed() -> Vec<Row> {
    let join = text(r#"42["join_room","S/1"]"#);
    let behind = [text("4abc"), join.clone(), frame(0x83, b""), join].concat();
    let mut cases = vec![
        ("unmasked text".to_owned(), vec![0x81, 0x01, b'3']),
        ("unmasked ping".to_owned(), vec![0x89, 0x00]),
        ("a fragmented ping".to_owned(), frame(0x09, b"x")),
        ("a fragmented close".to_owned(), frame(0x08, &1000u16.to_be_bytes())),
        ("a long ping".to_owned(), frame(0x89, &[b'x'; 126])),
        ("a long close".to_owned(), frame(0x88, &[3; 126])),
        ("a continuation of nothing".to_owned(), frame(0x80, b"x")),
        ("a message within a message".to_owned(), [frame(0x01, b"3"), text("3")].concat()),
        ("joins behind a fault, in the same bytes".to_owned(), behind),
    ];
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        cases.push((format!("opcode {opcode:x}"), frame(0x80 | opcode, b"")));
    }
    for bits in [0x40, 0x20, 0x10, 0x70] {
        cases.push((format!("reserved bits {bits:x}"), frame(0x81 | bits, b"3")));
    }
    let rows = cases.into_iter();
    rows.map(|(name, bytes)| row(49, name, On::Connected, bytes, Closed(1002)))
        .collect()
}

/// 52: 200 clients announce 1 MB each and send none of it.
#[actix_web::test]
async fn announced_data_takes_no_memory_before_it_arrives() {
    let mut rig = Rig::start(&[]).await;
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let mut raw = RawWebSocket::connect(rig.address, &tokens::guest("S")).await;
        raw.send(&announce(1_000_000)).await;
        raw.send(&[0; 1_000]).await;
        waiting.push(raw);
    }
    rig.neighbour.noticed_nothing().await;
    assert_eq!(metric(rig.address, "sockets").await, 201);
    drop(waiting);
    rig.finish().await;
}

#[actix_web::test]
async fn a_client_that_never_ends_its_stream_after_a_close_is_cut_off() {
    let rig = Rig::start(&[]).await;
    let mut raw = RawWebSocket::connect(rig.address, &tokens::guest("S")).await;
    raw.send(&frame(0x88, &1000u16.to_be_bytes())).await;
    while raw.frame().await.is_some_and(|(first, _)| first != 0x88) {}
    // Its TCP connection stays open on this side; the server gives it up by itself.
    let look = async || metric(rig.address, "connections").await;
    eventually("the server's end", DEADLINE, look, |n| *n == 1).await;
    drop(raw);
    rig.finish().await;
}
