//! Room ids that are none, or another's: an error for who asked, and no subscription.

use serde_json::json;

use crate::rig::Rig;
use crate::row::Expect::{Denied, ErrorAck, ErrorEvent};
use crate::row::{On, Row, row, short, text};
use crate::support::http::metric;
use crate::support::server::STANDING_FILTERS;

#[actix_web::test]
async fn bad_room_ids_are_errors_and_reach_no_broker() {
    let mut rig = Rig::start(&[]).await;
    rig.run(&rows()).await;
    // The neighbour's four, and not one more.
    let subscribed = metric(rig.address, "filters_subscribed_total").await;
    assert_eq!(subscribed, STANDING_FILTERS + 4);
    rig.finish().await;
}

#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for id in bad_ids() {
        for event in ["join_room", "leave_room"] {
            let comma = if id.is_empty() { "" } else { "," };
            let name = format!("{event} {}", short(&id));
            let asked = text(format!(r#"421["{event}"{comma}{id}]"#));
            rows.push(row(67, name.clone(), On::Connected, asked, ErrorAck));
            let said = text(format!(r#"42["{event}"{comma}{id}]"#));
            rows.push(row(67, name + ", no ack", On::Connected, said, ErrorEvent("INVALID_ROOM")));
        }
    }
    // Well-formed, but of others: a guest has one session.
    for id in ["T/1", "s/1", "S1/1", "acme/1", "constructor/1", "SS/1"] {
        let asked = text(format!(r#"421["join_room","{id}"]"#));
        rows.push(row(67, format!("join_room {id}"), On::Connected, asked, Denied));
    }
    rows
}

/// What stands where a room id is wanted, as JSON; empty for no argument at all.
fn bad_ids() -> Vec<String> {
    let values = [
        "",
        "null",
        "true",
        "1",
        "1.5",
        "-1e9",
        "{}",
        r#"{"room":"S/1"}"#,
        r#"{"toString":"S/1"}"#,
        "[]",
        r#"["S/1"]"#,
        r#"["S","1"]"#,
    ];
    let texts = [
        "",
        " ",
        "/",
        "S",
        "S/",
        "/1",
        "S/1/",
        "/S/1",
        "S//1",
        "S/1/2",
        "S/1/final",
        "+",
        "#",
        "S/+",
        "S/#",
        "+/1",
        "#/1",
        "+/+",
        "S/1#",
        "S/1+",
        "a/#",
        "$SYS/#",
        "$SYS/1",
        "$share/x/y",
        "$share/g/transcriber",
        "$queue/1",
        "../1",
        "S/..",
        "S/../1",
        "..",
        "./1",
        "S/.",
        "S/1\0",
        "\0/1",
        "S/1\n",
        "S /1",
        "S/ 1",
        "S/é",
        "S/１",
        "S\\1",
        "S%2F1",
        "S/1?x",
        "__proto__/",
        "constructor",
        "\u{feff}S/1",
        "\u{202e}S/1",
        "S/1'; DROP TABLE finals",
    ];
    let long = [
        "x".repeat(999_000),
        format!("{}/1", "s".repeat(129)),
        format!("S/{}", "1".repeat(65)),
        "/".repeat(65_400),
        "S/1/".repeat(10_000),
    ];
    let texts = texts.map(ToOwned::to_owned).into_iter().chain(long);
    let quoted = texts.map(|text| json!(text).to_string());
    values
        .map(ToOwned::to_owned)
        .into_iter()
        .chain(quoted)
        .collect()
}
