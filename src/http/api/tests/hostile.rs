//! What may be sent to every route that should not be: each is refused in the documented shape, and changes nothing.

use super::*;

/// The routes that take a JSON body: method, path, status, a good body.
fn bodies() -> Vec<(Method, &'static str, u16, Value)> {
    let mut new = session("new");
    new["owner"] = json!("ann");
    new["password"] = json!("open sesame");
    new["record"] = json!(true);
    let mut patch = new.clone();
    patch["id"] = json!("s");
    patch["visibility"] = json!("public");
    patch.as_object_mut().unwrap().remove("organizationId");
    let jobs = json!({"transcription": {"state": "done", "progress": 50}});
    let conversation = json!({"_id": "new", "name": "N", "organization": "acme", "jobs": jobs});
    let changes = json!({"name": "N", "jobs": jobs});
    let member = "/organizations/acme/members/ann";
    let event = json!({"event": "own", "data": {"a": 1}});
    let password = json!({"password": "open sesame"});
    let project = json!({"id": 9, "name": "N", "organization": "acme"});
    let chat = json!({"title": "T"});
    vec![
        (
            Method::PUT,
            "/organizations/acme",
            200,
            json!({"name": "N"}),
        ),
        (Method::PUT, member, 200, json!({"role": "member"})),
        (
            Method::POST,
            "/organizations/acme/events",
            202,
            event.clone(),
        ),
        (Method::POST, "/sessions", 201, new),
        (Method::PATCH, "/sessions/s", 200, patch),
        (Method::POST, "/sessions/s/guest-token", 200, password),
        (Method::POST, "/conversations", 201, conversation),
        (Method::PATCH, "/conversations/c", 200, changes),
        (Method::POST, "/projects", 201, project),
        (Method::POST, "/projects/1/chats", 201, chat),
        (Method::POST, "/projects/1/events", 202, event),
    ]
}

/// Well-formed, and not what is asked for.
const INVALID: (u16, &str) = (422, "invalid");
/// Fields that take any value.
const ANYTHING: [&str; 1] = ["/data"];
/// Fields that take one of a few words: serde_json calls a number, a boolean or an array there a fault of syntax.
const WORDS: [&str; 3] = ["/role", "/visibility", "/jobs/transcription/state"];

impl<S: Service<Request, Response = ServiceResponse, Error = Error>> Api<S> {
    /// The session `s`, public and with the password `open sesame`, the conversation `c`, and the project 1 with the
    /// chat 1.
    pub(super) async fn with_things(self) -> Self {
        let fields = json!({"visibility": "public", "password": "open sesame"});
        self.session("s", fields).await;
        let admin = self.admin();
        for (path, body) in [
            (
                "/conversations",
                json!({"_id": "c", "name": "N", "organization": "acme"}),
            ),
            (
                "/projects",
                json!({"id": 1, "name": "N", "organization": "acme"}),
            ),
            ("/projects/1/chats", json!({})),
        ] {
            let made = self.call(Method::POST, path, &admin, body).await;
            assert_eq!(made.status, 201, "{path}");
        }
        self.published().await;
        self
    }

    /// Everything that a request could have changed.
    pub(super) async fn state(&self) -> Vec<Value> {
        let admin = self.admin();
        let mut state = Vec::new();
        for path in [
            "/organizations/acme/sessions",
            "/sessions/s",
            "/conversations/c",
            "/conversations/new",
            "/organizations/acme/projects",
            "/projects/1/chats",
            "/projects/1/documents",
        ] {
            state.push(self.call(Method::GET, path, &admin, Value::Null).await.body);
        }
        let (acme, ann) = ("acme".parse().unwrap(), "ann".parse().unwrap());
        state.push(json!(self.store.member_role(&acme, &ann).await.unwrap()));
        state.push(json!(self.published().await));
        state
    }

    async fn send_text(&self, method: &Method, path: &str, kind: &str, body: String) -> Answer {
        let bearer = format!("Bearer {}", self.admin());
        let request = test::TestRequest::default()
            .method(method.clone())
            .uri(&route(path))
            .insert_header((header::AUTHORIZATION, bearer))
            .insert_header((header::CONTENT_TYPE, kind))
            .set_payload(body);
        self.send(request).await
    }
}

impl Answer {
    /// Asserts the documented shape, and that nothing of the inside shows.
    pub(super) fn assert_shape(&self, what: &str) {
        let error = self.body["error"].as_object().expect(what);
        let fields: Vec<&str> = error.keys().map(String::as_str).collect();
        assert_eq!(fields, ["code", "message"], "{what}");
        assert_eq!(self.body.as_object().unwrap().len(), 1, "{what}");
        let message = error["message"].as_str().unwrap().to_lowercase();
        assert!(!message.is_empty(), "{what}");
        for inside in ["sqlite", "sqlx", "select ", "insert ", "panicked"] {
            assert!(!message.contains(inside), "{what}: {message}");
        }
    }
}

