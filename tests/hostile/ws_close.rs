//! Section 7: who closes is answered with the same code, and nothing more.

use crate::support::raw_websocket::frame;
use crate::ws::{BINARY, CLOSE, Case, FIRST_TEXT, LAST, PING, TEXT, run};

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

#[actix_web::test]
async fn a_close_frame_is_returned_with_its_code_and_ends_everything() {
    let mut cases = codes();
    cases.extend(payloads());
    cases.extend(surroundings());
    run(cases).await;
}

fn codes() -> Vec<Case> {
    let mut cases = Vec::new();
    // RFC 6455, and those that were registered since; the last four are anybody's.
    for code in (1000..=1003)
        .chain(1007..=1014)
        .chain([3000, 3999, 4000, 4999])
    {
        cases.push(Case::new(format!("code {code}"), &[close(code, b"")]).closed(code));
        cases.push(Case::new(format!("code {code} and why"), &[close(code, b"why")]).closed(code));
    }
    for code in [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535,
    ] {
        cases.push(Case::new(format!("code {code}"), &[close(code, b"")]).closed(1002));
        cases.push(Case::new(format!("code {code} and why"), &[close(code, b"why")]).closed(1002));
    }
    cases
}

#[rustfmt::skip]
fn payloads() -> Vec<Case> {
    let letters = "é".repeat(61);
    vec![
        Case::new("no code", &[frame(CLOSE, b"")]).closed(1000),
        Case::new("half a code", &[frame(CLOSE, b"\x03")]).closed(1002),
        Case::new("a reason of 123 bytes", &[close(1000, &[b'*'; 123])]).closed(1000),
        Case::new("a reason of 122 bytes in letters of two", &[close(1000, letters.as_bytes())]).closed(1000),
        Case::new("a reason of 124 bytes", &[close(1000, &[b'*'; 124])]).closed(1002),
        Case::new("a reason that is no UTF-8", &[close(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")]).closed(1007),
        Case::new("a reason cut within a letter", &[close(1000, &[&[b'*'; 122][..], b"\xc3"].concat())]).closed(1007),
        Case::new("byte by byte", &[close(1001, b"going away")])
            .in_writes_of(1)
            .closed(1001),
        Case::new("in fragments", &[frame(0x08, b"\x03"), frame(LAST, b"\xe8")]).closed(1002),
        Case::new("unmasked", &[b"\x88\x02\x03\xe8".to_vec()]).closed(1002),
    ]
}

#[rustfmt::skip]
fn surroundings() -> Vec<Case> {
    let normal = || close(1000, b"");
    let text = || frame(TEXT, b"4x");
    let ping = frame(PING, b"?");
    vec![
        Case::new("behind a message", &[text(), normal()])
            .back(TEXT, "4x")
            .closed(1000),
        Case::new("twice", &[normal(), normal()]).closed(1000),
        Case::new("then another code", &[normal(), close(1001, b"")]).closed(1000),
        Case::new("then a message", &[normal(), text()]).closed(1000),
        Case::new("then a ping", &[normal(), ping]).closed(1000),
        Case::new("then what is no frame", &[normal(), vec![0xff; 1_000]]).closed(1000),
        Case::new("then a message of 256 KiB", &[normal(), frame(BINARY, &[0; 256 * 1024])]).closed(1000),
        Case::new("within a message", &[frame(FIRST_TEXT, b"4a"), normal(), frame(LAST, b"b")]).closed(1000),
    ]
}
