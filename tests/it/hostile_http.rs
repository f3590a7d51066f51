//! Hostile requests: each is refused with its code or ends its own session, and nobody else notices.

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::support::http::{self, Poller, exchange, request, request_bytes};
use crate::support::neighbour::Neighbour;
use crate::support::server::TestServer;
use crate::support::viewer::{Viewer, websocket};
use crate::support::{DEADLINE, eventually, tokens};

/// Asserts that a query is refused with this status and code, over polling and as a WebSocket alike.
async fn expect_refused(server: &TestServer, query: &str, code: u64) {
    let target = format!("/socket.io/?{query}");
    let shown = &query[..query.len().min(80)];
    let polled = http::get(server.address, &target).await;
    assert_eq!(polled.status, 400, "{shown}");
    assert_eq!(polled.json()["code"], code, "{shown}");
    let refused = websocket(server.address, &target, &[]).await;
    let refused = refused
        .err()
        .unwrap_or_else(|| panic!("{shown} is accepted"));
    assert_eq!(refused.status(), 400, "{shown}");
    let body: Value = serde_json::from_slice(refused.body().as_deref().unwrap_or(b"null")).unwrap();
    assert_eq!(body["code"], code, "{shown}");
}

#[actix_web::test]
async fn hostile_1_to_4_bad_versions_transports_and_sids_are_refused_with_their_codes() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for (value, code) in [
        ("EIO=4&transport=polling&sid=unknown", 1),
        ("EIO=4&transport=polling&sid=", 1),
        ("EIO=4&transport=polling&sid=__proto__", 1),
        ("EIO=4&transport=polling&sid=constructor", 1),
        ("EIO=4&transport=polling&sid=%00", 1),
        ("EIO=4&transport=polling&sid=%ff%fe", 1),
        ("EIO=4&transport=polling&sid=..%2f..%2f", 1),
    ] {
        // A WebSocket request wants its own transport.
        let target = format!("/socket.io/?{value}");
        let polled = http::get(server.address, &target).await;
        assert_eq!(
            (polled.status, &polled.json()["code"]),
            (400, &code.into()),
            "{value}"
        );
        let target = target.replace("polling", "websocket");
        let refused = websocket(server.address, &target, &[]).await;
        assert_eq!(refused.err().unwrap().status(), 400, "{value}");
    }
    let long = format!("EIO=4&transport=polling&sid={}", "x".repeat(10_000));
    let polled = http::get(server.address, &format!("/socket.io/?{long}")).await;
    assert_eq!((polled.status, &polled.json()["code"]), (400, &1.into()));
    for transport in ["polling", "websocket"] {
        for version in [
            "",
            "EIO=&",
            "EIO=abc&",
            "EIO=5&",
            "EIO=3&",
            "EIO=44&",
            "EIO=%34x&",
        ] {
            expect_refused(&server, &format!("{version}transport={transport}"), 5).await;
        }
    }
    for transport in [
        "",
        "&transport=",
        "&transport=webtransport",
        "&transport=POLLING",
        "&transport=__proto__",
        "&transport=polling%00",
        "&Transport=polling",
    ] {
        expect_refused(&server, &format!("EIO=4{transport}"), 0).await;
    }
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_5_any_method_but_get_opens_no_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let target = "/socket.io/?EIO=4&transport=polling";
        let refused = request(server.address, method, target, &[], "4hello").await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (400, &2.into()),
            "{method}"
        );
    }
    let poller = Poller::open(server.address, "/socket.io/").await;
    for method in ["PUT", "DELETE", "PATCH"] {
        let refused = request(server.address, method, &poller.target, &[], "").await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (400, &3.into()),
            "{method}"
        );
    }
    poller.send("1").await;
    assert_eq!(server.metric("connections_opened_total").await, 2);
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_6_polling_requests_on_a_websocket_session_are_refused() {
    let server = TestServer::start().await;
    let target = "/socket.io/?EIO=4&transport=websocket";
    let mut socket = websocket(server.address, target, &[]).await.unwrap();
    let open = socket.packet().await;
    let handshake: Value = serde_json::from_str(&open[1..]).unwrap();
    let sid = handshake["sid"].as_str().unwrap();
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    for method in ["GET", "POST"] {
        let refused = request(server.address, method, &target, &[], "").await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (400, &3.into()),
            "{method}"
        );
    }
    let token = format!(r#"{{"token":"{}"}}"#, tokens::guest("S"));
    assert_eq!(socket.enter(&token).await, Ok(()));
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_8_two_polls_at_once_are_refused_and_end_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut poller = Poller::open(server.address, "/socket.io/").await;
    poller.connect(&tokens::guest("S")).await;
    let first = poller.begin_poll().await;
    let second = poller.poll().await;
    assert_eq!((second.status, &second.json()["code"]), (400, &3.into()));
    let first = http::answer(first).await.expect("an answer");
    assert_eq!((first.status, &first.text()[..]), (200, "1"));
    assert!(poller.is_gone().await);
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

/// A POST of which only the head and the first bytes are sent, and that has reached the server.
async fn begin_post(poller: &Poller, head: &str, bytes: &[u8]) -> tokio::net::TcpStream {
    let mut stream = http::connect(poller.address).await;
    let start = format!(
        "POST {} HTTP/1.1\r\nhost: test\r\n{head}\r\n\r\n",
        poller.target
    );
    stream.write_all(start.as_bytes()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    http::get(poller.address, "/socket.io/").await;
    stream
}

#[actix_web::test]
async fn hostile_9_two_posts_at_once_are_refused_and_end_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let poller = Poller::open(server.address, "/socket.io/").await;
    let first = begin_post(&poller, "content-length: 10", b"4").await;
    let second = poller.post("3").await;
    assert_eq!((second.status, &second.json()["code"]), (400, &3.into()));
    assert!(poller.is_gone().await);
    drop(first);
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_10_a_binary_post_of_version_3_is_refused_and_ends_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let poller = Poller::open(server.address, "/socket.io/").await;
    let kind = [("content-type", "application/octet-stream")];
    let refused = request(server.address, "POST", &poller.target, &kind, "4hello").await;
    assert_eq!(refused.status, 400);
    assert!(poller.is_gone().await);
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_11_and_12_a_body_beyond_the_limit_is_answered_413_without_reading_it_all() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let body = |size: usize| [b"4".to_vec(), vec![b'x'; size - 1]].concat();

    let poller = Poller::open(server.address, "/socket.io/").await;
    let refused = poller.post(body(1_000_001)).await;
    assert_eq!(refused.status, 413);
    assert!(poller.is_gone().await);

    // 100 MB announced, a hundredth sent: the answer does not wait for the rest.
    let poller = Poller::open(server.address, "/socket.io/").await;
    let stream = begin_post(&poller, "content-length: 100000000", &body(1_000_001)).await;
    assert_eq!(http::answer(stream).await.expect("an answer").status, 413);
    assert!(poller.is_gone().await);

    // Chunks without an end.
    let poller = Poller::open(server.address, "/socket.io/").await;
    let chunks = format!("f4240\r\n{}\r\n", "x".repeat(1_000_000)).repeat(2);
    let head = "transfer-encoding: chunked";
    let stream = begin_post(&poller, head, chunks.as_bytes()).await;
    assert_eq!(http::answer(stream).await.expect("an answer").status, 413);
    assert!(poller.is_gone().await);
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn a_body_at_the_limit_is_taken() {
    let server = crate::support::echo::EchoServer::start_quiet().await;
    let poller = Poller::open(server.address, "/engine.io/").await;
    let body = [b"4".to_vec(), vec![b'x'; 999_999]].concat();
    poller.send(&body).await;
    assert_eq!(poller.poll().await.body, body);
    poller.send("1").await;
    server.stop().await;
}

#[actix_web::test]
async fn hostile_16_a_request_that_is_no_http_or_has_a_bad_host_or_origin_is_refused() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let target = "/socket.io/?EIO=4&transport=polling";
    let head = |host: &[u8], origin: &[u8]| {
        let start = format!("GET {target} HTTP/1.1\r\nconnection: close\r\nhost: ");
        [start.as_bytes(), host, b"\r\norigin: ", origin, b"\r\n\r\n"].concat()
    };
    for (what, bytes) in [
        ("origin that is no text", head(b"test", b"http://\xff\xfe")),
        ("host that is no text", head(b"\xff\xfe", b"http://test")),
        ("host with a NUL", head(b"te\0st", b"http://te\0st")),
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec()),
        ("no target", b"GET\r\n\r\n".to_vec()),
        ("method with a NUL", b"G\0T / HTTP/1.1\r\n\r\n".to_vec()),
    ] {
        if let Some(answer) = exchange(server.address, &bytes).await {
            assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        }
    }
    assert_eq!(server.metric("connections_opened_total").await, 1);
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_17_a_poll_that_is_broken_off_ends_its_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    // Proxies that speak HTTP/1.0 to us close the connection behind each answer.
    for connection in ["keep-alive", "close"] {
        let mut poller = Poller::open(server.address, "/socket.io/").await;
        poller.connect(&tokens::guest("S")).await;
        let poll = poller.begin_poll_with(connection).await;
        assert_eq!(server.counts().await.sockets, 2);
        drop(poll);
        let look = async || poller.is_gone().await;
        eventually(connection, DEADLINE, look, |gone| *gone).await;
        server.metric_becomes("sockets", 1).await;
    }
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn a_websocket_handshake_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
    for (what, headers) in [
        ("no key", vec![("sec-websocket-version", "13")]),
        ("no version", vec![key]),
        ("version 8", vec![key, ("sec-websocket-version", "8")]),
    ] {
        let headers = [&upgrade[..], &headers].concat();
        let target = "/socket.io/?EIO=4&transport=websocket";
        let bytes = request_bytes("GET", target, &headers, "");
        let bytes = String::from_utf8(bytes).unwrap();
        let bytes = bytes.replace("connection: close\r\n", "");
        let answer = exchange(server.address, bytes.as_bytes()).await;
        assert_eq!(answer.expect("an answer").status, 400, "{what}");
    }
    // An upgrade elsewhere, or to something else.
    let elsewhere = websocket(server.address, "/nowhere/?EIO=4&transport=websocket", &[]).await;
    assert_eq!(elsewhere.err().unwrap().status(), 404);
    let plain = http::get(server.address, "/socket.io/?EIO=4&transport=websocket").await;
    assert_eq!(plain.status, 400);
    drop(Viewer::open(server.address, "", &[]).await);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_53_compression_is_declined() {
    let server = TestServer::start().await;
    let offer = [(
        "sec-websocket-extensions",
        "permessage-deflate; client_max_window_bits",
    )];
    let raw = crate::support::raw_websocket::RawWebSocket::open(server.address, &offer).await;
    assert!(
        !raw.answer.to_lowercase().contains("extensions"),
        "{}",
        raw.answer
    );
    drop(raw);
    server.stop().await;
}
