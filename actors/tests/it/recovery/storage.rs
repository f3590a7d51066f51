//! Coming back by what storage remembers: after a restart, to another switchboard, or after too much was missed.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use switchboard_actors::limits::{CLOSE_LINGER, JOURNAL_FRAMES, OUTBOX_FRAMES};
use switchboard_actors::testing::{Harness, Setup, pass, paused};

use super::{FINAL, HOUR, Memory, all_leave, connect, finals, joined, publish, run};
use crate::support::{closed, recovered};

async fn keeping() -> Harness {
    let setup = Setup {
        retention: Some(HOUR),
        ..Setup::default()
    };
    Harness::start_with(setup).await
}

/// Another switchboard on the same database.
async fn restarted(before: &Harness) -> Harness {
    let setup = Setup {
        retention: Some(HOUR),
        recoverables: Some(Arc::clone(&before.recoverables)),
        transcripts: Some(Arc::clone(&before.transcripts)),
        ..Setup::default()
    };
    Harness::start_with(setup).await
}

/// A switchboard that was killed, and what its client `alice` in the room `S/1` remembers: all of `seen`, and of
/// `unseen`, which was said and stored, nothing.
async fn killed(seen: Range<usize>, unseen: Range<usize>) -> (Harness, Memory) {
    let harness = keeping().await;
    let client = joined(&harness, "alice").await;
    publish(&harness, FINAL, seen).await;
    let memory = Memory::of(&client, &Memory::default());
    publish(&harness, FINAL, unseen).await;
    pass(Duration::from_secs(1)).await;
    (harness, memory)
}

