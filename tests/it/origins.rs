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

async fn expect_refused(server: &TestServer, origin: &str) {
    let (polled, upgraded) = try_origin(server, origin).await;
    assert_eq!((polled.status, upgraded), (403, 403), "{origin}");
    assert_eq!(polled.json()["code"], 4, "{origin}");
    assert_eq!(
        polled.header("access-control-allow-origin"),
        None,
        "{origin}"
    );
}

#[actix_web::test]
async fn hostile_65_by_default_only_the_servers_own_page_may_connect() {
    let server = TestServer::start_with(&[("connect_timeout_ms", "100")]).await;
    let (host, port) = (server.address.ip(), server.address.port());
    expect_allowed(&server, &format!("http://{host}:{port}")).await;
    for origin in [
        "null".to_owned(),
        "https://evil.com".to_owned(),
        format!("https://{host}:{port}"),
        format!("http://{host}"),
        format!("http://{host}:{port}.evil.com"),
        format!("http://{host}:{port}0"),
        format!("http://evil.com/{host}:{port}"),
        format!("http://user@{host}:{port}"),
        format!("http://localhost:{port}"),
        "*".to_owned(),
        ALLOWED.to_owned(),
    ] {
        expect_refused(&server, &origin).await;
    }
    server.stop().await;
}

#[actix_web::test]
async fn hostile_65_listed_origins_may_connect_and_nothing_that_looks_like_them() {
    let list = format!("{ALLOWED},http://localhost:5173");
    let settings = [
        ("allowed_origins", &list[..]),
        ("connect_timeout_ms", "100"),
    ];
    let server = TestServer::start_with(&settings).await;
    expect_allowed(&server, ALLOWED).await;
    expect_allowed(&server, "http://localhost:5173").await;
    expect_allowed(&server, &format!("http://{}", server.address)).await;
    for origin in [
        "http://captions.example.org",
        "https://captions.example.org:444",
        "https://captions.example.org.evil.com",
        "https://evil.com",
        "https://xcaptions.example.org",
        "null",
    ] {
        expect_refused(&server, origin).await;
    }
    server.stop().await;
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

#[actix_web::test]
async fn hostile_66_cookies_never_authenticate() {
    let server = TestServer::start().await;
    let token = crate::support::tokens::user("ann");
    let cookies = format!("token={token}; access_token={token}; io={token}");
    let headers = [("cookie", &cookies[..])];
    let mut viewer = crate::support::viewer::Viewer::open(server.address, "", &headers).await;
    let refused = viewer.enter("").await;
    assert_eq!(refused, Err("Authentication required".to_owned()));
    drop(viewer);
    server.stop().await;
}
