//! Where memory ends and storage begins.

use switchboard_actors::limits::MEMORY_SETTLED;
use switchboard_actors::testing::pass;

use super::*;

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
