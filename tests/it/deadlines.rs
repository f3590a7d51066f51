//! What never ends by itself is ended by its deadline. The slow ones of the list wait together, in one test.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::support::echo::EchoServer;
use crate::support::http::{self, Poller};
use crate::support::neighbour::Neighbour;
use crate::support::server::TestServer;
use crate::support::viewer::{End, websocket};
use crate::support::{eventually, tokens};

/// Longer than the longest of them: 30 s for a POST's body.
const LONGEST: Duration = Duration::from_secs(45);

/// 13: a body that comes a byte at a time is given up, and its session with it.
async fn trickled_post(server: &TestServer) {
    let poller = Poller::open(server.address, "/socket.io/").await;
    let mut stream = http::connect(server.address).await;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: test\r\ncontent-length: 900000\r\n\r\n",
        poller.target
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A byte each time it is looked at, until the session is gone.
    let look = async || {
        let _ = stream.write_all(b"4").await;
        server
            .metric(r#"connections_closed_total{reason="transport_closed"}"#)
            .await
    };
    eventually("the end of a trickled POST", LONGEST, look, |n| *n == 1).await;
    let answer = http::answer(stream).await.expect("an answer");
    assert_eq!(answer.status, 408);
    assert_eq!(answer.json()["error"]["code"], "polling_time");
    let limit = r#"limits_reached_total{limit="polling_time"}"#;
    assert_eq!(server.metric(limit).await, 1);
    assert!(poller.is_gone().await);
}

/// 18: a probe that is never completed ends its WebSocket, and polling goes on.
async fn probe_without_end(server: &EchoServer) {
    let poller = Poller::open(server.address, "/engine.io/").await;
    let target = format!("/engine.io/?EIO=4&transport=websocket&sid={}", poller.sid);
    let mut socket = websocket(server.address, &target, &[]).await.unwrap();
    socket.send("2probe").await;
    assert_eq!(socket.packet().await, "3probe");
    let (packets, end) = socket.ended_within(LONGEST).await;
    assert_eq!((packets, end), (Vec::new(), End::Closed(1002)));
    poller.send("4hello").await;
    assert_eq!(poller.poll().await.text(), "4hello");
    poller.close().await;
}

/// 39: attachments that never come end the session.
async fn attachments_without_end(server: &TestServer) {
    let mut viewer = server.viewer().await;
    viewer
        .send(r#"451-["a",{"_placeholder":true,"num":0}]"#)
        .await;
    assert_eq!(
        viewer.ended_within(LONGEST).await,
        (Vec::new(), End::Closed(1008))
    );
}

#[actix_web::test]
async fn hostile_13_18_and_39_what_never_ends_is_ended_by_its_deadline() {
    let server = TestServer::start().await;
    let echo = EchoServer::start_quiet().await;
    let mut neighbour = Neighbour::of(&server).await;
    tokio::join!(
        trickled_post(&server),
        probe_without_end(&echo),
        attachments_without_end(&server)
    );
    neighbour.noticed_nothing().await;
    drop(neighbour);
    echo.stop().await;
    server.stop().await;
}

#[actix_web::test]
async fn hostile_26_a_viewer_that_answers_no_ping_leaves_its_rooms() {
    let settings = [("ping_interval_ms", "200"), ("ping_timeout_ms", "200")];
    let server = TestServer::start_with(&settings).await;
    let raw = crate::support::raw_websocket::RawWebSocket::connect;
    let mut silent = raw(server.address, &tokens::guest("S")).await;
    let join = crate::support::raw_websocket::text(r#"42["join_room","S/1"]"#);
    silent.send(&join).await;
    server.metric_becomes("members", 1).await;
    server.metric_becomes("members", 0).await;
    let closed = r#"connections_closed_total{reason="ping_timeout"}"#;
    assert_eq!(server.metric(closed).await, 1);
    assert_eq!(silent.ended().await, End::Cut);
    drop(silent);
    server.stop().await;
}
