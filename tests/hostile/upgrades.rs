//! WebSockets that want to take over a polling session. Whatever they do wrong, the session goes on.

use crate::rig;
use crate::row::Expect::{Closed, Http};
use crate::row::{On, Row, row, text};
use crate::support::http::upgrade_bytes;
use crate::support::raw_websocket::frame;

#[actix_web::test]
async fn a_bad_upgrade_leaves_its_session_as_it_was() {
    rig::run(rows()).await;
}

pub fn rows() -> Vec<Row> {
    let mut rows = requests();
    rows.extend(probes());
    rows
}

#[rustfmt::skip]
fn requests() -> Vec<Row> {
    let target = |query: &str| format!("/socket.io/?{query}");
    let second = upgrade_bytes(&target("EIO=4&transport=websocket&sid={sid}"), &[]);
    let mut rows = vec![
        row(7, "a second WebSocket during the probe", On::BesideProbe, second.clone(), Closed(1008)),
        row(7, "a second WebSocket behind the upgrade", On::BesideWebSocket, second, Closed(1008)),
    ];
    for (query, code) in [
        ("EIO=3&transport=websocket&sid={sid}", 5),
        ("transport=websocket&sid={sid}", 5),
        ("EIO=abc&transport=websocket&sid={sid}", 5),
        ("EIO=4&transport=polling&sid={sid}", 3),
        ("EIO=4&transport=webtransport&sid={sid}", 0),
        ("EIO=4&sid={sid}", 0),
        ("EIO=4&transport=websocket&sid=unknown", 1),
        ("EIO=4&transport=websocket&sid=", 1),
    ] {
        let bytes = upgrade_bytes(&target(query), &[]);
        rows.push(row(19, query, On::Polling, bytes, Http(400, Some(code))));
    }
    rows
}

#[rustfmt::skip]
fn probes() -> Vec<Row> {
    let wrong = [
        &["5"][..],
        &["2"],
        &["2Probe"],
        &["2probe "],
        &["4hello"],
        &["6"],
        &["1"],
        &["3"],
        &["40"],
        &["2probe", "2probe"],
        &["2probe", "4hello"],
        &["2probe", "6"],
        &["2probe", "3probe"],
        &["2probe", "1"],
    ];
    let mut rows = Vec::new();
    for packets in wrong {
        let bytes = packets.iter().flat_map(text).collect::<Vec<u8>>();
        rows.push(row(20, packets.join(", then "), On::Candidate, bytes, Closed(1002)));
    }
    for (name, bytes) in [
        ("a binary probe", frame(0x82, b"2probe")),
        ("an unmasked probe", b"\x81\x062probe".to_vec()),
        ("a close frame", frame(0x88, &1000u16.to_be_bytes())),
    ] {
        rows.push(row(20, name, On::Candidate, bytes, Closed(1002)));
    }
    rows
}
