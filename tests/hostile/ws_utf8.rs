//! Section 6: text is UTF-8 to the letter, over fragments and writes alike.

use crate::support::raw_websocket::frame;
use crate::ws::{Case, FIRST_TEXT, LAST, MIDDLE, TEXT, run};

/// Texts in letters of one to four bytes, and letters at the edges of what there is.
const VALID: [&str; 20] = [
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "私は字幕を読む",
    "שלום",
    "🎤👩‍💻",
    "a\u{301}",
    "\0",
    "\u{7f}",
    "\u{80}",
    "\u{7ff}",
    "\u{800}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{feff}x",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10000}",
    "\u{1fffe}",
    "\u{10ffff}",
];

/// What looks like UTF-8 and is not.
const INVALID: &[(&str, &[u8])] = &[
    ("a continuation alone", b"\x80"),
    ("the last continuation alone", b"\xbf"),
    ("two continuations", b"\x80\xbf"),
    ("continuations in a row", b"\x80\xbf\x80\xbf\x80\xbf"),
    ("a letter of two bytes, cut", b"\xc3"),
    ("of three, cut behind one", b"\xe2"),
    ("of three, cut behind two", b"\xe2\x82"),
    ("of four, cut behind one", b"\xf0"),
    ("of four, cut behind two", b"\xf0\x9f"),
    ("of four, cut behind three", b"\xf0\x9f\x8e"),
    ("of two, broken off by a space", b"\xc3 x"),
    ("of three, broken off by a space", b"\xe2\x82 x"),
    ("of four, broken off by a space", b"\xf0\x9f\x8e x"),
    (
        "of three, broken off by another letter",
        b"\xe2\x82\xc3\xa9",
    ),
    ("a continuation too many", b"\xc3\xa9\xa9"),
    ("an overlong slash of two", b"\xc0\xaf"),
    ("an overlong slash of three", b"\xe0\x80\xaf"),
    ("an overlong slash of four", b"\xf0\x80\x80\xaf"),
    ("an overlong NUL", b"\xc0\x80"),
    ("the longest overlong of two", b"\xc1\xbf"),
    ("the longest overlong of three", b"\xe0\x9f\xbf"),
    ("the longest overlong of four", b"\xf0\x8f\xbf\xbf"),
    ("a letter of five bytes", b"\xf8\x88\x80\x80\x80"),
    ("a letter of six bytes", b"\xfc\x84\x80\x80\x80\x80"),
    ("the first surrogate", b"\xed\xa0\x80"),
    ("the last high surrogate", b"\xed\xaf\xbf"),
    ("the first low surrogate", b"\xed\xb0\x80"),
    ("the last surrogate", b"\xed\xbf\xbf"),
    ("a pair of surrogates", b"\xed\xa0\x80\xed\xb0\x80"),
    ("beyond the last letter", b"\xf4\x90\x80\x80"),
    ("far beyond it", b"\xf7\xbf\xbf\xbf"),
    ("the byte c0", b"\xc0"),
    ("the byte f5", b"\xf5"),
    ("the byte fe", b"\xfe"),
    ("the byte ff", b"\xff"),
    ("both of them", b"\xfe\xfe\xff\xff"),
    ("Latin 1", b"caf\xe9"),
    ("UTF-16", b"\xff\xfeh\0i\0"),
];

/// The message in two fragments, cut at every byte; and byte by byte, in fragments and in writes.
#[rustfmt::skip]
fn cut(name: &str, payload: &[u8]) -> Vec<Case> {
    let two = (0..=payload.len()).map(|at| {
        let (start, end) = payload.split_at(at);
        Case::new(format!("{name}, cut at {at}"), &[frame(FIRST_TEXT, start), frame(LAST, end)])
    });
    let mut cases: Vec<Case> = two.collect();
    let mut bytes = vec![frame(FIRST_TEXT, b"")];
    bytes.extend(payload.chunks(1).map(|byte| frame(MIDDLE, byte)));
    bytes.push(frame(LAST, b""));
    cases.push(Case::new(format!("{name}, a fragment for each byte"), &bytes));
    let whole = frame(TEXT, payload);
    cases.push(Case::new(format!("{name}, a write for each byte"), &[whole]).in_writes_of(1));
    cases
}

#[actix_web::test]
#[rustfmt::skip]
async fn text_is_utf_8_however_it_is_split() {
    let mut cases = Vec::new();
    for text in VALID {
        let payload = format!("4{text}").into_bytes();
        let name = text.escape_unicode().to_string();
        cases.push(Case::echoed(name.clone(), TEXT, &payload));
        let parts = cut(&name, &payload).into_iter();
        cases.extend(parts.map(|case| case.back(TEXT, &payload)));
    }
    for (name, bytes) in INVALID {
        for around in [("", ""), ("4before ", " behind"), ("4€", "€")] {
            let payload = [around.0.as_bytes(), bytes, around.1.as_bytes()].concat();
            let name = format!("{name} in {around:?}");
            cases.push(Case::new(name.clone(), &[frame(TEXT, &payload)]).closed(1007));
            if around.0.is_empty() {
                let parts = cut(&name, &payload).into_iter();
                cases.extend(parts.map(|case| case.closed(1007)));
            }
        }
    }
    // Binary is not text.
    cases.push(Case::echoed("the same as binary", 0x82, b"\xfe\xed\xa0\x80\xc0\xff"));
    run(cases).await;
}
