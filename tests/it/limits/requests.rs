//! The heads of requests, the bodies of polling, and the time that they may take.

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::{expect_refusal, reached, send};
use crate::support::http::{self, Poller, exchange, request_bytes};
use crate::support::neighbour::Neighbour;
use crate::support::server::TestServer;
use crate::support::viewer::{End, websocket};
use crate::support::{eventually, within};

/// Longer than the ten seconds for a head.
const LONG: std::time::Duration = std::time::Duration::from_secs(30);

#[actix_web::test]
async fn hostile_15_many_or_large_header_fields_are_answered_431_and_others_are_served() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let field = |size: usize| request_bytes("GET", "/healthz", &[("x", &"a".repeat(size))], "");
    let fields = |count: usize| {
        let fields: String = (0..count).map(|n| format!("x-{n}: a\r\n")).collect();
        format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{fields}connection: close\r\n\r\n")
    };
    let target = format!("/healthz?{}", "a".repeat(20_000));
    let endless = format!(
        "GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}",
        "a".repeat(200_000)
    );
    for (n, (what, bytes)) in [
        ("200 fields", fields(200).into_bytes()),
        ("a field of 64 KiB", field(64 * 1024)),
        ("a field of 17 KiB", field(17 * 1024)),
        ("a long target", request_bytes("GET", &target, &[], "")),
        ("a field without an end", endless.into_bytes()),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = exchange(server.address, &bytes).await;
        assert_eq!(answer.expect("an answer").status, 431, "{what}");
        let count = async || reached(&server, "header_bytes").await;
        eventually(what, LONG, count, |met| *met == n as i64 + 1).await;
        neighbour.noticed_nothing().await;
    }
    let refused = exchange(server.address, &field(17 * 1024)).await.unwrap();
    expect_refusal(&refused, 431, "header_bytes");
    let target = "/socket.io/?EIO=4&transport=websocket";
    let refused = websocket(server.address, target, &[("x", &"a".repeat(17_000))]).await;
    let refused = refused
        .err()
        .expect("a WebSocket's head has the same limit");
    let body: Value = serde_json::from_slice(refused.body().as_deref().unwrap()).unwrap();
    assert_eq!(
        (refused.status().as_u16(), &body["error"]["code"]),
        (431, &"header_bytes".into())
    );
    for fits in [field(15 * 1024), fields(90).into_bytes()] {
        assert_eq!(exchange(server.address, &fits).await.unwrap().status, 200);
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn a_larger_head_is_taken_where_it_is_allowed() {
    let server = TestServer::start_with(&[("max_header_bytes", "65536")]).await;
    let header = [("x", &"a".repeat(60_000)[..])];
    let bytes = request_bytes("GET", "/healthz", &header, "");
    assert_eq!(exchange(server.address, &bytes).await.unwrap().status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_15_a_head_without_an_end_is_answered_408_however_it_trickles() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut silent = http::connect(server.address).await;
    let mut half = http::connect(server.address).await;
    send(&mut half, b"GET /healthz HTTP/1.1\r\nhost: a\r\n").await;
    let mut trickling = http::connect(server.address).await;
    send(&mut trickling, b"GET /healthz HTTP/1.1\r\nx: ").await;
    // A byte at each look, until all of them are ended.
    let look = async || {
        let _ = trickling.write_all(b"a").await;
        reached(&server, "header_time").await
    };
    eventually("the end of the heads", LONG, look, |met| *met == 3).await;
    for stream in [&mut silent, &mut half, &mut trickling] {
        let answer = within("an answer", http::read_to_end(stream)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    }
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn a_polling_post_beyond_a_limit_is_told_which_and_ends_its_session_alone() {
    let server = TestServer::start_with(&[("max_payload_bytes", "100000")]).await;
    let mut neighbour = Neighbour::of(&server).await;
    let packets = ["3"; 16_385].join("\x1e");
    for (body, status, limit) in [
        ("4".repeat(100_001), 413, "polling_body"),
        (packets, 400, "polling_packets"),
    ] {
        let poller = Poller::open(server.address, "/socket.io/").await;
        let refused = poller.post(body).await;
        expect_refusal(&refused, status, limit);
        assert!(poller.is_gone().await);
        assert_eq!(reached(&server, limit).await, 1);
        neighbour.noticed_nothing().await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn an_upgrade_that_takes_too_long_is_closed_and_polling_goes_on() {
    let server = TestServer::start_with(&[("upgrade_timeout_ms", "200")]).await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut poller = Poller::open(server.address, "/socket.io/").await;
    let target = format!("/socket.io/?EIO=4&transport=websocket&sid={}", poller.sid);
    for (n, probe) in [(1, None), (2, Some("2probe"))] {
        let mut socket = websocket(server.address, &target, &[]).await.unwrap();
        if let Some(probe) = probe {
            socket.send(probe).await;
            assert_eq!(socket.packet().await, "3probe");
        }
        assert_eq!(socket.ended().await, (Vec::new(), End::Closed(1002)));
        assert_eq!(reached(&server, "upgrade_time").await, n);
    }
    poller.connect(&crate::support::tokens::guest("S")).await;
    poller.close().await;
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}
