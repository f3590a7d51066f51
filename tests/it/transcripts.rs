//! Finals that are kept: histories on joining, recorded sessions, the transcript route, all on the real application.

use serde_json::{Value, json};

use crate::support::http::Response;
use crate::support::mqtt::Client;
use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::Viewer;
use crate::support::{DEADLINE, eventually};

const TRANSCRIPT: &str = "/sessions/S/channels/1/transcript";

async fn transcript(server: &TestServer, path: &str) -> Response {
    server
        .rest("GET", path, &tokens::user("member"), Value::Null)
        .await
}

/// Waits until the transcript of `S/1` has that many finals; they are counted from 0.
async fn stored(server: &TestServer, path: &str, count: u64) {
    let look = async || {
        let read = transcript(server, path).await.json();
        read["items"]
            .as_array()
            .map_or(0, |items| items.len() as u64)
    };
    eventually("finals to be stored", DEADLINE, look, |seen| *seen == count).await;
    let read = transcript(server, path).await.json();
    let expected: Vec<Value> = (0..count).map(|n| json!({ "n": n })).collect();
    assert_eq!(read["items"], json!(expected));
}

async fn publish(publisher: &Client, room: &str, numbers: std::ops::Range<u64>) {
    let topic = format!("transcriber/out/{room}/final");
    for n in numbers {
        publisher.send(&topic, json!({ "n": n }).to_string()).await;
    }
}

/// Asserts that the next events are finals of these numbers.
async fn expect(viewer: &mut Viewer, numbers: std::ops::Range<u64>) {
    for n in numbers {
        assert_eq!(number(viewer).await, n);
    }
}

/// Waits until the broker has granted the room's topics, by joining it; nobody is in it afterwards.
async fn granted(server: &TestServer, room: &str) {
    let mut member = server.user("member").await;
    member.join(room).await;
    drop(member);
    server.metric_becomes("members", 0).await;
}

