//! Hostile packets of Engine.IO, and of Socket.IO's connect: each ends its own session with the right code, or is
//! refused with an error, and nobody else notices.

use crate::support::http::Poller;
use crate::support::neighbour::Neighbour;
use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::{End, Viewer};

/// What a WebSocket client sends.
pub enum Sent {
    Text(String),
    Binary(Vec<u8>),
}

impl Sent {
    /// How a failing test shows it.
    fn shown(&self) -> String {
        match self {
            Self::Text(packet) => format!("{packet:.80}"),
            Self::Binary(bytes) => format!("<{} bytes>", bytes.len()),
        }
    }
}

pub fn text(packet: impl Into<String>) -> Sent {
    Sent::Text(packet.into())
}

/// Asserts that a connected socket that sends this is closed with `code`, alone.
pub async fn expect_closed(
    server: &TestServer,
    neighbour: &mut Neighbour,
    sent: &[Sent],
    code: u16,
) {
    let mut viewer = server.viewer().await;
    expect_end(&mut viewer, sent, code).await;
    neighbour.noticed_nothing().await;
}

/// Asserts that this client, when it sends this, is closed with `code`.
async fn expect_end(viewer: &mut Viewer, sent: &[Sent], code: u16) {
    let what: Vec<String> = sent.iter().map(Sent::shown).collect();
    for packet in sent {
        match packet {
            Sent::Text(packet) => viewer.send(packet).await,
            Sent::Binary(bytes) => viewer.send_binary(bytes).await,
        }
    }
    // What was whole before the fault may have been answered by an error.
    let (packets, end) = viewer.ended().await;
    let answered = packets.iter().all(|p| p.starts_with(r#"42["error","#));
    assert!(answered, "{what:?}: {packets:?}");
    assert_eq!(end, End::Closed(code), "{what:?}");
}

#[actix_web::test]
async fn hostile_22_and_23_bad_payloads_end_their_polling_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for (what, body) in [
        ("100,000 empty packets", "\x1e".repeat(100_000)),
        ("100,000 pongs", vec!["3"; 100_000].join("\x1e")),
        ("nothing", String::new()),
        ("an empty packet between others", "3\x1e\x1e3".to_owned()),
        ("invalid base64", "b!!!".to_owned()),
        ("base64 with a line break", "bAQID\n".to_owned()),
        ("base64 without padding", "bAQI".to_owned()),
        ("an unknown packet", "9".to_owned()),
        ("a form", "d=4hello".to_owned()),
        ("version 3's length", "6:4hello".to_owned()),
    ] {
        let mut poller = Poller::open(server.address, "/socket.io/").await;
        poller.connect(&tokens::guest("S")).await;
        let refused = poller.post(&body).await;
        assert_eq!(refused.status, 400, "{what}");
        assert!(poller.is_gone().await, "{what}");
        neighbour.noticed_nothing().await;
    }
    let poller = Poller::open(server.address, "/socket.io/").await;
    assert_eq!(poller.post(b"4\xff\xfe").await.status, 400);
    assert!(poller.is_gone().await);
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_20_24_and_25_packets_that_only_servers_send_or_that_are_none_end_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for packet in [
        "", "9", "abc", "0", "0{}", "2", "2probe", "5", "6", "1x", "7", "\u{1e}", "é", "\0", " 40",
        "b!!!",
    ] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_25_pongs_that_nobody_asked_for_are_ignored_and_unanswered() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut viewer = server.viewer().await;
    for _ in 0..10_000 {
        viewer.send("3").await;
    }
    viewer.send("3whatever").await;
    viewer.expect_silence().await;
    neighbour.noticed_nothing().await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_28_and_29_events_before_a_connect_and_second_connects_end_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for packet in [
        r#"42["join_room","S/1"]"#,
        r#"421["leave_room","S/1"]"#,
        r#"42/x,["a"]"#,
    ] {
        let mut fresh = Viewer::open(server.address, "", &[]).await;
        expect_end(&mut fresh, &[text(packet)], 1002).await;
    }
    let again = format!(r#"40{{"token":"{}"}}"#, tokens::guest("S"));
    for packet in ["40", &again] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    let elsewhere = [text(r#"42/elsewhere,["join_room","S/1"]"#)];
    expect_closed(&server, &mut neighbour, &elsewhere, 1002).await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_31_a_namespace_that_is_none_ends_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for packet in [
        format!("40/{},", "x".repeat(999_000)),
        format!("40/{}", "x".repeat(999_000)),
        format!("42/{},[\"a\"]", "x".repeat(10_000)),
        "40/\0,".to_owned(),
        "40x,".to_owned(),
        "40custom".to_owned(),
    ] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_33_auth_of_another_shape_ends_the_session_or_is_refused() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let large = format!(r#"{{"token":"{}"}}"#, "x".repeat(990_000));
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for auth in [
        "[]",
        "1",
        "\"text\"",
        "true",
        "null,",
        "{",
        "{}x",
        "{\"token\":}",
        &large,
        &deep,
    ] {
        let mut fresh = Viewer::open(server.address, "", &[]).await;
        fresh.send(&format!("40{auth}")).await;
        assert_eq!(
            fresh.ended().await,
            (Vec::new(), End::Closed(1002)),
            "{auth:.60}"
        );
    }
    for auth in [
        r#"{"token":1}"#,
        r#"{"token":{}}"#,
        r#"{"token":["x"]}"#,
        r#"{"token":true}"#,
        r#"{"publicToken":{"token":"x"}}"#,
        r#"{"token":"a","token":"b"}"#,
    ] {
        let mut fresh = Viewer::open(server.address, "", &[]).await;
        assert_eq!(
            fresh.enter(auth).await,
            Err("Invalid token".into()),
            "{auth}"
        );
    }
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn a_message_beyond_the_limit_is_closed_with_1009() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let too_long = format!(r#"42["a","{}"]"#, "x".repeat(1_000_000));
    expect_closed(&server, &mut neighbour, &[text(too_long)], 1009).await;
    drop(neighbour);
    server.stop().await;
}
