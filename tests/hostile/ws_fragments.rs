//! Section 5: messages in fragments, and what may stand between them.

use crate::support::raw_websocket::frame;
use crate::ws::{BINARY, Case, FIRST_BINARY, FIRST_TEXT, LAST, MIDDLE, PING, PONG, TEXT, run};

fn first(payload: &str) -> Vec<u8> {
    frame(FIRST_TEXT, payload.as_bytes())
}

fn middle(payload: &str) -> Vec<u8> {
    frame(MIDDLE, payload.as_bytes())
}

fn last(payload: &str) -> Vec<u8> {
    frame(LAST, payload.as_bytes())
}

fn ping() -> Vec<u8> {
    frame(PING, b"?")
}

#[actix_web::test]
async fn fragments_are_joined_and_only_control_frames_may_stand_between_them() {
    let mut cases = whole();
    cases.extend(broken());
    run(cases).await;
}

/// Each message in one write, in small ones, and byte by byte.
#[rustfmt::skip]
fn whole() -> Vec<Case> {
    let ping_between = [first("4he"), ping(), last("llo")];
    let pings_between = [first("4h"), ping(), middle("el"), ping(), last("lo")];
    let pong_between = [first("4he"), frame(PONG, b"!"), last("llo")];
    let singles: Vec<_> = std::iter::once(first("4"))
        .chain("hello".chars().map(|letter| middle(&letter.to_string())))
        .chain([last("")])
        .collect();
    let messages: [(&str, &[Vec<u8>], usize); 9] = [
        ("two fragments", &[first("4he"), last("llo")], 0),
        ("three fragments", &[first("4h"), middle("el"), last("lo")], 0),
        ("letter by letter", &singles, 0),
        ("an empty first", &[first(""), last("4hello")], 0),
        ("an empty last", &[first("4hello"), last("")], 0),
        ("an empty middle", &[first("4he"), middle(""), last("llo")], 0),
        ("a ping between", &ping_between, 1),
        ("pings between", &pings_between, 2),
        ("a pong between", &pong_between, 0),
    ];
    let mut cases = Vec::new();
    for (name, frames, pongs) in messages {
        for write in [usize::MAX, 7, 1] {
            let case =
                Case::new(format!("{name}, in writes of {write}"), frames).in_writes_of(write);
            let case = (0..pongs).fold(case, |case, _| case.back(PONG, "?"));
            cases.push(case.back(TEXT, "4hello"));
        }
    }
    let binary = [
        frame(FIRST_BINARY, b"\x00\xff"),
        frame(MIDDLE, b"\xfe"),
        frame(LAST, b""),
    ];
    cases.push(Case::new("binary", &binary).back(BINARY, b"\x00\xff\xfe"));
    let nothing = [
        frame(FIRST_BINARY, b""),
        frame(MIDDLE, b""),
        frame(LAST, b""),
    ];
    cases.push(Case::new("empty binary", &nothing).back(BINARY, b""));
    let twice = [first("4a"), last("b"), first("4c"), last("d")];
    cases.push(Case::new("one message after the other", &twice).back(TEXT, "4ab").back(TEXT, "4cd"));
    cases
}

#[rustfmt::skip]
fn broken() -> Vec<Case> {
    let text = frame(TEXT, b"4x");
    vec![
        Case::new("a last of nothing", &[last("4x")]).closed(1002),
        Case::new("a middle of nothing", &[middle("4x")]).closed(1002),
        Case::new("a middle of nothing, then a message", &[middle("4x"), text.clone()]).closed(1002),
        Case::new("a last behind a whole message", &[text.clone(), last("x")])
            .back(TEXT, "4x")
            .closed(1002),
        Case::new("a second last", &[first("4a"), last("b"), last("c")])
            .back(TEXT, "4ab")
            .closed(1002),
        Case::new("text inside", &[first("4a"), text.clone()]).closed(1002),
        Case::new("binary inside", &[first("4a"), frame(BINARY, b"x")]).closed(1002),
        Case::new("a first inside", &[first("4a"), first("4b")]).closed(1002),
        Case::new("text inside binary", &[frame(FIRST_BINARY, b"a"), text]).closed(1002),
        Case::new("text inside, behind a ping", &[first("4a"), ping(), frame(TEXT, b"4b")]).back(PONG, "?").closed(1002),
        Case::new("a ping in fragments", &[frame(0x09, b"a"), last("b")]).closed(1002),
        Case::new("a ping in fragments, inside", &[first("4a"), frame(0x09, b"?"), last("b")]).closed(1002),
    ]
}
