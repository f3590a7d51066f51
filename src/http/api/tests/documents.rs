//! Documents: what is taken, who may, what is given out, and what is published.

use super::*;
use crate::store::{DocumentStatus, NewChunk};

const LIST: &str = "/projects/1/documents";
const INVALID: (u16, &str) = (422, "invalid");

/// A part of a form, with its header fields.
fn part(fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--limit\r\n{fields}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// A part with a file.
fn file(filename: &str, content: &[u8]) -> Vec<u8> {
    let disposition = format!("form-data; name=\"file\"; filename=\"{filename}\"");
    part(&format!("Content-Disposition: {disposition}"), content)
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--limit--\r\n"].concat()
}

impl<S: Service<Request, Response = ServiceResponse, Error = Error>> Api<S> {
    async fn upload_as(&self, path: &str, token: &str, kind: &str, body: Vec<u8>) -> Answer {
        let mut request = test::TestRequest::post()
            .uri(&route(path))
            .insert_header((header::CONTENT_TYPE, kind))
            .set_payload(body);
        if !token.is_empty() {
            request = request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
        }
        self.send(request).await
    }

    /// Sends these parts to the project 1 as a member.
    async fn upload(&self, parts: &[Vec<u8>]) -> Answer {
        let kind = "multipart/form-data; boundary=limit";
        self.upload_as(LIST, &self.user("mia"), kind, form(parts))
            .await
    }

    async fn documents(&self) -> Value {
        let admin = self.admin();
        let listed = self.call(Method::GET, LIST, &admin, Value::Null).await;
        listed.body["items"].clone()
    }

    /// The project 1 of `acme`, and nothing published.
    async fn with_one_project(self) -> Self {
        let body = json!({"id": 1, "name": "Handbook", "organization": "acme"});
        let admin = self.admin();
        let made = self.call(Method::POST, "/projects", &admin, body).await;
        assert_eq!(made.status, 201);
        self.published().await;
        self
    }
}

/// What is published of a project's changes.
fn update(kind: &str, data: Value) -> (String, Value) {
    let topic = "switchboard/projects/1/events/project_update".to_owned();
    (topic, json!({"type": kind, "data": data}))
}

async fn updates<S>(api: &Api<S>) -> Vec<(String, Value)>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let read =
        |(topic, payload): (String, String)| (topic, serde_json::from_str(&payload).unwrap());
    api.published().await.into_iter().map(read).collect()
}

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
async fn a_file_arrives_as_it_is_with_its_name_kind_and_encoding() {
    let api = api().await.with_people().await.with_one_project().await;
    let all: Vec<u8> = (0..MAX_DOCUMENT).map(|n| (n % 256) as u8).collect();
    let quoted = "Content-Disposition: form-data; name=\"file\"; filename=\"C:\\\\docs\\\\Ré 1.MD\"\r\n\
         Content-Type: text/markdown; charset=ISO-8859-1";
    for (part, filename, kind, charset) in [
        (file("all.pdf", &all), "all.pdf", "pdf", None),
        (file("../../etc/page.html", &all), "page.html", "html", None),
        (
            part(quoted, &all),
            "Ré 1.MD",
            "markdown",
            Some("iso-8859-1"),
        ),
        (file("--limit.txt", &all), "--limit.txt", "text", None),
        (
            file("日本 ' ; --.txt", &all),
            "日本 ' ; --.txt",
            "text",
            None,
        ),
    ] {
        let created = api.upload(&[part]).await;
        assert_eq!(created.status, 201, "{}", created.body);
        assert_eq!(created.body["filename"], filename);
        assert_eq!(created.body["kind"], kind);
        assert_eq!(created.body["bytes"], MAX_DOCUMENT);
        let lease = api.store.take_document(HOUR).await.unwrap().unwrap();
        let sent = lease.charset.as_deref().map(str::to_ascii_lowercase);
        assert_eq!(sent.as_deref(), charset);
        assert!(api.store.upload(&lease).await.unwrap() == all);
    }
}

