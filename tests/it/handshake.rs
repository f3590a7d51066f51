//! Who may connect: tokens, where they come from, and how a bad handshake is refused.

use serde_json::json;

use crate::support::http::Poller;
use crate::support::server::{STANDING_FILTERS, TestServer};
use crate::support::tokens;
use crate::support::viewer::{End, Event, Viewer};

const MISSING: &str = "Authentication required";
const INVALID: &str = "Invalid token";

fn auth(token: &str) -> String {
    json!({ "token": token }).to_string()
}

#[actix_web::test]
async fn l01_a_connect_without_a_token_is_refused_and_one_with_a_token_accepted() {
    let server = TestServer::start().await;
    for auth in [
        "",
        "{}",
        r#"{"token":""}"#,
        r#"{"token":null}"#,
        r#"{"other":1}"#,
    ] {
        let mut viewer = Viewer::open(server.address, "", &[]).await;
        assert_eq!(viewer.enter(auth).await, Err(MISSING.into()), "{auth}");
    }
    let mut viewer = Viewer::open(server.address, "", &[]).await;
    assert_eq!(viewer.enter(&auth(&tokens::user("ann"))).await, Ok(()));
    viewer.join("S/1").await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn l02_the_token_may_come_as_a_query_parameter() {
    let server = TestServer::start().await;
    let query = format!("&token={}", tokens::user("ann"));
    let mut viewer = Viewer::open(server.address, &query, &[]).await;
    assert_eq!(viewer.enter("").await, Ok(()));
    viewer.join("S/1").await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn l03_a_guest_connects_with_a_public_token_and_not_with_a_tampered_one() {
    let server = TestServer::start().await;
    let good = tokens::guest("S");
    let mut viewer = Viewer::open(server.address, "", &[]).await;
    let public = json!({ "publicToken": good }).to_string();
    assert_eq!(viewer.enter(&public).await, Ok(()));
    viewer.join("S/1").await;

    // The payload of another session under the signature of this one.
    let parts: Vec<&str> = good.split('.').collect();
    let other = tokens::guest("T");
    let payload = other.split('.').nth(1).unwrap();
    let tampered = [parts[0], payload, parts[2]].join(".");
    let mut viewer_2 = Viewer::open(server.address, "", &[]).await;
    let public = json!({ "publicToken": tampered }).to_string();
    assert_eq!(viewer_2.enter(&public).await, Err(INVALID.into()));
    drop((viewer, viewer_2));
    server.stop().await;
}

#[actix_web::test]
async fn l04_bad_tokens_are_refused_and_no_handler_ever_sees_the_socket() {
    let server = TestServer::start().await;
    let (past, future) = (tokens::now() - 60, tokens::now() + 60);
    let good = json!({ "sub": "ann", "exp": future });
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let payload = tokens::with_claims(&good);
    let payload = payload.split('.').nth(1).unwrap();
    for (what, token) in [
        ("expired", tokens::user_until("ann", past)),
        (
            "another key",
            tokens::signed(&good, "another key of thirty-two bytes!!"),
        ),
        ("no signature", format!("{none}.{payload}.")),
        ("without exp", tokens::with_claims(&json!({ "sub": "ann" }))),
        ("nobody", tokens::with_claims(&json!({ "exp": future }))),
        (
            "not yet valid",
            tokens::with_claims(&json!({ "sub": "ann", "exp": future, "nbf": future })),
        ),
        ("no token at all", "abc".to_owned()),
        ("huge", "x".repeat(50_000)),
    ] {
        let mut viewer = Viewer::open(server.address, "", &[]).await;
        assert_eq!(
            viewer.enter(&auth(&token)).await,
            Err(INVALID.into()),
            "{what}"
        );
        // What it sends nevertheless has no effect; another handshake on the same connection is in order.
        viewer.emit("join_room", r#""S/1""#).await;
        assert_eq!(viewer.enter(&auth(&token)).await, Err(INVALID.into()));
        assert_eq!(server.counts().await.sockets, 0, "{what}");
        assert_eq!(
            server.metric("filters_subscribed_total").await,
            STANDING_FILTERS,
            "{what}"
        );
    }
    let mut viewer = Viewer::open(server.address, "", &[]).await;
    assert_eq!(
        viewer.enter(r#"{"token":["a"]}"#).await,
        Err(INVALID.into())
    );
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn the_token_is_taken_from_auth_then_public_auth_then_query_then_bearer() {
    let server = TestServer::start().await;
    let good = tokens::user("ann");
    // For each place: a good token there wins over bad ones behind it, a bad one over good ones behind it.
    for (place, good_wins) in (0..4).flat_map(|place| [(place, true), (place, false)]) {
        let in_place = |at: usize| match at.cmp(&place) {
            std::cmp::Ordering::Less => "",
            std::cmp::Ordering::Equal if good_wins => &good,
            std::cmp::Ordering::Greater if !good_wins => &good,
            _ => "bad",
        };
        let query = format!("&token={}", in_place(2));
        let bearer = format!("Bearer {}", in_place(3));
        let headers = [("authorization", &bearer[..])];
        let mut viewer = Viewer::open(server.address, &query, &headers).await;
        let auth = json!({ "token": in_place(0), "publicToken": in_place(1) });
        let entered = viewer.enter(&auth.to_string()).await;
        let expected = match good_wins {
            true => Ok(()),
            false => Err(INVALID.to_owned()),
        };
        assert_eq!(entered, expected, "place {place}, {good_wins}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn refusal_by_event_connects_says_unauthorized_and_disconnects() {
    let server = TestServer::start_with(&[("refusal", "unauthorized")]).await;
    for auth in ["", r#"{"token":"bad"}"#] {
        let mut viewer = Viewer::open(server.address, "", &[]).await;
        assert_eq!(viewer.enter(auth).await, Ok(()));
        assert_eq!(viewer.event().await, Event::new("unauthorized", ""));
        assert_eq!(
            viewer.ended().await,
            (vec!["41".to_owned()], End::Closed(1000))
        );
    }
    let mut viewer = Viewer::connect(server.address, &tokens::user("ann")).await;
    viewer.join("S/1").await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn handshakes_are_refused_over_polling_as_over_websocket() {
    let server = TestServer::start().await;
    for (auth, message) in [("", MISSING), (r#"{"token":"bad"}"#, INVALID)] {
        let mut poller = Poller::open(server.address, "/socket.io/").await;
        poller.send(format!("40{auth}")).await;
        let refused = format!(r#"44{{"message":"{message}"}}"#);
        assert_eq!(poller.packet().await, refused);
        poller.close().await;
    }
    let mut poller = Poller::open(server.address, "/socket.io/").await;
    poller.connect(&tokens::user("ann")).await;
    poller.send(r#"421["join_room","S/1"]"#).await;
    assert_eq!(poller.packet().await, r#"431[{"ok":true}]"#);
    poller.close().await;
    server.stop().await;
}

#[actix_web::test]
async fn a_refused_client_may_try_again_with_a_good_token_on_the_same_connection() {
    let server = TestServer::start().await;
    let mut viewer = Viewer::open(server.address, "", &[]).await;
    assert_eq!(viewer.enter("").await, Err(MISSING.into()));
    assert_eq!(viewer.enter(&auth(&tokens::user("ann"))).await, Ok(()));
    viewer.join("S/1").await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn a_client_that_knocks_too_often_is_cut_off() {
    let server = TestServer::start().await;
    let mut viewer = Viewer::open(server.address, "", &[]).await;
    for _ in 0..16 {
        viewer.send("40/nowhere,").await;
    }
    let (packets, end) = viewer.ended().await;
    assert_eq!(packets.len(), 16);
    assert!(
        packets
            .iter()
            .all(|p| p == r#"44/nowhere,{"message":"Invalid namespace"}"#)
    );
    assert_eq!(end, End::Closed(1008));
    drop(viewer);
    server.stop().await;
}
