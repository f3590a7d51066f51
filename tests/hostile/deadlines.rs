//! What never ends by itself is ended by its deadline. The rows of a table wait together.

use crate::rig::Rig;
use crate::row::Expect::{Closed, Cut, Ends, Http};
use crate::row::{OF_SESSION, On, Row, row, text};

#[actix_web::test]
async fn what_never_ends_is_ended_by_its_deadline() {
    let mut rig = Rig::start(&[]).await;
    rig.run_together(&rows()).await;
    rig.finish().await;
}

#[actix_web::test]
async fn silence_is_ended_by_its_deadline() {
    // The deadlines that an operator sets, short enough to wait for, long enough for a slow machine.
    let settings = [
        ("SWITCHBOARD_CONNECT_TIMEOUT_MS", "3000"),
        ("SWITCHBOARD_PING_INTERVAL_MS", "1000"),
        ("SWITCHBOARD_PING_TIMEOUT_MS", "4000"),
    ];
    let mut rig = Rig::start(&settings).await;
    rig.run_together(&of_silence()).await;
    rig.finish().await;
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let post = format!("POST {OF_SESSION} HTTP/1.1\r\nhost: test\r\n");
    let announced = format!("{post}content-length: 900000\r\n\r\n4");
    let chunked = format!("{post}transfer-encoding: chunked\r\n\r\n1\r\n4\r\nffff\r\n");
    let one = text(r#"451-["a",{"_placeholder":true,"num":0}]"#);
    let part = [&one[..], &[0x82, 0x81, 0, 0, 0, 0][..]].concat();
    vec![
        row(13, "a body byte by byte", On::Polling, announced, Ends(408, None)).trickling(b'4'),
        row(13, "a chunk byte by byte", On::Polling, chunked, Ends(408, None)).trickling(b'4'),
        row(15, "a head byte by byte", On::Tcp, "GET / HTTP/1.1\r\nx: ", Http(408, None)).trickling(b'x'),
        row(15, "a head without an end", On::Tcp, "GET / HTTP/1.1\r\n", Http(408, None)),
        row(18, "a probe that is never completed", On::Candidate, text("2probe"), Closed(1002)),
        row(18, "a WebSocket that never probes", On::Candidate, "", Closed(1002)),
        row(39, "an attachment that never comes", On::Connected, one, Closed(1008)),
        row(39, "an attachment whose frame never ends", On::Connected, part, Closed(1008)),
    ]
}

#[rustfmt::skip]
pub fn of_silence() -> Vec<Row> {
    vec![
        row(26, "no pong", On::Connected, "", Cut),
        row(26, "no pong from a member", On::Connected, text(r#"42["join_room","S/1"]"#), Cut),
        row(26, "pongs before the ping alone", On::Connected, text("3").repeat(100), Cut),
        row(26, "no pong while half a frame waits", On::Connected, &text("42")[..3], Cut),
        row(27, "no CONNECT", On::Open, "", Closed(1008)),
        row(27, "no CONNECT, but pongs", On::Open, text("3").repeat(3), Closed(1008)),
        row(27, "half a CONNECT", On::Open, &text("40{}")[..5], Closed(1008)),
    ]
}
