//! Documents: what is taken, who may, what is given out, and what is published.

use super::uploads::{LIST, file, update, updates};
use super::*;
use crate::store::{DocumentStatus, NewChunk};

const INVALID: (u16, &str) = (422, "invalid");

#[actix_web::test]
async fn a_member_uploads_a_document_reads_how_far_it_is_and_deletes_it() {
    let api = api().await.with_people().await.with_one_project().await;
    let mia = api.user("mia");
    let created = api.upload(&[file("plan.txt", b"The budget.")]).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["id"].as_u64().unwrap();
    let mut view = json!({
        "id": id, "project": 1, "filename": "plan.txt", "kind": "text", "bytes": 11,
        "status": "waiting", "progress": 0, "chunks": 0,
    });
    for time in ["created_at", "updated_at"] {
        assert!(created.body[time].as_u64().unwrap() > 1_700_000_000_000);
        view[time] = created.body[time].clone();
    }
    assert_eq!(created.body, view, "exactly these fields");
    let added = json!({"project_id": 1, "document_id": id, "filename": "plan.txt"});
    assert_eq!(updates(&api).await, [update("document_added", added)]);

    let lease = api.store.take_document(HOUR).await.unwrap().unwrap();
    assert_eq!(&api.store.upload(&lease).await.unwrap()[..], b"The budget.");
    api.store
        .fail_document(&lease, "it is nonsense")
        .await
        .unwrap();
    let path = format!("{LIST}/{id}");
    let read = api.call(Method::GET, &path, &mia, Value::Null).await;
    view["status"] = json!("failed");
    view["error"] = json!("it is nonsense");
    view["updated_at"] = read.body["updated_at"].clone();
    assert_eq!((read.status, &read.body), (200, &view));
    assert_eq!(api.documents().await, json!([view]));

    let delete = || api.call(Method::DELETE, &path, &mia, Value::Null);
    assert_eq!(delete().await.status, 204);
    let deleted = json!({"project_id": 1, "document_id": id});
    assert_eq!(updates(&api).await, [update("document_deleted", deleted)]);
    assert_eq!(delete().await.fault(), (404, "not_found"));
    let gone = api.call(Method::GET, &path, &mia, Value::Null).await;
    assert_eq!(gone.fault(), (404, "not_found"));
    assert_eq!(updates(&api).await, []);
}

#[actix_web::test]
async fn documents_are_for_members_and_administrators_alone() {
    let api = api().await.with_people().await.with_one_project().await;
    let id = api.upload(&[file("a.txt", b"text")]).await.body["id"].clone();
    let kind = "multipart/form-data; boundary=limit";
    let path = format!("{LIST}/{id}");
    for (row, (token, status)) in [
        (api.user("mia"), 200),
        (api.admin(), 200),
        (api.user("eve"), 404),
        (api.user("stranger"), 404),
        (api.guest("s"), 404),
        (String::new(), 401),
    ]
    .into_iter()
    .enumerate()
    {
        for path in [LIST, &path] {
            let answer = api.call(Method::GET, path, &token, Value::Null).await;
            assert_eq!(answer.status, status, "row {row}");
        }
        // The form is garbage: who may not upload is told so before it is read.
        let answer = api.upload_as(LIST, &token, kind, b"garbage".to_vec()).await;
        let expected = if status == 200 { 400 } else { status };
        assert_eq!(answer.status, expected, "row {row}");
        if status != 200 {
            let answer = api.call(Method::DELETE, &path, &token, Value::Null).await;
            assert_eq!(answer.status, status, "row {row}");
        }
    }
    assert_eq!(api.documents().await[0]["id"], id);
}

