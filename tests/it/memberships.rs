//! Memberships that cannot be: leaves without a join, joins of who is gone.

use crate::support::server::{STANDING_FILTERS, TestServer};
use crate::support::viewer::Viewer;

#[actix_web::test]
async fn hostile_68_leaving_a_room_never_joined_takes_nothing_from_its_members() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let (mut member, mut stranger) = (server.viewer().await, server.viewer().await);
    member.join("S/1").await;
    for _ in 0..10 {
        stranger.leave("S/1").await;
    }
    stranger.join("S/1").await;
    for _ in 0..10 {
        stranger.leave("S/1").await;
    }
    assert_eq!(server.counts().await.members, 1);
    publisher.send("transcriber/out/S/1/final", "1").await;
    member.expect("final", "1").await;
    assert_eq!(server.metric("filters_unsubscribed_total").await, 0);
    stranger.expect_silence().await;
    drop((member, stranger));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_69_ten_thousand_joins_of_a_socket_that_is_gone_leave_no_trace() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut neighbour = server.viewer().await;
    neighbour.join("S/1").await;
    let mut viewer = server.viewer().await;
    for n in 0..10_000 {
        viewer
            .emit("join_room", &format!(r#""S/{}""#, 2 + n % 50))
            .await;
    }
    viewer.reset();
    server.metric_becomes("sockets", 1).await;
    server.metric_becomes("members", 1).await;
    server
        .metric_becomes("filters_wanted", STANDING_FILTERS + 4)
        .await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    neighbour.expect("final", "1").await;
    drop(neighbour);
    server.stop().await;
}

#[actix_web::test]
async fn a_join_right_before_the_disconnect_leaves_no_trace() {
    let server = TestServer::start().await;
    for n in 0..100 {
        let mut viewer: Viewer = server.viewer().await;
        viewer.emit("join_room", &format!(r#""S/{}""#, n % 3)).await;
        match n % 3 {
            0 => viewer.send("41").await,
            1 => viewer.send("1").await,
            _ => viewer.reset(),
        }
    }
    server.stop().await;
}
