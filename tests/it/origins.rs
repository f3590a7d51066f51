//! Which web pages may connect: the `Origin` check, alike over polling and WebSocket, and CORS.

use crate::support::http::{Response, request};
use crate::support::server::TestServer;
use crate::support::viewer::websocket;

const ALLOWED: &str = "https://captions.example.org";

/// What becomes of a page of `origin` over polling, and as a WebSocket.
async fn try_origin(server: &TestServer, origin: &str) -> (Response, u16) {
    let host = server.address.to_string();
    let headers = [("host", &host[..]), ("origin", origin)];
    let target = "/socket.io/?EIO=4&transport=polling";
    let polled = request(server.address, "GET", target, &headers, "").await;
    let target = "/socket.io/?EIO=4&transport=websocket";
    let upgraded = websocket(server.address, target, &[("origin", origin)]).await;
    let status = upgraded.map_or_else(|refused| refused.status().as_u16(), |_| 101);
    (polled, status)
}

async fn expect_allowed(server: &TestServer, origin: &str) {
    let (polled, upgraded) = try_origin(server, origin).await;
    assert_eq!((polled.status, upgraded), (200, 101), "{origin}");
    assert_eq!(polled.header("access-control-allow-origin"), Some(origin));
    assert_eq!(
        polled.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_eq!(polled.header("vary"), Some("origin"));
}

#[actix_web::test]
async fn every_origin_may_connect_where_the_star_is_set() {
    let settings = [("allowed_origins", "*"), ("connect_timeout_ms", "100")];
    let server = TestServer::start_with(&settings).await;
    expect_allowed(&server, "https://anywhere.example").await;
    expect_allowed(&server, "null").await;
    server.stop().await;
}

#[actix_web::test]
async fn a_preflight_is_answered_for_allowed_origins_only() {
    let server = TestServer::start_with(&[("allowed_origins", ALLOWED)]).await;
    let ask = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization"),
        ];
        let target = "/socket.io/?EIO=4&transport=polling";
        request(server.address, "OPTIONS", target, &headers, "").await
    };
    let allowed = ask(ALLOWED).await;
    assert_eq!(allowed.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", ALLOWED),
        ("access-control-allow-methods", "GET, POST"),
        (
            "access-control-allow-headers",
            "authorization, content-type",
        ),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(allowed.header(name), Some(value), "{name}");
    }
    let refused = ask("https://evil.com").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("access-control-allow-origin"), None);
    assert_eq!(server.metric("connections_opened_total").await, 0);
    server.stop().await;
}
