//! The broker goes and comes back: viewers are told once, and every room flows again without anybody's help.

use crate::on_both_brokers;
use crate::support::broker::Broker;
use crate::support::mosquitto::Mosquitto;
use crate::support::mqtt::Client;
use crate::support::server::{STANDING_FILTERS, TestServer};
use crate::support::tap::Tap;
use crate::support::viewer::{Event, Viewer};
use crate::support::{OUTAGE_DEADLINE, eventually};

on_both_brokers! {
    l05_l06_l07_each_socket_hears_once_that_the_broker_goes_and_once_that_it_is_back
    l07_a_hundred_joins_make_no_broker_events
    a_frozen_broker_counts_as_away_within_ten_seconds_and_comes_back_by_itself
    hostile_71_a_flapping_broker_is_told_once_and_everything_is_subscribed_again
    a_join_while_the_broker_is_away_is_acknowledged_at_once_and_flows_when_it_is_back
}

/// Waits for the next event, as long as an outage may take to be noticed or over.
async fn expect_told(viewer: &mut Viewer, name: &str) {
    let event = viewer.event_within(OUTAGE_DEADLINE).await;
    assert_eq!(event, Event::new(name, ""));
}

async fn l05_l06_l07_each_socket_hears_once_that_the_broker_goes_and_once_that_it_is_back(
    mut broker: Broker,
) {
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    let (mut one, mut two) = (server.viewer().await, server.viewer().await);
    one.join("S/1").await;
    two.join("S/2").await;
    // Healthy so far: nobody is told anything.
    one.expect_silence().await;
    for _ in 0..2 {
        broker.kill();
        expect_told(&mut one, "broker_ko").await;
        expect_told(&mut two, "broker_ko").await;
        let mut late = server.viewer().await;
        expect_told(&mut late, "broker_ko").await;
        late.join("S/1").await;
        late.expect_silence().await;
        broker.start_again().await;
        for viewer in [&mut one, &mut two, &mut late] {
            expect_told(viewer, "broker_ok").await;
        }
        // All three get the next final, and had nothing but the two events before it.
        let publisher = Client::connect(broker.address(), "transcriber").await;
        for channel in [1, 2] {
            let topic = format!("transcriber/out/S/{channel}/final");
            publisher.send(&topic, "1").await;
        }
        for viewer in [&mut one, &mut two, &mut late] {
            viewer.expect("final", "1").await;
        }
    }
    assert_eq!(server.metric("broker_outages_total").await, 2);
    let mut healthy = server.viewer().await;
    healthy.expect_silence().await;
    drop((one, two, healthy));
    server.stop().await;
}

async fn l07_a_hundred_joins_make_no_broker_events(mut broker: Broker) {
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    let mut viewer = server.viewer().await;
    for n in 0..50 {
        viewer.join(&format!("S/{n}")).await;
    }
    viewer.expect_silence().await;
    broker.kill();
    expect_told(&mut viewer, "broker_ko").await;
    for n in 50..100 {
        viewer.join(&format!("S/{n}")).await;
    }
    viewer.expect_silence().await;
    broker.start_again().await;
    expect_told(&mut viewer, "broker_ok").await;
    viewer.expect_silence().await;
    drop(viewer);
    server.stop().await;
}

