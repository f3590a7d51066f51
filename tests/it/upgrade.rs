//! The way from polling to WebSocket: probe, release of the poll, takeover, and what disturbs it.

use std::net::SocketAddr;

use tokio_tungstenite::tungstenite::Message;

use crate::support::echo::EchoServer;
use crate::support::http::{self, Poller};
use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::{End, Viewer, websocket};
use crate::support::{DEADLINE, eventually};

/// A WebSocket for the session of `poller`, before any packet.
async fn candidate(address: SocketAddr, path: &str, sid: &str) -> Viewer {
    let target = format!("{path}?EIO=4&transport=websocket&sid={sid}");
    websocket(address, &target, &[]).await.unwrap()
}

/// A session that has moved to a WebSocket.
async fn upgraded(server: &EchoServer, path: &str) -> (Poller, Viewer) {
    let poller = Poller::open(server.address, path).await;
    let mut socket = candidate(server.address, path, &poller.sid).await;
    socket.send("2probe").await;
    assert_eq!(socket.packet().await, "3probe");
    socket.send("5").await;
    (poller, socket)
}

#[actix_web::test]
async fn a_polling_session_moves_to_a_websocket_and_its_poll_is_released_by_a_noop() {
    let server = EchoServer::start_quiet().await;
    let poller = Poller::open(server.address, "/engine.io/").await;
    let mut socket = candidate(server.address, "/engine.io/", &poller.sid).await;
    // A poll that waits when the probe comes, and one that comes after it.
    let waiting = poller.poll();
    let probing = async {
        socket.send("2probe").await;
        assert_eq!(socket.packet().await, "3probe");
    };
    let (released, ()) = tokio::join!(waiting, probing);
    assert_eq!((released.status, &released.text()[..]), (200, "6"));
    let next = poller.poll().await;
    assert_eq!((next.status, &next.text()[..]), (200, "6"));
    socket.send("5").await;
    socket.send("4hello").await;
    assert_eq!(socket.packet().await, "4hello");
    assert_eq!(server.metrics.upgrades.get(), 1);
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn polls_wait_as_ever_while_a_websocket_has_proved_nothing() {
    let server = EchoServer::start_quiet().await;
    let poller = Poller::open(server.address, "/engine.io/").await;
    let socket = candidate(server.address, "/engine.io/", &poller.sid).await;
    // A proxy may let the handshake through and then nothing: its client must not poll in circles.
    for _ in 0..20 {
        let waiting = poller.begin_poll().await;
        assert_eq!(poller.post("4hello").await.status, 200);
        let answer = http::answer(waiting).await.expect("an answer");
        assert_eq!(answer.text(), "4hello");
    }
    drop(socket);
    // Another one may try.
    let look = async || {
        let mut socket = candidate(server.address, "/engine.io/", &poller.sid).await;
        socket.send("2probe").await;
        let proved = socket.message().await == Some(Message::text("3probe"));
        if proved {
            socket.send("5").await;
            socket.send("4moved").await;
            assert_eq!(socket.packet().await, "4moved");
        }
        proved
    };
    eventually("the second try to be let in", DEADLINE, look, |proved| {
        *proved
    })
    .await;
    server.stop().await;
}

#[actix_web::test]
async fn after_the_upgrade_polling_is_refused_and_the_websocket_unaffected() {
    let server = EchoServer::start_quiet().await;
    for path in ["/engine.io/", "/socket.io/"] {
        let (poller, mut socket) = upgraded(&server, path).await;
        // Served once the takeover is complete.
        if path == "/engine.io/" {
            socket.send("4there").await;
            assert_eq!(socket.packet().await, "4there");
        } else {
            assert_eq!(socket.enter("").await, Ok(()));
            assert_eq!(socket.packet().await, r#"42["auth",{}]"#);
        }
        let refused = poller.poll().await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["code"], 3);
        assert_eq!(poller.post("4hello").await.status, 400);
        let (packets, end) = candidate(server.address, path, &poller.sid)
            .await
            .ended()
            .await;
        assert_eq!((packets, end), (Vec::new(), End::Closed(1008)));
        match path {
            "/engine.io/" => socket.send("4hello").await,
            _ => socket.send(r#"42["hello"]"#).await,
        }
        let expected = match path {
            "/engine.io/" => "4hello",
            _ => r#"42["hello-back"]"#,
        };
        assert_eq!(socket.packet().await, expected);
    }
    server.stop().await;
}

#[actix_web::test]
async fn hostile_21_a_message_posted_during_the_probe_is_kept_and_comes_before_later_ones() {
    let server = EchoServer::start_quiet().await;
    let poller = Poller::open(server.address, "/engine.io/").await;
    let mut socket = candidate(server.address, "/engine.io/", &poller.sid).await;
    socket.send("2probe").await;
    assert_eq!(socket.packet().await, "3probe");
    poller.send("41\x1e42\x1e43").await;
    socket.send("5").await;
    socket.send("44").await;
    for expected in ["41", "42", "43", "44"] {
        assert_eq!(socket.packet().await, expected);
    }
    drop(socket);
    server.stop().await;
}

/// Polls and hands on what comes, until the poll says that the WebSocket takes over.
async fn poll_until_released(poller: &Poller, got: &mut Vec<String>) {
    loop {
        let answer = http::get(poller.address, &poller.target).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = answer.text();
        let packets = text.split('\x1e').filter(|packet| *packet != "6");
        got.extend(packets.map(ToOwned::to_owned));
        if text.ends_with('6') && !text.ends_with("]6") {
            return;
        }
    }
}

#[actix_web::test]
async fn finals_published_during_the_upgrade_all_arrive_once_and_in_order() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    for round in 0..20 {
        let mut poller = Poller::open(server.address, "/socket.io/").await;
        poller.connect(&tokens::guest("S")).await;
        poller.send(r#"420["join_room","S/1"]"#).await;
        assert_eq!(poller.packet().await, r#"430[{"ok":true}]"#);
        let publish = async {
            for n in 0..200 {
                let payload = format!("[{round},{n}]");
                publisher.send("transcriber/out/S/1/final", payload).await;
                tokio::task::yield_now().await;
            }
        };
        let receive = async {
            let mut got = Vec::new();
            let mut socket = candidate(server.address, "/socket.io/", &poller.sid).await;
            let probe = async {
                socket.send("2probe").await;
                assert_eq!(socket.packet().await, "3probe");
            };
            tokio::join!(probe, poll_until_released(&poller, &mut got));
            socket.send("5").await;
            while got.len() < 200 {
                got.push(socket.packet().await);
            }
            for (n, packet) in got.iter().enumerate() {
                assert_eq!(packet, &format!(r#"42["final",[{round},{n}]]"#), "{round}");
            }
            socket
        };
        let ((), socket) = tokio::join!(publish, receive);
        drop(socket);
        server.metric_becomes("members", 0).await;
    }
    assert_eq!(server.metric("upgrades_total").await, 20);
    server.stop().await;
}
