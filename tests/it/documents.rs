//! Documents at a real server: uploaded over REST, read by processes of their own, told to those in the project's room.

use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use switchboard::store::{Store, StoreError};
use url::Url;

use crate::support::http::{self, Response};
use crate::support::model_server::ModelServer;
use crate::support::pdf::Pdf;
use crate::support::server::TestServer;
use crate::support::viewer::Viewer;
use crate::support::{DEADLINE, eventually, tokens};

const LIST: &str = "/projects/7/documents";

/// A server with the project 7 of `acme`.
async fn server_with_project(settings: &[(&str, &str)]) -> TestServer {
    let server = TestServer::start_with(settings).await;
    let body = json!({"id": 7, "name": "Handbook", "organization": "acme"});
    let made = server.rest("POST", "/projects", &member(), body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    server
}

fn member() -> String {
    tokens::user("member")
}

async fn upload(server: &TestServer, filename: &str, content: &[u8]) -> Response {
    let disposition = format!("form-data; name=\"file\"; filename=\"{filename}\"");
    let head = format!("--limit\r\nContent-Disposition: {disposition}\r\n\r\n");
    let form = [head.as_bytes(), content, b"\r\n--limit--\r\n"].concat();
    let bearer = format!("Bearer {}", member());
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "multipart/form-data; boundary=limit"),
    ];
    let target = format!("/api/v1{LIST}");
    http::request(server.address, "POST", &target, &headers, form).await
}

async fn uploaded(server: &TestServer, filename: &str, content: &[u8]) -> u64 {
    let made = upload(server, filename, content).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_u64().unwrap()
}

async fn get(server: &TestServer, document: u64) -> Value {
    let path = format!("{LIST}/{document}");
    server
        .rest("GET", &path, &member(), Value::Null)
        .await
        .json()
}

async fn ended(server: &TestServer, document: u64) -> Value {
    let is_ended = |state: &Value| {
        ["completed", "failed"]
            .map(Value::from)
            .contains(&state["status"])
    };
    let look = async || get(server, document).await;
    eventually("the document's end", DEADLINE, look, is_ended).await
}

