//! What must not get into the log as it is: line breaks, escapes of terminals, secrets. Every program that the tables start logs
//! at `debug`, and `rig.rs` reads all of it.

use serde_json::json;

use crate::rig;
use crate::row::Expect::{Closed, ErrorAck, Http, NoHttp, Refused};
use crate::row::{On, POLLING, Row, get, row, text};
use crate::support::http::request_bytes;
use crate::support::tokens;

/// A line of its own, in red, that ends the program for who believes it.
const FORGED: &str =
    "\r\n[2026-11-21T00:00:00Z ERROR switchboard] \u{1b}[31mgone\u{1b}[0m\u{7}\u{9b}2J";

#[actix_web::test]
async fn what_clients_send_forges_no_line_of_the_log() {
    rig::run(rows()).await;
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let forged = json!(FORGED).to_string();
    let encoded = "%0d%0a[2026-11-21T00:00:00Z%20ERROR]%20%1b[31m";
    let event = |arguments: &str| text(format!("421[{arguments}]"));
    let token = tokens::guest("S");
    let header = [
        ("x-forwarded-for", "\u{1b}[31m"),
        ("user-agent", "\u{1b}]0;x\u{7}"),
    ];
    let query = format!("{POLLING}&token={token}&sid={encoded}");
    let cases = [
        row(79, "an event's name", On::Connected, event(&forged), ErrorAck),
        row(79, "a room id", On::Connected, event(&format!(r#""join_room",{forged}"#)), ErrorAck),
        row(79, "a namespace", On::Connected, text(format!("40/{FORGED},")), Closed(1002)),
        row(79, "a packet", On::Connected, text(format!("4{FORGED}")), Closed(1002)),
        row(79, "a sid", On::Tcp, get(&format!("{POLLING}&sid={encoded}")), Http(400, Some(1))),
        row(79, "a token in a query", On::Tcp, get(&query), Http(400, Some(1))),
        row(79, "a path", On::Tcp, get(&format!("/{encoded}")), Http(404, None)),
        row(79, "headers", On::Tcp, request_bytes("GET", "/nowhere", &header, ""), NoHttp),
    ];
    let mut rows = Vec::from(cases);
    for auth in [
        json!({ "token": FORGED }),
        json!({ "token": format!("{token}{FORGED}") }),
    ] {
        let packet = text(format!("40{auth}"));
        rows.push(row(79, "a token", On::Open, packet, Refused("Invalid token")));
    }
    rows
}
