//! Coming back with somebody else's key, with nonsense, or without the right.

use switchboard_actors::ports::Action;
use switchboard_actors::testing::{Harness, paused, quiet};

use super::{FINAL, Memory, all_leave, connect, finals, joined, publish, run};
use crate::support::recovered;

#[test]
fn somebody_elses_private_id_is_worth_nothing_and_disturbs_nobody() {
    paused(async {
        let harness = Harness::start().await;
        let alice = joined(&harness, "alice").await;
        let memory = Memory::of(&alice, &Memory::default());
        publish(&harness, FINAL, 0..2).await;
        let bob = connect(&harness, "bob", &memory).await;
        let bobs = Memory::of(&bob, &Memory::default());
        assert_ne!((&bobs.sid, &bobs.pid), (&memory.sid, &memory.pid));
        publish(&harness, FINAL, 2..3).await;
        assert_eq!((finals(&bob), finals(&alice)), (vec![], run(0..3)));
        all_leave(&harness, [alice, bob]).await;
    });
}

#[test]
fn garbage_instead_of_an_id_makes_a_new_socket() {
    paused(async {
        let harness = Harness::start().await;
        for pid in [
            "",
            "x",
            "5f.aaaa",
            "'; DROP TABLE recoverables",
            &"p".repeat(1_000),
        ] {
            for offset in [None, Some("x"), Some("'; DROP"), Some("5f")] {
                let memory = Memory {
                    pid: pid.to_owned(),
                    offset: offset.map(str::to_owned),
                    ..Memory::default()
                };
                let client = connect(&harness, "alice", &memory).await;
                let ids = Memory::of(&client, &Memory::default());
                assert!(!ids.pid.is_empty() && ids.pid != pid, "{pid} {offset:?}");
                client.say("41");
                quiet().await;
                client.hang_up();
            }
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn whoever_lost_the_right_meanwhile_is_sent_nothing_of_it() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        publish(&harness, FINAL, 0..1).await;
        let memory = Memory::of(&first, &Memory::default());
        first.hang_up();
        publish(&harness, FINAL, 1..3).await;
        harness.access.deny("S");
        let second = connect(&harness, "alice", &memory).await;
        assert_ne!(Memory::of(&second, &Memory::default()).pid, memory.pid);
        assert_eq!(
            (finals(&second), recovered(&harness.metrics, "denied")),
            (vec![], 1)
        );
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn a_right_that_cannot_be_asked_now_is_no_right() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        let memory = Memory::of(&first, &Memory::default());
        first.hang_up();
        publish(&harness, FINAL, 0..1).await;
        harness.access.set_away(true);
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(finals(&second), [0; 0]);
        let asked = harness.access.asked();
        assert!(
            asked
                .iter()
                .any(|(_, action)| matches!(action, Action::JoinSession(_)))
        );
        all_leave(&harness, [second]).await;
    });
}
