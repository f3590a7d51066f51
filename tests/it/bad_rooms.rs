//! Room ids that are none, and memberships that cannot be: an error for who asked, nothing for anybody else.

use serde_json::json;

use crate::support::server::{STANDING_FILTERS, TestServer};
use crate::support::viewer::Viewer;

/// What stands where `join_room` and `leave_room` want a room id, as JSON; empty for no argument at all.
fn bad_ids() -> Vec<String> {
    let mut ids: Vec<String> = [
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
    ]
    .map(ToOwned::to_owned)
    .to_vec();
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
    ];
    ids.extend(texts.iter().map(|text| json!(text).to_string()));
    ids.extend(
        [
            "x".repeat(999_000),
            format!("{}/1", "s".repeat(129)),
            format!("S/{}", "1".repeat(65)),
            "/".repeat(65_400),
            "S/1/".repeat(10_000),
        ]
        .map(|text| json!(text).to_string()),
    );
    ids
}

async fn expect_untouched(server: &TestServer, id: &str) {
    let shown = &id[..id.len().min(60)];
    assert_eq!(
        server.metric("filters_subscribed_total").await,
        STANDING_FILTERS + 4,
        "{shown}"
    );
    assert_eq!(server.counts().await.members, 1, "{shown}");
}

#[actix_web::test]
async fn hostile_67_a_bad_room_id_is_an_error_ack_and_changes_nothing_for_anybody() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut neighbour = server.viewer().await;
    neighbour.join("S/1").await;
    let mut viewer = server.viewer().await;
    for (n, id) in bad_ids().iter().enumerate() {
        for event in ["join_room", "leave_room"] {
            let answer = viewer.ask(event, id).await;
            let shown = &id[..id.len().min(60)];
            assert_eq!(answer["ok"], false, "{event} {shown}: {answer}");
            assert!(!answer["error"].as_str().unwrap().is_empty(), "{answer}");
            assert!(answer.to_string().len() < 200, "{answer}");
        }
        expect_untouched(&server, id).await;
        // The neighbour gets this and has got nothing before it: no `broker_ko`, no error.
        publisher
            .send("transcriber/out/S/1/final", n.to_string())
            .await;
        neighbour.expect("final", &n.to_string()).await;
    }
    viewer.join("S/1").await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_67_without_an_ack_a_bad_room_id_is_an_error_event() {
    let server = TestServer::start().await;
    let mut neighbour = server.viewer().await;
    neighbour.join("S/1").await;
    let mut viewer = server.viewer().await;
    for id in bad_ids() {
        viewer.emit("join_room", &id).await;
        let event = viewer.event().await;
        assert_eq!(event.name, "error");
        let error: serde_json::Value = serde_json::from_str(&event.arguments).unwrap();
        assert_eq!(error["errorCode"], "INVALID_ROOM");
        assert_eq!(error["retryable"], false);
        for text in ["message", "errorMessage"] {
            assert!(!error[text].as_str().unwrap().is_empty(), "{error}");
        }
        assert!(error["timestamp"].as_u64().unwrap() > 1_600_000_000_000);
        expect_untouched(&server, &id).await;
    }
    neighbour.expect_silence().await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_68_leaving_a_room_never_joined_takes_nothing_from_its_members() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let (mut member, mut stranger) = (server.viewer().await, server.viewer().await);
    member.join("S/1").await;
    for _ in 0..10 {
        stranger.leave("S/1").await;
    }
    stranger.join("S/1").await;
    for _ in 0..10 {
        stranger.leave("S/1").await;
    }
    assert_eq!(server.counts().await.members, 1);
    publisher.send("transcriber/out/S/1/final", "1").await;
    member.expect("final", "1").await;
    assert_eq!(server.metric("filters_unsubscribed_total").await, 0);
    stranger.expect_silence().await;
    drop((member, stranger));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_69_ten_thousand_joins_of_a_socket_that_is_gone_leave_no_trace() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut neighbour = server.viewer().await;
    neighbour.join("S/1").await;
    let mut viewer = server.viewer().await;
    for n in 0..10_000 {
        viewer
            .emit("join_room", &format!(r#""S/{}""#, 2 + n % 50))
            .await;
    }
    viewer.reset();
    server.metric_becomes("sockets", 1).await;
    server.metric_becomes("members", 1).await;
    server
        .metric_becomes("filters_wanted", STANDING_FILTERS + 4)
        .await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    neighbour.expect("final", "1").await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn a_join_right_before_the_disconnect_leaves_no_trace() {
    let server = TestServer::start().await;
    for n in 0..100 {
        let mut viewer: Viewer = server.viewer().await;
        viewer.emit("join_room", &format!(r#""S/{}""#, n % 3)).await;
        match n % 3 {
            0 => viewer.send("41").await,
            1 => viewer.send("1").await,
            _ => viewer.reset(),
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn an_unknown_event_is_an_error_and_the_socket_stays() {
    let server = TestServer::start().await;
    let mut viewer = server.viewer().await;
    for name in [
        "nonsense",
        "__proto__",
        "constructor",
        "final",
        "unauthorized",
    ] {
        let answer = viewer.ask(name, r#"{"__proto__":{"ok":true}}"#).await;
        assert_eq!(answer["ok"], false, "{name}");
        viewer.emit(name, "").await;
        assert_eq!(viewer.event().await.name, "error", "{name}");
    }
    viewer.join("S/1").await;
    drop(viewer);
    server.stop().await;
}