async fn a_frozen_broker_counts_as_away_within_ten_seconds_and_comes_back_by_itself(
    broker: Broker,
) {
    let tap = Tap::start(broker.address()).await;
    let server = TestServer::start_with(&[("mqtt_url", &tap.url())]).await;
    let publisher = Client::connect(broker.address(), "transcriber").await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    tap.freeze();
    // A join that waits for the grant when the link freezes is answered once the outage is noticed.
    viewer.emit("join_room", r#""S/2""#).await;
    let noticed = std::time::Duration::from_secs(10);
    let event = viewer.event_within(noticed).await;
    assert_eq!(event, Event::new("broker_ko", ""));
    let mut late = server.viewer().await;
    expect_told(&mut late, "broker_ko").await;
    late.join("S/2").await;
    tap.open();
    expect_told(&mut viewer, "broker_ok").await;
    expect_told(&mut late, "broker_ok").await;
    for channel in [1, 2] {
        let topic = format!("transcriber/out/S/{channel}/final");
        publisher.send(&topic, channel.to_string()).await;
    }
    viewer.expect("final", "1").await;
    viewer.expect("final", "2").await;
    late.expect("final", "2").await;
    drop((viewer, late));
    server.stop().await;
}

async fn hostile_71_a_flapping_broker_is_told_once_and_everything_is_subscribed_again(
    broker: Broker,
) {
    let tap = Tap::start(broker.address()).await;
    let server = TestServer::start_with(&[("mqtt_url", &tap.url())]).await;
    let publisher = Client::connect(broker.address(), "transcriber").await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    let subscribe = "delivery subscribe transcriber/out/S/1/final";
    let (connects, failures) = ("broker_connects_total", "broker_connect_failures_total");
    for round in 1..=4 {
        let failed = server.metric(failures).await;
        tap.cut();
        let look = async || server.metric(failures).await;
        eventually(failures, OUTAGE_DEADLINE, look, |n| *n >= failed + 3).await;
        tap.open();
        // As soon as all links are there again they are cut, before the broker counts as up.
        let look = async || server.metric(connects).await;
        eventually(connects, OUTAGE_DEADLINE, look, |n| *n == 3 + 3 * round).await;
        tap.sees(subscribe, 1 + round as usize).await;
    }
    expect_told(&mut viewer, "broker_ko").await;
    expect_told(&mut viewer, "broker_ok").await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    viewer.expect("final", "1").await;
    assert_eq!(server.metric("broker_outages_total").await, 1);
    drop(viewer);
    server.stop().await;
}

async fn a_join_while_the_broker_is_away_is_acknowledged_at_once_and_flows_when_it_is_back(
    mut broker: Broker,
) {
    broker.kill();
    let server = TestServer::start_without_broker(&[("mqtt_url", &broker.url())]).await;
    let mut viewer = server.viewer().await;
    expect_told(&mut viewer, "broker_ko").await;
    viewer.join("S/1").await;
    viewer.join("S/2").await;
    viewer.leave("S/2").await;
    broker.start_again().await;
    expect_told(&mut viewer, "broker_ok").await;
    let publisher = Client::connect(broker.address(), "transcriber").await;
    publisher.send("transcriber/out/S/2/final", "2").await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    viewer.expect("final", "1").await;
    assert_eq!(
        server.metric("filters_subscribed_total").await,
        STANDING_FILTERS + 4
    );
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn a_broker_that_accepts_and_never_answers_is_an_outage_from_the_start() {
    let broker = Broker::start(crate::support::broker::Kind::Embedded).await;
    let broker = broker.expect("it is always there");
    let tap = Tap::start(broker.address()).await;
    tap.freeze();
    let server = TestServer::start_without_broker(&[("mqtt_url", &tap.url())]).await;
    let mut viewer = server.viewer().await;
    expect_told(&mut viewer, "broker_ko").await;
    viewer.join("S/1").await;
    // Each of the three gives up on the silent broker and tries again.
    let failures = "broker_connect_failures_total";
    let look = async || server.metric(failures).await;
    eventually(failures, OUTAGE_DEADLINE, look, |n| *n >= 3).await;
    tap.open();
    expect_told(&mut viewer, "broker_ok").await;
    let publisher = Client::connect(broker.address(), "transcriber").await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    viewer.expect("final", "1").await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn a_room_left_before_the_broker_has_granted_it_is_an_error_for_who_waits() {
    let broker = Broker::start(crate::support::broker::Kind::Embedded).await;
    let broker = broker.expect("it is always there");
    let tap = Tap::start(broker.address()).await;
    let server = TestServer::start_with(&[("mqtt_url", &tap.url())]).await;
    let mut viewer = server.viewer().await;
    tap.freeze();
    viewer.send(r#"42901["join_room","S/1"]"#).await;
    viewer.send(r#"42902["leave_room","S/1"]"#).await;
    let (mut joined, mut left) = (viewer.packet().await, viewer.packet().await);
    if joined.starts_with("43902") {
        std::mem::swap(&mut joined, &mut left);
    }
    assert!(joined.starts_with(r#"43901[{"#), "{joined}");
    assert!(joined.contains(r#""ok":false"#), "{joined}");
    assert_eq!(left, r#"43902[{"ok":true}]"#);
    assert_eq!(server.counts().await.members, 0);
    tap.open();
    viewer.join("S/1").await;
    drop(viewer);
    server.stop().await;
}

/// A Mosquitto, a server on it, and two viewers in each of five rooms.
struct UnderLoad {
    mosquitto: Mosquitto,
    server: TestServer,
    viewers: Vec<(usize, Viewer)>,
}

impl UnderLoad {
    /// `None` where Mosquitto is not installed.
    async fn start() -> Option<Self> {
        let mosquitto = Mosquitto::start(None)?;
        let url = format!("mqtt://{}", mosquitto.address());
        let server = TestServer::start_with(&[("mqtt_url", &url)]).await;
        let mut viewers = Vec::new();
        for n in 0..10 {
            let mut viewer = server.viewer().await;
            viewer.join(&format!("S/{}", n % 5)).await;
            viewers.push((n % 5, viewer));
        }
        Some(Self {
            mosquitto,
            server,
            viewers,
        })
    }

    /// Publishes finals to all rooms until it fails, which it does when the broker goes.
    fn load(&self) -> actix_rt::task::JoinHandle<()> {
        let address = self.mosquitto.address();
        actix_rt::spawn(async move {
            let publisher = Client::connect(address, "load").await;
            for n in 0.. {
                let topic = format!("transcriber/out/S/{}/partial", n % 5);
                let at_least_once = rumqttc::QoS::AtLeastOnce;
                if !publisher.try_publish(&topic, at_least_once, "0").await {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
    }

    /// Takes the broker away while partials flow, and asserts that everybody hears so, once.
    async fn expect_outage(&mut self, take_away: impl FnOnce(&mut Mosquitto)) {
        let load = self.load();
        for (_, viewer) in &mut self.viewers {
            viewer.expect("partial", "0").await;
        }
        take_away(&mut self.mosquitto);
        for (_, viewer) in &mut self.viewers {
            expect_after_partials(viewer, Event::new("broker_ko", "")).await;
        }
        load.abort();
    }

    /// Asserts that everybody hears once that it is back, and gets every final from then on.
    async fn expect_recovery(&mut self) {
        for (_, viewer) in &mut self.viewers {
            expect_after_partials(viewer, Event::new("broker_ok", "")).await;
        }
        let publisher = Client::connect(self.mosquitto.address(), "transcriber").await;
        for n in 0..100 {
            for room in 0..5 {
                let topic = format!("transcriber/out/S/{room}/final");
                publisher.send(&topic, format!("[{room},{n}]")).await;
            }
        }
        for (room, viewer) in &mut self.viewers {
            expect_after_partials(viewer, Event::new("final", &format!("[{room},0]"))).await;
            for n in 1..100 {
                viewer.expect("final", &format!("[{room},{n}]")).await;
            }
        }
    }

    async fn stop(self) {
        drop(self.viewers);
        assert_eq!(self.server.metric("broker_outages_total").await, 1);
        self.server.stop().await;
    }
}

/// The next event that is no partial of the load.
async fn expect_after_partials(viewer: &mut Viewer, expected: Event) {
    loop {
        let event = viewer.event_within(OUTAGE_DEADLINE).await;
        if event.name != "partial" {
            assert_eq!(event, expected);
            return;
        }
    }
}

#[actix_web::test]
async fn every_room_flows_again_after_mosquitto_is_killed_and_restarted_under_load() {
    let Some(mut rooms) = UnderLoad::start().await else {
        return;
    };
    rooms.expect_outage(Mosquitto::kill).await;
    rooms.mosquitto.start_again();
    rooms.expect_recovery().await;
    rooms.stop().await;
}

#[actix_web::test]
async fn every_room_flows_again_after_mosquitto_closes_cleanly_and_restarts_under_load() {
    let Some(mut rooms) = UnderLoad::start().await else {
        return;
    };
    rooms.expect_outage(Mosquitto::end).await;
    rooms.mosquitto.start_again();
    rooms.expect_recovery().await;
    rooms.stop().await;
}

#[actix_web::test]
async fn every_room_flows_again_after_mosquitto_is_stopped_and_continued_under_load() {
    let Some(mut rooms) = UnderLoad::start().await else {
        return;
    };
    rooms.expect_outage(|mosquitto| mosquitto.pause()).await;
    rooms.mosquitto.resume();
    rooms.expect_recovery().await;
    rooms.stop().await;
}
