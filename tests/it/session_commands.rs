//! Session management over MQTT, through the real application and brokers.

use serde_json::{Value, json};

use crate::support::broker::Broker;
use crate::support::mqtt::Client;
use crate::support::server::TestServer;
use crate::support::viewer::Viewer;
use crate::support::{DEADLINE, eventually, tokens};

fn session() -> Value {
    json!({
        "name": "Council", "organizationId": "acme", "visibility": "public",
        "channels": [{ "index": 3, "name": "Floor", "language": "en" }],
    })
}

/// Waits until the session `id` has this name, or none is there.
async fn becomes(server: &TestServer, id: &str, name: Option<&str>) {
    let id = id.parse().unwrap();
    let look = async || {
        let session = server.store.session(&id).await.unwrap();
        session.map(|session| session.name.clone())
    };
    let done = |seen: &Option<String>| seen.as_deref() == name;
    eventually("the session", DEADLINE, look, done).await;
}

#[actix_web::test]
async fn a_session_made_over_mqtt_is_joined_changed_and_ended() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let create = session().to_string();
    publisher.send("session/in/made/create", create).await;
    becomes(&server, "made", Some("Council")).await;
    let mut viewer = Viewer::connect(server.address, &tokens::user("anybody")).await;
    viewer.join("made/3").await;
    publisher.send("transcriber/out/made/3/final", "1").await;
    viewer.expect("final", "1").await;

    let change = json!({ "id": "made", "name": "Board", "visibility": "private" });
    publisher
        .send("session/in/made/update", change.to_string())
        .await;
    becomes(&server, "made", Some("Board")).await;
    publisher.send("session/in/made/update", "nonsense").await;
    let refused = r#"publications_dropped_total{reason="command_not_json"}"#;
    server.metric_becomes(refused, 1).await;
    publisher.send("session/in/made/delete", "").await;
    becomes(&server, "made", None).await;
    drop(viewer);
    server.stop().await;
}

async fn a_retained_command_does_not_bring_a_session_back(broker: Broker) {
    let mut publisher = Client::connect(broker.address(), "scheduler").await;
    let create = session().to_string();
    publisher.retain("session/in/old/create", &create).await;
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    // Behind the retained one on the same connection: when it is done, so would be the other.
    publisher.send("session/in/fence/create", &create).await;
    becomes(&server, "fence", Some("Council")).await;
    becomes(&server, "old", None).await;

    // To a switchboard that is there it is a command like any other.
    publisher.retain("session/in/old/create", &create).await;
    becomes(&server, "old", Some("Council")).await;
    server.stop().await;
}

super::on_both_brokers! {
    a_retained_command_does_not_bring_a_session_back
}
