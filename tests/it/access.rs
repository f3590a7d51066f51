//! Who may join what, and what a denial looks like.

use serde_json::json;
use switchboard::store::Visibility;

use crate::support::server::{STANDING_FILTERS, TestServer};
use crate::support::tokens;
use crate::support::viewer::{End, Viewer};

/// The server with a session of each kind besides the public `S`.
async fn server() -> TestServer {
    let server = TestServer::start().await;
    server
        .add_session("organization", Visibility::Organization)
        .await;
    server.add_session("private", Visibility::Private).await;
    server
}

/// Asserts that `viewer` may not have `room`: `unauthorized` without an argument, then the server's goodbye.
async fn expect_denied(mut viewer: Viewer, room: &str) {
    viewer.send(&format!(r#"421["join_room","{room}"]"#)).await;
    let denied = [r#"42["unauthorized"]"#, "41"].map(ToOwned::to_owned);
    assert_eq!(
        viewer.ended().await,
        (denied.to_vec(), End::Closed(1000)),
        "{room}"
    );
}

#[actix_web::test]
async fn l09_a_public_session_without_password_is_open_to_everybody_with_a_token() {
    let server = server().await;
    let publisher = server.publisher().await;
    let guest_of_another = Viewer::connect(server.address, &tokens::guest("elsewhere")).await;
    let mut viewers = [
        guest_of_another,
        server.user("outsider").await,
        server.user("member").await,
    ];
    for viewer in &mut viewers {
        viewer.join("S/1").await;
    }
    publisher.send("transcriber/out/S/1/final", "1").await;
    for viewer in &mut viewers {
        viewer.expect("final", "1").await;
    }
    drop(viewers);
    server.stop().await;
}

#[actix_web::test]
async fn l10_a_public_session_with_a_password_needs_its_own_guest_token() {
    let server = server().await;
    let body = json!({
        "id": "protected", "name": "Protected", "organizationId": "acme", "visibility": "public",
        "password": "sesame", "channels": [{ "index": 1, "name": "one", "language": "en" }],
    });
    let created = server
        .rest("POST", "/sessions", &tokens::admin(), body)
        .await;
    assert_eq!(created.status, 201, "{}", created.text());

    let path = "/sessions/protected/guest-token";
    let wrong = server
        .rest("POST", path, "", json!({ "password": "wrong" }))
        .await;
    assert_eq!(wrong.status, 401, "{}", wrong.text());
    let right = server
        .rest("POST", path, "", json!({ "password": "sesame" }))
        .await;
    assert_eq!(right.status, 200, "{}", right.text());
    let token = right.json()["token"].as_str().unwrap().to_owned();

    let other = Viewer::connect(server.address, &tokens::guest("S")).await;
    expect_denied(other, "protected/1").await;
    expect_denied(server.user("outsider").await, "protected/1").await;
    let mut guest = Viewer::connect(server.address, &token).await;
    guest.join("protected/1").await;
    let publisher = server.publisher().await;
    publisher
        .send("transcriber/out/protected/1/final", "1")
        .await;
    guest.expect("final", "1").await;
    drop(guest);
    server.stop().await;
}

#[actix_web::test]
async fn l11_a_private_session_needs_membership_or_ownership() {
    let server = server().await;
    for (room, user, allowed) in [
        ("private/1", "outsider", false),
        ("private/1", "member", true),
        ("private/1", "owner", true),
        ("organization/1", "outsider", false),
        ("organization/1", "member", true),
        ("organization/1", "owner", false),
    ] {
        let mut viewer = server.user(user).await;
        match allowed {
            true => viewer.join(room).await,
            false => expect_denied(viewer, room).await,
        }
    }
    let guest = Viewer::connect(server.address, &tokens::guest("private")).await;
    expect_denied(guest, "private/1").await;
    let admin = Viewer::connect(server.address, &tokens::admin()).await;
    expect_denied(admin, "private/1").await;
    server.stop().await;
}

#[actix_web::test]
async fn l12_a_denial_is_unauthorized_without_argument_then_a_disconnect() {
    let server = server().await;
    let mut neighbour = server.viewer().await;
    neighbour.join("S/1").await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    // Without an ack callback, and with more events behind it that are not served any more.
    viewer.send("42[\"join_room\",\"private/1\"]").await;
    viewer.send(r#"427["leave_room","S/1"]"#).await;
    let denied = [r#"42["unauthorized"]"#, "41"].map(ToOwned::to_owned);
    assert_eq!(viewer.ended().await, (denied.to_vec(), End::Closed(1000)));
    server.metric_becomes("members", 1).await;
    neighbour.expect_silence().await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn an_unknown_session_cannot_be_told_from_a_forbidden_one() {
    let server = server().await;
    expect_denied(server.viewer().await, "private/1").await;
    expect_denied(server.viewer().await, "unknown/1").await;
    assert_eq!(
        server.metric("filters_subscribed_total").await,
        STANDING_FILTERS
    );
    server.stop().await;
}

#[actix_web::test]
async fn a_member_added_over_rest_may_join_at_once_and_one_removed_no_more() {
    let server = server().await;
    expect_denied(server.user("bob").await, "organization/1").await;
    let member = "/organizations/acme/members/bob";
    let body = json!({ "role": "member" });
    let put = server.rest("PUT", member, &tokens::admin(), body).await;
    assert_eq!(put.status, 201, "{}", put.text());
    let mut bob = server.user("bob").await;
    bob.join("organization/1").await;
    let removed = server
        .rest("DELETE", member, &tokens::admin(), json!(null))
        .await;
    assert_eq!(removed.status, 204, "{}", removed.text());
    bob.leave("organization/1").await;
    expect_denied(bob, "organization/1").await;
    server.stop().await;
}
