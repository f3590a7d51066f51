//! Requests that open a session, or are to: versions, transports, ids, methods, WebSocket handshakes.

use crate::rig;
use crate::row::Expect::{Http, Upgraded};
use crate::row::{OF_SESSION, On, POLLING, Row, get, row, short};
use crate::support::http::{request_bytes, upgrade_bytes};

#[actix_web::test]
async fn malformed_handshakes_are_refused() {
    rig::run(rows()).await;
}

pub fn rows() -> Vec<Row> {
    let mut rows = versions_and_transports();
    rows.extend(ids());
    rows.extend(methods());
    rows.extend(websocket_handshakes());
    rows
}

/// A query over polling, and as a WebSocket.
fn both(group: u8, query: &str, code: u8) -> [Row; 2] {
    let target = format!("/socket.io/?{query}");
    let refused = |how: &str, bytes| {
        let name = format!("{how} {}", short(query));
        row(group, name, On::Tcp, bytes, Http(400, Some(code)))
    };
    [
        refused("GET", get(&target)),
        refused("WebSocket", upgrade_bytes(&target, &[])),
    ]
}

fn versions_and_transports() -> Vec<Row> {
    let mut rows = Vec::new();
    for version in [
        "",
        "EIO=&",
        "EIO=abc&",
        "EIO=5&",
        "EIO=3&",
        "EIO=44&",
        "EIO=%34x&",
        "EIO=4.0&",
        "EIO=-4&",
        "eio=4&",
        "EIO=%D9%A4&",
    ] {
        for transport in ["polling", "websocket"] {
            rows.extend(both(1, &format!("{version}transport={transport}"), 5));
        }
    }
    for transport in [
        "",
        "&transport=",
        "&transport=webtransport",
        "&transport=POLLING",
        "&transport=__proto__",
        "&transport=constructor",
        "&transport=polling%00",
        "&Transport=polling",
        "&transport=polling,websocket",
        "&transport[]=polling",
    ] {
        rows.extend(both(2, &format!("EIO=4{transport}"), 0));
    }
    rows
}

#[rustfmt::skip]
fn ids() -> Vec<Row> {
    let mut rows = Vec::new();
    let unknown = || Http(400, Some(1));
    for sid in [
        "unknown",
        "",
        "0",
        "null",
        "AAAAAAAAAAAAAAAAAAAA",
        "{sid}x",
        "x{sid}",
    ] {
        let target = format!("{POLLING}&sid={sid}");
        rows.push(row(3, format!("sid {sid:?}"), On::Polling, get(&target), unknown()));
        let body = request_bytes("POST", &target, &[], "3");
        rows.push(row(3, format!("POST, sid {sid:?}"), On::Polling, body, unknown()));
        let socket = upgrade_bytes(&target.replace("polling", "websocket"), &[]);
        rows.push(row(3, format!("WebSocket, sid {sid:?}"), On::Polling, socket, unknown()));
    }
    let long = "x".repeat(10_000);
    for sid in [
        "__proto__",
        "constructor",
        "toString",
        "%00",
        "{sid}%00",
        "%ff%fe",
        "..%2f..%2f",
        "%0d%0aset-cookie:%20a=b",
        "'%20OR%201=1--",
        "+",
        "%",
        &long,
    ] {
        let target = format!("{POLLING}&sid={sid}");
        let name = format!("sid {}", short(sid));
        rows.push(row(4, name.clone(), On::Polling, get(&target), unknown()));
        let socket = upgrade_bytes(&target.replace("polling", "websocket"), &[]);
        rows.push(row(4, name + ", WebSocket", On::Polling, socket, unknown()));
    }
    rows
}

#[rustfmt::skip]
fn methods() -> Vec<Row> {
    let mut rows = Vec::new();
    for method in [
        "POST",
        "PUT",
        "DELETE",
        "PATCH",
        "HEAD",
        "TRACE",
        "FROBNICATE",
    ] {
        let bytes = request_bytes(method, POLLING, &[], "4hello");
        // A HEAD's answer has no body to look into.
        let code = (method != "HEAD").then_some(2);
        rows.push(row(5, format!("{method} without a sid"), On::Tcp, bytes, Http(400, code)));
    }
    for method in ["PUT", "DELETE", "PATCH"] {
        let bytes = request_bytes(method, OF_SESSION, &[], "");
        rows.push(row(5, format!("{method} with a sid"), On::Polling, bytes, Http(400, Some(3))));
    }
    for method in ["GET", "POST"] {
        let bytes = request_bytes(method, OF_SESSION, &[], "");
        let name = format!("{method} for a WebSocket's session");
        rows.push(row(6, name, On::BesideWebSocket, bytes, Http(400, Some(3))));
    }
    rows
}

#[rustfmt::skip]
fn websocket_handshakes() -> Vec<Row> {
    let target = POLLING.replace("polling", "websocket");
    let offer = "permessage-deflate; client_max_window_bits";
    let offer = upgrade_bytes(&target, &[("sec-websocket-extensions", offer)]);
    let mut rows = vec![
        row(53, "compression is offered", On::Tcp, offer, Upgraded),
        row(2, "a WebSocket without an upgrade", On::Tcp, get(&target), Http(400, Some(3))),
        row(2, "a WebSocket elsewhere", On::Tcp, upgrade_bytes("/nowhere", &[]), Http(404, None)),
    ];
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    for (name, headers) in [
        ("no key", vec![("sec-websocket-version", "13")]),
        ("no version", vec![key]),
        ("version 8", vec![key, ("sec-websocket-version", "8")]),
    ] {
        let all = [
            &[("upgrade", "websocket"), ("connection", "upgrade")],
            &headers[..],
        ]
        .concat();
        let bytes = String::from_utf8(request_bytes("GET", &target, &all, "")).unwrap();
        let bytes = bytes.replace("connection: close\r\n", "");
        rows.push(row(2, format!("a WebSocket with {name}"), On::Tcp, bytes, Http(400, None)));
    }
    rows
}
