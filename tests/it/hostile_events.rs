//! Hostile Socket.IO events, acknowledgements, attachments and JSON: each ends its own session with the right
//! code, or is refused with an error, and nobody else notices.

use crate::hostile_packets::{Sent, expect_closed, text};
use crate::support::neighbour::Neighbour;
use crate::support::server::TestServer;

#[actix_web::test]
async fn hostile_34_to_38_malformed_events_and_acks_end_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for packet in [
        // Events that are none, and names that are reserved (34).
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
        "42[\"connect\"]",
        "42[\"connect_error\"]",
        "42[\"disconnect\"]",
        "42[\"disconnecting\"]",
        "42[\"newListener\"]",
        "42[\"removeListener\"]",
        // Ack ids (36, 38).
        "4218446744073709551616[\"a\"]",
        "42-1[\"a\"]",
        "4201[\"a\"]",
        "421.5[\"a\"]",
        "42+1[\"a\"]",
        "43[]",
        "43[1]",
        "43-1[1]",
        "431{}",
        "431",
        // Packets that only servers send.
        "44",
        "44{}",
        "44{\"message\":\"x\"}",
        "48[\"a\"]",
        "41x",
    ] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    for packet in [
        format!("42{}1[\"a\"]", "0".repeat(990_000)),
        format!("42[\"{}\"]", "n".repeat(100_000)),
    ] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_36_the_largest_ack_id_is_answered() {
    let server = TestServer::start().await;
    let mut viewer = server.viewer().await;
    viewer
        .send(r#"4218446744073709551615["leave_room","S/1"]"#)
        .await;
    assert_eq!(
        viewer.packet().await,
        r#"4318446744073709551615[{"ok":true}]"#
    );
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_37_acks_that_nobody_asked_for_are_ignored() {
    let server = TestServer::start().await;
    let mut viewer = server.viewer().await;
    for _ in 0..100 {
        viewer.send("431[]").await;
        viewer.send(r#"4318446744073709551615["x"]"#).await;
    }
    viewer.expect_silence().await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_40_to_45_broken_attachments_end_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let one = r#"451-["join_room",{"_placeholder":true,"num":0}]"#;
    let counts = [
        r#"4511-["a"]"#,
        r#"451e9-["a"]"#,
        r#"45-1-["a"]"#,
        r#"451.5-["a"]"#,
        r#"45999999999999999999-["a"]"#,
        r#"45["a"]"#,
        r#"45-["a"]"#,
        r#"45+1-["a"]"#,
        r#"4501-["a"]"#,
    ];
    for packet in counts {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    let binary = |size: usize| Sent::Binary(vec![7; size]);
    let mut sequences = vec![
        // No attachment, and then binary after all (41); binary without a header (42).
        (vec![text(r#"450-["leave_room","S/1"]"#), binary(1)], 1002),
        (vec![binary(1)], 1002),
        (vec![text(one), binary(1), binary(1)], 1002),
        // Text inside a sequence (43).
        (vec![text(one), text(r#"42["leave_room","S/1"]"#)], 1002),
        // Each below the limit, together above it (45).
        (
            vec![
                text(r#"452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#),
                binary(600_000),
                binary(600_000),
            ],
            1002,
        ),
        (vec![binary(1_000_001)], 1009),
    ];
    // Placeholders (44).
    for number in [
        "-1",
        "1.5",
        "\"0\"",
        "1",
        "1e0",
        "null",
        "18446744073709551616",
    ] {
        let packet = format!(r#"451-["a",{{"_placeholder":true,"num":{number}}}]"#);
        sequences.push((vec![text(packet), binary(1)], 1002));
    }
    for arguments in [
        r#"{"_placeholder":true}"#,
        r#"1"#,
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#,
    ] {
        let packet = format!(r#"451-["a",{arguments}]"#);
        sequences.push((vec![text(packet), binary(1)], 1002));
    }
    for (sent, code) in sequences {
        expect_closed(&server, &mut neighbour, &sent, code).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_46_and_47_json_too_deep_or_broken_ends_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let deep = |depth: usize| format!(r#"42["a",{}{}]"#, "[".repeat(depth), "]".repeat(depth));
    for packet in [
        deep(100_000),
        deep(128),
        format!(
            r#"42["a",{}1{}]"#,
            r#"{"a":"#.repeat(50_000),
            "}".repeat(50_000)
        ),
        format!(r#"42["a",{}"#, "[".repeat(400_000)),
        "42[\"a\",\"\n\"]".to_owned(),
        "42[\"a\",\u{feff}1]".to_owned(),
        "42\u{feff}[\"a\"]".to_owned(),
        r#"42["a",NaN]"#.to_owned(),
        r#"42["a",Infinity]"#.to_owned(),
        r#"42["a",01]"#.to_owned(),
        r#"42["a",'b']"#.to_owned(),
        r#"42["a",/**/1]"#.to_owned(),
        r#"42["\ud800"]"#.to_owned(),
    ] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_47_and_48_odd_json_is_plain_data() {
    let server = TestServer::start().await;
    let mut viewer = server.viewer().await;
    for argument in [
        "1e400",
        "-1e-400",
        r#"{"a":1,"a":2}"#,
        r#""\ud800""#,
        r#"{"__proto__":{"admin":true},"constructor":{"prototype":{}}}"#,
        r#"["__proto__"]"#,
        "123456789012345678901234567890",
    ] {
        let answer = viewer.ask("join_room", argument).await;
        assert_eq!(answer["ok"], false, "{argument}");
    }
    viewer.join("S/1").await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_32_and_35_a_long_name_of_an_unknown_event_is_not_repeated() {
    let server = TestServer::start().await;
    let mut viewer = server.viewer().await;
    let name = "n".repeat(200);
    let answer = viewer.ask(&name, "").await;
    assert_eq!(answer["ok"], false);
    assert!(!answer.to_string().contains("nnn"), "{answer}");
    drop(viewer);
    server.stop().await;
}
