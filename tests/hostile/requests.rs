//! Requests as HTTP sees them: what is none, what two readers would read differently, heads that are too much.

use crate::rig;
use crate::row::Expect::{Http, NoHttp};
use crate::row::{OF_SESSION, On, POLLING, Row, get, row};
use crate::support::http::{request_bytes, upgrade_bytes};

#[actix_web::test]
async fn requests_that_are_none_or_too_much_are_refused() {
    rig::run(rows()).await;
}

pub fn rows() -> Vec<Row> {
    let mut rows = no_http();
    rows.extend(lengths());
    rows.extend(heads());
    rows
}

#[rustfmt::skip]
fn no_http() -> Vec<Row> {
    let head = |host: &[u8], origin: &[u8]| {
        let start = format!("GET {POLLING} HTTP/1.1\r\nconnection: close\r\nhost: ");
        [start.as_bytes(), host, b"\r\norigin: ", origin, b"\r\n\r\n"].concat()
    };
    let cases: [(&str, Vec<u8>); 10] = [
        ("an origin that is no text", head(b"test", b"http://\xff\xfe")),
        ("a host that is no text", head(b"\xff\xfe", b"http://test")),
        ("a host with a NUL", head(b"te\0st", b"http://te\0st")),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec()),
        ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("no target", b"GET\r\n\r\n".to_vec()),
        ("a method with a NUL", b"G\0T / HTTP/1.1\r\n\r\n".to_vec()),
        ("a target with a NUL", b"GET /\0 HTTP/1.1\r\n\r\n".to_vec()),
        ("a version that is none", b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        ("a header without a colon", b"GET / HTTP/1.1\r\nhost\r\n\r\n".to_vec()),
    ];
    let rows = cases.into_iter();
    rows.map(|(name, bytes)| row(16, name, On::Tcp, bytes, NoHttp))
        .collect()
}

/// What two readers of the same bytes would end at different places.
fn lengths() -> Vec<Row> {
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut rows = Vec::new();
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 0",
        "transfer-encoding: identity\r\ncontent-length: 5",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: gzip, chunked\r\ncontent-length: 5",
        "content-length: 0\r\ncontent-length: 5",
        "content-length: +5",
        "content-length: -5",
        "content-length: 5, 5",
        "content-length: 0x5",
        "content-length: 99999999999999999999",
    ] {
        let head = format!("POST {OF_SESSION} HTTP/1.1\r\nhost: a\r\n{headers}\r\n\r\n");
        let bytes = format!("{head}0\r\n\r\n{smuggled}");
        let name = headers.replace("\r\n", ", ");
        rows.push(row(14, name, On::Polling, bytes, Http(400, None)));
    }
    rows
}

fn heads() -> Vec<Row> {
    let field = |size: usize| request_bytes("GET", POLLING, &[("x", &"a".repeat(size))], "");
    let fields = |count: usize| {
        let fields: String = (0..count).map(|n| format!("x-{n}: a\r\n")).collect();
        format!("GET {POLLING} HTTP/1.1\r\nhost: a\r\n{fields}connection: close\r\n\r\n")
    };
    let target = format!("{POLLING}&t={}", "a".repeat(20_000));
    let websocket = POLLING.replace("polling", "websocket");
    let websocket = upgrade_bytes(&websocket, &[("x", &"a".repeat(17_000))]);
    let too_much = |name: &str, bytes: &[u8]| row(15, name, On::Tcp, bytes, Http(431, None));
    vec![
        too_much("200 fields", fields(200).as_bytes()),
        too_much("10,000 fields", fields(10_000).as_bytes()),
        too_much("a field of 17 KiB", &field(17 * 1024)),
        too_much("a field of 64 KiB", &field(64 * 1024)),
        too_much("a field of 1 MB", &field(1_000_000)),
        too_much("a long target", &get(&target)),
        too_much("a field of a WebSocket's handshake", &websocket),
    ]
}
