//! Joining and leaving, and what the broker is asked to subscribe for it.

use crate::on_both_brokers;
use crate::support::broker::Broker;
use crate::support::server::{STANDING_FILTERS, TestServer};
use crate::support::tap::Tap;
use crate::support::viewer::Viewer;
use crate::support::{mqtt, tokens};

/// The last levels of a room's topics.
const KINDS: [&str; 4] = [
    "partial",
    "final",
    "partial/translations",
    "final/translations",
];

on_both_brokers! {
    l13_a_room_is_subscribed_once_however_many_join
    l15_a_room_is_unsubscribed_after_its_last_member_and_not_before
    l32_three_connections_cover_delivery_session_and_organization_topics
}

/// A server that reaches `broker` through a tap.
async fn tapped(broker: &Broker) -> (Tap, TestServer) {
    let tap = Tap::start(broker.address()).await;
    let server = TestServer::start_with(&[("mqtt_url", &tap.url())]).await;
    (tap, server)
}

async fn l13_a_room_is_subscribed_once_however_many_join(broker: Broker) {
    let (tap, server) = tapped(&broker).await;
    let mut viewers = Vec::new();
    for _ in 0..20 {
        let mut viewer = server.viewer().await;
        viewer.join("S/1").await;
        viewer.join("S/1").await;
        viewers.push(viewer);
    }
    for kind in KINDS {
        let subscribe = format!("delivery subscribe transcriber/out/S/1/{kind}");
        assert_eq!(tap.count(&subscribe), 1, "{:?}", tap.notes());
    }
    let publisher = mqtt::Client::connect(broker.address(), "transcriber").await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    for viewer in &mut viewers {
        viewer.expect("final", "1").await;
    }
    drop(viewers);
    server.stop().await;
}

async fn l15_a_room_is_unsubscribed_after_its_last_member_and_not_before(broker: Broker) {
    let (tap, server) = tapped(&broker).await;
    let publisher = mqtt::Client::connect(broker.address(), "transcriber").await;
    // However the two leave: by event, by closing, by a dropped link, by a reset one.
    for (round, way) in ["leave", "close", "drop", "reset"].into_iter().enumerate() {
        let (mut first, mut last) = (server.viewer().await, server.viewer().await);
        first.join("S/1").await;
        last.join("S/1").await;
        go(first, way).await;
        server.metric_becomes("members", 1).await;
        let payload = format!("{way:?}");
        publisher.send("transcriber/out/S/1/final", &payload).await;
        last.expect("final", &payload).await;
        for kind in KINDS {
            let unsubscribe = format!("delivery unsubscribe transcriber/out/S/1/{kind}");
            assert_eq!(tap.count(&unsubscribe), round, "{way}: {:?}", tap.notes());
        }
        go(last, way).await;
        for kind in KINDS {
            let note = format!("transcriber/out/S/1/{kind}");
            tap.sees(&format!("delivery unsubscribe {note}"), round + 1)
                .await;
            tap.sees(&format!("delivery subscribe {note}"), round + 1)
                .await;
        }
    }
    server.stop().await;
}

async fn go(mut viewer: Viewer, way: &str) {
    match way {
        "leave" => viewer.leave("S/1").await,
        "close" => {
            viewer.send("1").await;
            viewer.ended().await;
        }
        "drop" => {}
        _ => return viewer.reset(),
    }
    drop(viewer);
}

