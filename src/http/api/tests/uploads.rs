//! Files that arrive as forms: what is taken of them, and what is refused.

use super::*;

/// The documents of the project 1.
pub(super) const LIST: &str = "/projects/1/documents";
const INVALID: (u16, &str) = (422, "invalid");

/// A part of a form, with its header fields.
fn part(fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--limit\r\n{fields}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// A part with a file.
pub(super) fn file(filename: &str, content: &[u8]) -> Vec<u8> {
    let disposition = format!("form-data; name=\"file\"; filename=\"{filename}\"");
    part(&format!("Content-Disposition: {disposition}"), content)
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--limit--\r\n"].concat()
}

impl<S: Service<Request, Response = ServiceResponse, Error = Error>> Api<S> {
    pub(super) async fn upload_as(
        &self,
        path: &str,
        token: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Answer {
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
    pub(super) async fn upload(&self, parts: &[Vec<u8>]) -> Answer {
        let kind = "multipart/form-data; boundary=limit";
        self.upload_as(LIST, &self.user("mia"), kind, form(parts))
            .await
    }

    pub(super) async fn documents(&self) -> Value {
        let admin = self.admin();
        let listed = self.call(Method::GET, LIST, &admin, Value::Null).await;
        listed.body["items"].clone()
    }

    /// The project 1 of `acme`, and nothing published.
    pub(super) async fn with_one_project(self) -> Self {
        let body = json!({"id": 1, "name": "Handbook", "organization": "acme"});
        let admin = self.admin();
        let made = self.call(Method::POST, "/projects", &admin, body).await;
        assert_eq!(made.status, 201);
        self.published().await;
        self
    }
}

/// What is published of a project's changes.
pub(super) fn update(kind: &str, data: Value) -> (String, Value) {
    let topic = "switchboard/projects/1/events/project_update".to_owned();
    (topic, json!({"type": kind, "data": data}))
}

pub(super) async fn updates<S>(api: &Api<S>) -> Vec<(String, Value)>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let read =
        |(topic, payload): (String, String)| (topic, serde_json::from_str(&payload).unwrap());
    api.published().await.into_iter().map(read).collect()
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
