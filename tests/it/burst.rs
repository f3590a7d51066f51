//! Bursts: everything for everybody who reads, in order, and an end for who does not.

use futures_util::future::join_all;

use crate::on_both_brokers;
use crate::support::broker::Broker;
use crate::support::mqtt::Client;
use crate::support::server::{STANDING_FILTERS, TestServer};
use crate::support::{eventually, tokens, viewer::Viewer};
use tokio::sync::mpsc;

const FINALS: usize = 1_000;
const TOPIC: &str = "transcriber/out/S/1/final";

on_both_brokers! {
    l13_a_thousand_finals_reach_every_member_in_order_while_200_sockets_come_and_go
}

#[actix_web::test]
async fn l13_with_rooms_and_sockets_on_threads_of_their_own_a_thousand_finals_still_arrive_in_order()
 {
    let broker = Broker::start(crate::support::broker::Kind::Embedded).await;
    let broker = broker.expect("it is always there");
    let settings = [("mqtt_url", &broker.url()[..]), ("workers", "3")];
    let server = TestServer::start_with(&settings).await;
    thousand_finals(server, &broker).await;
}

async fn l13_a_thousand_finals_reach_every_member_in_order_while_200_sockets_come_and_go(
    broker: Broker,
) {
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    thousand_finals(server, &broker).await;
}

/// The first half is published one by one as others join and leave, the second half at once.
async fn thousand_finals(server: TestServer, broker: &Broker) {
    let publisher = Client::connect(broker.address(), "transcriber").await;
    let mut members = Vec::new();
    for _ in 0..4 {
        let mut member = server.viewer().await;
        member.join("S/1").await;
        members.push(member);
    }
    let (step, mut steps) = mpsc::unbounded_channel();
    let comers: Vec<_> = (0..200)
        .map(|n| actix_rt::spawn(come_and_go(server.address, n, step.clone())))
        .collect();
    let publish = async {
        for n in 0..FINALS {
            if n < FINALS / 2 {
                steps.recv().await.expect("others still come and go");
            }
            publisher.send(TOPIC, n.to_string()).await;
        }
    };
    let receive = join_all(members.iter_mut().map(async |member| {
        for n in 0..FINALS {
            member.expect("final", &n.to_string()).await;
        }
    }));
    tokio::join!(publish, receive);
    for comer in comers {
        comer.await.expect("a socket that comes and goes");
    }
    publisher.send(TOPIC, r#""fence""#).await;
    for member in &mut members {
        member.expect("final", r#""fence""#).await;
    }
    assert_eq!(
        server.metric("filters_subscribed_total").await,
        STANDING_FILTERS + 4
    );
    assert_eq!(server.metric("filters_unsubscribed_total").await, 0);
    drop(members);
    server.stop().await;
}

/// Joins and leaves three times, and goes in one of three ways; tells each step.
async fn come_and_go(
    address: std::net::SocketAddr,
    number: usize,
    step: mpsc::UnboundedSender<()>,
) {
    let mut viewer = Viewer::connect(address, &tokens::guest("S")).await;
    for round in 0..3 {
        viewer.join("S/1").await;
        let _ = step.send(());
        if round < 2 {
            viewer.leave("S/1").await;
        }
        let _ = step.send(());
    }
    match number % 3 {
        0 => viewer.send("1").await,
        1 => viewer.reset(),
        _ => {}
    }
}

#[actix_web::test]
async fn hostile_54_a_viewer_that_does_not_read_is_cut_at_its_bound_and_the_room_gets_everything() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut stalled = Viewer::connect_narrow(server.address, &tokens::guest("S")).await;
    stalled.join("S/1").await;
    let mut member = server.viewer().await;
    member.join("S/1").await;
    // More than the kernel's buffers and the bound of 1 MiB together hold.
    let text = "x".repeat(20_000);
    let payload = |n: usize| format!(r#"{{"n":{n},"text":"{text}"}}"#);
    let publish = async {
        for n in 0..FINALS {
            publisher.send(TOPIC, payload(n)).await;
        }
    };
    let receive = async {
        for n in 0..FINALS {
            member.expect("final", &payload(n)).await;
        }
    };
    tokio::join!(publish, receive);
    let cut = r#"sockets_stalled_total{reason="bytes"}"#;
    server.metric_becomes(cut, 1).await;
    server.metric_becomes("members", 1).await;
    member.expect_silence().await;
    drop((stalled, member));
    server.stop().await;
}

#[actix_web::test]
async fn hostile_54_a_polling_viewer_that_does_not_poll_is_cut_at_its_bound() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut stalled = crate::support::http::Poller::open(server.address, "/socket.io/").await;
    stalled.connect(&tokens::guest("S")).await;
    stalled.send(r#"420["join_room","S/1"]"#).await;
    assert_eq!(stalled.packet().await, r#"430[{"ok":true}]"#);
    let mut member = server.viewer().await;
    member.join("S/1").await;
    for n in 0..4_200 {
        publisher.send(TOPIC, n.to_string()).await;
        member.expect("final", &n.to_string()).await;
    }
    let cut = r#"sockets_stalled_total{reason="frames"}"#;
    assert_eq!(server.metric(cut).await, 1);
    eventually(
        "the end of its session",
        crate::support::DEADLINE,
        async || server.counts().await.members,
        |members| *members == 1,
    )
    .await;
    assert!(stalled.is_gone().await);
    drop(member);
    server.stop().await;
}
