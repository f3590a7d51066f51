//! What only sessions can see of their clock.

use std::time::Duration;

use futures_util::FutureExt;

use super::clock::{Due, entries_and_timers};
use super::{Close, CloseReason};
use crate::testing::{Client, Harness, pass, paused, quiet};

const SECOND: Duration = Duration::from_secs(1);

async fn viewers(harness: &Harness, count: usize) -> Vec<Client> {
    let mut viewers = Vec::new();
    for _ in 0..count {
        viewers.push(harness.connected("alice").await);
    }
    quiet().await;
    viewers
}

#[test]
fn however_many_sessions_idle_each_has_one_entry_and_all_have_one_timer() {
    paused(async {
        let harness = Harness::start().await;
        let viewers = viewers(&harness, 100).await;
        assert_eq!(entries_and_timers(), (100, 1));
        // Through pings and pongs it stays so.
        for pings in 1..=3 {
            pass(26 * SECOND).await;
            assert!(viewers.iter().all(|viewer| viewer.times("2") == pings));
            assert_eq!(entries_and_timers(), (100, 1));
            viewers.iter().for_each(|viewer| viewer.say("3"));
            quiet().await;
            assert_eq!(entries_and_timers(), (100, 1));
        }
        viewers.iter().for_each(Client::hang_up);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_entry_goes_with_its_session_however_that_ends() {
    paused(async {
        let harness = Harness::start().await;
        let viewers = viewers(&harness, 4).await;
        let [lost, left, closed, silent] = &viewers[..] else {
            unreachable!("four have come");
        };
        lost.hang_up();
        left.say("1");
        closed.session.do_send(Close(CloseReason::Draining));
        quiet().await;
        assert_eq!(entries_and_timers(), (1, 1), "also of those that linger");
        pass(46 * SECOND).await;
        assert!(silent.outbox().is_none(), "it answered no ping");
        assert_eq!(entries_and_timers(), (0, 1));
        viewers.iter().for_each(Client::hang_up);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_deadline_that_comes_before_all_others_is_not_missed() {
    paused(async {
        let harness = Harness::start().await;
        let viewers = viewers(&harness, 1).await;
        let mute = harness.client();
        pass(9 * SECOND).await;
        assert_eq!(mute.wire.shutdowns(), []);
        pass(2 * SECOND).await;
        assert_ne!(mute.wire.shutdowns(), [], "long before the viewer's ping");
        mute.hang_up();
        pass(13 * SECOND).await;
        assert_eq!(viewers[0].times("2"), 0);
        pass(2 * SECOND).await;
        assert_eq!(viewers[0].times("2"), 1);
        viewers.iter().for_each(Client::hang_up);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_pong_that_came_while_the_thread_was_busy_counts_after_its_deadline() {
    paused(async {
        let harness = Harness::start().await;
        let viewers = viewers(&harness, 1).await;
        let viewer = &viewers[0];
        pass(44 * SECOND).await;
        assert_eq!(viewer.times("2"), 1);
        // The clock has moved, and nobody has had a turn since.
        let _ = tokio::time::advance(10 * SECOND).now_or_never();
        viewer.session.do_send(Due);
        viewer.say("3");
        quiet().await;
        assert_eq!(viewer.wire.shutdowns(), []);
        viewer.hang_up();
        harness.assert_nothing_left().await;
    });
}
