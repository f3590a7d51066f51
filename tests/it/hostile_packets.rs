//! Hostile Engine.IO and Socket.IO packets: each ends its own session with the right code, or is refused with
//! an error, and nobody else notices.

use std::fmt::Write;

use crate::support::http::Poller;
use crate::support::neighbour::Neighbour;
use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::{End, Viewer};

/// What a WebSocket client sends.
enum Sent {
    Text(String),
    Binary(Vec<u8>),
}

fn text(packet: impl Into<String>) -> Sent {
    Sent::Text(packet.into())
}

/// Asserts that a connected socket that sends this is closed with `code`, alone.
async fn expect_closed(server: &TestServer, neighbour: &mut Neighbour, sent: &[Sent], code: u16) {
    let mut viewer = server.viewer().await;
    expect_end(&mut viewer, sent, code).await;
    neighbour.noticed_nothing().await;
}

async fn expect_end(viewer: &mut Viewer, sent: &[Sent], code: u16) {
    let mut what = String::new();
    for packet in sent {
        match packet {
            Sent::Text(packet) => {
                write!(what, "{packet:.60} ").unwrap();
                viewer.send(packet).await;
            }
            Sent::Binary(bytes) => {
                write!(what, "<{} bytes> ", bytes.len()).unwrap();
                viewer.send_binary(bytes).await;
            }
        }
    }
    let (packets, end) = viewer.ended().await;
    assert_eq!(packets, [] as [String; 0], "{what}");
    assert_eq!(end, End::Closed(code), "{what}");
}

#[actix_web::test]
async fn hostile_22_and_23_bad_payloads_end_their_polling_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for (what, body) in [
        ("100,000 empty packets", "\x1e".repeat(100_000)),
        ("100,000 pongs", vec!["3"; 100_000].join("\x1e")),
        ("nothing", String::new()),
        ("an empty packet between others", "3\x1e\x1e3".to_owned()),
        ("invalid base64", "b!!!".to_owned()),
        ("base64 with a line break", "bAQID\n".to_owned()),
        ("base64 without padding", "bAQI".to_owned()),
        ("an unknown packet", "9".to_owned()),
        ("a form", "d=4hello".to_owned()),
        ("version 3's length", "6:4hello".to_owned()),
    ] {
        let mut poller = Poller::open(server.address, "/socket.io/").await;
        poller.connect(&tokens::guest("S")).await;
        let refused = poller.post(&body).await;
        assert_eq!(refused.status, 400, "{what}");
        assert!(poller.is_gone().await, "{what}");
        neighbour.noticed_nothing().await;
    }
    let poller = Poller::open(server.address, "/socket.io/").await;
    assert_eq!(poller.post(b"4\xff\xfe").await.status, 400);
    assert!(poller.is_gone().await);
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_20_24_and_25_packets_that_only_servers_send_or_that_are_none_end_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for packet in [
        "", "9", "abc", "0", "0{}", "2", "2probe", "5", "6", "1x", "7", "\u{1e}", "é", "\0", " 40",
        "b!!!",
    ] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_25_pongs_that_nobody_asked_for_are_ignored_and_unanswered() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut viewer = server.viewer().await;
    for _ in 0..10_000 {
        viewer.send("3").await;
    }
    viewer.send("3whatever").await;
    viewer.expect_silence().await;
    neighbour.noticed_nothing().await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_28_and_29_events_before_a_connect_and_second_connects_end_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for packet in [
        r#"42["join_room","S/1"]"#,
        r#"421["leave_room","S/1"]"#,
        r#"42/x,["a"]"#,
    ] {
        let mut fresh = Viewer::open(server.address, "", &[]).await;
        expect_end(&mut fresh, &[text(packet)], 1002).await;
    }
    let again = format!(r#"40{{"token":"{}"}}"#, tokens::guest("S"));
    for packet in ["40", &again] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    let elsewhere = [text(r#"42/elsewhere,["join_room","S/1"]"#)];
    expect_closed(&server, &mut neighbour, &elsewhere, 1002).await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_31_a_namespace_that_is_none_ends_the_session() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    for packet in [
        format!("40/{},", "x".repeat(999_000)),
        format!("40/{}", "x".repeat(999_000)),
        format!("42/{},[\"a\"]", "x".repeat(10_000)),
        "40/\0,".to_owned(),
        "40x,".to_owned(),
        "40custom".to_owned(),
    ] {
        expect_closed(&server, &mut neighbour, &[text(packet)], 1002).await;
    }
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_33_auth_of_another_shape_ends_the_session_or_is_refused() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let large = format!(r#"{{"token":"{}"}}"#, "x".repeat(990_000));
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for auth in [
        "[]",
        "1",
        "\"text\"",
        "true",
        "null,",
        "{",
        "{}x",
        "{\"token\":}",
        &large,
        &deep,
    ] {
        let mut fresh = Viewer::open(server.address, "", &[]).await;
        fresh.send(&format!("40{auth}")).await;
        assert_eq!(
            fresh.ended().await,
            (Vec::new(), End::Closed(1002)),
            "{auth:.60}"
        );
    }
    for auth in [
        r#"{"token":1}"#,
        r#"{"token":{}}"#,
        r#"{"token":["x"]}"#,
        r#"{"token":true}"#,
        r#"{"publicToken":{"token":"x"}}"#,
        r#"{"token":"a","token":"b"}"#,
    ] {
        let mut fresh = Viewer::open(server.address, "", &[]).await;
        assert_eq!(
            fresh.enter(auth).await,
            Err("Invalid token".into()),
            "{auth}"
        );
    }
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

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
        let mut viewer = server.viewer().await;
        let label: Vec<String> = sent
            .iter()
            .map(|sent| match sent {
                Sent::Text(packet) => packet.clone(),
                Sent::Binary(bytes) => format!("<{} bytes>", bytes.len()),
            })
            .collect();
        for sent in &sent {
            match sent {
                Sent::Text(packet) => viewer.send(packet).await,
                Sent::Binary(bytes) => viewer.send_binary(bytes).await,
            }
        }
        // What was whole before the fault may have been answered by an error.
        let (packets, end) = viewer.ended().await;
        assert!(
            packets.iter().all(|p| p.starts_with(r#"42["error","#)),
            "{label:?}: {packets:?}"
        );
        assert_eq!(end, End::Closed(code), "{label:?}");
        neighbour.noticed_nothing().await;
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

#[actix_web::test]
async fn a_message_beyond_the_limit_is_closed_with_1009() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let too_long = format!(r#"42["a","{}"]"#, "x".repeat(1_000_000));
    expect_closed(&server, &mut neighbour, &[text(too_long)], 1009).await;
    drop(neighbour);
    server.stop().await;
}
