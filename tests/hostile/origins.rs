//! Pages of other origins, over polling and as a WebSocket alike, and cookies, which prove nothing.

use crate::rig;
use crate::row::Expect::{Http, Readable, Refused, Upgraded};
use crate::row::{OF_SESSION, On, POLLING, Row, row, text};
use crate::support::http::{request_bytes, upgrade_bytes};
use crate::support::tokens;

const ALLOWED: &str = "https://captions.example.org";

#[actix_web::test]
async fn by_default_only_the_servers_own_page_may_connect() {
    rig::run(rows()).await;
}

#[actix_web::test]
async fn listed_origins_may_connect_and_nothing_that_looks_like_them() {
    let list = format!("{ALLOWED},http://localhost:5173");
    rig::run_with(&[("SWITCHBOARD_ALLOWED_ORIGINS", &list)], with_a_list()).await;
}

/// A page of `origin`, over either transport.
#[rustfmt::skip]
fn page(origin: &str, is_allowed: bool) -> [Row; 2] {
    let headers = [("host", "{host}"), ("origin", origin)];
    let websocket = upgrade_bytes(&POLLING.replace("polling", "websocket"), &headers);
    let (polling, polled, upgraded) = match is_allowed {
        true => {
            let post = request_bytes("POST", OF_SESSION, &headers, "3");
            (post, Readable(origin.to_owned()), Upgraded)
        }
        false => {
            let open = request_bytes("GET", POLLING, &headers, "");
            (open, Http(403, Some(4)), Http(403, Some(4)))
        }
    };
    [
        row(65, format!("polling from {origin}"), On::Polling, polling, polled),
        row(65, format!("WebSocket from {origin}"), On::Tcp, websocket, upgraded),
    ]
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for origin in [
        "null",
        "*",
        "file://",
        "https://evil.com",
        "https://good.com.evil.com",
        ALLOWED,
        "http://localhost:1",
        "http://127.0.0.1",
        "http://127.0.0.1:80",
        "http://127.0.0.1.evil.com",
        "127.0.0.1",
        "http://[::1]:1",
        "javascript:alert(1)",
        "http://",
        "",
    ] {
        rows.extend(page(origin, false));
    }
    let token = tokens::user("ann");
    let cookie = format!("token={token}; access_token={token}; auth={token}; io={token}");
    let refused = Refused("Authentication required");
    rows.push(row(66, "cookies and no token", On::Cookie(cookie), text("40"), refused));
    rows
}

fn with_a_list() -> Vec<Row> {
    let mut rows = Vec::new();
    for origin in [ALLOWED, "http://localhost:5173"] {
        rows.extend(page(origin, true));
    }
    for origin in [
        "http://captions.example.org",
        "https://captions.example.org:444",
        "https://captions.example.org.evil.com",
        "https://xcaptions.example.org",
        "https://example.org",
        "https://captions.example.org/",
        "https://ann@captions.example.org",
        "http://localhost",
        "http://localhost:51730",
        "null",
        "*",
    ] {
        rows.extend(page(origin, false));
    }
    rows
}
