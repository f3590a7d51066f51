//! Joining with a history: the last finals first, then the live flow, without gap or repeat.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_actors::limits::{HISTORY_BYTES, HISTORY_DEADLINE, MEMORY_SETTLED};
use switchboard_actors::outbox::OutboxLimits;
use switchboard_actors::testing::{Client, FakeWire, Harness, Setup, pass, paused, quiet};

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
fn wherever_the_seam_is_nothing_is_missing_and_nothing_comes_twice() {
    // How many came before the join, and how many while storage answered; how many were asked for.
    for before in [0, 1, 40, 255, 256, 257, 600] {
        for during in [0, 1, 30, 300] {
            for wanted in [1, 100, 500] {
                paused(a_run_without_gap(before, during, wanted));
            }
        }
    }
}

async fn a_run_without_gap(before: usize, during: usize, wanted: usize) {
    let case = format!("{before} before, {during} during, {wanted} wanted");
    let harness = keeping().await;
    put(&harness, 0..50);
    let alice = harness.connected("alice").await;
    alice.join("S/1").await;
    let mut next = 50;
    let mut more = async |count: usize| {
        publish(&harness, next..next + count).await;
        next += count;
        next
    };
    let joined_at = more(before).await;
    harness.transcripts.set_held(true);
    let bob = harness.connected("bob").await;
    bob.emit("join_room", &format!(r#""S/1",{{"history":{wanted}}}"#));
    quiet().await;
    more(during).await;
    harness.transcripts.set_held(false);
    bob.hears("430[").await;
    let end = more(20).await;
    let first = joined_at.saturating_sub(wanted);
    assert_eq!(finals(&bob), run(first..end), "{case}");
    assert_eq!(finals(&alice), run(50..end), "{case}");
    let history = joined_at - first;
    let answer = format!(r#"430[{{"history":{history},"ok":true}}]"#);
    assert_eq!(bob.hears("430[").await, answer, "{case}");
    harness.archive.as_ref().unwrap().drain(HOUR).await;
    assert_eq!(harness.transcripts.finals("S/1").len(), end, "{case}");
    all_ended(&harness, [alice, bob]).await;
}

#[test]
fn what_another_switchboard_stored_and_memory_holds_comes_once() {
    paused(async {
        let harness = keeping().await;
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        publish(&harness, 0..20).await;
        harness.archive.as_ref().unwrap().drain(HOUR).await;
        // As if the other had been faster: each is there under its number, which is lower or higher than ours.
        let stored = harness.transcripts.finals("S/1");
        harness.transcripts.clear();
        for (at, one) in stored.iter().enumerate() {
            let number = one.number + 700_000 - 70_000 * at as u64;
            let payload = String::from_utf8_lossy(&one.payload);
            harness.transcripts.put("S/1", number, &payload);
        }
        put(&harness, 100..103);
        let bob = harness.connected("bob").await;
        assert_eq!(join(&bob, "500").await["history"], 23);
        let expected: Vec<usize> = (100..103).chain(0..20).collect();
        assert_eq!(finals(&bob), expected);
        all_ended(&harness, [alice, bob]).await;
    });
}

#[test]
fn finals_of_the_rooms_earlier_life_that_wait_to_be_stored_are_in_the_history() {
    paused(async {
        let harness = keeping().await;
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        publish(&harness, 0..3).await;
        alice.ask("leave_room", r#""S/1""#).await;
        assert_eq!(harness.transcripts.appends(), 0, "they wait");
        assert_eq!(join(&alice, "10").await["history"], 3);
        assert_eq!(finals(&alice), [0, 1, 2, 0, 1, 2]);
        ended(&harness, alice).await;
    });
}

#[test]
fn with_storage_away_a_join_succeeds_and_says_that_its_history_is_incomplete() {
    paused(async {
        let harness = keeping().await;
        put(&harness, 0..10);
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        publish(&harness, 10..13).await;
        harness.transcripts.set_away(true);
        let bob = harness.connected("bob").await;
        let answer = join(&bob, "10").await;
        let expected = json!({"ok": true, "history": 3, "incomplete": true});
        assert_eq!(answer, expected);
        assert_eq!(finals(&bob), run(10..13));
        // What memory holds needs no storage.
        let carol = harness.connected("carol").await;
        assert_eq!(join(&carol, "2").await, json!({"ok": true, "history": 2}));
        publish(&harness, 13..15).await;
        assert_eq!(finals(&bob), run(10..15));
        assert_eq!(finals(&carol), run(11..15));
        assert_eq!(finals(&alice), run(10..15));
        all_ended(&harness, [alice, bob, carol]).await;
    });
}

#[test]
fn storage_that_is_late_holds_up_nobody_but_who_asked_and_not_for_ever() {
    paused(async {
        let harness = keeping().await;
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        publish(&harness, 0..3).await;
        harness.transcripts.set_held(true);
        let bob = harness.connected("bob").await;
        let start = bob.emit("join_room", r#""S/1",{"history":9}"#);
        quiet().await;
        publish(&harness, 3..6).await;
        assert_eq!(finals(&alice), run(0..6));
        assert_eq!((finals(&bob), bob.times(&start)), (vec![], 0));
        // His other rooms, and his next events, do not wait.
        bob.join("S/2").await;
        pass(HISTORY_DEADLINE).await;
        let answer = r#"{"history":3,"incomplete":true,"ok":true}]"#;
        assert_eq!(bob.hears(&start).await, format!("{start}{answer}"));
        publish(&harness, 6..8).await;
        assert_eq!(finals(&bob), run(0..8));
        harness.transcripts.set_held(false);
        quiet().await;
        assert_eq!(finals(&bob), run(0..8), "what comes too late is not sent");
        all_ended(&harness, [alice, bob]).await;
    });
}

#[test]
fn who_leaves_while_its_history_is_fetched_gets_none_of_it() {
    paused(async {
        let harness = keeping().await;
        put(&harness, 0..10);
        harness.transcripts.set_held(true);
        let alice = harness.connected("alice").await;
        let bob = harness.connected("bob").await;
        let joining = alice.emit("join_room", r#""S/1",{"history":9}"#);
        bob.emit("join_room", r#""S/1",{"history":9}"#);
        quiet().await;
        publish(&harness, 10..12).await;
        assert_eq!(
            alice.ask("leave_room", r#""S/1""#).await,
            json!({"ok": true})
        );
        assert!(alice.hears(&joining).await.contains("LEFT"));
        bob.hang_up();
        quiet().await;
        assert_eq!(counts(&harness).await, (1, 0, 0));
        harness.transcripts.set_held(false);
        quiet().await;
        assert_eq!(finals(&alice), run(0..0));
        all_ended(&harness, [bob, alice]).await;
    });
}

#[test]
fn a_room_that_ended_while_a_history_was_fetched_is_gone_at_once() {
    paused(async {
        let harness = keeping().await;
        let alice = harness.connected("alice").await;
        harness.transcripts.set_held(true);
        alice.emit("join_room", r#""S/1",{"history":9}"#);
        quiet().await;
        alice.ask("leave_room", r#""S/1""#).await;
        harness.transcripts.set_held(false);
        put(&harness, 0..1);
        assert_eq!(join(&alice, "5").await, json!({"ok": true, "history": 1}));
        ended(&harness, alice).await;
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

#[test]
fn when_too_much_comes_meanwhile_a_member_goes_on_live_without_older_finals() {
    paused(async {
        let harness = keeping().await;
        put(&harness, 0..10);
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        publish(&harness, 10..12).await;
        harness.transcripts.set_held(true);
        let bob = harness.connected("bob").await;
        let start = bob.emit("join_room", r#""S/1",{"history":9}"#);
        quiet().await;
        let large = format!("\"{}\"", "x".repeat(100_000));
        for count in 1..=5 {
            assert_eq!(bob.times(&start), usize::from(count > 4));
            harness.broker.publish(&[(FINAL, &large)]);
            quiet().await;
        }
        assert!(
            bob.hears(&start)
                .await
                .contains(r#""history":2,"incomplete":true"#)
        );
        assert_eq!(finals(&bob), run(10..12));
        assert_eq!(bob.times("42[\"final\",\"xxx"), 5);
        harness.transcripts.set_held(false);
        publish(&harness, 12..13).await;
        assert_eq!(finals(&bob), run(10..13));
        all_ended(&harness, [alice, bob]).await;
    });
}

#[test]
fn a_burst_of_joins_asks_storage_once() {
    paused(async {
        let harness = keeping().await;
        put(&harness, 0..30);
        harness.transcripts.set_held(true);
        let mut viewers = Vec::new();
        for n in 0..20 {
            let viewer = harness.connected(&format!("viewer-{n}")).await;
            viewer.emit("join_room", &format!(r#""S/1",{{"history":{}}}"#, 40 - n));
            viewers.push(viewer);
        }
        quiet().await;
        harness.transcripts.set_held(false);
        for (n, viewer) in viewers.iter().enumerate() {
            viewer.hears("430[").await;
            assert_eq!(finals(viewer), run((30_usize).saturating_sub(40 - n)..30));
        }
        assert_eq!(harness.transcripts.asked(), 1);
        all_ended(&harness, viewers).await;
    });
}

#[test]
fn a_room_that_has_seen_what_is_stored_does_not_ask_again() {
    paused(async {
        let harness = keeping().await;
        put(&harness, 0..30);
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        pass(MEMORY_SETTLED).await;
        let bob = harness.connected("bob").await;
        assert_eq!(join(&bob, "100").await["history"], 30);
        publish(&harness, 30..40).await;
        let carol = harness.connected("carol").await;
        assert_eq!(join(&carol, "500").await["history"], 40);
        assert_eq!(finals(&carol), run(0..40));
        assert_eq!(harness.transcripts.asked(), 1);
        // Once memory has dropped some, storage is asked again.
        publish(&harness, 40..300).await;
        let dave = harness.connected("dave").await;
        assert_eq!(join(&dave, "290").await["history"], 290);
        assert_eq!(finals(&dave), run(10..300));
        all_ended(&harness, [alice, bob, carol, dave]).await;
    });
}

#[test]
fn a_history_is_bounded_in_bytes_and_the_latest_win() {
    paused(async {
        let harness = keeping().await;
        let large = "x".repeat(10_000);
        for number in 0..100 {
            let payload = format!("\"{number} {large}\"");
            harness.transcripts.put("S/1", number + 1, &payload);
        }
        let alice = harness.connected("alice").await;
        let answer = join(&alice, "100").await;
        let count = answer["history"].as_u64().unwrap();
        assert!(
            (40..=52).contains(&count),
            "{count} of 10 kB in {HISTORY_BYTES}"
        );
        let heard = alice.heard();
        let of_history: Vec<&String> = heard.iter().filter(|h| h.starts_with("42")).collect();
        assert_eq!(of_history.len() as u64, count);
        for (at, number) in (100 - count..100).enumerate() {
            let start = format!("42[\"final\",\"{number} x");
            assert!(of_history[at].starts_with(&start));
        }
        ended(&harness, alice).await;
    });
}

#[test]
fn histories_never_cut_off_a_client_that_is_slow_to_read_them() {
    paused(async {
        let setup = Setup {
            retention: Some(HOUR),
            outbox: OutboxLimits {
                bytes: 20_000,
                frames: 200,
            },
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        for room in ["S/1", "S/2", "S/3", "S/4"] {
            for number in 1..=500 {
                harness
                    .transcripts
                    .put(room, number, r#""some twenty bytes""#);
            }
        }
        let client = harness.client_on(FakeWire::with_room(200));
        client.connect("user:alice").await;
        for room in 1..=4 {
            client.emit("join_room", &format!(r#""S/{room}",{{"history":500}}"#));
            quiet().await;
        }
        assert_eq!(client.wire.shutdowns(), []);
        assert!(client.outbox().unwrap().waiting() > 100);
        ended(&harness, client).await;
    });
}

#[test]
fn what_is_stored_but_is_not_json_is_left_out() {
    paused(async {
        let harness = keeping().await;
        harness.transcripts.put("S/1", 1, "1");
        harness.transcripts.put("S/1", 2, "1],[2");
        harness.transcripts.put("S/1", 3, "3");
        let alice = harness.connected("alice").await;
        assert_eq!(join(&alice, "5").await["history"], 2);
        assert_eq!(finals(&alice), [1, 3]);
        ended(&harness, alice).await;
    });
}
