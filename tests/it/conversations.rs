//! What REST does with conversations at one switchboard, and who hears of it.

use serde_json::{Value, json};

use crate::support::broker::{Broker, Kind};
use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::{Event, Viewer};

/// The next event that is no list of what is in processing: those come with every poll.
async fn news(viewer: &mut Viewer) -> (String, Value) {
    loop {
        let Event { name, arguments } = viewer.event().await;
        if name != "conversation_processing" {
            return (name, serde_json::from_str(&arguments).unwrap());
        }
    }
}

#[actix_web::test]
async fn l30_l31_what_one_switchboard_does_is_heard_once_at_every_switchboard() {
    let broker = Broker::start(Kind::Embedded).await.unwrap();
    let url = [("mqtt_url", &broker.url()[..])];
    let (here, there) = (
        TestServer::start_with(&url).await,
        TestServer::start_with(&url).await,
    );
    let (mut near, mut far) = (here.user("member").await, there.user("member").await);
    for viewer in [&mut near, &mut far] {
        let answer = viewer.ask("watch_organization_media", r#""acme""#).await;
        assert_eq!(answer["ok"], true, "{answer}");
    }
    let admin = tokens::admin();
    let body = json!({ "_id": "c", "name": "Interview", "organization": "acme" });
    let created = here.rest("POST", "/conversations", &admin, body).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let event = json!({ "event": "own_event", "data": [1] });
    let path = "/organizations/acme/events";
    let raised = there.rest("POST", path, &admin, event).await;
    assert_eq!(raised.status, 202, "{}", raised.text());

    let expected = json!({
        "_id": "c", "name": "Interview", "organization": "acme",
        "jobs": { "transcription": { "state": "pending", "progress": 0 } },
    });
    for viewer in [&mut near, &mut far] {
        // Published over two connections: either may be first.
        let mut heard = [news(viewer).await, news(viewer).await];
        heard.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(heard[0], ("conversation_created".into(), expected.clone()));
        assert_eq!(heard[1], ("own_event".into(), json!([1])));
    }
    let path = "/conversations/c";
    let deleted = here.rest("DELETE", path, &admin, Value::Null).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    let gone = json!({ "id": "c", "status": "deleted" });
    for viewer in [&mut near, &mut far] {
        // The next news: nothing came twice.
        assert_eq!(
            news(viewer).await,
            ("conversation_deleted".into(), gone.clone())
        );
    }
    drop((near, far));
    here.stop().await;
    there.stop().await;
}