async fn in_project(server: &TestServer) -> Viewer {
    let mut viewer = Viewer::connect(server.address, &member()).await;
    let joined = viewer.ask("join_project", r#"{"project_id":7}"#).await;
    assert_eq!(joined["ok"], true, "{joined}");
    viewer
        .expect("project_joined", r#"{"project_id":7,"status":"success"}"#)
        .await;
    viewer
}

/// The next event's name and argument.
async fn told(viewer: &mut Viewer) -> (String, Value) {
    let event = viewer.event().await;
    let argument = serde_json::from_str(&event.arguments).unwrap();
    (event.name, argument)
}

/// The statuses of a document up to its end.
async fn statuses(viewer: &mut Viewer, document: u64) -> Vec<Value> {
    let mut statuses = Vec::new();
    loop {
        let (name, status) = told(viewer).await;
        assert_eq!(
            (name.as_str(), &status["document_id"]),
            ("document_status", &json!(document))
        );
        let is_end = status["status"] != "processing";
        statuses.push(status);
        if is_end {
            return statuses;
        }
    }
}

#[actix_web::test]
async fn d16_members_in_a_projects_room_see_the_progress_of_its_documents() {
    let server = server_with_project(&[]).await;
    let mut viewer = in_project(&server).await;
    let mut outside = Viewer::connect(server.address, &member()).await;
    let page = "BT /F1 12 Tf 72 700 Td (The budget of the school is 900 euros.) Tj ET";
    let pdf = Pdf::of_pages(&[page]).bytes();
    let document = uploaded(&server, "plan.pdf", &pdf).await;
    assert_eq!(told(&mut viewer).await.0, "project_update");
    let seen = statuses(&mut viewer, document).await;
    let progress: Vec<u64> = seen
        .iter()
        .map(|s| s["progress"].as_u64().unwrap())
        .collect();
    assert_eq!(progress, [0, 30, 90, 100]);
    let completed = json!({"document_id": document, "status": "completed", "progress": 100});
    assert_eq!(seen.last(), Some(&completed));
    let processed = r#"documents_processed_total{reason="completed"}"#;
    server.metric_becomes(processed, 1).await;
    let state = get(&server, document).await;
    assert_eq!(
        (&state["status"], &state["chunks"]),
        (&json!("completed"), &json!(1))
    );

    let broken = uploaded(&server, "broken.pdf", b"%PDF-1.7 and no more").await;
    assert_eq!(told(&mut viewer).await.0, "project_update");
    let seen = statuses(&mut viewer, broken).await;
    let failed = seen.last().unwrap();
    assert_eq!(
        (&failed["status"], &failed["progress"]),
        (&json!("failed"), &json!(0))
    );
    let why = get(&server, broken).await["error"].clone();
    assert!(why.as_str().is_some_and(|why| why.len() > 10), "{why}");
    assert_eq!(failed["error"], why);
    outside.expect_silence().await;
    drop((viewer, outside));
    server.stop().await;
}

#[actix_web::test]
async fn d17_members_are_told_of_documents_and_chats_that_come_and_go() {
    let server = server_with_project(&[]).await;
    let mut viewer = in_project(&server).await;
    let rest = async |method: &str, path: &str| {
        let done = server.rest(method, path, &member(), Value::Null).await;
        assert!(done.status < 300, "{method} {path}: {}", done.text());
        done
    };
    let update = |kind: &str, data: Value| {
        let data = json!({"type": kind, "data": data});
        ("project_update".to_owned(), data)
    };
    let document = uploaded(&server, "a.md", b"# Budget").await;
    let added = json!({"project_id": 7, "document_id": document, "filename": "a.md"});
    assert_eq!(told(&mut viewer).await, update("document_added", added));
    statuses(&mut viewer, document).await;
    rest("DELETE", &format!("{LIST}/{document}")).await;
    let deleted = json!({"project_id": 7, "document_id": document});
    assert_eq!(told(&mut viewer).await, update("document_deleted", deleted));

    let chat = rest("POST", "/projects/7/chats").await.json()["id"].clone();
    let created = json!({"project_id": 7, "chat_id": chat, "title": null});
    assert_eq!(told(&mut viewer).await, update("chat_created", created));
    rest("DELETE", &format!("/projects/7/chats/{chat}")).await;
    let deleted = json!({"project_id": 7, "chat_id": chat});
    assert_eq!(told(&mut viewer).await, update("chat_deleted", deleted));
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn a_file_that_is_too_large_is_refused_and_others_are_taken_behind_it() {
    let server = server_with_project(&[("max_document_bytes", "100000")]).await;
    for bytes in [100_001, 30_000_000] {
        let refused = upload(&server, "a.txt", &vec![b'x'; bytes]).await;
        assert_eq!(refused.status, 413, "{}", refused.text());
        assert_eq!(refused.json()["error"]["code"], "payload_too_large");
    }
    let document = uploaded(&server, "a.txt", &[b'x'; 100_000]).await;
    assert_eq!(ended(&server, document).await["status"], "completed");
    server.stop().await;
}

#[actix_web::test]
async fn documents_that_a_server_leaves_are_processed_by_the_next() {
    let server = server_with_project(&[]).await;
    let sentence = "Much is said here, and all of it is to be found. ".repeat(20_000);
    let mut documents = Vec::new();
    for name in ["a.txt", "b.txt", "c.txt", "d.txt"] {
        documents.push(uploaded(&server, name, sentence.as_bytes()).await);
    }
    let server = server.restart().await;
    for document in documents {
        let state = ended(&server, document).await;
        assert_eq!(state["status"], "completed", "{state}");
        assert!(state["chunks"].as_u64().unwrap() > 900, "{state}");
    }
    server.stop().await;
}

/// Asks in a new chat of the project, and returns the sources that were found.
async fn sources(server: &TestServer, question: &str) -> Vec<Value> {
    let member = member();
    let made = server.rest("POST", "/projects/7/chats", &member, json!({}));
    let chat = made.await.json()["id"].clone();
    let mut asker = server.user("member").await;
    let question = json!({ "chat_id": chat, "message": question });
    asker.emit("send_message", &question.to_string()).await;
    let found = loop {
        match told(&mut asker).await {
            (name, data) if name == "message_sources" => break data["sources"].clone(),
            (name, _) if name == "message_received" => {}
            other => panic!("{other:?}"),
        }
    };
    while told(&mut asker).await.0 != "message_complete" {}
    asker.reset();
    found.as_array().unwrap().clone()
}

async fn sources_are_found_by_meaning(settings: &[(&str, &str)]) {
    let model = ModelServer::start().await;
    let url = model.url();
    let vectors = [
        ("embeddings_url", url.as_str()),
        ("embeddings_model", "bags"),
    ];
    let server = server_with_project(&[&vectors[..], settings].concat()).await;
    let keeper = uploaded(&server, "keeper.txt", b"The keeper paints the tower.").await;
    let ferry = uploaded(&server, "ferry.txt", b"A ferry leaves at noon.").await;
    for document in [keeper, ferry] {
        assert_eq!(ended(&server, document).await["status"], "completed");
    }
    let found = sources(&server, "paints the keeper the tower").await;
    let score = found[0]["score"].as_f64().unwrap();
    assert_eq!(found[0]["metadata"]["document_id"], keeper);
    assert!((0.9..=1.0).contains(&score), "{found:?}");
    assert_eq!(found.len(), 1, "the ferry's is below the least score");
    let asked = model.embeddings_asked().await;
    assert_eq!(asked.body["model"], "bags");
    // A server that cannot be asked is an error to try again, and no answer without sources.
    model.answer_embeddings_by(400);
    let mut asker = server.user("member").await;
    let member = member();
    let chats = server.rest("GET", "/projects/7/chats", &member, Value::Null);
    let chat = chats.await.json()["items"][0]["id"].clone();
    let question = json!({ "chat_id": chat, "message": "Why?" });
    asker.emit("send_message", &question.to_string()).await;
    assert_eq!(told(&mut asker).await.0, "message_received");
    let (name, error) = told(&mut asker).await;
    assert_eq!(
        (name.as_str(), &error["retryable"]),
        ("error", &json!(true))
    );
    asker.reset();
    server.stop().await;
}

#[actix_web::test]
async fn with_an_embeddings_server_sources_are_found_by_meaning_on_sqlite() {
    sources_are_found_by_meaning(&[]).await;
}

#[actix_web::test]
async fn with_an_embeddings_server_sources_are_found_by_meaning_on_postgresql() {
    if let Some(url) = postgres_with_vectors().await {
        sources_are_found_by_meaning(&[("database_url", &url)]).await;
    }
}

/// An empty database on the server of `SWITCHBOARD_TEST_POSTGRES`, which tests/run starts and ends; none, and a line on
/// stderr, where there is no server, or one without pgvector.
async fn postgres_with_vectors() -> Option<String> {
    let skipped = |why: &str| {
        eprintln!("skipped: {why}");
        None
    };
    let Ok(server) = std::env::var("SWITCHBOARD_TEST_POSTGRES") else {
        return skipped("SWITCHBOARD_TEST_POSTGRES is not set");
    };
    let name = format!("vectors_{}", std::process::id());
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&server).await.unwrap();
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection.execute(create).await.unwrap();
    connection.close().await.unwrap();
    let mut url = Url::parse(&server).unwrap();
    url.set_path(&name);
    let store = Store::connect(url.as_str()).await.unwrap();
    store.migrate().await.unwrap();
    let prepared = store.prepare_vectors().await;
    store.close().await;
    match prepared {
        Ok(()) => Some(url.into()),
        Err(StoreError::NoVectors(_)) => skipped("the server has no pgvector"),
        Err(error) => panic!("{error}"),
    }
}

#[actix_web::test]
async fn documents_from_before_there_were_vectors_are_given_theirs() {
    let model = ModelServer::start().await;
    let url = model.url();
    let server = server_with_project(&[]).await;
    let document = uploaded(&server, "keeper.txt", b"The keeper paints the tower.").await;
    assert_eq!(ended(&server, document).await["status"], "completed");
    let other = server.beside(&[("embeddings_url", &url)]).await;
    let asked = model.embeddings_asked().await;
    assert_eq!(asked.body["input"], json!(["The keeper paints the tower."]));
    let look = async || sources(&other, "The keeper paints the tower.").await.len();
    eventually("the vector", DEADLINE, look, |found| *found == 1).await;
    other.stop().await;
    server.stop().await;
}
