//! Engine.IO packets on a WebSocket: those that are none, those that only servers send, and floods of good ones.

use crate::rig;
use crate::row::Expect::{Closed, Harmless, Nothing};
use crate::row::{On, Row, binary, row, short, text};
use crate::support::raw_websocket::frame;

#[actix_web::test]
async fn packets_that_clients_may_not_send_end_their_session() {
    rig::run(rows()).await;
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for packet in ["0", "0{}", "5", "6", "2probe", "5probe"] {
        rows.push(row(20, short(packet), On::Connected, text(packet), Closed(1002)));
    }
    for packet in [
        "",
        "9",
        "abc",
        "7",
        "1x",
        "\u{1e}",
        "é",
        "\0",
        " 40",
        "\u{feff}3",
        "b!!!",
        "bAQID",
    ] {
        rows.push(row(24, short(packet), On::Connected, text(packet), Closed(1002)));
        rows.push(row(24, format!("{} before CONNECT", short(packet)), On::Open, text(packet), Closed(1002)));
    }
    rows.push(row(25, "a ping", On::Connected, text("2"), Closed(1002)));
    rows.extend(floods());
    rows
}

#[rustfmt::skip]
fn floods() -> Vec<Row> {
    let pings = frame(0x89, &[b'x'; 125]).repeat(50_000);
    vec![
        row(25, "10,000 pongs", On::Connected, text("3").repeat(10_000), Nothing),
        row(25, "a pong with data", On::Connected, text("3whatever"), Nothing),
        row(25, "10,000 pongs of WebSocket", On::Connected, frame(0x8a, b"x").repeat(10_000), Nothing),
        row(25, "50,000 pings of WebSocket whose pongs are not read", On::Connected, pings, Harmless),
        row(42, "binary before CONNECT", On::Open, binary(b"x"), Closed(1002)),
    ]
}
