//! Histories when storage is away or late, members leave, or there is too much of something.

use switchboard_actors::limits::{HISTORY_BYTES, HISTORY_DEADLINE};
use switchboard_actors::outbox::OutboxLimits;
use switchboard_actors::testing::{FakeWire, pass};

use super::*;

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
