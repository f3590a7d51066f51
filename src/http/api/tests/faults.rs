//! Every fault has its status and the same JSON form.

use super::*;

#[actix_web::test]
async fn bodies_that_are_not_as_described_are_refused() {
    let api = api().await.with_people().await;
    let with = |field: &str, value: Value| {
        let mut body = session("s");
        body[field] = value;
        body
    };
    let channel = |index: i64| json!({"index": index, "name": "n", "language": "en"});
    let many: Vec<Value> = (0..65).map(channel).collect();
    let invalid = [
        json!({}),
        json!([]),
        json!("s"),
        with("surprise", json!(1)),
        with("id", json!("a/b")),
        with("id", json!("..")),
        with("id", json!("+")),
        with("id", json!("")),
        with("id", json!(7)),
        with("id", json!("x".repeat(129))),
        with("name", json!("")),
        with("name", json!("  ")),
        with("name", json!("a\u{0}b")),
        with("name", json!("x".repeat(201))),
        with("organizationId", json!("#")),
        with("visibility", json!("secret")),
        with("owner", json!("")),
        with("password", json!("")),
        with("password", json!("x".repeat(257))),
        with("record", json!("yes")),
        with("channels", json!({})),
        with("channels", json!([channel(1), channel(1)])),
        with("channels", json!([channel(-1)])),
        with("channels", json!([channel(1000)])),
        with(
            "channels",
            json!([{"index": 0, "name": "", "language": "en"}]),
        ),
        with(
            "channels",
            json!([{"index": 0, "name": "n", "language": "en", "key": "k"}]),
        ),
        with("channels", json!(many)),
    ];
    for body in invalid {
        let answer = api
            .call(Method::POST, "/sessions", &api.admin(), body.clone())
            .await;
        assert_eq!(answer.fault(), (422, "invalid"), "{body}");
    }
    let id: switchboard_protocol::ids::SessionId = "s".parse().unwrap();
    assert!(
        api.store.session(&id).await.unwrap().is_none(),
        "nothing of it was kept"
    );
}

#[actix_web::test]
async fn patches_are_checked_like_new_sessions() {
    let api = api().await.with_people().await;
    api.session("s", json!({})).await;
    for body in [
        json!({"id": "t"}),
        json!({"organizationId": "other"}),
        json!({"name": ""}),
        json!({"password": ""}),
        json!({"channels": [{"index": 2000, "name": "n", "language": "en"}]}),
    ] {
        let answer = api
            .call(Method::PATCH, "/sessions/s", &api.admin(), body.clone())
            .await;
        assert_eq!(answer.fault(), (422, "invalid"), "{body}");
    }
}

#[actix_web::test]
async fn an_id_can_be_used_once_and_must_be_one() {
    let api = api().await.with_people().await;
    api.session("s", json!({})).await;
    let twin = api
        .call(Method::POST, "/sessions", &api.admin(), session("s"))
        .await;
    assert_eq!(twin.fault(), (409, "conflict"));
    for path in [
        "/sessions/a%2Fb",
        "/sessions/%2B",
        "/sessions/a%00b",
        "/sessions/%FF",
    ] {
        let answer = api.call(Method::GET, path, &api.admin(), Value::Null).await;
        assert_eq!(answer.fault(), (400, "malformed"), "{path}");
    }
}

#[actix_web::test]
async fn bodies_that_cannot_be_read_are_told_apart() {
    let api = api().await.with_people().await;
    let bearer = (header::AUTHORIZATION, format!("Bearer {}", api.admin()));
    let post = || {
        test::TestRequest::post()
            .uri("/api/v1/sessions")
            .insert_header(bearer.clone())
    };
    let json = || (header::CONTENT_TYPE, "application/json");
    for broken in ["", "{", "{\"name\":}", "nul", "\u{feff}{}"] {
        let answer = api
            .send(post().insert_header(json()).set_payload(broken.to_owned()))
            .await;
        assert_eq!(answer.fault(), (400, "malformed"), "{}", answer.body);
    }
    let nested = format!("{{\"name\":{}", "[".repeat(60_000));
    let answer = api
        .send(post().insert_header(json()).set_payload(nested))
        .await;
    assert_eq!(answer.fault(), (422, "invalid"));
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(MAX_BODY_BYTES));
    let answer = api
        .send(post().insert_header(json()).set_payload(large.clone()))
        .await;
    assert_eq!(answer.fault(), (413, "payload_too_large"));
    let text = post()
        .insert_header((header::CONTENT_TYPE, "text/plain"))
        .set_payload("{}");
    assert_eq!(api.send(text).await.fault(), (415, "not_json"));
    let guest = test::TestRequest::post()
        .uri("/api/v1/sessions/s/guest-token")
        .set_payload(large);
    assert_eq!(api.send(guest).await.fault(), (413, "payload_too_large"));
}

#[actix_web::test]
async fn unknown_routes_and_methods_are_answered_in_json() {
    let api = api().await;
    for path in [
        "",
        "/",
        "/nothing",
        "/sessions/s/x",
        "/organizations",
        "/openapi.json/x",
    ] {
        let answer = api.call(Method::GET, path, &api.admin(), Value::Null).await;
        assert_eq!(answer.fault(), (404, "unknown_route"), "{path}");
    }
    for (method, path, allow) in [
        (Method::POST, "/sessions/s", "GET, PATCH, DELETE"),
        (Method::GET, "/sessions", "POST"),
        (Method::GET, "/organizations/acme", "PUT"),
        (Method::POST, "/openapi.json", "GET"),
    ] {
        let answer = api.call(method, path, &api.admin(), Value::Null).await;
        assert_eq!(answer.fault(), (405, "method_not_allowed"), "{path}");
        assert_eq!(answer.headers.get(header::ALLOW).unwrap(), allow);
    }
}

#[actix_web::test]
async fn a_database_that_is_away_is_503_without_details() {
    let api = api().await.with_people().await;
    api.store.close().await;
    for (method, path, body) in [
        (Method::GET, "/sessions/s", Value::Null),
        (Method::POST, "/sessions", session("s")),
        (Method::PUT, "/organizations/acme", json!({"name": "Acme"})),
    ] {
        let answer = api.call(method, path, &api.admin(), body).await;
        assert_eq!(answer.fault(), (503, "unavailable"));
        assert!(!answer.body.to_string().contains("pool"), "{}", answer.body);
    }
}
