//! Binary packets: counts, sequences and placeholders that are wrong.

use crate::rig;
use crate::row::Expect::Closed;
use crate::row::{On, Row, binary, row, text};

/// A packet that announces one attachment.
const ONE: &str = r#"451-["join_room",{"_placeholder":true,"num":0}]"#;

#[actix_web::test]
async fn broken_attachments_end_their_session() {
    rig::run(rows()).await;
}

pub fn rows() -> Vec<Row> {
    let mut rows = counts();
    rows.extend(sequences());
    rows.extend(placeholders());
    rows
}

#[rustfmt::skip]
fn counts() -> Vec<Row> {
    let mut rows = Vec::new();
    for count in [
        "11-",
        "99-",
        "1e9-",
        "-1-",
        "1.5-",
        ".5-",
        "99999999999999999999-",
        "",
        "-",
        "+1-",
        "01-",
        "00-",
        " 1-",
        "1",
        "/",
    ] {
        let packet = format!(r#"45{count}["a"]"#);
        rows.push(row(40, packet.clone(), On::Connected, text(&packet), Closed(1002)));
        let packet = packet.replace("45", "46");
        rows.push(row(40, packet.clone(), On::Connected, text(packet), Closed(1002)));
    }
    rows
}

#[rustfmt::skip]
fn sequences() -> Vec<Row> {
    let none = text(r#"450-["leave_room","S/1"]"#);
    let two = r#"452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let then = |first: &[u8], more: &[Vec<u8>]| [first, &more.concat()].concat();
    let wrong = |group, name: &str, bytes| row(group, name, On::Connected, bytes, Closed(1002));
    let flood = vec![binary(b"x"); 10_000];
    let large = [binary(&[7; 600_000]), binary(&[7; 600_000])];
    let just = [binary(&[7; 999_999]), binary(&[7; 2])];
    vec![
        wrong(41, "none announced, one sent", then(&none, &[binary(b"x")])),
        wrong(41, "none announced, a flood", then(&none, &flood)),
        wrong(42, "binary without a header", binary(b"x")),
        wrong(42, "empty binary without a header", binary(b"")),
        wrong(42, "one announced, two sent", then(&text(ONE), &[binary(b"x"), binary(b"x")])),
        wrong(43, "an event inside", then(&text(ONE), &[text(r#"42["leave_room","S/1"]"#)])),
        wrong(43, "a second header inside", then(&text(ONE), &[text(ONE)])),
        wrong(43, "a disconnect inside", then(&text(ONE), &[text("41")])),
        wrong(45, "too much in two", then(&text(two), &large)),
        wrong(45, "a byte too much in two", then(&text(two), &just)),
    ]
}

#[rustfmt::skip]
fn placeholders() -> Vec<Row> {
    let mut rows = Vec::new();
    for number in [
        "-1",
        "1.5",
        "\"0\"",
        "1",
        "2",
        "64",
        "1e0",
        "null",
        "true",
        "[0]",
        "{}",
        "1e400",
        "18446744073709551615",
        "18446744073709551616",
    ] {
        let packet = format!(r#"451-["a",{{"_placeholder":true,"num":{number}}}]"#);
        let bytes = [text(packet), binary(b"x")].concat();
        rows.push(row(44, format!("num {number}"), On::Connected, bytes, Closed(1002)));
    }
    for arguments in [
        r#"{"_placeholder":true}"#,
        r#"1"#,
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":0},[{"_placeholder":true,"num":0}]"#,
        r#"{"_placeholder":false,"num":0}"#,
    ] {
        let bytes = [text(format!(r#"451-["a",{arguments}]"#)), binary(b"x")].concat();
        rows.push(row(44, arguments, On::Connected, bytes, Closed(1002)));
    }
    let none = text(r#"450-["a",{"_placeholder":true,"num":0}]"#);
    rows.push(row(44, "none announced, one placed", On::Connected, none, Closed(1002)));
    rows
}
