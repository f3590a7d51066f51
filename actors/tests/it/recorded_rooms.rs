//! Rooms that are recorded whoever is in them.

use std::time::Duration;

use switchboard_actors::broker::Grant;
use switchboard_actors::mqtt_client::LinkRole;
use switchboard_actors::registry::{Joined, Record, StopRecording};
use switchboard_actors::testing::{Harness, Setup, pass, paused, quiet};

use crate::support::{Socket, counts, room};

const FINAL: &str = "transcriber/out/S/1/final";
const SECOND: Duration = Duration::from_secs(1);

async fn keeping() -> Harness {
    Harness::start_with(Setup {
        retention: Some(3600 * SECOND),
        ..Setup::default()
    })
    .await
}

async fn record(harness: &Harness) {
    harness.registry.send(Record(room("S/1"))).await.unwrap();
    quiet().await;
}

async fn stop_recording(harness: &Harness) {
    let stop = StopRecording(room("S/1"));
    harness.registry.send(stop).await.unwrap();
    quiet().await;
}

fn is_subscribed(harness: &Harness) -> bool {
    harness
        .broker
        .subscribed(LinkRole::Delivery)
        .contains(FINAL)
}

#[test]
fn finals_of_a_recorded_room_are_kept_while_nobody_is_in_it() {
    paused(async {
        let harness = keeping().await;
        record(&harness).await;
        record(&harness).await;
        assert!(harness.broker.publish(&[(FINAL, "1"), (FINAL, "2")]));
        pass(SECOND).await;
        assert_eq!(harness.transcripts.payloads("S/1"), ["1", "2"]);
        assert_eq!(counts(&harness).await, (0, 0, 0));
        assert_eq!(harness.metrics.rooms_recorded.get(), 1);
        assert_eq!(harness.broker.subscriptions_of(FINAL), 1);
        stop_recording(&harness).await;
        assert!(!harness.broker.publish(&[(FINAL, "3")]));
        harness.assert_nothing_left().await;
    });
}

#[test]
fn neither_the_last_leave_nor_the_end_of_recording_takes_the_room_from_the_other() {
    paused(async {
        let harness = keeping().await;
        let socket = Socket::open(&harness).await;
        record(&harness).await;
        socket.join(&harness, "S/1").await.unwrap();
        socket.leave(&harness, "S/1").await;
        quiet().await;
        assert!(is_subscribed(&harness), "it is recorded");
        socket.join(&harness, "S/1").await.unwrap();
        stop_recording(&harness).await;
        stop_recording(&harness).await;
        assert!(harness.broker.publish(&[(FINAL, "1")]));
        quiet().await;
        assert_eq!(socket.heard(), [r#"42["final",1]"#]);
        record(&harness).await;
        socket.close(&harness).await;
        quiet().await;
        assert!(is_subscribed(&harness), "it is recorded again");
        assert_eq!(harness.broker.subscriptions_of(FINAL), 1);
        stop_recording(&harness).await;
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_recorded_room_that_the_broker_refuses_is_asked_for_again_with_the_next_record() {
    paused(async {
        let harness = keeping().await;
        harness.broker.refuse(FINAL);
        record(&harness).await;
        assert_eq!(harness.metrics.rooms_recorded.get(), 0);
        let socket = Socket::open(&harness).await;
        let Ok(Joined::Soon(granted)) = socket.join(&harness, "S/1").await else {
            panic!("a refused room is no room");
        };
        record(&harness).await;
        assert_eq!(granted.await, Ok(Grant::Refused));
        assert_eq!(counts(&harness).await, (1, 0, 0));
        assert!(harness.broker.subscriptions_of(FINAL) >= 2);
        socket.close(&harness).await;
        stop_recording(&harness).await;
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_recorded_room_survives_an_outage_of_the_broker() {
    paused(async {
        let harness = keeping().await;
        record(&harness).await;
        harness.broker.down();
        pass(SECOND).await;
        harness.broker.up();
        pass(SECOND).await;
        assert!(harness.broker.publish(&[(FINAL, "1")]));
        pass(SECOND).await;
        assert_eq!(harness.transcripts.payloads("S/1"), ["1"]);
        stop_recording(&harness).await;
        harness.assert_nothing_left().await;
    });
}

#[test]
fn who_joins_a_recorded_room_gets_its_history_from_memory() {
    paused(async {
        let harness = keeping().await;
        harness.transcripts.set_away(true);
        record(&harness).await;
        harness.broker.publish(&[(FINAL, "1"), (FINAL, "2")]);
        quiet().await;
        let client = harness.connected("alice").await;
        let answer = client.ask("join_room", r#""S/1",{"history":2}"#).await;
        assert_eq!(answer, serde_json::json!({"ok": true, "history": 2}));
        stop_recording(&harness).await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}
