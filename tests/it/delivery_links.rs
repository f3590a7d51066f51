//! Transcripts that come by several connections to the broker.

use crate::on_both_brokers;
use crate::support::OUTAGE_DEADLINE;
use crate::support::broker::Broker;
use crate::support::mqtt::Client;
use crate::support::server::{STANDING_FILTERS, TestServer};
use crate::support::tap::Tap;
use crate::support::viewer::{Event, Viewer};

const ROOMS: usize = 100;
const FINALS: usize = 30;

on_both_brokers! {
    by_four_delivery_links_a_burst_over_100_rooms_arrives_in_each_rooms_order
    after_an_outage_each_topic_is_subscribed_again_on_its_own_delivery_link
}

async fn start(url: &str) -> TestServer {
    let settings = [
        ("mqtt_url", url),
        ("mqtt_delivery_links", "4"),
        ("workers", "2"),
    ];
    TestServer::start_with(&settings).await
}

fn topic(room: usize) -> String {
    format!("transcriber/out/S/{room}/final")
}

/// What a room is sent is its number and the count of what it was sent before.
async fn publish(publisher: &Client, finals: std::ops::Range<usize>) {
    for n in finals {
        for room in 0..ROOMS {
            publisher.send(&topic(room), format!("[{room},{n}]")).await;
        }
    }
}

async fn receive(viewer: &mut Viewer, finals: std::ops::Range<usize>) {
    let mut next = [finals.start; ROOMS];
    for _ in 0..ROOMS * finals.len() {
        let event = viewer.event().await;
        assert_eq!(event.name, "final", "{event:?}");
        let [room, n]: [usize; 2] = serde_json::from_str(&event.arguments).unwrap();
        assert_eq!(n, next[room], "room {room}");
        next[room] += 1;
    }
    assert_eq!(next, [finals.end; ROOMS]);
}

async fn by_four_delivery_links_a_burst_over_100_rooms_arrives_in_each_rooms_order(broker: Broker) {
    let server = start(&broker.url()).await;
    let publisher = Client::connect(broker.address(), "transcriber").await;
    let mut viewers = [server.viewer().await, server.viewer().await];
    for viewer in &mut viewers {
        for room in 0..ROOMS {
            viewer.join(&format!("S/{room}")).await;
        }
    }
    let [one, two] = &mut viewers;
    let all = || 0..FINALS;
    tokio::join!(
        publish(&publisher, all()),
        receive(one, all()),
        receive(two, all())
    );
    let wanted = STANDING_FILTERS + 4 * ROOMS as i64;
    assert_eq!(server.metric("filters_subscribed_total").await, wanted);
    drop(viewers);
    server.stop().await;
}

async fn after_an_outage_each_topic_is_subscribed_again_on_its_own_delivery_link(broker: Broker) {
    let tap = Tap::start(broker.address()).await;
    let server = start(&tap.url()).await;
    let publisher = Client::connect(broker.address(), "transcriber").await;
    let mut viewer = server.viewer().await;
    for room in 0..ROOMS {
        viewer.join(&format!("S/{room}")).await;
    }
    let subscriptions = || {
        let mut notes = tap.notes();
        notes.retain(|note| note.contains(" subscribe transcriber/out/"));
        notes
    };
    let before = subscriptions();
    let links: std::collections::BTreeSet<_> = before
        .iter()
        .filter_map(|note| note.split(' ').next())
        .collect();
    // The last but one part of their client ids.
    assert_eq!(
        links.into_iter().collect::<Vec<_>>(),
        ["2", "3", "4", "delivery"]
    );
    tap.cut();
    let told = viewer.event_within(OUTAGE_DEADLINE).await;
    assert_eq!(told, Event::new("broker_ko", ""));
    tap.open();
    let told = viewer.event_within(OUTAGE_DEADLINE).await;
    assert_eq!(told, Event::new("broker_ok", ""));
    let (mut before, mut after) = (before.clone(), subscriptions().split_off(before.len()));
    before.sort();
    after.sort();
    assert_eq!(after, before);
    tokio::join!(publish(&publisher, 0..1), receive(&mut viewer, 0..1));
    drop(viewer);
    server.stop().await;
}