#[actix_web::test]
async fn a_document_is_found_in_its_own_project_alone_and_goes_with_it() {
    let api = api().await.with_people().await.with_one_project().await;
    let mia = api.user("mia");
    let body = json!({"id": 2, "name": "Other", "organization": "acme"});
    api.call(Method::POST, "/projects", &mia, body).await;
    let id = api.upload(&[file("a.txt", b"text")]).await.body["id"].clone();
    for (method, path) in [
        (Method::GET, format!("/projects/2/documents/{id}")),
        (Method::DELETE, format!("/projects/2/documents/{id}")),
        (Method::GET, format!("{LIST}/9007199254740991")),
        (Method::GET, format!("/projects/9/documents/{id}")),
    ] {
        let answer = api.call(method, &path, &mia, Value::Null).await;
        assert_eq!(answer.fault(), (404, "not_found"), "{path}");
    }
    let lease = api.store.take_document(HOUR).await.unwrap().unwrap();
    let gone = api.call(Method::DELETE, "/projects/1", &mia, Value::Null);
    assert_eq!(gone.await.status, 204);
    let chunk = NewChunk {
        index: 0,
        page: None,
        content: "text".to_owned(),
        terms: "text".to_owned(),
    };
    let late = api.store.add_chunks(&lease, &[chunk], 60).await;
    assert!(matches!(late, Err(crate::store::StoreError::LeaseLost(_))));
    let found = api.store.document(lease.document).await.unwrap();
    assert_eq!(found, None);
}

#[actix_web::test]
async fn documents_are_listed_a_page_at_a_time() {
    let api = api().await.with_people().await.with_one_project().await;
    for number in 0..5 {
        let name = format!("{number}.txt");
        assert_eq!(api.upload(&[file(&name, b"text")]).await.status, 201);
    }
    let lease = api.store.take_document(HOUR).await.unwrap().unwrap();
    api.store.complete_document(&lease, 3).await.unwrap();
    let admin = api.admin();
    let get = async |query: &str| {
        let path = format!("{LIST}{query}");
        api.call(Method::GET, &path, &admin, Value::Null).await
    };
    let (mut names, mut next) = (Vec::new(), Some(String::new()));
    while let Some(after) = next {
        let page = get(&format!("?limit=2{after}")).await.body;
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["filename"].clone()));
        next = page["next"].as_u64().map(|id| format!("&after={id}"));
    }
    assert_eq!(names, ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]);
    let first = &get("").await.body["items"][0];
    let completed = json!(DocumentStatus::Completed);
    assert_eq!(
        (&first["status"], &first["chunks"]),
        (&completed, &json!(3))
    );
    assert_eq!(first["progress"], 100);
    for (query, fault) in [
        ("?limit=0", INVALID),
        ("?limit=201", INVALID),
        ("?after=x", (400, "malformed")),
        ("?page=2", (400, "malformed")),
    ] {
        assert_eq!(get(query).await.fault(), fault, "{query}");
    }
}

#[actix_web::test]
async fn a_database_that_is_away_takes_no_document_and_nothing_is_published() {
    let api = api().await.with_people().await.with_one_project().await;
    api.store.close().await;
    let answer = api.upload(&[file("a.txt", b"text")]).await;
    assert_eq!(answer.fault(), (503, "unavailable"));
    assert_eq!(updates(&api).await, []);
}

#[actix_web::test]
async fn a_chat_that_is_created_or_deleted_is_told_to_its_project() {
    let api = api().await.with_people().await.with_one_project().await;
    let mia = api.user("mia");
    let path = "/projects/1/chats";
    for (body, title) in [
        (json!({"title": "Ours"}), json!("Ours")),
        (json!({}), Value::Null),
    ] {
        let chat = api.call(Method::POST, path, &mia, body).await.body["id"].clone();
        let created = json!({"project_id": 1, "chat_id": chat, "title": title});
        assert_eq!(updates(&api).await, [update("chat_created", created)]);
        let path = format!("{path}/{chat}");
        for status in [204, 404] {
            let deleted = api.call(Method::DELETE, &path, &mia, Value::Null).await;
            assert_eq!(deleted.status, status);
        }
        let deleted = json!({"project_id": 1, "chat_id": chat});
        assert_eq!(updates(&api).await, [update("chat_deleted", deleted)]);
    }
    let refused = api
        .call(Method::POST, path, &api.user("eve"), json!({}))
        .await;
    assert_eq!(refused.status, 404);
    assert_eq!(updates(&api).await, []);
}
