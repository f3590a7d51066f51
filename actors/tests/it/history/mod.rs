//! Joining with a history: the last finals first, then the live flow, without gap or repeat.

mod seam;
mod trouble;

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_actors::testing::{Client, Harness, Setup, paused, quiet};

use crate::support::{counts, ended};

const FINAL: &str = "transcriber/out/S/1/final";
const HOUR: Duration = Duration::from_secs(3600);

/// A harness that keeps finals.
async fn keeping() -> Harness {
    Harness::start_with(Setup {
        retention: Some(HOUR),
        ..Setup::default()
    })
    .await
}

/// Publishes these numbers as finals of `S/1`.
async fn publish(harness: &Harness, numbers: std::ops::Range<usize>) {
    for number in numbers {
        harness.broker.publish(&[(FINAL, &number.to_string())]);
        // The links hand over so many batches before the BrokerActor must take them.
        if number % 50 == 49 {
            quiet().await;
        }
    }
    quiet().await;
}

/// All hang up, and nothing is left of them.
async fn all_ended(harness: &Harness, clients: impl IntoIterator<Item = Client>) {
    for client in clients {
        client.hang_up();
    }
    harness.assert_nothing_left().await;
}

/// Joins `S/1` with this history; the acknowledgement.
async fn join(client: &Client, history: &str) -> Value {
    let args = format!(r#""S/1",{{"history":{history}}}"#);
    client.ask("join_room", &args).await
}

/// Puts in storage what another switchboard stored long ago: these numbers.
fn put(harness: &Harness, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let payload = number.to_string();
        harness.transcripts.put("S/1", number as u64 + 1, &payload);
    }
}

/// The payloads of all finals that a client heard.
fn finals(client: &Client) -> Vec<usize> {
    let heard = client.heard();
    let payload = |packet: &String| {
        let payload = packet.strip_prefix(r#"42["final","#)?;
        payload.strip_suffix(']')?.parse().ok()
    };
    heard.iter().filter_map(payload).collect()
}

fn run(numbers: std::ops::Range<usize>) -> Vec<usize> {
    numbers.collect()
}

#[test]
fn the_last_finals_come_first_and_then_the_live_flow() {
    paused(async {
        let harness = Harness::start().await;
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        publish(&harness, 0..5).await;
        let bob = harness.connected("bob").await;
        let answer = join(&bob, "3").await;
        assert_eq!(answer, json!({"ok": true, "history": 3}));
        assert_eq!(finals(&bob), run(2..5));
        publish(&harness, 5..7).await;
        assert_eq!(finals(&bob), run(2..7));
        assert_eq!(finals(&alice), run(0..7));
        let carol = harness.connected("carol").await;
        let answer = join(&carol, "500").await;
        assert_eq!(answer, json!({"ok": true, "history": 7}));
        assert_eq!(finals(&carol), run(0..7));
        all_ended(&harness, [alice, bob, carol]).await;
    });
}

#[test]
fn only_finals_are_in_a_history() {
    paused(async {
        let harness = keeping().await;
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        for kind in ["partial", "partial/translations", "final/translations"] {
            let topic = format!("transcriber/out/S/1/{kind}");
            assert!(harness.broker.publish(&[(&topic, "1")]));
        }
        harness.broker.publish(&[(FINAL, "not JSON"), (FINAL, "2")]);
        quiet().await;
        let bob = harness.connected("bob").await;
        let before = bob.heard().len();
        assert_eq!(join(&bob, "9").await["history"], 1);
        assert_eq!(bob.heard()[before], r#"42["final",2]"#);
        assert_eq!(bob.heard().len(), before + 2, "and the acknowledgement");
        assert_eq!(harness.transcripts.payloads("S/1"), ["2"]);
        all_ended(&harness, [alice, bob]).await;
    });
}

#[test]
fn a_history_that_is_no_whole_number_up_to_500_is_refused_and_nothing_joined() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        for history in [
            "-1", "501", "1.5", "1e2", "\"5\"", "null", "[]", "{}", "true", "1e400",
        ] {
            let answer = join(&client, history).await;
            assert_eq!(answer["code"], "INVALID_HISTORY", "{history}");
            assert_eq!(answer["ok"], false);
        }
        for options in ["5", "\"history\"", "[5]", "true"] {
            let answer = client.ask("join_room", &format!("\"S/1\",{options}")).await;
            assert_eq!(answer["code"], "INVALID_HISTORY", "{options}");
        }
        assert_eq!(counts(&harness).await, (1, 0, 0));
        let other = r#""S/1",{"since":4,"history":0,"more":[{}]}"#;
        let answer = client.ask("join_room", other).await;
        assert_eq!(answer, json!({"ok": true, "history": 0}));
        for options in ["null", "{}", r#"{"since":4}"#] {
            let answer = client.ask("join_room", &format!("\"S/2\",{options}")).await;
            assert_eq!(answer, json!({"ok": true}), "{options}");
        }
        ended(&harness, client).await;
    });
}

#[test]
fn what_memory_lacks_comes_from_storage() {
    paused(async {
        let harness = keeping().await;
        put(&harness, 0..1000);
        let alice = harness.connected("alice").await;
        let answer = join(&alice, "250").await;
        assert_eq!(answer, json!({"ok": true, "history": 250}));
        assert_eq!(finals(&alice), run(750..1000));
        publish(&harness, 1000..1010).await;
        let bob = harness.connected("bob").await;
        assert_eq!(join(&bob, "500").await["history"], 500);
        assert_eq!(finals(&bob), run(510..1010));
        publish(&harness, 1010..1020).await;
        assert_eq!(finals(&alice), run(750..1020));
        assert_eq!(finals(&bob), run(510..1020));
        all_ended(&harness, [alice, bob]).await;
    });
}

#[test]
fn a_second_join_of_the_same_room_replays_nothing() {
    paused(async {
        let harness = keeping().await;
        put(&harness, 0..10);
        let alice = harness.connected("alice").await;
        assert_eq!(join(&alice, "2").await["history"], 2);
        assert_eq!(join(&alice, "10").await, json!({"ok": true, "history": 0}));
        alice.join("S/1").await;
        publish(&harness, 10..11).await;
        assert_eq!(finals(&alice), run(8..11));
        ended(&harness, alice).await;
    });
}
