//! Projects and chats: what is kept, who may, what is given out, and what is published.

use switchboard_protocol::ids::{ChatId, MAX_NUMBER};

use super::*;
use switchboard_actors::ports::{NewMessage, Speaker};

/// Projects are of this organization.
fn project(id: u64) -> Value {
    json!({"id": id, "name": "Handbook", "organization": "acme"})
}

impl<S: Service<Request, Response = ServiceResponse, Error = Error>> Api<S> {
    async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, token, Value::Null).await
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call(Method::POST, path, token, body).await
    }

    /// The project 1 of `acme`.
    async fn with_project(self) -> Self {
        let made = self.post("/projects", &self.admin(), project(1)).await;
        assert_eq!(made.status, 201);
        self
    }

    /// A new chat of the project 1.
    async fn chat(&self) -> u64 {
        let path = "/projects/1/chats";
        let made = self.post(path, &self.user("mia"), json!({})).await;
        made.body["id"].as_u64().unwrap()
    }

    async fn say(&self, chat: u64, speaker: Speaker, content: &str) {
        let said = NewMessage {
            chat: ChatId::try_from(chat).unwrap(),
            speaker,
            content: content.to_owned(),
            partial: false,
            sources: None,
            metadata: None,
        };
        self.store.append_message(said).await.unwrap();
    }
}

#[actix_web::test]
async fn a_member_creates_reads_and_deletes_a_project_with_its_own_id_or_a_new_one() {
    let api = api().await.with_people().await;
    let mia = api.user("mia");
    let created = api.post("/projects", &mia, project(7)).await;
    assert_eq!(created.status, 201);
    assert!(created.body["created_at"].as_u64().unwrap() > 1_700_000_000_000);
    let mut view = project(7);
    view["created_at"] = created.body["created_at"].clone();
    assert_eq!(created.body, view, "exactly these fields");
    let read = api.get("/projects/7", &mia).await;
    assert_eq!((read.status, &read.body), (200, &view));

    let twin = api.post("/projects", &mia, project(7)).await;
    assert_eq!(twin.fault(), (409, "conflict"));
    let nameless = json!({"name": "Other", "organization": "acme"});
    let one = api.post("/projects", &mia, nameless.clone()).await.body;
    let two = api.post("/projects", &mia, nameless).await.body;
    assert!(one["id"].is_u64() && two["id"].is_u64(), "{one}");
    assert_ne!(one["id"], two["id"]);

    let delete = || api.call(Method::DELETE, "/projects/7", &mia, Value::Null);
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.fault(), (404, "not_found"));
    let gone = api.get("/projects/7", &mia).await;
    assert_eq!(gone.fault(), (404, "not_found"));
}

#[actix_web::test]
async fn a_chat_is_created_with_or_without_a_title_listed_read_and_deleted() {
    let api = api().await.with_people().await.with_project().await;
    let (mia, list) = (api.user("mia"), "/projects/1/chats");
    let titled = api.post(list, &mia, json!({"title": "Ours"})).await;
    assert_eq!(titled.status, 201);
    let id = titled.body["id"].as_u64().unwrap();
    let mut view = json!({"id": id, "project": 1, "title": "Ours"});
    for time in ["created_at", "updated_at"] {
        assert!(titled.body[time].is_u64());
        view[time] = titled.body[time].clone();
    }
    assert_eq!(titled.body, view, "exactly these fields");
    // Without a body, too.
    let plain = api.post(list, &mia, Value::Null).await;
    assert_eq!((plain.status, &plain.body["title"]), (201, &Value::Null));
    assert!(plain.body["id"].as_u64().unwrap() > id);

    let path = format!("{list}/{id}");
    assert_eq!(api.get(&path, &mia).await.body, view);
    let listed = api.get(list, &mia).await;
    let expected = json!({"items": [view, plain.body], "next": null});
    assert_eq!((listed.status, listed.body), (200, expected));
    api.say(id, Speaker::User, "Why?").await;
    let delete = || api.call(Method::DELETE, &path, &mia, Value::Null);
    assert_eq!(delete().await.status, 204);
    for gone in [
        delete().await,
        api.get(&path, &mia).await,
        api.get(&format!("{path}/messages"), &mia).await,
    ] {
        assert_eq!(gone.fault(), (404, "not_found"));
    }
}

