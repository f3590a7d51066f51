//! What is served over plain HTTP: REST administration that rooms follow, health, metrics, the page.

use serde_json::{Value, json};

use crate::support::broker::{Broker, Kind};
use crate::support::http::{self, request};
use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::Viewer;
use crate::support::{OUTAGE_DEADLINE, eventually};

#[actix_web::test]
async fn a_session_made_over_rest_is_joined_with_the_guest_token_it_issues() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let admin = tokens::admin();
    let name = json!({ "name": "Town" });
    let organization = server.rest("PUT", "/organizations/town", &admin, name);
    assert_eq!(organization.await.status, 201);
    let role = json!({ "role": "meeting_manager" });
    let member = server.rest("PUT", "/organizations/town/members/ann", &admin, role);
    assert_eq!(member.await.status, 201);

    // A meeting manager makes the session; it gets an id of its own.
    let ann = tokens::user("ann");
    let body = json!({
        "name": "Council", "organizationId": "town", "visibility": "public",
        "channels": [{ "index": 3, "name": "Floor", "language": "en" }],
    });
    let created = server.rest("POST", "/sessions", &ann, body).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{id}");
    let read = server.rest("GET", &path, &ann, Value::Null).await;
    assert_eq!(read.json()["channels"][0]["index"], 3);

    let issued = server
        .rest("POST", &format!("{path}/guest-token"), "", Value::Null)
        .await;
    assert_eq!(issued.status, 200, "{}", issued.text());
    let token = issued.json()["token"].as_str().unwrap().to_owned();
    let mut guest = Viewer::connect(server.address, &token).await;
    let room = format!("{id}/3");
    guest.join(&room).await;
    publisher
        .send(&format!("transcriber/out/{room}/final"), "1")
        .await;
    guest.expect("final", "1").await;

    let deleted = server.rest("DELETE", &path, &ann, Value::Null).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    assert_eq!(
        server.rest("GET", &path, &ann, Value::Null).await.status,
        404
    );
    drop(guest);
    server.stop().await;
}