#[actix_web::test]
async fn what_is_no_form_with_one_named_file_is_refused() {
    let api = api().await.with_people().await.with_one_project().await;
    let field = |fields: &str| {
        part(
            &format!("Content-Disposition: form-data; {fields}"),
            b"text",
        )
    };
    let good = || file("a.txt", b"text");
    for (what, parts, fault) in [
        ("no part", vec![], INVALID),
        ("an empty file", vec![file("a.txt", b"")], INVALID),
        (
            "another field",
            vec![field("name=\"upload\"; filename=\"a.txt\"")],
            INVALID,
        ),
        ("two files", vec![good(), good()], INVALID),
        (
            "a field behind",
            vec![good(), field("name=\"title\"")],
            INVALID,
        ),
        (
            "a field before",
            vec![field("name=\"title\""), good()],
            INVALID,
        ),
        ("no name", vec![field("name=\"file\"")], INVALID),
        ("an empty name", vec![file("", b"text")], INVALID),
        ("a folder", vec![file("docs/", b"text")], INVALID),
        ("dots", vec![file("docs/..", b"text")], INVALID),
        (
            "a control character",
            vec![file("a\tb.txt", b"text")],
            INVALID,
        ),
        (
            "a long name",
            vec![file(&format!("{}.txt", "é".repeat(252)), b"t")],
            INVALID,
        ),
        (
            "a program",
            vec![file("a.exe", b"MZ")],
            (415, "unknown_kind"),
        ),
        (
            "no kind",
            vec![file("README", b"\x7fELF")],
            (415, "unknown_kind"),
        ),
        (
            "no disposition",
            vec![part("X: y", b"text")],
            (400, "malformed"),
        ),
        (
            "no form field",
            vec![part("Content-Disposition: inline", b"x")],
            (400, "malformed"),
        ),
        (
            "garbage",
            vec![b"--limit\r\n\0\xff\r\n\r\n".to_vec()],
            (400, "malformed"),
        ),
        (
            "half a form",
            vec![b"--limit\r\nContent-".to_vec()],
            (400, "malformed"),
        ),
    ] {
        let answer = api.upload(&parts).await;
        assert_eq!(answer.fault(), fault, "{what}: {}", answer.body);
        answer.assert_shape(what);
    }
    let whole = form(&[good()]);
    let kind = "multipart/form-data; boundary=limit";
    for (kind, body, fault) in [
        (kind, whole[..whole.len() - 12].to_vec(), (400, "malformed")),
        (kind, Vec::new(), (400, "malformed")),
        ("multipart/form-data", whole.clone(), (400, "malformed")),
        ("application/json", b"{}".to_vec(), (415, "not_multipart")),
        ("text/plain", b"text".to_vec(), (415, "not_multipart")),
        ("", whole, (415, "not_multipart")),
    ] {
        let answer = api.upload_as(LIST, &api.user("mia"), kind, body).await;
        assert_eq!(answer.fault(), fault, "{kind}: {}", answer.body);
        answer.assert_shape(kind);
    }
    assert_eq!(api.documents().await, json!([]));
    assert_eq!(updates(&api).await, []);
}

#[actix_web::test]
async fn a_file_that_is_too_large_is_read_no_further() {
    let api = api().await.with_people().await.with_one_project().await;
    let large = vec![b'x'; MAX_DOCUMENT + 1];
    let answer = api.upload(&[file("a.txt", &large)]).await;
    assert_eq!(answer.fault(), (413, "payload_too_large"));
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("100000 bytes"), "{message}");
    // Its form never ends: what is behind the limit is not read.
    let endless = file("a.txt", &vec![b'x'; 20 * MAX_DOCUMENT]);
    let kind = "multipart/form-data; boundary=limit";
    let mia = api.user("mia");
    let answer = api.upload_as(LIST, &mia, kind, endless).await;
    assert_eq!(answer.fault(), (413, "payload_too_large"));
    let header = format!("Content-Disposition: {}", "x".repeat(MAX_DOCUMENT));
    let answer = api.upload(&[part(&header, b"text")]).await;
    assert_eq!(answer.fault(), (413, "payload_too_large"));
    assert_eq!(api.documents().await, json!([]));
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
