//! Connections: in total, from one address, and how fast they come.

use tokio::io::AsyncReadExt;

use super::{ask, connect, expect_refusal, reached};
use crate::support::neighbour::Neighbour;
use crate::support::server::TestServer;
use crate::support::viewer::Viewer;
use crate::support::{DEADLINE, eventually, http, tokens, within};

#[actix_web::test]
async fn past_the_total_newcomers_are_answered_503_and_those_inside_stay() {
    let server = TestServer::start_with(&[("max_connections", "3")]).await;
    let mut neighbour = Neighbour::of(&server).await;
    let healthy = async || ask(server.address).await.status;
    // The connection of the last request may not be gone yet.
    eventually("room", DEADLINE, healthy, |status| *status == 200).await;
    let mut inside = Vec::new();
    let fill = async || {
        inside.push(connect(server.address).await);
        ask(server.address).await
    };
    let refused = eventually("a full server", DEADLINE, fill, |a| a.status != 200).await;
    expect_refusal(&refused, 503, "connections");
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert_eq!(refused.header("connection"), Some("close"));
    neighbour.noticed_nothing().await;
    drop(inside);
    eventually("room again", DEADLINE, healthy, |status| *status == 200).await;
    let count = async || reached(&server, "connections").await;
    eventually("the count", DEADLINE, count, |n| *n >= 1).await;
    neighbour.noticed_nothing().await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn an_address_with_too_many_connections_is_answered_429_and_another_is_served() {
    let settings = [
        ("limit_loopback", "true"),
        ("max_connections_per_address", "5"),
    ];
    let server = TestServer::start_with(&settings).await;
    let mut neighbour = Neighbour::of(&server).await;
    // A WebSocket counts from its first moment to its last, and so does a connection that says nothing.
    let target = "/socket.io/?EIO=4&transport=websocket";
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let stream = connect(server.address).await;
        let opened = crate::support::viewer::over(stream, target, &[]).await;
        sockets.push(opened.unwrap_or_else(|r| panic!("refused: {r:?}")));
    }
    let idle = [connect(server.address).await, connect(server.address).await];
    for n in 1..=3 {
        let refused = ask(server.address).await;
        expect_refusal(&refused, 429, "connections_per_address");
        assert_eq!(refused.header("retry-after"), Some("10"));
        assert_eq!(reached(&server, "connections_per_address").await, n);
        neighbour.noticed_nothing().await;
    }
    // Those who were let in are served.
    for socket in &mut sockets {
        assert!(socket.packet().await.starts_with("0{"));
        let token = format!(r#"{{"token":"{}"}}"#, tokens::guest("S"));
        assert_eq!(socket.enter(&token).await, Ok(()));
    }
    sockets.pop().unwrap().reset();
    let status = async || ask(server.address).await.status;
    eventually("a free place", DEADLINE, status, |status| *status == 200).await;
    drop((idle, sockets, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_55_an_address_that_connects_too_fast_is_answered_429_and_another_gets_in() {
    let settings = [
        ("limit_loopback", "true"),
        ("connect_rate_per_address", "5"),
    ];
    let server = TestServer::start_with(&settings).await;
    let mut neighbour = Neighbour::of(&server).await;
    let start = std::time::Instant::now();
    let mut refused = 0;
    for _ in 0..1_000 {
        let answer = ask(server.address).await;
        if answer.status != 200 {
            expect_refusal(&answer, 429, "connect_rate");
            assert_eq!(answer.header("retry-after"), Some("1"));
            refused += 1;
        }
    }
    // However slow this machine is.
    let may = 5 + 5 * (start.elapsed().as_secs() + 1);
    assert!(1_000 - refused <= may as i64, "{refused} of 1,000 refused");
    assert!(refused > 0);
    neighbour.noticed_nothing().await;
    // Its own rate holds for the neighbour's address, too.
    let look = async || http::get(server.address, "/healthz").await.status;
    eventually("an answer", DEADLINE, look, |status| *status == 200).await;
    let count = async || reached(&server, "connect_rate").await;
    eventually("the count", DEADLINE, count, |n| *n >= refused).await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn the_limits_per_address_do_not_hold_for_loopback_unless_asked_for() {
    let settings = [
        ("max_connections_per_address", "1"),
        ("connect_rate_per_address", "1"),
    ];
    let server = TestServer::start_with(&settings).await;
    let mut viewers = Vec::new();
    for _ in 0..20 {
        assert_eq!(ask(server.address).await.status, 200);
        viewers.push(Viewer::open(server.address, "", &[]).await);
    }
    for limit in ["connections_per_address", "connect_rate"] {
        assert_eq!(reached(&server, limit).await, 0);
    }
    drop(viewers);
    server.stop().await;
}

#[actix_web::test]
async fn a_refused_client_that_stays_is_closed_and_costs_no_place() {
    let settings = [
        ("limit_loopback", "true"),
        ("max_connections_per_address", "3"),
    ];
    let server = TestServer::start_with(&settings).await;
    let inside = [
        connect(server.address).await,
        connect(server.address).await,
        connect(server.address).await,
    ];
    let mut refused = Vec::new();
    for _ in 0..200 {
        refused.push(connect(server.address).await);
    }
    // None sends a request or ends its half: each gets its answer and the end all the same.
    for stream in &mut refused {
        let mut answer = String::new();
        within("the end", stream.read_to_string(&mut answer))
            .await
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer:?}");
    }
    drop(inside);
    let status = async || ask(server.address).await.status;
    eventually("a free place", DEADLINE, status, |status| *status == 200).await;
    server.stop().await;
}
