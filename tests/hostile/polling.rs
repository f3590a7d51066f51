//! Requests of a polling session: two at once, bodies that are too much, bodies that are no packets.

use crate::rig;
use crate::row::Expect::{Ends, Gone};
use crate::row::{OF_SESSION, On, Row, get, post, row};
use crate::support::http::request_bytes;

#[actix_web::test]
async fn a_polling_session_ends_at_its_first_bad_request() {
    rig::run(rows()).await;
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        row(8, "a second poll", On::PollWaits, get(OF_SESSION), Ends(400, Some(3))),
        row(9, "a second POST", On::PostWaits, post("3"), Ends(400, Some(3))),
        row(17, "a poll broken off, keep-alive", On::PollBrokenOff("keep-alive"), "", Gone),
        row(17, "a poll broken off, HTTP/1.0's way", On::PollBrokenOff("close"), "", Gone),
    ];
    rows.extend(kinds());
    rows.extend(sizes());
    rows.extend(payloads());
    rows
}

fn kinds() -> Vec<Row> {
    let kinds = [
        "application/octet-stream",
        "application/octet-stream; charset=utf-8",
    ];
    let rows = kinds.into_iter().map(|kind| {
        let bytes = request_bytes("POST", OF_SESSION, &[("content-type", kind)], "4hello");
        row(10, kind, On::Polling, bytes, Ends(400, None))
    });
    rows.collect()
}

#[rustfmt::skip]
fn sizes() -> Vec<Row> {
    let body = |size: usize| [b"4".to_vec(), vec![b'x'; size - 1]].concat();
    let begun = |headers: &str, bytes: &[u8]| {
        let head = format!("POST {OF_SESSION} HTTP/1.1\r\nhost: test\r\n{headers}\r\n\r\n");
        [head.as_bytes(), bytes].concat()
    };
    let chunk = |size: usize| format!("{size:x}\r\n{}\r\n", "x".repeat(size));
    let too_large = || Ends(413, None);
    let announced = begun("content-length: 100000000", &body(1_000_001));
    let nothing_sent = begun("content-length: 1000000000000", b"");
    let two = begun(
        "transfer-encoding: chunked",
        chunk(1_000_000).repeat(2).as_bytes(),
    );
    let small = begun(
        "transfer-encoding: chunked",
        chunk(1_000).repeat(1_002).as_bytes(),
    );
    vec![
        row(11, "a byte too many", On::Polling, post(body(1_000_001)), too_large()),
        row(11, "100 MB announced, a hundredth sent", On::Polling, announced, too_large()),
        row(11, "a terabyte announced, nothing sent", On::Polling, nothing_sent, too_large()),
        row(12, "large chunks without an end", On::Polling, two, too_large()),
        row(12, "small chunks without an end", On::Polling, small, too_large()),
    ]
}

#[rustfmt::skip]
fn payloads() -> Vec<Row> {
    let refused =
        |group, name: &str, body: &[u8]| row(group, name, On::Polling, post(body), Ends(400, None));
    let pongs = vec!["3"; 100_000].join("\x1e");
    let mut rows = vec![
        refused(22, "100,000 empty packets", "\x1e".repeat(100_000).as_bytes()),
        refused(22, "100,000 pongs", pongs.as_bytes()),
        refused(22, "an empty packet between others", b"3\x1e\x1e3"),
        refused(22, "an empty packet behind another", b"3\x1e"),
        refused(22, "nothing", b""),
        refused(50, "a POST that is no UTF-8", b"4\xff\xfe"),
    ];
    for body in ["b!!!", "bAQID\n", "bAQI", "bAQID=", "b-_8=", "bé"] {
        rows.push(refused(23, body, body.as_bytes()));
    }
    for body in ["9", "d=4hello", "6:4hello", "\u{feff}3", " 3"] {
        rows.push(refused(24, body, body.as_bytes()));
    }
    // The POST has been read when its packets are: its answer says no more than that.
    for body in ["2", "2probe", "5", "6", "0{}", "4abc", "49", "40[]"] {
        rows.push(row(24, body, On::Polling, post(body), Ends(200, None)));
    }
    rows
}
