//! Conversations: what is kept, who may, and what watchers are told.

use super::*;

/// A conversation's required fields.
fn conversation(id: &str) -> Value {
    json!({"_id": id, "name": "Interview", "organization": "acme"})
}

fn jobs(state: &str, progress: f64) -> Value {
    json!({"transcription": {"state": state, "progress": progress}})
}

#[actix_web::test]
async fn l30_l31_a_conversation_is_created_changed_deleted_and_each_watcher_is_told_once() {
    let api = api().await.with_people().await;
    let uma = api.user("uma");
    let mut body = conversation("c");
    body["jobs"] = jobs("processing", 10.0);
    let created = api.call(Method::POST, "/conversations", &uma, body).await;
    let mut view = json!({
        "_id": "c", "name": "Interview", "organization": "acme",
        "jobs": {"transcription": {"state": "processing", "progress": 10}},
    });
    assert_eq!((created.status, &created.body), (201, &view));
    let told = api.published().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, "acme/events/conversation_created");
    let payload: Value = serde_json::from_str(&told[0].1).unwrap();
    assert_eq!(payload, view, "exactly these fields");

    let path = "/conversations/c";
    let change = json!({"jobs": {"transcription": {"progress": 45.9}}});
    let changed = api.call(Method::PATCH, path, &uma, change).await;
    view["jobs"]["transcription"]["progress"] = json!(45);
    assert_eq!((changed.status, &changed.body), (200, &view));
    let change = json!({"name": "Talk", "jobs": {"transcription": {"state": "done"}}});
    let changed = api.call(Method::PATCH, path, &uma, change).await;
    view["name"] = json!("Talk");
    view["jobs"]["transcription"]["state"] = json!("done");
    assert_eq!(changed.body, view);
    let read = api.call(Method::GET, path, &uma, Value::Null).await;
    assert_eq!((read.status, &read.body), (200, &view));
    assert_eq!(api.published().await, [], "polls tell of changes");

    let deleted = api.call(Method::DELETE, path, &uma, Value::Null).await;
    assert_eq!(deleted.status, 204);
    let told = api.published().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, "acme/events/conversation_deleted");
    let payload: Value = serde_json::from_str(&told[0].1).unwrap();
    assert_eq!(payload, json!({"id": "c", "status": "deleted"}));
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let gone = api.call(method, path, &uma, json!({})).await;
        assert_eq!(gone.fault(), (404, "not_found"));
    }
    assert_eq!(api.published().await, []);
}

#[actix_web::test]
async fn a_conversation_without_id_or_jobs_gets_an_id_and_is_pending() {
    let api = api().await.with_people().await;
    let body = json!({"name": "Interview", "organization": "acme"});
    let post = || api.call(Method::POST, "/conversations", "", Value::Null);
    assert_eq!(post().await.status, 401);
    let admin = api.admin();
    let one = api.call(Method::POST, "/conversations", &admin, body.clone());
    let one = one.await.body;
    let two = api.call(Method::POST, "/conversations", &admin, body).await;
    assert_ne!(one["_id"], two.body["_id"]);
    let pending = json!({"transcription": {"state": "pending", "progress": 0}});
    assert_eq!(one["jobs"], pending);
}

#[actix_web::test]
async fn progress_is_percent_rounded_down() {
    let api = api().await.with_people().await;
    let admin = api.admin();
    api.call(Method::POST, "/conversations", &admin, conversation("c"))
        .await;
    for (given, kept) in [("0", 0), ("0.999", 0), ("99.99", 99), ("1e2", 100)] {
        let body = format!(r#"{{"jobs":{{"transcription":{{"progress":{given}}}}}}}"#);
        let body = serde_json::from_str(&body).unwrap();
        let answer = api.call(Method::PATCH, "/conversations/c", &admin, body);
        let progress = &answer.await.body["jobs"]["transcription"]["progress"];
        assert_eq!(*progress, kept, "{given}");
    }
    for bad in ["-0.1", "100.1", "1e300", "\"45\"", "true", "[]"] {
        let body = format!(r#"{{"jobs":{{"transcription":{{"progress":{bad}}}}}}}"#);
        let body = serde_json::from_str(&body).unwrap();
        let answer = api.call(Method::PATCH, "/conversations/c", &admin, body);
        assert_eq!(answer.await.fault(), (422, "invalid"), "{bad}");
    }
}

#[actix_web::test]
async fn uploaders_manage_members_read_and_nobody_else_learns_that_it_exists() {
    let api = api().await.with_people().await;
    let admin = api.admin();
    let table = [
        // who, creates, reads, changes, deletes
        (api.user("mia"), [403, 200, 404, 404]),
        (api.user("eve"), [403, 404, 404, 404]),
        (api.user("stranger"), [403, 404, 404, 404]),
        (api.guest("s"), [403, 404, 404, 404]),
        (api.user("uma"), [201, 200, 200, 204]),
        (api.user("boss"), [201, 200, 200, 204]),
        (admin.clone(), [201, 200, 200, 204]),
    ];
    for (row, (token, expected)) in table.into_iter().enumerate() {
        let (kept, new) = (format!("kept-{row}"), format!("new-{row}"));
        api.call(Method::POST, "/conversations", &admin, conversation(&kept))
            .await;
        let (path, none) = (format!("/conversations/{kept}"), Value::Null);
        let calls = [
            (Method::POST, "/conversations", conversation(&new)),
            (Method::GET, &path, none.clone()),
            (Method::PATCH, &path, json!({"name": "New"})),
            (Method::DELETE, &path, none),
        ];
        for ((method, path, body), expected) in calls.into_iter().zip(expected) {
            let called = format!("row {row}: {method} {path}");
            let answer = api.call(method, path, &token, body).await;
            assert_eq!(answer.status, expected, "{called}");
        }
    }
    let eve = api.user("eve");
    let look = async |path| api.call(Method::GET, path, &eve, Value::Null).await.body;
    let (hidden, unknown) = ("/conversations/kept-0", "/conversations/none");
    assert_eq!(
        look(hidden).await,
        look(unknown).await,
        "they look the same"
    );
}

#[actix_web::test]
async fn what_was_not_done_is_not_told() {
    let api = api().await.with_people().await;
    let admin = api.admin();
    let post = async |body| api.call(Method::POST, "/conversations", &admin, body).await;
    assert_eq!(post(conversation("c")).await.status, 201);
    api.published().await;
    assert_eq!(post(conversation("c")).await.fault(), (409, "conflict"));
    let mut elsewhere = conversation("d");
    elsewhere["organization"] = json!("nobody");
    assert_eq!(post(elsewhere).await.fault(), (404, "not_found"));
    api.store.close().await;
    assert_eq!(post(conversation("e")).await.fault(), (503, "unavailable"));
    assert_eq!(api.published().await, []);
}
