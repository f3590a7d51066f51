//! Socket.IO's CONNECT: none, twice, to namespaces that are none, with auth of another shape.

use crate::rig;
use crate::row::Expect::{Answered, Closed, Nothing, Refused};
use crate::row::{On, Row, row, short, text};
use crate::support::tokens;

#[actix_web::test]
async fn connects_that_are_none_end_the_session_or_are_refused() {
    rig::run(rows()).await;
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for packet in [
        r#"42["join_room","S/1"]"#,
        r#"421["leave_room","S/1"]"#,
        r#"42/x,["a"]"#,
        "41",
        "41/x,",
        "431[1]",
        r#"450-["a"]"#,
    ] {
        let is_harmless = packet.starts_with("41") || packet.starts_with("43");
        let expect = if is_harmless { Nothing } else { Closed(1002) };
        rows.push(row(28, packet, On::Open, text(packet), expect));
    }
    let again = format!(r#"40{{"token":"{}"}}"#, tokens::guest("S"));
    for packet in ["40", "40{}", "40/,", &again] {
        rows.push(row(29, short(packet), On::Connected, text(packet), Closed(1002)));
    }
    let elsewhere = text(r#"42/elsewhere,["join_room","S/1"]"#);
    rows.push(row(28, "an event elsewhere", On::Connected, elsewhere, Closed(1002)));
    rows.extend(namespaces());
    rows.extend(auth());
    rows
}

#[rustfmt::skip]
fn namespaces() -> Vec<Row> {
    let unknown = |name: &str| {
        Answered(vec![format!(
            r#"44/{name},{{"message":"Invalid namespace"}}"#
        )])
    };
    let mut rows = vec![
        row(30, "an unknown namespace", On::Open, text("40/x,"), unknown("x")),
        row(30, "the same without a comma", On::Open, text("40/x"), unknown("x")),
        row(30, "an unknown one beside another", On::Connected, text("40/__proto__,"), unknown("__proto__")),
        row(30, "10,000 of the same", On::Open, text("40/x,").repeat(10_000), Closed(1008)),
    ];
    let many: Vec<u8> = (0..10_000)
        .flat_map(|n| text(format!("40/n{n},")))
        .collect();
    rows.push(row(30, "10,000 unknown ones", On::Open, many.clone(), Closed(1008)));
    rows.push(row(32, "10,000 unknown ones of a connected socket", On::Connected, many, Closed(1008)));
    for packet in [
        format!("40/{},", "x".repeat(999_000)),
        format!("40/{}", "x".repeat(999_000)),
        format!("42/{},[\"a\"]", "x".repeat(10_000)),
        format!("41/{},", "x".repeat(10_000)),
        "42/x[\"a\"]".to_owned(),
        "40/\0,".to_owned(),
        "40/a\nb,".to_owned(),
        "40x,".to_owned(),
        "40custom".to_owned(),
    ] {
        rows.push(row(31, short(&packet), On::Connected, text(&packet), Closed(1002)));
        rows.push(row(31, format!("{} at first", short(&packet)), On::Open, text(&packet), Closed(1002)));
    }
    rows
}

#[rustfmt::skip]
fn auth() -> Vec<Row> {
    let large = format!(r#"{{"token":"{}"}}"#, "x".repeat(990_000));
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    let mut rows = Vec::new();
    for auth in [
        "[]",
        "1",
        "-1",
        "\"text\"",
        "true",
        "null,",
        "{",
        "{}x",
        "{}{}",
        "{\"token\":}",
        "{token:1}",
        &large,
        &deep,
    ] {
        rows.push(row(33, short(auth), On::Open, text(format!("40{auth}")), Closed(1002)));
    }
    for auth in [
        r#"{"token":1}"#,
        r#"{"token":{}}"#,
        r#"{"token":["x"]}"#,
        r#"{"token":true}"#,
        r#"{"publicToken":{"token":"x"}}"#,
        r#"{"token":"a","token":"b"}"#,
    ] {
        rows.push(row(33, auth, On::Open, text(format!("40{auth}")), Refused("Invalid token")));
    }
    for auth in [
        "",
        "{}",
        r#"{"token":null}"#,
        r#"{"token":""}"#,
        r#"{"__proto__":{"token":"x"}}"#,
    ] {
        let missing = Refused("Authentication required");
        rows.push(row(33, format!("auth {auth:?}"), On::Open, text(format!("40{auth}")), missing));
    }
    rows
}
