//! The broker, or the way to it, breaks. Impossible is what did not cross the link: what was published while
//! switchboard had no subscription, or was with the broker when it died.

use std::time::Duration;

use crate::fault_proxy::Way;
use crate::scene::{PATIENCE, Room, SOME, Scene, Setting};
use crate::support::broker::Broker;
use crate::support::eventually;
use crate::support::mosquitto::Mosquitto;

/// How long the link flaps.
const FLAPPING: Duration = Duration::from_secs(5);
/// Half a period of it.
const FLAP: Duration = Duration::from_millis(100);

fn mosquitto(scene: &mut Scene) -> &mut Mosquitto {
    match &mut scene.broker {
        Broker::Mosquitto(mosquitto) => mosquitto,
        Broker::Embedded(..) => panic!("set with Mosquitto"),
    }
}

#[tokio::test]
async fn what_crossed_before_mosquitto_is_killed_arrives_and_everything_after_its_restart() {
    let Some(mut scene) = Scene::set_with_mosquitto(Setting::default()).await else {
        return;
    };
    for round in 1..=2 {
        scene.flows().await;
        mosquitto(&mut scene).kill();
        scene.all_are_told("broker_ko", round).await;
        mosquitto(&mut scene).start_again();
        scene.all_are_told("broker_ok", round).await;
    }
    scene.holds("broker killed and restarted, twice").await;
}

#[tokio::test]
async fn a_mosquitto_that_stops_for_a_moment_loses_nothing() {
    let Some(scene) = &mut Scene::set_with_mosquitto(Setting::default()).await else {
        return;
    };
    scene.flows().await;
    mosquitto(scene).pause();
    // Half a second's worth, which is shorter than the silence that counts as an outage.
    scene.publishers_are_ahead_by(2 * SOME).await;
    mosquitto(scene).resume();
    scene.flows().await;
    scene.holds_everything("broker stopped for a moment").await;
}

#[tokio::test]
async fn a_mosquitto_that_stops_until_it_counts_as_gone_loses_only_what_it_could_not_pass_on() {
    let Some(scene) = &mut Scene::set_with_mosquitto(Setting::default()).await else {
        return;
    };
    scene.flows().await;
    mosquitto(scene).pause();
    scene.all_are_told("broker_ko", 1).await;
    mosquitto(scene).resume();
    scene.all_are_told("broker_ok", 1).await;
    scene.holds("broker stopped until it counts as gone").await;
}

#[tokio::test]
async fn what_has_reached_switchboard_when_the_link_ends_arrives() {
    let Some(scene) = Scene::set_with_mosquitto(Setting::default()).await else {
        return;
    };
    scene.settles().await;
    scene.server.pause();
    let crossed = async || {
        let last = |room: &Room| scene.link.last_crossed(&room.name);
        scene.rooms.iter().map(last).sum::<u64>()
    };
    let before = crossed().await;
    scene.rooms.iter().for_each(|room| room.publisher.go_on());
    // As many as Mosquitto has under way at a time wait in the kernel, and the end of the link behind them.
    eventually("finals to cross", PATIENCE, crossed, |n| *n >= before + 20).await;
    scene.link.cut(Way::Ended);
    scene.server.resume();
    scene.all_are_told("broker_ok", 1).await;
    scene
        .holds("link ends behind what switchboard has not read")
        .await;
}

#[tokio::test]
async fn over_a_link_that_flaps_every_100_ms_all_that_crosses_arrives_once_and_in_order() {
    let Some(scene) = Scene::set_with_mosquitto(Setting::default()).await else {
        return;
    };
    scene.flows().await;
    let _ = tokio::time::timeout(FLAPPING, scene.link.flap(FLAP)).await;
    scene.link.all(Way::Open);
    scene.flows().await;
    scene.holds("link to the broker flaps every 100 ms").await;
}

#[tokio::test]
async fn a_broker_that_never_answers_connack_is_left_and_asked_again_until_it_does() {
    let Some(scene) = Scene::set_with_mosquitto(Setting::default()).await else {
        return;
    };
    scene.flows().await;
    // Those that were there end, and those to come are accepted and hear nothing.
    scene.link.all(Way::Stalled);
    scene.link.cut(Way::Ended);
    let failed = scene.server.metric("broker_connect_failures_total").await;
    scene.all_are_told("broker_ko", 1).await;
    // Each of the three links gives up on the silent broker and tries again.
    scene
        .server
        .metric_becomes("broker_connect_failures_total", |n| *n >= failed + 6)
        .await;
    scene.link.all(Way::Open);
    scene.all_are_told("broker_ok", 1).await;
    scene.flows().await;
    scene.holds("broker never answers CONNECT").await;
}
