//! Hostile WebSocket frames, byte by byte: each closes its own connection with the code of RFC 6455.

use crate::support::neighbour::Neighbour;
use crate::support::raw_websocket::{RawWebSocket, frame, text};
use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::End;

/// Asserts that a connected socket that sends these bytes is closed with `code`, alone.
async fn expect_closed(
    server: &TestServer,
    neighbour: &mut Neighbour,
    what: &str,
    bytes: &[u8],
    code: u16,
) {
    let mut raw = RawWebSocket::connect(server.address, &tokens::guest("S")).await;
    raw.send(bytes).await;
    assert_eq!(raw.ended().await, End::Closed(code), "{what}");
    neighbour.noticed_nothing().await;
}

#[actix_web::test]
async fn hostile_49_malformed_frames_are_closed_with_1002() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("unmasked text".into(), vec![0x81, 0x01, b'3']),
        ("unmasked ping".into(), vec![0x89, 0x00]),
        ("fragmented ping".into(), frame(0x09, b"x")),
        (
            "fragmented close".into(),
            frame(0x08, &1000u16.to_be_bytes()),
        ),
        ("long ping".into(), frame(0x89, &[b'x'; 126])),
        ("long close".into(), frame(0x88, &[3; 126])),
        ("close with one byte".into(), frame(0x88, &[3])),
        ("continuation of nothing".into(), frame(0x80, b"x")),
        (
            "message within a message".into(),
            [frame(0x01, b"3"), text("3")].concat(),
        ),
    ];
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        cases.push((format!("opcode {opcode:x}"), frame(0x80 | opcode, b"")));
    }
    for bit in [0x40, 0x20, 0x10] {
        cases.push((format!("reserved bit {bit:x}"), frame(0x81 | bit, b"3")));
    }
    for (what, bytes) in cases {
        expect_closed(&server, &mut neighbour, &what, &bytes, 1002).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_49_and_52_a_frame_beyond_the_limit_is_closed_with_1009_before_its_data_arrives() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let announce = |size: u64| [&[0x82, 0xff][..], &size.to_be_bytes(), &[1, 2, 3, 4]].concat();
    for size in [1_000_001, 1 << 32, (1 << 63) - 1, u64::MAX] {
        let what = format!("{size} bytes announced");
        expect_closed(&server, &mut neighbour, &what, &announce(size), 1009).await;
    }
    // The limit itself is no fault: the connection waits for its data, and memory is not set aside for it.
    let mut waiting = Vec::new();
    for _ in 0..100 {
        let mut raw = RawWebSocket::connect(server.address, &tokens::guest("S")).await;
        raw.send(&announce(1_000_000)).await;
        waiting.push(raw);
    }
    neighbour.noticed_nothing().await;
    assert_eq!(server.counts().await.sockets, 101);
    drop((waiting, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_50_text_that_is_no_utf_8_is_closed_with_1007() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let split = [frame(0x01, b"42[\"\xe2\x82"), frame(0x80, b"\"]")].concat();
    for (what, bytes) in [
        ("a stray byte", frame(0x81, b"42[\"\xff\"]")),
        ("an overlong form", frame(0x81, b"42[\"\xc0\xaf\"]")),
        ("a surrogate", frame(0x81, b"42[\"\xed\xa0\x80\"]")),
        ("cut off", frame(0x81, b"42[\"\xe2\x82")),
        ("cut off over fragments", split),
    ] {
        expect_closed(&server, &mut neighbour, what, &bytes, 1007).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn text_whose_letters_are_split_over_fragments_is_whole_again() {
    let server = TestServer::start().await;
    let mut raw = RawWebSocket::connect(server.address, &tokens::guest("S")).await;
    // A ping between the fragments is answered at once.
    let euro = "€".as_bytes();
    raw.send(&frame(0x01, br#"421["leave_room",""#)).await;
    raw.send(&frame(0x00, &euro[..1])).await;
    raw.send(&frame(0x89, b"?")).await;
    raw.send(&frame(0x00, &euro[1..])).await;
    raw.send(&frame(0x80, br#""]"#)).await;
    assert_eq!(raw.frame().await, Some((0x8a, b"?".to_vec())));
    let (first, answer) = raw.frame().await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(first, 0x81);
    assert!(
        answer.starts_with(r#"431[{"#) && answer.contains(r#""ok":false"#),
        "{answer}"
    );
    drop(raw);
    server.stop().await;
}

#[actix_web::test]
async fn a_frame_that_arrives_byte_by_byte_is_understood() {
    let server = TestServer::start().await;
    let mut raw = RawWebSocket::connect(server.address, &tokens::guest("S")).await;
    for byte in text(r#"421["join_room","S/1"]"#) {
        raw.send(&[byte]).await;
    }
    assert_eq!(
        raw.frame().await,
        Some((0x81, br#"431[{"ok":true}]"#.to_vec()))
    );
    drop(raw);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_51_a_message_of_endless_fragments_is_closed() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for (what, fragment) in [("empty", frame(0x00, b"")), ("one byte", frame(0x00, b"x"))] {
        let bytes = [frame(0x01, b"4"), fragment.repeat(100_000)].concat();
        expect_closed(&server, &mut neighbour, what, &bytes, 1009).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn what_follows_a_fault_in_the_same_bytes_has_no_effect() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let join = text(r#"421["join_room","S/1"]"#);
    let bytes = [text("4abc"), join.clone(), frame(0x83, b""), join].concat();
    expect_closed(
        &server,
        &mut neighbour,
        "a join behind a fault",
        &bytes,
        1002,
    )
    .await;
    assert_eq!(server.metric("events_received_total").await, 1);
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn a_client_that_never_ends_its_stream_after_a_close_is_cut_off() {
    let server = TestServer::start().await;
    let mut raw = RawWebSocket::connect(server.address, &tokens::guest("S")).await;
    raw.send(&text("4abc")).await;
    assert_eq!(raw.ended().await, End::Closed(1002));
    // The TCP connection stays open on this side; the server gives it up by itself.
    server.metric_becomes("connections", 0).await;
    drop(raw);
    server.stop().await;
}
