//! Events raised over REST, and the list of an organization's sessions.

use super::*;

#[actix_web::test]
async fn an_event_is_published_with_its_data_byte_for_byte() {
    let api = api().await.with_people().await;
    let raised = [
        (r#"{"event":"folders_refresh"}"#, "folders_refresh", ""),
        (
            r#"{"event":"folders_refresh","data":null}"#,
            "folders_refresh",
            "",
        ),
        (
            r#"{"data":{"b" : 1.0,"a":100000000000000000000000, "n":null},"event":"own"}"#,
            "own",
            r#"{"b" : 1.0,"a":100000000000000000000000, "n":null}"#,
        ),
        (
            r#"{"event":"llm:job:update","data":{"organizationId":"acme","jobId":"j"}}"#,
            "llm:job:update",
            r#"{"organizationId":"acme","jobId":"j"}"#,
        ),
        (
            r#"{"event":"x.y-z_0:1","data":"\u00e9"}"#,
            "x.y-z_0:1",
            r#""\u00e9""#,
        ),
    ];
    for (body, event, payload) in raised {
        let bearer = format!("Bearer {}", api.user("uma"));
        let request = test::TestRequest::post()
            .uri(&route("/organizations/acme/events"))
            .insert_header((header::AUTHORIZATION, bearer))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(body);
        assert_eq!(api.send(request).await.status, 202, "{body}");
        let topic = format!("acme/events/{event}");
        assert_eq!(api.published().await, [(topic, payload.to_owned())]);
    }
}

#[actix_web::test]
async fn events_are_raised_by_administrators_and_uploaders_alone() {
    let api = api().await.with_people().await;
    for (token, status) in [
        (api.admin(), 202),
        (api.user("uma"), 202),
        (api.user("mia"), 403),
        (api.user("eve"), 403),
        (api.guest("s"), 403),
        (String::new(), 401),
    ] {
        let event = json!({"event": "folder_deleted", "data": {"_id": "f"}});
        let path = "/organizations/acme/events";
        let answer = api.call(Method::POST, path, &token, event).await;
        assert_eq!(answer.status, status);
        assert_eq!(api.published().await.len(), usize::from(status == 202));
    }
}

#[actix_web::test]
async fn names_that_are_no_event_of_an_organization_are_refused() {
    let api = api().await.with_people().await;
    let long = "x".repeat(65);
    for event in [
        "",
        "a/b",
        "a+",
        "#",
        "A",
        "1a",
        "_a",
        "a b",
        "a\0",
        "é",
        "connect",
        "disconnect",
        "connect_error",
        "newListener",
        &long,
    ] {
        let body = json!({ "event": event });
        let path = "/organizations/acme/events";
        let answer = api.call(Method::POST, path, &api.admin(), body).await;
        assert_eq!(answer.fault(), (422, "invalid"), "{event:?}");
    }
    let deep = format!(
        r#"{{"event":"a","data":{}{}}}"#,
        "[".repeat(128),
        "]".repeat(128)
    );
    let bearer = format!("Bearer {}", api.admin());
    let request = test::TestRequest::post()
        .uri(&route("/organizations/acme/events"))
        .insert_header((header::AUTHORIZATION, bearer))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .set_payload(deep);
    assert_eq!(api.send(request).await.fault(), (422, "invalid"));
    assert_eq!(api.published().await, []);
}

#[actix_web::test]
async fn what_no_switchboard_would_pass_on_is_not_published() {
    let api = api().await.with_people().await;
    let job = |organization: &str| json!({"organizationId": organization, "jobId": "j"});
    for (event, data) in [
        ("broker_ok", Value::Null),
        ("unauthorized", Value::Null),
        ("orga_other_session_update", json!({})),
        ("llm:job:update", json!({})),
        ("llm:job:update", job("other")),
        ("conversation_created", json!({"_id": "c"})),
        ("folder_updated", json!("f")),
    ] {
        let body = json!({"event": event, "data": data});
        let path = "/organizations/acme/events";
        let answer = api.call(Method::POST, path, &api.admin(), body).await;
        assert_eq!(answer.fault(), (422, "invalid"), "{event} {data}");
    }
    assert_eq!(api.published().await, []);
}

#[actix_web::test]
async fn sessions_are_listed_a_page_at_a_time_to_those_who_may_watch_them() {
    let api = api().await.with_people().await;
    for number in 0..5 {
        let owner = json!({"owner": "olga"});
        api.session(&format!("s{number}"), owner).await;
    }
    let list = async |token: &str, query: &str| {
        let path = format!("/organizations/acme/sessions{query}");
        api.call(Method::GET, &path, token, Value::Null).await
    };
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap();
        let id = |item: &Value| item["id"].as_str().unwrap().to_owned();
        items.iter().map(id).collect()
    };
    let mia = api.user("mia");
    let (mut seen, mut next) = (Vec::new(), Some(String::new()));
    while let Some(after) = next {
        let page = list(&mia, &format!("?limit=2{after}")).await;
        assert_eq!(page.status, 200);
        seen.push(ids(&page));
        next = page.body["next"].as_str().map(|id| format!("&after={id}"));
    }
    let expected: [&[&str]; 3] = [&["s0", "s1"], &["s2", "s3"], &["s4"]];
    assert_eq!(seen, expected);
    let exact = list(&mia, "?limit=5").await;
    assert_eq!((ids(&exact).len(), &exact.body["next"]), (5, &Value::Null));

    assert!(list(&mia, "").await.body["items"][0].get("owner").is_none());
    for manager in [api.user("boss"), api.admin()] {
        assert_eq!(list(&manager, "").await.body["items"][0]["owner"], "olga");
    }
    for token in [api.user("eve"), api.guest("s0")] {
        assert_eq!(list(&token, "").await.fault(), (404, "not_found"));
    }
    assert_eq!(list("", "").await.status, 401);
    for (query, fault) in [
        ("?limit=0", (422, "invalid")),
        ("?limit=201", (422, "invalid")),
        ("?limit=-1", (400, "malformed")),
        ("?limit=x", (400, "malformed")),
        ("?after=a%2Fb", (400, "malformed")),
        ("?after=%00", (400, "malformed")),
        ("?page=2", (400, "malformed")),
    ] {
        assert_eq!(list(&mia, query).await.fault(), fault, "{query}");
    }
}
