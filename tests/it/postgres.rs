//! The application on PostgreSQL, which goes and comes back: captions go on meanwhile, and nobody has to start
//! switchboard again.

use serde_json::{Value, json};

use crate::support::http;
use crate::support::postgres::Postgres;
use crate::support::server::TestServer;
use crate::support::tap::Tap;
use crate::support::viewer::Viewer;
use crate::support::{OUTAGE_DEADLINE, eventually, tokens};

/// Waits until `/readyz` has this status, and returns its reasons.
async fn ready_becomes(server: &TestServer, status: u16) -> Value {
    let look = async || {
        let answer = http::get(server.address, "/readyz").await;
        (answer.status, answer.text())
    };
    let (_, text) = eventually("/readyz", OUTAGE_DEADLINE, look, |seen| seen.0 == status).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    answer["reasons"].clone()
}

/// A join that the database would have to decide, and cannot, is answered by an error that leaves the socket as it is.
async fn expect_unanswerable(viewer: &mut Viewer, room: &str) {
    viewer.emit("join_room", &format!("{room:?}")).await;
    let event = viewer.event_within(OUTAGE_DEADLINE).await;
    assert_eq!(event.name, "error", "{event:?}");
}

#[actix_web::test]
async fn everything_over_rest_and_captions_works_on_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    // Through TLS, with the server's certificate verified.
    let url = postgres.database().replace("127.0.0.1", "localhost");
    let url = format!(
        "{url}?sslmode=verify-full&sslrootcert={}",
        postgres.certificate().display()
    );
    let server = TestServer::start_with(&[("database_url", &url)]).await;
    let publisher = server.publisher().await;
    let admin = tokens::admin();
    let put = |path: &'static str, body| server.rest("PUT", path, &admin, body);
    let town = put("/organizations/town", json!({ "name": "Town" })).await;
    assert_eq!(town.status, 201, "{}", town.text());
    let role = json!({ "role": "meeting_manager" });
    let member = put("/organizations/town/members/ann", role).await;
    assert_eq!(member.status, 201, "{}", member.text());

    let ann = tokens::user("ann");
    let body = json!({
        "id": "council", "name": "Council '\"; --", "organizationId": "town",
        "visibility": "organization",
        "channels": [{ "index": 3, "name": "Floor", "language": "en" }],
    });
    let created = server.rest("POST", "/sessions", &ann, body.clone()).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let again = server.rest("POST", "/sessions", &ann, body).await;
    assert_eq!(again.status, 409, "{}", again.text());
    let path = "/sessions/council";
    let change = json!({ "name": "Council II" });
    let changed = server.rest("PATCH", path, &ann, change).await;
    assert_eq!(changed.json()["name"], "Council II", "{}", changed.text());

    let mut viewer = server.user("ann").await;
    viewer.join("council/3").await;
    publisher.send("transcriber/out/council/3/final", "1").await;
    viewer.expect("final", "1").await;
    let deleted = server.rest("DELETE", path, &ann, Value::Null).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn captions_go_on_while_postgresql_restarts_and_joins_work_again_by_themselves() {
    let Some(mut postgres) = Postgres::start() else {
        return;
    };
    let server = TestServer::start_with(&[("database_url", &postgres.database())]).await;
    let publisher = server.publisher().await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    let mut late = server.user("member").await;
    ready_becomes(&server, 200).await;

    postgres.stop();
    let reasons = ready_becomes(&server, 503).await;
    assert_eq!(reasons.as_array().map(Vec::len), Some(1), "{reasons}");
    assert!(
        reasons[0].as_str().unwrap().contains("database"),
        "{reasons}"
    );
    // What waits for the database holds nobody else up.
    late.emit("join_room", r#""unseen/1""#).await;
    for number in 0..100 {
        let text = number.to_string();
        publisher.send("transcriber/out/S/1/final", &text).await;
        viewer.expect("final", &text).await;
    }
    let error = late.event_within(OUTAGE_DEADLINE).await;
    assert_eq!(error.name, "error", "{error:?}");
    late.emit("watch_organization_session", r#""acme""#).await;
    let error = late.event_within(OUTAGE_DEADLINE).await;
    assert_eq!(error.name, "error", "{error:?}");
    let admin = tokens::admin();
    let read = server.rest("GET", "/sessions/unseen", &admin, Value::Null);
    let read = read.await;
    assert_eq!(read.status, 503, "{}", read.text());

    postgres.start_again();
    ready_becomes(&server, 200).await;
    let watched = late.ask("watch_organization_session", r#""acme""#).await;
    assert_eq!(watched, json!({"ok": true, "sessions": []}));
    late.join("S/1").await;
    publisher.send("transcriber/out/S/1/final", "100").await;
    viewer.expect("final", "100").await;
    late.expect("final", "100").await;
    // What was said during the outage waited for its end.
    server
        .metric_within("finals_stored_total", 101, OUTAGE_DEADLINE)
        .await;
    drop((viewer, late));
    server.stop().await;
}

#[actix_web::test]
async fn a_database_that_falls_silent_is_given_up_and_found_again() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let tap = Tap::start(postgres.address()).await;
    let place = tap.url().replace("mqtt://", "");
    let database = postgres.database();
    let name = database.rsplit('/').next().expect("a name");
    let url = postgres.url(&place, name);
    let server = TestServer::start_with(&[("database_url", &url)]).await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    tap.freeze();
    ready_becomes(&server, 503).await;
    expect_unanswerable(&mut viewer, "unseen/1").await;
    tap.open();
    ready_becomes(&server, 200).await;
    viewer.join("S/2").await;
    drop(viewer);
    server.stop().await;
}