#[test]
fn more_than_a_journal_holds_comes_back_from_storage() {
    paused(async {
        let harness = keeping().await;
        let first = joined(&harness, "alice").await;
        publish(&harness, FINAL, 0..1).await;
        let memory = Memory::of(&first, &Memory::default());
        first.hang_up();
        // Partial lines do not wait, finals do; so many that the first is forgotten.
        publish(&harness, FINAL, 1..JOURNAL_FRAMES + 2).await;
        pass(Duration::from_secs(1)).await;
        let second = connect(&harness, "alice", &memory).await;
        pass(Duration::from_secs(3)).await;
        assert_eq!(Memory::of(&second, &Memory::default()).sid, memory.sid);
        assert_eq!(recovered(&harness.metrics, "storage"), 1);
        let heard = finals(&second);
        let all = run(1..JOURNAL_FRAMES + 2);
        assert!(all.ends_with(&heard) && !heard.is_empty());
        // What is more than a history may have is named.
        assert_eq!(
            second.times("42[\"gap\",{"),
            usize::from(heard.len() < all.len())
        );
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn rooms_and_missed_finals_come_back_after_a_restart() {
    paused(async {
        let (before, memory) = killed(0..3, 3..5).await;
        let after = restarted(&before).await;
        let second = connect(&after, "alice", &memory).await;
        assert_eq!(Memory::of(&second, &Memory::default()).sid, memory.sid);
        publish(&after, FINAL, 5..6).await;
        pass(Duration::from_secs(3)).await;
        publish(&after, FINAL, 6..7).await;
        assert_eq!(finals(&second), run(3..7));
        assert_eq!(second.times("42[\"gap\""), 0);
        assert_eq!(recovered(&after.metrics, "storage"), 1);
        // A second time, from memory.
        let memory = Memory::of(&second, &memory);
        second.hang_up();
        publish(&after, FINAL, 7..8).await;
        let third = connect(&after, "alice", &memory).await;
        assert_eq!(finals(&third), run(7..8));
        all_leave(&after, [third]).await;
    });
}

#[test]
fn a_client_that_saw_nothing_comes_back_after_a_restart() {
    paused(async {
        let (before, memory) = killed(0..0, 0..2).await;
        let after = restarted(&before).await;
        let second = connect(&after, "alice", &memory).await;
        pass(Duration::from_secs(3)).await;
        assert_eq!(finals(&second), run(0..2));
        all_leave(&after, [second]).await;
    });
}

#[test]
fn a_join_by_the_client_itself_after_a_restart_costs_it_nothing() {
    paused(async {
        let (before, memory) = killed(0..1, 1..3).await;
        let after = restarted(&before).await;
        let second = connect(&after, "alice", &memory).await;
        second.join("S/1").await;
        pass(Duration::from_secs(3)).await;
        assert_eq!(finals(&second), run(1..3));
        all_leave(&after, [second]).await;
    });
}

#[test]
fn after_a_restart_rights_are_asked_before_anything_is_said() {
    paused(async {
        let (before, memory) = killed(0..0, 0..2).await;
        let after = restarted(&before).await;
        after.access.deny("S");
        let second = connect(&after, "alice", &memory).await;
        let bob = connect(&after, "bob", &memory).await;
        pass(Duration::from_secs(3)).await;
        assert_eq!((finals(&second), finals(&bob)), (vec![], vec![]));
        assert_eq!(after.metrics.members.get(), 0);
        all_leave(&after, [second, bob]).await;
    });
}

#[test]
fn who_followed_an_organization_starts_anew_after_a_restart_and_is_told_what_it_misses() {
    paused(async {
        let before = keeping().await;
        let first = joined(&before, "alice").await;
        first.ask("watch_organization_session", "\"o1\"").await;
        publish(&before, FINAL, 0..1).await;
        let memory = Memory::of(&first, &Memory::default());
        pass(Duration::from_secs(1)).await;
        let after = restarted(&before).await;
        let second = connect(&after, "alice", &memory).await;
        assert_ne!(Memory::of(&second, &Memory::default()).pid, memory.pid);
        let gap = second.hears("42[\"gap\",").await;
        let gap: Value = serde_json::from_str(&gap[2..]).unwrap();
        assert_eq!(gap[1]["room"], "S/1");
        assert!(gap[1]["from"].as_u64() <= gap[1]["to"].as_u64(), "{gap}");
        assert_eq!(finals(&second), [0; 0]);
        all_leave(&after, [second]).await;
    });
}

#[test]
fn storage_that_is_away_makes_new_sockets_and_forgets_nobody() {
    paused(async {
        let (before, memory) = killed(0..0, 0..0).await;
        let after = restarted(&before).await;
        before.recoverables.set_away(true);
        let second = connect(&after, "alice", &memory).await;
        assert_ne!(Memory::of(&second, &Memory::default()).pid, memory.pid);
        second.join("S/1").await;
        let young = Memory::of(&second, &Memory::default());
        pass(Duration::from_secs(2)).await;
        before.recoverables.set_away(false);
        pass(Duration::from_secs(2)).await;
        let last = restarted(&after).await;
        let third = connect(&last, "alice", &young).await;
        assert_eq!(Memory::of(&third, &Memory::default()).pid, young.pid);
        all_leave(&last, [third]).await;
    });
}

#[test]
fn a_viewer_that_stopped_reading_is_closed_and_recovers() {
    paused(async {
        let harness = keeping().await;
        let first = joined(&harness, "alice").await;
        publish(&harness, FINAL, 0..1).await;
        let memory = Memory::of(&first, &Memory::default());
        first.wire.block();
        publish(&harness, FINAL, 1..OUTBOX_FRAMES + 2).await;
        assert_eq!(closed(&harness.metrics, "stalled"), 1);
        pass(Duration::from_secs(1)).await;
        let second = connect(&harness, "alice", &memory).await;
        pass(Duration::from_secs(3)).await;
        let heard = finals(&second);
        assert!(run(1..OUTBOX_FRAMES + 2).ends_with(&heard) && !heard.is_empty());
        assert_eq!(second.times("42[\"gap\""), 1);
        pass(CLOSE_LINGER).await;
        all_leave(&harness, [second]).await;
    });
}
