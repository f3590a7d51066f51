//! Engine.IO 4 as its public suite has it: handshake, messages, heartbeat, close, over both transports. The
//! Socket.IO endpoint keeps the same promises below its own packets.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::echo::{EchoServer, PING_INTERVAL, PING_TIMEOUT};
use crate::support::http::{self, Poller};
use crate::support::viewer::{End, Viewer, websocket};

const PATHS: [&str; 2] = ["/engine.io/", "/socket.io/"];

async fn open_websocket(server: &EchoServer, path: &str) -> (Viewer, Value) {
    let target = format!("{path}?EIO=4&transport=websocket");
    let mut socket = websocket(server.address, &target, &[]).await.unwrap();
    let open = socket.packet().await;
    let handshake = open.strip_prefix('0').expect("an open packet");
    (socket, serde_json::from_str(handshake).unwrap())
}

/// Asserts that a handshake says all that clients read, and nothing else.
fn expect_handshake(mut handshake: Value, upgrades: &Value) {
    let sid = handshake["sid"].take();
    assert_eq!(sid.as_str().unwrap().len(), 20);
    let expected = json!({
        "sid": null, "upgrades": upgrades,
        "pingInterval": PING_INTERVAL.as_millis() as u64, "pingTimeout": PING_TIMEOUT.as_millis() as u64,
        "maxPayload": 1_000_000,
    });
    assert_eq!(handshake, expected);
}

#[actix_web::test]
async fn a_session_opens_over_either_transport_with_its_figures_and_upgrades() {
    let server = EchoServer::start().await;
    for path in PATHS {
        let poller = Poller::open(server.address, path).await;
        expect_handshake(poller.handshake.clone(), &json!(["websocket"]));
        let (_, handshake) = open_websocket(&server, path).await;
        expect_handshake(handshake, &json!([]));
        // Without the slash at its end, too.
        let bare = path.trim_end_matches('/');
        Poller::open(server.address, bare).await.close().await;
        open_websocket(&server, bare).await;
        poller.close().await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn session_ids_are_never_given_twice() {
    let server = EchoServer::start().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..200 {
        let poller = Poller::open(server.address, "/engine.io/").await;
        assert!(seen.insert(poller.sid.clone()), "{}", poller.sid);
        poller.close().await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn text_packets_come_back_in_order_over_polling() {
    let server = EchoServer::start_quiet().await;
    let poller = Poller::open(server.address, "/engine.io/").await;
    for body in [
        "4hello",
        "4test1\x1e4test2\x1e4test3",
        "4hello\x1ebAQIDBA==",
        "4",
        "4é€😀",
    ] {
        poller.send(body).await;
        let answer = poller.poll().await;
        assert_eq!((answer.status, &answer.text()[..]), (200, body));
    }
    poller.close().await;
    server.stop().await;
}

#[actix_web::test]
async fn a_poll_carries_at_most_16_packets_and_the_rest_come_with_the_next() {
    let server = EchoServer::start_quiet().await;
    let poller = Poller::open(server.address, "/engine.io/").await;
    let packets: Vec<String> = (0..40).map(|n| format!("4{n}")).collect();
    poller.send(packets.join("\x1e")).await;
    for expected in [&packets[..16], &packets[16..32], &packets[32..]] {
        assert_eq!(poller.poll().await.text(), expected.join("\x1e"));
    }
    poller.close().await;
    server.stop().await;
}

#[actix_web::test]
async fn text_and_binary_packets_come_back_over_websocket() {
    let server = EchoServer::start_quiet().await;
    let (mut socket, _) = open_websocket(&server, "/engine.io/").await;
    socket.send("4hello").await;
    assert_eq!(socket.message().await, Some(Message::text("4hello")));
    for size in [0, 4, 125, 126, 65_535, 65_536, 900_000] {
        let bytes: Vec<u8> = (0..size).map(|n| n as u8).collect();
        socket.send_binary(&bytes).await;
        assert_eq!(socket.message().await, Some(Message::binary(bytes)));
    }
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn an_unknown_packet_ends_the_session_over_either_transport() {
    let server = EchoServer::start_quiet().await;
    for path in PATHS {
        let poller = Poller::open(server.address, path).await;
        assert_eq!(poller.post("abc").await.status, 400);
        assert_eq!(poller.poll().await.status, 400);
        let (mut socket, _) = open_websocket(&server, path).await;
        socket.send("abc").await;
        assert_eq!(socket.ended().await, (Vec::new(), End::Closed(1002)));
    }
    server.stop().await;
}

#[actix_web::test]
async fn pings_go_on_as_long_as_they_are_answered() {
    let server = EchoServer::start().await;
    let poller = Poller::open(server.address, "/engine.io/").await;
    let (mut socket, _) = open_websocket(&server, "/engine.io/").await;
    for _ in 0..3 {
        let polled = poller.poll().await;
        assert_eq!((polled.status, &polled.text()[..]), (200, "2"));
        poller.send("3").await;
        assert_eq!(socket.message().await, Some(Message::text("2")));
        socket.send("3").await;
    }
    socket.send("4still here").await;
    assert_eq!(socket.packet().await, "4still here");
    poller.close().await;
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_26_an_unanswered_ping_ends_the_session() {
    let server = EchoServer::start().await;
    for path in PATHS {
        let begun = tokio::time::Instant::now();
        let poller = Poller::open(server.address, path).await;
        let (mut socket, _) = open_websocket(&server, path).await;
        let (packets, end) = socket.ended().await;
        assert_eq!((packets, end), (Vec::new(), End::Cut));
        assert!(begun.elapsed() >= PING_INTERVAL + PING_TIMEOUT);
        // Its own timer ran beside the socket's.
        let look = async || poller.is_gone().await;
        let what = "the end of the polling session";
        crate::support::eventually(what, crate::support::DEADLINE, look, |gone| *gone).await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_close_packet_ends_the_session_and_releases_the_waiting_poll() {
    let server = EchoServer::start_quiet().await;
    for path in PATHS {
        let poller = Poller::open(server.address, path).await;
        let waiting = poller.begin_poll().await;
        assert_eq!(poller.post("1").await.status, 200);
        let released = http::answer(waiting).await.expect("an answer");
        assert_eq!((released.status, &released.text()[..]), (200, "6"));
        assert!(poller.is_gone().await);

        let (mut socket, _) = open_websocket(&server, path).await;
        socket.send("1").await;
        assert_eq!(socket.ended().await, (Vec::new(), End::Closed(1000)));
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_websockets_own_ping_is_answered_and_its_close_frame_returned() {
    let server = EchoServer::start_quiet().await;
    let mut raw = crate::support::raw_websocket::RawWebSocket::open(server.address, &[]).await;
    raw.send(&crate::support::raw_websocket::frame(
        0x89,
        b"are you there",
    ))
    .await;
    assert_eq!(raw.frame().await, Some((0x8a, b"are you there".to_vec())));
    raw.send(&crate::support::raw_websocket::frame(
        0x88,
        &1000u16.to_be_bytes(),
    ))
    .await;
    assert_eq!(raw.ended().await, End::Closed(1000));
    drop(raw);
    server.stop().await;
}

#[actix_web::test]
async fn a_body_at_the_limit_is_taken() {
    let server = EchoServer::start_quiet().await;
    let poller = Poller::open(server.address, "/engine.io/").await;
    let body = [b"4".to_vec(), vec![b'x'; 999_999]].concat();
    poller.send(&body).await;
    assert_eq!(poller.poll().await.body, body);
    poller.close().await;
    server.stop().await;
}