#[actix_web::test]
async fn messages_are_given_in_the_order_they_were_said_with_what_is_known_of_them() {
    let api = api().await.with_people().await.with_project().await;
    let (mia, chat) = (api.user("mia"), api.chat().await);
    let path = format!("/projects/1/chats/{chat}/messages");
    let empty = api.get(&path, &mia).await;
    assert_eq!(empty.body, json!({"items": [], "next": null}));
    api.say(chat, Speaker::User, "Why?").await;
    let sources = json!([{"id": "c1", "content": "So.", "metadata": {"page": 2}, "score": 0.5}]);
    let answer = NewMessage {
        chat: chat.try_into().unwrap(),
        speaker: Speaker::Assistant,
        content: "Beca".to_owned(),
        partial: true,
        sources: Some(sources.clone()),
        metadata: Some(json!({"model": "extractive"})),
    };
    api.store.append_message(answer).await.unwrap();
    let mut listed = api.get(&path, &mia).await.body;
    for item in listed["items"].as_array_mut().unwrap() {
        for number in ["id", "created_at"] {
            let taken = item.as_object_mut().unwrap().remove(number);
            assert!(taken.unwrap().as_u64().unwrap() > 0);
        }
    }
    let expected = json!([
        {"role": "user", "content": "Why?"},
        {
            "role": "assistant", "content": "Beca", "partial": true, "sources": sources,
            "metadata": {"model": "extractive"},
        },
    ]);
    assert_eq!(listed["items"], expected);
    let chat = api.get(&format!("/projects/1/chats/{chat}"), &mia).await;
    assert_eq!(chat.body["title"], "Why?");
}

#[actix_web::test]
async fn projects_chats_and_messages_are_listed_a_page_at_a_time() {
    let api = api().await.with_people().await.with_project().await;
    let (mia, chat) = (api.user("mia"), api.chat().await);
    for number in 2..=5 {
        api.post("/projects", &mia, project(number)).await;
        api.chat().await;
        api.say(chat, Speaker::User, "Why?").await;
    }
    api.say(chat, Speaker::User, "Why?").await;
    let lists = [
        "/organizations/acme/projects".to_owned(),
        "/projects/1/chats".to_owned(),
        format!("/projects/1/chats/{chat}/messages"),
    ];
    for list in lists {
        let whole = api.get(&list, &mia).await.body;
        let (mut pages, mut next) = (Vec::new(), Some(String::new()));
        while let Some(after) = next {
            let page = api.get(&format!("{list}?limit=2{after}"), &mia).await;
            assert_eq!(page.status, 200, "{list}");
            pages.push(page.body["items"].as_array().unwrap().clone());
            next = page.body["next"].as_u64().map(|id| format!("&after={id}"));
        }
        let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1], "{list}");
        assert_eq!(whole["items"], json!(pages.concat()), "{list}");
        let exact = api.get(&format!("{list}?limit=5"), &mia).await;
        assert_eq!(exact.body["next"], Value::Null, "{list}");
        for (query, fault) in [
            ("?limit=0", (422, "invalid")),
            ("?limit=201", (422, "invalid")),
            ("?limit=-1", (400, "malformed")),
            ("?limit=x", (400, "malformed")),
            ("?after=0", (400, "malformed")),
            ("?after=-1", (400, "malformed")),
            ("?after=x", (400, "malformed")),
            ("?after=9007199254740992", (400, "malformed")),
            ("?page=2", (400, "malformed")),
        ] {
            let refused = api.get(&format!("{list}{query}"), &mia).await;
            assert_eq!(refused.fault(), fault, "{list}{query}");
        }
    }
}

#[actix_web::test]
async fn only_members_and_administrators_learn_that_a_project_exists() {
    let api = api().await.with_people().await.with_project().await;
    let chat = api.chat().await;
    let paths = [
        "/organizations/acme/projects".to_owned(),
        "/projects/1".to_owned(),
        "/projects/1/chats".to_owned(),
        format!("/projects/1/chats/{chat}"),
        format!("/projects/1/chats/{chat}/messages"),
    ];
    let table = [
        (api.admin(), 200, 201),
        (api.user("mia"), 200, 201),
        (api.user("boss"), 200, 201),
        (api.user("eve"), 404, 403),
        (api.user("stranger"), 404, 403),
        (api.guest("s"), 404, 403),
        (String::new(), 401, 401),
    ];
    for (row, (token, reads, creates)) in table.into_iter().enumerate() {
        for path in &paths {
            let answer = api.get(path, &token).await;
            assert_eq!(answer.status, reads, "row {row}: {path}");
        }
        let new = project(10 + row as u64);
        let created = api.post("/projects", &token, new).await;
        assert_eq!(created.status, creates, "row {row}");
    }
    // Where it is no member, an organization that is there looks like one that is not.
    let elsewhere = json!({"name": "N", "organization": "none"});
    let mia = api.user("mia");
    let unknown = api.post("/projects", &mia, elsewhere.clone()).await;
    assert_eq!(unknown.fault(), (403, "forbidden"));
    let unknown = api.post("/projects", &api.admin(), elsewhere).await;
    assert_eq!(unknown.fault(), (404, "not_found"));
}

#[actix_web::test]
async fn a_chat_is_found_in_its_own_project_alone() {
    let api = api().await.with_people().await.with_project().await;
    let (mia, chat) = (api.user("mia"), api.chat().await);
    api.post("/projects", &mia, project(2)).await;
    let unknown = api.get("/projects/2/chats/9007199254740991", &mia).await;
    assert_eq!(unknown.fault(), (404, "not_found"));
    for end in ["", "/messages"] {
        let elsewhere = api
            .get(&format!("/projects/2/chats/{chat}{end}"), &mia)
            .await;
        assert_eq!((elsewhere.status, &elsewhere.body), (404, &unknown.body));
    }
    let path = format!("/projects/2/chats/{chat}");
    let kept = api.call(Method::DELETE, &path, &mia, Value::Null).await;
    assert_eq!(kept.status, 404);
    let path = format!("/projects/1/chats/{chat}");
    assert_eq!(api.get(&path, &mia).await.status, 200);
}

