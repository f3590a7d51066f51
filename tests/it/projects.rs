//! Projects and chats over REST, at a real server with its broker.

use rumqttc::QoS;
use serde_json::{Value, json};
use switchboard_actors::ports::{NewMessage, Speaker};

use crate::support::broker::{Broker, Kind};
use crate::support::mqtt::Client;
use crate::support::server::TestServer;
use crate::support::tokens;

#[actix_web::test]
async fn a_members_project_and_chats_outlive_the_server_and_its_events_reach_the_broker() {
    let broker = Broker::start(Kind::Embedded).await.unwrap();
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    let (member, nobody) = (tokens::user("member"), tokens::user("nobody"));
    let body = json!({ "id": 7, "name": "Handbook", "organization": "acme" });
    let created = server.rest("POST", "/projects", &member, body).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let chats = "/projects/7/chats";
    let created = server.rest("POST", chats, &member, json!({})).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let chat = created.json()["id"].as_u64().unwrap();
    let question = NewMessage {
        chat: chat.try_into().unwrap(),
        speaker: Speaker::User,
        content: "Why?".to_owned(),
        partial: false,
        sources: None,
        metadata: None,
    };
    server.store.append_message(question).await.unwrap();

    let mut listener = Client::connect(broker.address(), "listener").await;
    listener
        .subscribe("switchboard/projects/+/events/+", QoS::AtLeastOnce)
        .await;
    let path = "/projects/7/events";
    for (token, status) in [(&nobody, 404), (&member, 403), (&tokens::admin(), 202)] {
        let event = json!({ "event": "document_status", "data": status });
        let raised = server.rest("POST", path, token, event).await;
        assert_eq!(raised.status, status, "{}", raised.text());
    }
    // What was refused was not published before it.
    let heard = listener.publication().await;
    assert_eq!(heard.topic, "switchboard/projects/7/events/document_status");
    assert_eq!(&heard.payload[..], b"202");
    assert_eq!((heard.qos, heard.retain), (QoS::AtLeastOnce, false));

    let server = server.restart().await;
    let listed = server.rest("GET", chats, &member, Value::Null).await;
    assert_eq!(listed.json()["items"][0]["title"], "Why?");
    let messages = format!("{chats}/{chat}/messages");
    let said = server.rest("GET", &messages, &member, Value::Null).await;
    assert_eq!(said.json()["items"][0]["content"], "Why?");
    let hidden = server.rest("GET", &messages, &nobody, Value::Null).await;
    assert_eq!(hidden.status, 404);
    let deleted = server
        .rest("DELETE", "/projects/7", &member, Value::Null)
        .await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    let gone = server.rest("GET", &messages, &member, Value::Null).await;
    assert_eq!(gone.status, 404);
    server.stop().await;
}