/// Joins `S/1` with a history; returns of how many finals the acknowledgement speaks.
async fn join(viewer: &mut Viewer, history: usize) -> u64 {
    let arguments = format!(r#""S/1",{{"history":{history}}}"#);
    let answer = viewer.ask("join_room", &arguments).await;
    assert_eq!(
        (&answer["ok"], &answer["incomplete"]),
        (&json!(true), &Value::Null)
    );
    answer["history"].as_u64().expect("a number")
}

/// The number of the next event, a final.
async fn number(viewer: &mut Viewer) -> u64 {
    let event = viewer.event().await;
    assert_eq!(event.name, "final");
    let payload: Value = serde_json::from_str(&event.arguments).expect("JSON");
    payload["n"].as_u64().expect("a number")
}

#[actix_web::test]
async fn who_joins_with_a_history_at_any_moment_of_a_burst_gets_one_run_without_gap_or_repeat() {
    const FINALS: u64 = 300;
    let server = TestServer::start().await;
    let mut first = server.viewer().await;
    join(&mut first, 0).await;
    let publisher = server.publisher().await;
    let mut viewers = Vec::new();
    for n in 0..FINALS {
        publish(&publisher, "S/1", n..n + 1).await;
        if n % 20 == 7 {
            let mut viewer = server.viewer().await;
            let history = join(&mut viewer, [5, 60, 500][n as usize % 3]).await;
            viewers.push((viewer, history));
        }
    }
    expect(&mut first, 0..FINALS).await;
    for (viewer, history) in &mut viewers {
        let begin = number(viewer).await;
        expect(viewer, begin + 1..FINALS).await;
        assert!(begin + *history <= FINALS);
        viewer.expect_silence().await;
    }
    stored(&server, TRANSCRIPT, FINALS).await;
    drop((first, viewers));
    server.stop().await;
}

#[actix_web::test]
async fn a_recorded_session_is_kept_without_viewers_from_its_creation_until_recording_ends() {
    let server = TestServer::start().await;
    let (admin, publisher) = (tokens::admin(), server.publisher().await);
    let body = json!({
        "id": "R", "name": "Council", "organizationId": "acme", "visibility": "organization", "record": true,
        "channels": [
            { "index": 1, "name": "Floor", "language": "en" },
            { "index": 2, "name": "French", "language": "fr" },
        ],
    });
    let created = server.rest("POST", "/sessions", &admin, body).await;
    assert_eq!(created.status, 201, "{}", created.text());
    server.metric_becomes("rooms_recorded", 2).await;
    granted(&server, "R/2").await;
    publish(&publisher, "R/2", 0..10).await;
    let path = "/sessions/R/channels/2/transcript";
    stored(&server, path, 10).await;
    assert_eq!(server.metric("finals_stored_total").await, 10);

    let change = json!({ "record": false });
    let changed = server.rest("PATCH", "/sessions/R", &admin, change).await;
    assert_eq!(changed.status, 200);
    server.metric_becomes("rooms_recorded", 0).await;
    let mut viewer = server.viewer().await;
    join(&mut viewer, 0).await;
    publish(&publisher, "R/2", 10..12).await;
    // Stored after those, if they were.
    publish(&publisher, "S/1", 0..1).await;
    stored(&server, TRANSCRIPT, 1).await;
    stored(&server, path, 10).await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn a_transcript_survives_a_restart_and_is_the_history_of_who_joins_after_it() {
    let server = TestServer::start().await;
    let mut viewer = server.viewer().await;
    join(&mut viewer, 0).await;
    let publisher = server.publisher().await;
    publish(&publisher, "S/1", 0..30).await;
    expect(&mut viewer, 0..30).await;
    drop(viewer);
    // At once: what waits is stored before the end.
    let server = server.restart().await;
    stored(&server, TRANSCRIPT, 30).await;
    let mut viewer = server.viewer().await;
    assert_eq!(join(&mut viewer, 20).await, 20);
    let publisher = server.publisher().await;
    publish(&publisher, "S/1", 30..35).await;
    expect(&mut viewer, 10..35).await;
    viewer.expect_silence().await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn a_recorded_session_is_recorded_again_after_a_restart() {
    let server = TestServer::start().await;
    let record = json!({ "record": true });
    let admin = tokens::admin();
    let changed = server.rest("PATCH", "/sessions/S", &admin, record).await;
    assert_eq!(changed.status, 200);
    server.metric_becomes("rooms_recorded", 2).await;
    let server = server.restart().await;
    server.metric_becomes("rooms_recorded", 2).await;
    granted(&server, "S/1").await;
    let publisher = server.publisher().await;
    publish(&publisher, "S/1", 0..5).await;
    stored(&server, TRANSCRIPT, 5).await;
    let deleted = server
        .rest("DELETE", "/sessions/S", &admin, Value::Null)
        .await;
    assert_eq!(deleted.status, 204);
    server.metric_becomes("rooms_recorded", 0).await;
    server.stop().await;
}

#[actix_web::test]
async fn without_retention_nothing_is_stored_and_histories_come_from_memory() {
    let server = TestServer::start_with(&[("retention", "0")]).await;
    let publisher = server.publisher().await;
    let mut viewer = server.viewer().await;
    join(&mut viewer, 0).await;
    publish(&publisher, "S/1", 0..5).await;
    expect(&mut viewer, 0..5).await;
    let mut other = server.viewer().await;
    assert_eq!(join(&mut other, 500).await, 5);
    expect(&mut other, 0..5).await;
    stored(&server, TRANSCRIPT, 0).await;
    assert_eq!(server.metric("finals_stored_total").await, 0);
    drop((viewer, other));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_73_with_the_database_gone_captions_go_on_and_the_history_says_so() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut viewer = server.viewer().await;
    join(&mut viewer, 0).await;
    publish(&publisher, "S/1", 0..3).await;
    expect(&mut viewer, 0..3).await;
    // What it may is known for a moment, so that it can join when nothing can be asked any more.
    let mut late = server.viewer().await;
    late.join("S/2").await;
    server.store.close().await;
    let answer = late.ask("join_room", r#""S/1",{"history":100}"#).await;
    let expected = json!({ "ok": true, "history": 3, "incomplete": true });
    assert_eq!(answer, expected);
    publish(&publisher, "S/1", 3..6).await;
    expect(&mut late, 0..6).await;
    expect(&mut viewer, 3..6).await;
    let failures = async || server.metric("storage_failures_total").await;
    eventually("storage failures", DEADLINE, failures, |n| *n > 0).await;
    drop((viewer, late));
    server.stop().await;
}