#[actix_web::test]
async fn rest_faults_have_one_shape_and_the_right_status() {
    let server = TestServer::start().await;
    let (admin, nobody) = (tokens::admin(), tokens::user("nobody"));
    let organization = json!({ "name": "X" });
    for (method, path, token, body, status) in [
        ("PUT", "/organizations/x", "", organization.clone(), 401),
        ("PUT", "/organizations/x", "bad", organization.clone(), 401),
        ("PUT", "/organizations/x", &nobody, organization, 403),
        ("PUT", "/organizations/x", &admin, json!({ "nome": 1 }), 422),
        ("GET", "/sessions/unknown", &nobody, Value::Null, 404),
        ("GET", "/nowhere", &admin, Value::Null, 404),
        ("DELETE", "/organizations/x", &admin, Value::Null, 405),
        (
            "POST",
            "/sessions/unknown/guest-token",
            "",
            Value::Null,
            404,
        ),
    ] {
        let refused = server.rest(method, path, token, body).await;
        assert_eq!(
            refused.status,
            status,
            "{method} {path}: {}",
            refused.text()
        );
        let error = &refused.json()["error"];
        for part in ["code", "message"] {
            assert!(!error[part].as_str().unwrap().is_empty(), "{method} {path}");
        }
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_openapi_document_describes_the_routes() {
    let server = TestServer::start().await;
    let document = server.rest("GET", "/openapi.json", "", Value::Null).await;
    assert_eq!(document.status, 200);
    let document = document.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for path in [
        "/organizations/{id}",
        "/organizations/{id}/members/{user}",
        "/sessions",
        "/sessions/{id}",
        "/sessions/{id}/guest-token",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn readiness_names_what_is_away_while_the_process_stays_healthy() {
    let mut broker = Broker::start(Kind::Embedded).await.unwrap();
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    let ready = async || {
        let answer = http::get(server.address, "/readyz").await;
        (answer.status, answer.json())
    };
    let good = (200, json!({ "ready": true, "reasons": [] }));
    let without_broker = (
        503,
        json!({ "ready": false, "reasons": ["broker is away"] }),
    );
    assert_eq!(ready().await, good);
    broker.kill();
    eventually("503", OUTAGE_DEADLINE, ready, |now| *now == without_broker).await;
    let healthy = http::get(server.address, "/healthz").await;
    assert_eq!((healthy.status, &healthy.text()[..]), (200, "ok\n"));
    broker.start_again().await;
    eventually("200", OUTAGE_DEADLINE, ready, |now| *now == good).await;
    server.store.close().await;
    let reasons = json!({ "ready": false, "reasons": ["database fails"] });
    assert_eq!(ready().await, (503, reasons));
    server.stop().await;
}

#[actix_web::test]
async fn a_database_that_fails_is_no_denial_and_the_live_flow_goes_on() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    server.store.close().await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    viewer.expect("final", "1").await;
    let answer = viewer.ask("join_room", r#""elsewhere/1""#).await;
    assert_eq!(answer["ok"], false);
    viewer.emit("join_room", r#""elsewhere/1""#).await;
    let event = viewer.event().await;
    let error: Value = serde_json::from_str(&event.arguments).unwrap();
    assert_eq!(
        (&event.name[..], &error["retryable"]),
        ("error", &json!(true))
    );
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_80_metrics_never_name_rooms_users_or_sessions() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut viewer = server.user("conspicuous-user").await;
    viewer.join("S/conspicuous-channel").await;
    viewer.emit("conspicuous-event", "").await;
    viewer.event().await;
    let topic = "transcriber/out/S/conspicuous-channel/final";
    publisher.send(topic, "conspicuous, no JSON").await;
    publisher.send(topic, "1").await;
    viewer.expect("final", "1").await;
    let mut refused = Viewer::open(server.address, "", &[]).await;
    refused.send("40/conspicuous-namespace,").await;
    refused.packet().await;
    let metrics = http::get(server.address, "/metrics").await;
    assert_eq!(metrics.status, 200);
    let kind = metrics.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = metrics.text();
    assert!(!text.contains("conspicuous"), "{text}");
    assert!(text.ends_with("# EOF\n"));
    for line in [
        "switchboard_sockets 1",
        "switchboard_rooms 1",
        "switchboard_members 1",
        "switchboard_broker_up 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    drop((viewer, refused));
    server.stop().await;
}

#[actix_web::test]
async fn the_page_is_served_with_a_policy_that_lets_nothing_foreign_in() {
    let server = TestServer::start().await;
    let page = http::get(server.address, "/").await;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let policy = page.header("content-security-policy").unwrap();
    for rule in ["default-src 'none'", "script-src 'self'", "base-uri 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");

    // Everything that the page names is there, and all of it is ours.
    let text = page.text();
    let parts = text.split(['"', '\'']);
    let files: Vec<&str> = parts.filter(|part| part.starts_with("web/")).collect();
    assert!(files.iter().any(|file| file.ends_with(".js")), "{files:?}");
    for file in &files {
        let found = http::get(server.address, &format!("/{file}")).await;
        assert_eq!(found.status, 200, "{file}");
    }
    // Outside the demo there are no sessions to offer.
    let demo = http::get(server.address, "/demo.json").await;
    assert_eq!((demo.status, &demo.text()[..]), (204, ""));
    let tag = page.header("etag").unwrap();
    let again = request(server.address, "GET", "/", &[("if-none-match", tag)], "").await;
    assert_eq!(again.status, 304);
    for path in [
        "/web/../Cargo.toml",
        "/web/%2e%2e/Cargo.toml",
        "/web/nothing.js",
        "/web/",
        "/nowhere",
    ] {
        assert_eq!(http::get(server.address, path).await.status, 404, "{path}");
    }
    server.stop().await;
}
