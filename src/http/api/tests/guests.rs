//! Guest tokens.

use switchboard_actors::ports::{Authenticator, Principal};

use super::*;

#[actix_web::test]
async fn anyone_gets_a_token_of_a_public_session_for_that_session() {
    let api = api().await.with_people().await;
    api.session("p", json!({"visibility": "public"})).await;
    let path = "/sessions/p/guest-token";
    for body in [Value::Null, json!({}), json!({"password": null})] {
        let answer = api.call(Method::POST, path, "", body).await;
        assert_eq!(answer.status, 200);
        let token = answer.body["token"].as_str().unwrap();
        let identity = TokenVerifier::from_secret(SECRET)
            .unwrap()
            .authenticate(token)
            .unwrap();
        let session = "p".parse().unwrap();
        let expected = Principal::Guest {
            session,
            organization: Some("acme".parse().unwrap()),
        };
        assert_eq!(identity.principal, expected);
    }
}

#[actix_web::test]
async fn sessions_that_are_not_public_have_no_guests_and_look_unknown() {
    let api = api().await.with_people().await;
    api.session("o", json!({"visibility": "organization"}))
        .await;
    api.session(
        "v",
        json!({"visibility": "private", "password": "open sesame"}),
    )
    .await;
    for id in ["o", "v", "none"] {
        let path = format!("/sessions/{id}/guest-token");
        let body = json!({"password": "open sesame"});
        let answer = api.call(Method::POST, &path, "", body).await;
        assert_eq!(answer.fault(), (404, "not_found"), "{id}");
    }
}

#[actix_web::test]
async fn five_wrong_passwords_bring_a_pause_that_even_the_right_one_waits_for() {
    let api = api().await.with_people().await;
    api.session(
        "w",
        json!({"visibility": "public", "password": "open sesame"}),
    )
    .await;
    let path = "/sessions/w/guest-token";
    let right = json!({"password": "open sesame"});
    assert_eq!(
        api.call(Method::POST, path, "", right.clone()).await.status,
        200
    );
    for _ in 0..10 {
        let missing = api.call(Method::POST, path, "", Value::Null).await;
        assert_eq!(
            missing.fault(),
            (401, "wrong_password"),
            "asking first is no guess"
        );
    }
    for _ in 0..5 {
        let wrong = api
            .call(Method::POST, path, "", json!({"password": "sesame"}))
            .await;
        assert_eq!(wrong.fault(), (401, "wrong_password"));
    }
    let paused = api.call(Method::POST, path, "", right.clone()).await;
    assert_eq!(paused.fault(), (429, "too_many_attempts"));
    let seconds = paused
        .headers
        .get(header::RETRY_AFTER)
        .unwrap()
        .to_str()
        .unwrap();
    assert!((1..=120).contains(&seconds.parse::<u64>().unwrap()));

    api.session(
        "x",
        json!({"visibility": "public", "password": "open sesame"}),
    )
    .await;
    let elsewhere = api
        .call(Method::POST, "/sessions/x/guest-token", "", right)
        .await;
    assert_eq!(elsewhere.status, 200, "another session is not held up");
}

#[actix_web::test]
async fn guesses_from_one_address_hold_up_no_other_whatever_a_proxy_header_says() {
    let api = api().await.with_people().await;
    let fields = json!({"visibility": "public", "password": "open sesame"});
    api.session("w", fields).await;
    let attempt = |password: &str| {
        test::TestRequest::post()
            .uri(&route("/sessions/w/guest-token"))
            .set_json(json!({ "password": password }))
    };
    for number in 0..6 {
        // Anybody can write such a header.
        let guess =
            attempt("sesame").insert_header(("x-forwarded-for", format!("10.0.0.{number}")));
        let expected = if number < 5 { 401 } else { 429 };
        assert_eq!(api.send_from("192.0.2.1", guess).await.status, expected);
    }
    let right = attempt("open sesame");
    assert_eq!(api.send_from("192.0.2.1", right).await.status, 429);
    let right = attempt("open sesame");
    assert_eq!(api.send_from("192.0.2.2", right).await.status, 200);
}

#[actix_web::test]
async fn a_guest_request_that_is_not_as_described_is_refused() {
    let api = api().await.with_people().await;
    api.session(
        "w",
        json!({"visibility": "public", "password": "open sesame"}),
    )
    .await;
    for body in [
        json!({"password": 7}),
        json!({"pass": "x"}),
        json!([]),
        json!("x"),
    ] {
        let answer = api
            .call(Method::POST, "/sessions/w/guest-token", "", body.clone())
            .await;
        assert_eq!(answer.fault(), (422, "invalid"), "{body}");
    }
}

#[actix_web::test]
async fn without_a_secret_no_tokens_are_issued() {
    let api = api_with(false).await.with_people().await;
    api.session("p", json!({"visibility": "public"})).await;
    let answer = api
        .call(Method::POST, "/sessions/p/guest-token", "", Value::Null)
        .await;
    assert_eq!(answer.fault(), (501, "no_issuer"));
}
