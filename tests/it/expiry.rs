//! The end of a token: announced, put off by a fresh one, and enforced.

use serde_json::{Value, json};

use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::{End, Event, Viewer};

/// A viewer of `ann` whose token ends in about a second; when, in seconds since 1970.
async fn short_lived(server: &TestServer) -> (Viewer, u64) {
    let exp = tokens::now() + 2;
    let token = tokens::user_until("ann", exp);
    let viewer = Viewer::connect(server.address, &token).await;
    (viewer, exp)
}

async fn expect_announced(viewer: &mut Viewer, exp: u64) {
    let announced = format!(r#"{{"expires_at":{}}}"#, exp * 1000);
    viewer.expect("token_expiring", &announced).await;
}

#[actix_web::test]
async fn the_end_of_a_token_is_announced_and_then_ends_its_socket_and_memberships() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut neighbour = server.viewer().await;
    neighbour.join("S/1").await;
    let (mut viewer, exp) = short_lived(&server).await;
    expect_announced(&mut viewer, exp).await;
    viewer.join("S/1").await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    viewer.expect("final", "1").await;
    let denied = [r#"42["unauthorized"]"#, "41"].map(ToOwned::to_owned);
    assert_eq!(viewer.ended().await, (denied.to_vec(), End::Closed(1000)));
    assert!(tokens::now() >= exp, "not before its time");
    server.metric_becomes("members", 1).await;
    neighbour.expect("final", "1").await;
    publisher.send("transcriber/out/S/1/final", "2").await;
    neighbour.expect("final", "2").await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn a_fresh_token_of_the_same_user_carries_on_and_no_other_token_does() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let (mut renewed, exp) = short_lived(&server).await;
    let (mut refused, refused_exp) = short_lived(&server).await;
    expect_announced(&mut renewed, exp).await;
    expect_announced(&mut refused, refused_exp).await;
    renewed.join("S/1").await;
    refused.join("S/1").await;

    for bad in [
        json!({ "token": tokens::user("bob") }),
        json!({ "token": tokens::guest("S") }),
        json!({ "token": tokens::user_until("ann", tokens::now() - 60) }),
        json!({ "token": "abc" }),
        json!({ "token": 7 }),
        json!({}),
        json!("token"),
        Value::Null,
    ] {
        let answer = refused.ask("authenticate", &bad.to_string()).await;
        assert_eq!(answer["ok"], false, "{bad}: {answer}");
    }
    let hour = tokens::now() + 3600;
    let fresh = json!({ "token": tokens::user_until("ann", hour) });
    let answer = renewed.ask("authenticate", &fresh.to_string()).await;
    assert_eq!(answer, json!({ "ok": true, "expires_at": hour * 1000 }));

    // By the time the later one of the two is ended, the other's first token has ended, too.
    let (packets, _) = refused.ended().await;
    assert_eq!(packets, [r#"42["unauthorized"]"#, "41"]);
    publisher.send("transcriber/out/S/1/final", "1").await;
    renewed.expect("final", "1").await;
    drop((renewed, refused));
    server.stop().await;
}

#[actix_web::test]
async fn a_fresh_token_that_also_ends_soon_is_announced_again() {
    let server = TestServer::start().await;
    let (mut viewer, exp) = short_lived(&server).await;
    expect_announced(&mut viewer, exp).await;
    let fresh = json!({ "token": tokens::user_until("ann", exp + 30) });
    viewer.emit("authenticate", &fresh.to_string()).await;
    expect_announced(&mut viewer, exp + 30).await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn an_expired_token_ends_a_polling_socket_as_well() {
    let server = TestServer::start().await;
    let exp = tokens::now() + 1;
    let mut poller = crate::support::http::Poller::open(server.address, "/socket.io/").await;
    poller.connect(&tokens::user_until("ann", exp)).await;
    let announced = Event::new("token_expiring", &format!(r#"{{"expires_at":{exp}000}}"#));
    let expected = format!(r#"42["{}",{}]"#, announced.name, announced.arguments);
    assert_eq!(poller.packet().await, expected);
    for expected in [r#"42["unauthorized"]"#, "41", "1"] {
        assert_eq!(poller.packet().await, expected);
    }
    assert!(poller.is_gone().await);
    server.stop().await;
}
