//! Every route, called by those who may not: refused in the documented shape, and nothing changed.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use super::*;

/// Every route that needs a token, with a body that would be good.
fn routes() -> Vec<(Method, &'static str, Value)> {
    let member = "/organizations/acme/members/ann";
    let conversation = json!({"_id": "new", "name": "N", "organization": "acme"});
    let none = Value::Null;
    vec![
        (Method::PUT, "/organizations/acme", json!({"name": "X"})),
        (Method::PUT, member, json!({"role": "admin"})),
        (Method::DELETE, member, none.clone()),
        (
            Method::POST,
            "/organizations/acme/events",
            json!({"event": "own"}),
        ),
        (Method::GET, "/organizations/acme/sessions", none.clone()),
        (Method::POST, "/sessions", session("new")),
        (Method::PATCH, "/sessions/s", json!({"name": "X"})),
        (Method::DELETE, "/sessions/s", none.clone()),
        (Method::GET, "/sessions/s", none.clone()),
        (Method::POST, "/conversations", conversation),
        (Method::PATCH, "/conversations/c", json!({"name": "X"})),
        (Method::DELETE, "/conversations/c", none.clone()),
        (Method::GET, "/conversations/c", none.clone()),
        (Method::GET, "/organizations/acme/projects", none.clone()),
        (
            Method::POST,
            "/projects",
            json!({"id": 9, "name": "N", "organization": "acme"}),
        ),
        (Method::GET, "/projects/1", none.clone()),
        (Method::DELETE, "/projects/1", none.clone()),
        (Method::POST, "/projects/1/events", json!({"event": "own"})),
        (Method::GET, "/projects/1/chats", none.clone()),
        (Method::POST, "/projects/1/chats", json!({})),
        (Method::GET, "/projects/1/chats/1", none.clone()),
        (Method::DELETE, "/projects/1/chats/1", none.clone()),
        (Method::GET, "/projects/1/chats/1/messages", none),
    ]
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn signed(algorithm: Algorithm, claims: Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(algorithm), &claims, &key).unwrap()
}

#[actix_web::test]
async fn tokens_that_are_not_valid_open_no_route() {
    let api = api().await.with_people().await.with_things().await;
    let before = api.state().await;
    let admin = api.admin();
    let (head, rest) = admin.split_once('.').unwrap();
    let (claims, _) = rest.split_once('.').unwrap();
    let tokens = [
        String::new(),
        "nonsense".to_owned(),
        format!("{admin}x"),
        format!("{head}.{claims}."),
        // {"alg":"none"}
        format!("eyJhbGciOiJub25lIn0.{claims}."),
        signed(Algorithm::HS384, json!({"sub": "boss", "exp": now() + 60})),
        signed(
            Algorithm::HS256,
            json!({"sub": "boss", "role": "admin", "exp": now() - 60}),
        ),
        signed(Algorithm::HS256, json!({"sub": "boss", "role": "admin"})),
        signed(
            Algorithm::HS256,
            json!({"role": "admin", "exp": now() + 60}),
        ),
    ];
    for (row, token) in tokens.iter().enumerate() {
        for (method, path, body) in routes() {
            let what = format!("row {row}: {method} {path}");
            let answer = api.call(method, path, token, body).await;
            assert_eq!(answer.fault(), (401, "unauthorized"), "{what}");
            answer.assert_shape(&what);
        }
    }
    assert_eq!(api.state().await, before);
}

#[actix_web::test]
async fn guests_strangers_and_other_organizations_get_nowhere_and_learn_nothing() {
    let api = api().await.with_people().await.with_things().await;
    let before = api.state().await;
    let callers = [
        api.guest("s"),
        api.guest("elsewhere"),
        api.user("eve"),
        api.user("stranger"),
        api.user("mia"),
    ];
    for (row, token) in callers.iter().enumerate() {
        for (method, path, body) in routes() {
            let what = format!("row {row}: {method} {path}");
            let reads = method == Method::GET;
            // Projects and their chats are the members' own.
            if row == 4 && !reads && path.contains("/projects") && !path.ends_with("/events") {
                continue;
            }
            // The session's own guest may read it, and a member may read everything.
            let allowed = reads && (row == 4 || row == 0 && path == "/sessions/s");
            let answer = api.call(method, path, token, body).await;
            match allowed {
                true => assert_eq!(answer.status, 200, "{what}"),
                false => {
                    assert!([403, 404].contains(&answer.status), "{what}");
                    answer.assert_shape(&what);
                }
            }
        }
    }
    assert_eq!(api.state().await, before);
}

#[actix_web::test]
async fn what_is_there_and_what_is_not_look_the_same_to_other_organizations() {
    let api = api().await.with_people().await.with_things().await;
    for token in [api.user("eve"), api.guest("elsewhere")] {
        for (method, path, body) in routes() {
            let unknown = match path.rsplit_once('/') {
                Some((list, "s" | "c")) => format!("{list}/none"),
                _ => path
                    .replace("acme", "none")
                    .replace("projects/1", "projects/2"),
            };
            let there = api.call(method.clone(), path, &token, body.clone()).await;
            let not_there = api.call(method.clone(), &unknown, &token, body).await;
            assert_eq!(there.status, not_there.status, "{method} {path}");
            assert_eq!(there.body, not_there.body, "{method} {path}");
        }
    }
}