/// The pointers of all values within `value`, such as `/channels/0/name`.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = format!("{at}/{name}");
                found.push(at.clone());
                pointers(value, &at, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                found.push(at.clone());
                pointers(value, &at, found);
            }
        }
        _ => {}
    }
}

#[actix_web::test]
async fn the_good_bodies_of_this_list_are_good() {
    let api = api().await.with_people().await.with_things().await;
    for (method, path, status, body) in bodies() {
        let answer = api.call(method, path, &api.admin(), body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
}

#[actix_web::test]
async fn values_of_a_wrong_type_and_unknown_fields_are_refused_wherever_they_stand() {
    let api = api().await.with_people().await.with_things().await;
    let (before, admin) = (api.state().await, api.admin());
    let values = [
        json!(true),
        json!(-1.5),
        json!(""),
        json!([[]]),
        json!({"x": 1}),
    ];
    let mut tried = 0;
    for (method, path, _, good) in bodies() {
        let mut places = Vec::new();
        pointers(&good, "", &mut places);
        places.retain(|place| !ANYTHING.iter().any(|any| place.starts_with(any)));
        let whole = [json!([]), json!("x"), json!(1), json!(true)];
        let mut bad: Vec<_> = whole.into_iter().map(|body| (body, INVALID)).collect();
        for place in &places {
            for value in &values {
                let mut body = good.clone();
                *body.pointer_mut(place).unwrap() = value.clone();
                // A boolean where one belongs is good, and any text may be a guess.
                let guess = path.ends_with("/guest-token") && value.is_string();
                if body != good && !guess {
                    let syntax =
                        WORDS.contains(&&place[..]) && !(value.is_string() || value.is_object());
                    bad.push((body, if syntax { (400, "malformed") } else { INVALID }));
                }
            }
        }
        let objects = places.iter().map(String::as_str).chain([""]);
        for place in objects {
            let mut body = good.clone();
            if let Some(Value::Object(fields)) = body.pointer_mut(place) {
                fields.insert("surprise".to_owned(), json!(1));
                bad.push((body, INVALID));
            }
        }
        for (body, fault) in bad {
            let what = format!("{method} {path} {body}");
            let answer = api.call(method.clone(), path, &admin, body).await;
            assert_eq!(answer.fault(), fault, "{what}");
            answer.assert_shape(&what);
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
    assert_eq!(api.state().await, before);
}

#[actix_web::test]
async fn ids_that_are_none_are_refused_in_paths_and_bodies() {
    let api = api().await.with_people().await.with_things().await;
    let (before, admin) = (api.state().await, api.admin());
    let long = "x".repeat(129);
    let ids = [
        "a/b",
        "+",
        "#",
        "s/1",
        "*",
        "a\0b",
        "\u{7f}",
        "..",
        ".",
        "a..b",
        "a b",
        "é",
        "$SYS",
        "s' OR '1'='1",
        "",
        &long,
    ];
    let encode = |id: &str| -> String { id.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let routes = [
        (Method::PUT, "/organizations/{}"),
        (Method::PUT, "/organizations/{}/members/ann"),
        (Method::DELETE, "/organizations/{}/members/ann"),
        (Method::POST, "/organizations/{}/events"),
        (Method::GET, "/organizations/{}/sessions"),
        (Method::GET, "/sessions/{}"),
        (Method::PATCH, "/sessions/{}"),
        (Method::DELETE, "/sessions/{}"),
        (Method::POST, "/sessions/{}/guest-token"),
        (Method::GET, "/conversations/{}"),
        (Method::PATCH, "/conversations/{}"),
        (Method::DELETE, "/conversations/{}"),
        (Method::GET, "/organizations/{}/projects"),
        (Method::GET, "/projects/{}"),
        (Method::DELETE, "/projects/{}"),
        (Method::POST, "/projects/{}/events"),
        (Method::GET, "/projects/{}/chats"),
        (Method::POST, "/projects/{}/chats"),
        (Method::GET, "/projects/1/chats/{}"),
        (Method::DELETE, "/projects/1/chats/{}"),
        (Method::GET, "/projects/1/chats/{}/messages"),
        (Method::GET, "/projects/{}/documents"),
        (Method::POST, "/projects/{}/documents"),
        (Method::GET, "/projects/1/documents/{}"),
        (Method::DELETE, "/projects/1/documents/{}"),
    ];
    for (method, path) in routes {
        let good = bodies()
            .into_iter()
            .find(|(other, other_path, ..)| {
                let pattern = path.replace("{}", other_path.split('/').nth(2).unwrap_or_default());
                *other == method && *other_path == pattern
            })
            .map_or(Value::Null, |(.., body)| body);
        for id in ids.iter().filter(|id| !id.is_empty()) {
            let path = path.replace("{}", &encode(id));
            let answer = api.call(method.clone(), &path, &admin, good.clone()).await;
            assert_eq!(answer.fault(), (400, "malformed"), "{method} {path}");
            answer.assert_shape(&path);
        }
    }
    for user in ["%00", "a%0Ab", "%FF", &"x".repeat(257)] {
        let path = format!("/organizations/acme/members/{user}");
        let role = json!({"role": "admin"});
        let answer = api.call(Method::PUT, &path, &admin, role).await;
        assert_eq!(answer.fault(), (400, "malformed"), "{path}");
    }
    for (method, path, _, good) in bodies() {
        for field in ["id", "_id", "organizationId", "organization"] {
            for id in ids.iter().filter(|_| good.get(field).is_some()) {
                let mut body = good.clone();
                body[field] = json!(id);
                let answer = api.call(method.clone(), path, &admin, body).await;
                assert_eq!(answer.fault(), (422, "invalid"), "{path} {field} {id:?}");
            }
        }
    }
    assert_eq!(api.state().await, before);
}

#[actix_web::test]
async fn bodies_that_are_too_large_no_json_too_deep_or_of_another_kind_are_refused() {
    let api = api().await.with_people().await.with_things().await;
    let before = api.state().await;
    for (method, path, _, good) in bodies() {
        let send = async |body: String| {
            let json = "application/json";
            api.send_text(&method, path, json, body).await
        };
        let refused = async |body: String, faults: &[(u16, &str)]| {
            let answer = send(body).await;
            let fault = answer.fault();
            assert!(faults.contains(&fault), "{method} {path}: {fault:?}");
            answer.assert_shape(path);
        };
        let mut large = good.to_string();
        large.push_str(&" ".repeat(MAX_BODY_BYTES));
        refused(large, &[(413, "payload_too_large")]).await;
        let good = good.to_string();
        for broken in ["{", "nul", "{]", "\u{feff}{}", &good[..good.len() - 1]] {
            refused(broken.to_owned(), &[(400, "malformed")]).await;
        }
        refused(format!("{good}{good}"), &[(400, "malformed")]).await;
        let mut fields = good.clone();
        fields.insert_str(1, "\"surprise\":1,\"surprise\":2,");
        refused(fields, &[(422, "invalid")]).await;
        for (open, close) in [("[", "]"), ("{\"name\":", "}")] {
            let deep = format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
            let inside = format!("{{\"name\":{deep}}}");
            let faults = [(422, "invalid"), (400, "malformed")];
            refused(deep, &faults).await;
            refused(inside, &faults).await;
        }
        // These may come without a body, and then without a kind.
        if !["/guest-token", "/chats"]
            .iter()
            .any(|end| path.ends_with(end))
        {
            for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
                let answer = api.send_text(&method, path, kind, good.clone()).await;
                assert_eq!(answer.fault(), (415, "not_json"), "{method} {path}");
            }
        }
    }
    assert_eq!(api.state().await, before);
}

#[actix_web::test]
async fn sql_in_any_text_is_kept_as_it_is_and_breaks_nothing() {
    let api = api().await.with_people().await.with_things().await;
    let admin = api.admin();
    for (number, sql) in [
        "'); DROP TABLE sessions; --",
        "\" OR 1=1 --",
        "?1 $1 :x @x %s {} \\' \\",
        "x' UNION SELECT password_hash FROM sessions --",
        "\u{202e}txt' ; DELETE FROM organizations;",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("sql-{number}");
        let channel = json!({"index": 0, "name": sql, "language": sql});
        let fields = json!({
            "name": sql, "owner": sql, "password": sql, "visibility": "public",
            "channels": [channel],
        });
        api.session(&id, fields).await;
        let path = format!("/sessions/{id}");
        let kept = api.call(Method::GET, &path, &admin, Value::Null).await.body;
        assert_eq!((&kept["name"], &kept["owner"]), (&json!(sql), &json!(sql)));
        assert_eq!(kept["channels"], json!([channel]));
        let path = format!("{path}/guest-token");
        let right = json!({ "password": sql });
        let token = api.call(Method::POST, &path, "", right).await;
        assert_eq!(token.status, 200, "{sql}");

        let body = json!({"_id": id, "name": sql, "organization": "acme"});
        let made = api.call(Method::POST, "/conversations", &admin, body).await;
        assert_eq!(made.body["name"], sql);
        let path = format!("/conversations/{id}");
        let kept = api.call(Method::GET, &path, &admin, Value::Null).await;
        assert_eq!(kept.body["name"], sql);
        let name = json!({ "name": sql });
        let named = api.call(Method::PUT, "/organizations/acme", &admin, name);
        assert_eq!(named.await.body["name"], sql);
        let user: String = sql.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/organizations/acme/members/{user}");
        let role = json!({"role": "member"});
        let member = api.call(Method::PUT, &path, &admin, role).await;
        assert_eq!((member.status, &member.body["user"]), (201, &json!(sql)));
        let gone = api.call(Method::DELETE, &path, &admin, Value::Null).await;
        assert_eq!(gone.status, 204);
    }
    let list = "/organizations/acme/sessions";
    let list = api.call(Method::GET, list, &admin, Value::Null).await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 6);
}