#[actix_web::test]
async fn an_event_of_a_project_is_published_with_its_data_byte_for_byte() {
    let api = api().await.with_people().await.with_project().await;
    for (body, event, payload) in [
        (r#"{"event":"refresh"}"#, "refresh", ""),
        (
            r#"{"data":{"b" : 1.0,"n":null},"event":"project_update"}"#,
            "project_update",
            r#"{"b" : 1.0,"n":null}"#,
        ),
        (
            r#"{"event":"document_status","data":{"document_id":5,"progress":30}}"#,
            "document_status",
            r#"{"document_id":5,"progress":30}"#,
        ),
    ] {
        let bearer = format!("Bearer {}", api.admin());
        let request = test::TestRequest::post()
            .uri(&route("/projects/1/events"))
            .insert_header((header::AUTHORIZATION, bearer))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(body);
        assert_eq!(api.send(request).await.status, 202, "{body}");
        let topic = format!("switchboard/projects/1/events/{event}");
        assert_eq!(api.published().await, [(topic, payload.to_owned())]);
    }
}

#[actix_web::test]
async fn events_of_a_project_are_raised_by_administrators_and_maintainers_alone() {
    let api = api().await.with_people().await.with_project().await;
    let (acme, max) = ("acme".parse().unwrap(), "max".parse().unwrap());
    let maintainer = api.store.put_member(&acme, &max, Role::Maintainer);
    maintainer.await.unwrap();
    for (token, status) in [
        (api.admin(), 202),
        (api.user("max"), 202),
        (api.user("boss"), 403),
        (api.user("mia"), 403),
        (api.user("eve"), 404),
        (api.guest("s"), 404),
        (String::new(), 401),
    ] {
        let event = json!({"event": "own", "data": 1});
        let answer = api.post("/projects/1/events", &token, event).await;
        assert_eq!(answer.status, status);
        assert_eq!(api.published().await.len(), usize::from(status == 202));
    }
    for event in [
        "",
        "a/b",
        "+",
        "#",
        "A",
        "connect",
        "final",
        "message_token",
        "error",
        "folder_deleted",
        "conversation_created",
        "llm:job:update",
        "orga_acme_session_update",
    ] {
        let body = json!({ "event": event });
        let answer = api.post("/projects/1/events", &api.admin(), body).await;
        assert_eq!(answer.fault(), (422, "invalid"), "{event:?}");
    }
    assert_eq!(api.published().await, []);
}

#[actix_web::test]
async fn ids_of_projects_and_chats_are_whole_positive_numbers() {
    let api = api().await.with_people().await.with_project().await;
    let admin = api.admin();
    let numbers = [
        "0",
        "-1",
        "1.0",
        "1e3",
        "\"1\"",
        "true",
        "[1]",
        "9007199254740992",
        "99999999999999999999",
    ];
    for number in numbers {
        let mut body = project(1);
        body["id"] = serde_json::from_str(number).unwrap();
        let answer = api.post("/projects", &admin, body).await;
        assert_eq!(answer.fault(), (422, "invalid"), "{number}");
        answer.assert_shape(number);
    }
    for id in [
        "0",
        "-1",
        "1.0",
        "1e3",
        "01",
        "%2B1",
        "9007199254740992",
        "x",
    ] {
        for path in [
            format!("/projects/{id}"),
            format!("/projects/{id}/chats"),
            format!("/projects/1/chats/{id}"),
            format!("/projects/1/chats/{id}/messages"),
            format!("/projects/{id}/documents"),
            format!("/projects/1/documents/{id}"),
        ] {
            let answer = api.get(&path, &admin).await;
            assert_eq!(answer.fault(), (400, "malformed"), "{path}");
        }
    }
    let largest = api.post("/projects", &admin, project(MAX_NUMBER)).await;
    assert_eq!(largest.body["id"], MAX_NUMBER);
    let next = json!({"name": "N", "organization": "acme"});
    let next = api.post("/projects", &admin, next).await;
    assert_eq!((next.status, &next.body["id"]), (201, &json!(2)));
}

#[actix_web::test]
async fn a_database_that_is_away_is_503_for_projects_and_nothing_is_published() {
    let api = api().await.with_people().await.with_project().await;
    api.store.close().await;
    for (method, path, body) in [
        (Method::GET, "/organizations/acme/projects", Value::Null),
        (Method::POST, "/projects", project(2)),
        (Method::GET, "/projects/1/chats/1/messages", Value::Null),
        (Method::POST, "/projects/1/events", json!({"event": "own"})),
    ] {
        let answer = api.call(method, path, &api.admin(), body).await;
        assert_eq!(answer.fault(), (503, "unavailable"), "{path}");
    }
    assert_eq!(api.published().await, []);
}