async fn l32_three_connections_cover_delivery_session_and_organization_topics(broker: Broker) {
    let (tap, server) = tapped(&broker).await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    for role in ["delivery", "session", "organization"] {
        assert_eq!(tap.count(&format!("{role} connect")), 1);
    }
    let mut wanted = vec![
        "session subscribe session/in/+/#".to_owned(),
        "organization subscribe system/out/sessions/statuses".to_owned(),
    ];
    wanted.extend(KINDS.map(|kind| format!("delivery subscribe transcriber/out/S/1/{kind}")));
    for note in wanted {
        assert_eq!(tap.count(&note), 1, "{note}: {:?}", tap.notes());
    }
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn l08_a_joined_socket_gets_the_rooms_partials_and_nobody_else_does() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let (mut joined, mut other) = (server.viewer().await, server.viewer().await);
    joined.join("S/1").await;
    publisher
        .send("transcriber/out/S/1/partial", r#"{"text":"he"}"#)
        .await;
    joined.expect("partial", r#"{"text":"he"}"#).await;
    other.expect_silence().await;
    drop((joined, other));
    server.stop().await;
}

#[actix_web::test]
async fn l14_after_leave_room_nothing_more_of_the_room_arrives() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let (mut leaving, mut staying) = (server.viewer().await, server.viewer().await);
    for viewer in [&mut leaving, &mut staying] {
        viewer.join("S/1").await;
        viewer.join("S/2").await;
    }
    leaving.leave("S/1").await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    publisher.send("transcriber/out/S/2/final", "2").await;
    leaving.expect("final", "2").await;
    staying.expect("final", "1").await;
    staying.expect("final", "2").await;
    drop((leaving, staying));
    server.stop().await;
}

#[actix_web::test]
async fn l18_a_member_of_one_channel_gets_nothing_of_another() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let (mut one, mut two) = (server.viewer().await, server.viewer().await);
    one.join("S/1").await;
    two.join("S/2").await;
    for (channel, payload) in [(2, "2"), (1, "1"), (12, "12"), (2, "22"), (1, "11")] {
        let topic = format!("transcriber/out/S/{channel}/final");
        publisher.send(&topic, payload).await;
    }
    one.expect("final", "1").await;
    one.expect("final", "11").await;
    two.expect("final", "2").await;
    two.expect("final", "22").await;
    drop((one, two));
    server.stop().await;
}

#[actix_web::test]
async fn l33_a_join_goes_through_to_the_broker_and_a_final_comes_back() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let standing = STANDING_FILTERS;
    assert_eq!(server.metric("filters_subscribed_total").await, standing);
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    for (metric, value) in [
        ("rooms", 1),
        ("members", 1),
        ("filters_wanted", standing + 4),
        ("filters_subscribed_total", standing + 4),
        ("deliveries_total", 0),
    ] {
        assert_eq!(server.metric(metric).await, value, "{metric}");
    }
    publisher.send("transcriber/out/S/1/final", "1").await;
    viewer.expect("final", "1").await;
    assert_eq!(server.metric("publications_total").await, 1);
    server.metric_becomes("deliveries_total", 1).await;
    viewer.leave("S/1").await;
    for (metric, value) in [
        ("rooms", 0),
        ("members", 0),
        ("filters_wanted", standing),
        ("filters_unsubscribed_total", 4),
    ] {
        server.metric_becomes(metric, value).await;
    }
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn what_is_published_after_the_ack_of_a_join_arrives_200_times_in_a_row() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut viewer = server.viewer().await;
    // A room of its own each time, and one that is left and joined again while its end is under way.
    for round in 0..100 {
        for room in [format!("S/{round}"), "S/again".to_owned()] {
            viewer.join(&room).await;
            let payload = format!("{round}");
            publisher
                .send(&format!("transcriber/out/{room}/final"), &payload)
                .await;
            viewer.expect("final", &payload).await;
            viewer.emit("leave_room", &format!("{room:?}")).await;
        }
    }
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn a_socket_may_be_in_100_rooms_and_hears_of_the_101st_that_it_is_one_too_many() {
    let server = TestServer::start().await;
    let mut viewer = server.viewer().await;
    for room in 0..100 {
        viewer.join(&format!("S/{room}")).await;
    }
    let refused = viewer.ask("join_room", r#""S/100""#).await;
    assert_eq!(refused["ok"], false);
    assert!(refused["error"].as_str().unwrap().contains("100"));
    viewer.join("S/99").await;
    viewer.leave("S/0").await;
    viewer.join("S/100").await;
    assert_eq!(server.counts().await.members, 100);
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn polling_viewers_get_what_websocket_viewers_get() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut poller = crate::support::http::Poller::open(server.address, "/socket.io/").await;
    poller.connect(&tokens::guest("S")).await;
    poller.send(r#"420["join_room","S/1"]"#).await;
    assert_eq!(poller.packet().await, r#"430[{"ok":true}]"#);
    for n in 0..100 {
        publisher
            .send("transcriber/out/S/1/final", &n.to_string())
            .await;
    }
    for n in 0..100 {
        assert_eq!(poller.packet().await, format!(r#"42["final",{n}]"#));
    }
    poller.close().await;
    server.stop().await;
}
