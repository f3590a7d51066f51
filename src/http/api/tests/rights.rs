//! Who may what.

use super::*;

#[actix_web::test]
async fn organizations_are_for_administrators_alone() {
    let api = api().await.with_people().await;
    let member = json!({"role": "admin"});
    for token in [api.user("boss"), api.user("eve"), api.guest("s")] {
        for (method, path, body) in [
            (Method::PUT, "/organizations/acme", json!({"name": "Mine"})),
            (
                Method::PUT,
                "/organizations/acme/members/eve",
                member.clone(),
            ),
            (
                Method::PUT,
                "/organizations/none/members/eve",
                member.clone(),
            ),
            (
                Method::DELETE,
                "/organizations/acme/members/boss",
                Value::Null,
            ),
        ] {
            let answer = api.call(method, path, &token, body).await;
            assert_eq!(answer.fault(), (403, "forbidden"), "{path}");
        }
    }
    let path = "/organizations/none/members/eve";
    let nowhere = api.call(Method::PUT, path, &api.admin(), member).await;
    assert_eq!(nowhere.fault(), (404, "not_found"));
}

#[actix_web::test]
async fn only_meeting_managers_of_the_organization_change_sessions_and_others_see_none() {
    let api = api().await.with_people().await;
    api.session("s", json!({})).await;
    let others = [
        api.user("ann"),
        api.user("eve"),
        api.user("nobody"),
        api.guest("s"),
    ];
    for token in &others {
        for id in ["s", "none"] {
            let path = format!("/sessions/{id}");
            let patch = api
                .call(Method::PATCH, &path, token, json!({"name": "Mine"}))
                .await;
            let delete = api.call(Method::DELETE, &path, token, Value::Null).await;
            assert_eq!(
                (patch.fault(), delete.fault()),
                ((404, "not_found"), (404, "not_found"))
            );
            assert_eq!(patch.body, delete.body, "an unknown session looks the same");
        }
        let create = api
            .call(Method::POST, "/sessions", token, session("t"))
            .await;
        let mut nowhere = session("t");
        nowhere["organizationId"] = json!("none");
        let nowhere = api.call(Method::POST, "/sessions", token, nowhere).await;
        assert_eq!(create.fault(), (403, "forbidden"));
        assert_eq!(
            create.body, nowhere.body,
            "an unknown organization looks the same"
        );
    }
    for token in [api.user("boss"), api.admin()] {
        let patch = api
            .call(
                Method::PATCH,
                "/sessions/s",
                &token,
                json!({"record": true}),
            )
            .await;
        assert_eq!(patch.status, 200);
    }
}

#[actix_web::test]
async fn whoever_may_join_may_read_and_nobody_else() {
    let api = api().await.with_people().await;
    for (id, visibility) in [("p", "public"), ("o", "organization"), ("v", "private")] {
        api.session(id, json!({"visibility": visibility, "owner": "olga"}))
            .await;
    }
    api.session(
        "w",
        json!({"visibility": "public", "password": "open sesame"}),
    )
    .await;
    let table = [
        // token, public, organization, private, public with password
        (api.admin(), [200, 200, 200, 200]),
        (api.user("boss"), [200, 200, 200, 200]),
        (api.user("ann"), [200, 200, 200, 200]),
        (api.user("olga"), [200, 404, 200, 404]),
        (api.user("eve"), [200, 404, 404, 404]),
        (api.guest("w"), [200, 404, 404, 200]),
        (api.guest("x"), [200, 404, 404, 404]),
    ];
    for (row, (token, expected)) in table.into_iter().enumerate() {
        for (id, expected) in ["p", "o", "v", "w"].into_iter().zip(expected) {
            let answer = api
                .call(Method::GET, &format!("/sessions/{id}"), &token, Value::Null)
                .await;
            assert_eq!(answer.status, expected, "row {row}, session {id}");
            let manager = row < 2 && id != "w";
            assert_eq!(
                answer.body.get("owner").is_some(),
                manager,
                "row {row}, session {id}"
            );
        }
    }
}

#[actix_web::test]
async fn without_a_valid_token_nothing_is_told() {
    let api = api().await.with_people().await;
    api.session("p", json!({"visibility": "public"})).await;
    let forged = TokenIssuer::new(&"x".repeat(32)).unwrap().issue_admin(HOUR);
    for token in ["", "nonsense", &forged] {
        for (method, path) in [
            (Method::GET, "/sessions/p"),
            (Method::DELETE, "/sessions/p"),
            (Method::POST, "/sessions"),
            (Method::PUT, "/organizations/acme"),
        ] {
            let answer = api.call(method, path, token, Value::Null).await;
            assert_eq!(answer.fault(), (401, "unauthorized"));
            assert_eq!(
                answer.headers.get(header::WWW_AUTHENTICATE).unwrap(),
                "Bearer"
            );
        }
    }
    let basic = test::TestRequest::get()
        .uri(&route("/sessions/p"))
        .insert_header((header::AUTHORIZATION, "Basic YTpi"));
    assert_eq!(api.send(basic).await.fault(), (401, "unauthorized"));
    let query = format!("{}?token={}", route("/sessions/p"), api.admin());
    let query = api.send(test::TestRequest::get().uri(&query)).await;
    assert_eq!(
        query.fault(),
        (401, "unauthorized"),
        "a token does not belong into an address"
    );
}
