//! Events and acknowledgements: malformed ones, reserved and unknown names, ack ids, JSON at its edges.

use crate::rig;
use crate::row::Expect::{Answered, Closed, ErrorAck, ErrorEvent, Nothing};
use crate::row::{On, Row, row, short, text};

#[actix_web::test]
async fn malformed_events_end_their_session_and_odd_ones_are_plain_data() {
    rig::run(rows()).await;
}

pub fn rows() -> Vec<Row> {
    let mut rows = malformed();
    rows.extend(names());
    rows.extend(acknowledgements());
    rows.extend(json());
    rows.extend(plain_data());
    rows
}

#[rustfmt::skip]
fn malformed() -> Vec<Row> {
    let mut rows = Vec::new();
    for packet in [
        "4",
        "4abc",
        "42",
        "42{}",
        "42abc[\"a\"]",
        "42[]",
        "42[null]",
        "42[{}]",
        "42[1]",
        "42[[\"a\"]]",
        "42[\"a\"",
        "42[\"a\"]x",
        "42[\"a\",]",
        "42[\"a\" \"b\"]",
        "42\"a\"",
        "42null",
        "42[\"a\",b]",
        "42 [\"a\"",
        "42]",
        "42[\"a\"][\"b\"]",
        // Packets that only servers send, or nobody.
        "44",
        "44{}",
        "44{\"message\":\"x\"}",
        "48[\"a\"]",
        "47",
        "41x",
        "4\u{feff}2[\"a\"]",
    ] {
        rows.push(row(34, short(packet), On::Connected, text(packet), Closed(1002)));
    }
    rows
}

#[rustfmt::skip]
fn names() -> Vec<Row> {
    let mut rows = Vec::new();
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
        r"\u0063onnect",
    ] {
        let packet = format!("42[\"{name}\"]");
        rows.push(row(34, packet.clone(), On::Connected, text(packet), Closed(1002)));
    }
    for size in [257, 100_000, 990_000] {
        let packet = format!("42[\"{}\"]", "n".repeat(size));
        rows.push(row(35, format!("a name of {size} bytes"), On::Connected, text(packet), Closed(1002)));
    }
    let long = "n".repeat(200);
    for name in [
        "nonsense",
        "__proto__",
        "constructor",
        "final",
        "unauthorized",
        "error",
        "",
        &long,
    ] {
        let asked = text(format!(r#"421["{name}",{{"__proto__":{{"ok":true}}}}]"#));
        rows.push(row(34, format!("the unknown name {}", short(name)), On::Connected, asked, ErrorAck));
        let said = text(format!(r#"42["{name}"]"#));
        let expect = ErrorEvent("UNKNOWN_EVENT");
        rows.push(row(34, format!("{} without an ack", short(name)), On::Connected, said, expect));
    }
    rows
}

#[rustfmt::skip]
fn acknowledgements() -> Vec<Row> {
    let zeros = format!("42{}1[\"a\"]", "0".repeat(990_000));
    let mut rows = Vec::new();
    for packet in [
        "4218446744073709551616[\"a\"]",
        "42-1[\"a\"]",
        "4201[\"a\"]",
        "4200[\"a\"]",
        "421.5[\"a\"]",
        "421e3[\"a\"]",
        "42+1[\"a\"]",
        "42\u{661}[\"a\"]",
        &zeros,
    ] {
        rows.push(row(36, short(packet), On::Connected, text(packet), Closed(1002)));
    }
    let largest = text(r#"4218446744073709551615["leave_room","S/1"]"#);
    let answer = r#"4318446744073709551615[{"ok":true}]"#.to_owned();
    rows.push(row(36, "the largest ack id", On::Connected, largest, Answered(vec![answer])));
    for packet in ["431[]", "430[1,2]", r#"4318446744073709551615["x"]"#] {
        let again = text(packet).repeat(100);
        rows.push(row(37, format!("{packet}, 100 times"), On::Connected, again, Nothing));
    }
    for packet in [
        "43",
        "43[]",
        "43[1]",
        "43-1[1]",
        "431{}",
        "431",
        "431null",
        "4318446744073709551616[]",
    ] {
        rows.push(row(38, packet, On::Connected, text(packet), Closed(1002)));
    }
    rows
}

#[rustfmt::skip]
fn json() -> Vec<Row> {
    let nested = |depth: usize| format!(r#"42["a",{}{}]"#, "[".repeat(depth), "]".repeat(depth));
    let objects = format!(
        r#"42["a",{}1{}]"#,
        r#"{"a":"#.repeat(50_000),
        "}".repeat(50_000)
    );
    let open = format!(r#"42["a",{}"#, "[".repeat(400_000));
    let mut rows = Vec::new();
    for packet in [&nested(128), &nested(100_000), &objects, &open] {
        rows.push(row(46, short(packet), On::Connected, text(packet), Closed(1002)));
    }
    for packet in [
        "42[\"a\",\"\n\"]",
        "42[\"a\",\"\u{1e}\"]",
        "42[\"a\",\u{feff}1]",
        "42\u{feff}[\"a\"]",
        r#"42["a",NaN]"#,
        r#"42["a",Infinity]"#,
        r#"42["a",01]"#,
        r#"42["a",1.]"#,
        r#"42["a",.5]"#,
        r#"42["a",0x1]"#,
        r#"42["a",'b']"#,
        r#"42["a",/**/1]"#,
        r#"42["\ud800"]"#,
        r#"42["a","\x"]"#,
        r#"42["a",{1:2}]"#,
    ] {
        rows.push(row(47, short(packet), On::Connected, text(packet), Closed(1002)));
    }
    rows
}

#[rustfmt::skip]
fn plain_data() -> Vec<Row> {
    let ask = |argument: &str| text(format!(r#"421["join_room",{argument}]"#));
    let mut rows = Vec::new();
    for argument in [
        "1e400",
        "-1e-400",
        "-0",
        r#"{"a":1,"a":2}"#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ufeff""#,
        "123456789012345678901234567890",
    ] {
        rows.push(row(47, argument, On::Connected, ask(argument), ErrorAck));
    }
    for argument in [
        r#"{"__proto__":{"admin":true},"constructor":{"prototype":{}}}"#,
        r#"["__proto__"]"#,
        r#""__proto__""#,
    ] {
        rows.push(row(48, argument, On::Connected, ask(argument), ErrorAck));
    }
    let options = r#""S/9",{"__proto__":{"history":5},"constructor":1}"#;
    let joined = Answered(vec![r#"431[{"ok":true}]"#.to_owned()]);
    rows.push(row(48, "__proto__ among the options", On::Connected, ask(options), joined));
    rows
}
