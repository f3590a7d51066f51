//! Rights that end: whoever may no longer have a room or a watch loses it, and nobody else notices.

use std::time::Duration;

use serde_json::json;
use switchboard_actors::limits::RECHECKS_AT_ONCE;
use switchboard_actors::metrics::Reason;
use switchboard_actors::ports::Action;
use switchboard_actors::testing::{Client, Harness, Setup, eventually, pass, paused, quiet};

use crate::support::goodbye;

/// Says that rights of the organization `O` may have changed.
async fn say(harness: &Harness, payload: &str) {
    let topic = "switchboard/organizations/O/events/access_changed";
    harness.broker.inject(&[(topic, payload)]);
    quiet().await;
}

/// How often asking again came to this.
fn rechecked(harness: &Harness, reason: &'static str) -> u64 {
    let rechecked = &harness.metrics.rights_rechecked;
    rechecked.get_or_create(&Reason { reason }).get()
}

/// Asserts that the server has ended the socket as one that may not.
fn assert_denied(client: &Client) {
    let heard = client.heard();
    let end = [r#"42["unauthorized"]"#, "41", "close 1000 denied"];
    assert_eq!(heard[heard.len() - 3..], end);
}

async fn all_gone(harness: &Harness, clients: impl IntoIterator<Item = Client>) {
    clients.into_iter().for_each(|client| client.hang_up());
    harness.assert_nothing_left().await;
}

#[test]
fn whoever_may_no_longer_join_a_session_loses_its_rooms_and_others_notice_nothing() {
    paused(async {
        let harness = Harness::start().await;
        let [alice, bob, carol] = [
            harness.connected("alice").await,
            harness.connected("bob").await,
            harness.connected("carol").await,
        ];
        alice.join("S/1").await;
        bob.join("S/2").await;
        carol.join("T/1").await;
        let before = [bob.heard(), carol.heard()];
        let asked = harness.access.asked().len();
        harness.access.deny_to("alice", "S");
        say(&harness, r#"{"session":"S"}"#).await;
        assert_denied(&alice);
        assert_eq!([bob.heard(), carol.heard()], before);
        // Those in its rooms alone are asked for.
        assert_eq!(harness.access.asked().len(), asked + 2);
        assert_eq!(
            (rechecked(&harness, "lost"), rechecked(&harness, "kept")),
            (1, 1)
        );
        assert!(
            harness
                .broker
                .publish(&[("transcriber/out/S/2/final", "1")])
        );
        quiet().await;
        assert_eq!(bob.times(r#"42["final",1]"#), 1);
        all_gone(&harness, [alice, bob, carol]).await;
    });
}

#[test]
fn who_is_no_member_any_more_loses_what_it_watches_and_its_rooms() {
    for (event, argument, resource) in [
        ("watch_organization_session", r#""O""#, "sessions:O"),
        ("watch_organization_media", r#""O""#, "media:O"),
        ("llm:join", r#"{"organizationId":"O"}"#, "jobs:O"),
        ("join_room", r#""S/1""#, "S"),
    ] {
        paused(async {
            let harness = Harness::start().await;
            let (alice, bob) = (
                harness.connected("alice").await,
                harness.connected("bob").await,
            );
            for client in [&alice, &bob] {
                assert_eq!(client.ask(event, argument).await["ok"], json!(true));
            }
            quiet().await;
            let before = bob.heard();
            harness.access.deny_to("alice", resource);
            let asked = harness.access.asked().len();
            say(&harness, r#"{"user":"alice"}"#).await;
            assert_denied(&alice);
            assert_eq!(bob.heard(), before, "{event}");
            let asked = harness.access.asked().split_off(asked);
            assert_eq!(asked.len(), 1, "{event}: {asked:?}");
            all_gone(&harness, [alice, bob]).await;
        });
    }
}

#[test]
fn without_a_name_everybody_is_asked_for_guests_too() {
    paused(async {
        let harness = Harness::start().await;
        let guest = harness.client();
        guest.connect("guest:S@O").await;
        guest.join("S/1").await;
        harness.access.deny("S");
        say(&harness, r#"{"user":"alice"}"#).await;
        assert_eq!(goodbye(&guest), None);
        say(&harness, "").await;
        assert_denied(&guest);
        all_gone(&harness, [guest]).await;
    });
}

#[test]
fn a_socket_that_has_given_up_what_it_may_no_longer_have_stays() {
    paused(async {
        let harness = Harness::start().await;
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        alice.ask("leave_room", r#""S/1""#).await;
        alice.ask("watch_organization_session", r#""O""#).await;
        alice.ask("unwatch_organization_session", r#""O""#).await;
        harness.access.deny("S");
        harness.access.deny("sessions:O");
        let asked = harness.access.asked().len();
        for payload in [r#"{"session":"S"}"#, r#"{"user":"alice"}"#, "{}"] {
            say(&harness, payload).await;
        }
        assert_eq!(goodbye(&alice), None);
        assert_eq!(harness.access.asked().len(), asked);
        all_gone(&harness, [alice]).await;
    });
}

#[test]
fn while_rights_cannot_be_asked_sockets_keep_what_they_have() {
    paused(async {
        let harness = Harness::start().await;
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        harness.access.set_away(true);
        harness.access.deny("S");
        say(&harness, r#"{"session":"S"}"#).await;
        assert_eq!(goodbye(&alice), None);
        assert_eq!(rechecked(&harness, "unknown"), 1);
        harness.access.set_away(false);
        say(&harness, r#"{"session":"S"}"#).await;
        assert_denied(&alice);
        all_gone(&harness, [alice]).await;
    });
}

#[test]
fn rights_are_asked_again_after_a_time_though_nobody_said_that_they_changed() {
    paused(async {
        let every = Duration::from_secs(10);
        let setup = Setup {
            recheck: Some(every),
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        let (alice, bob) = (
            harness.connected("alice").await,
            harness.connected("bob").await,
        );
        alice.join("S/1").await;
        bob.join("S/1").await;
        harness.access.deny_to("alice", "S");
        pass(every + Duration::from_millis(200)).await;
        assert_denied(&alice);
        assert_eq!(goodbye(&bob), None);
        assert!(rechecked(&harness, "kept") >= 1);
        all_gone(&harness, [alice, bob]).await;
    });
}

#[test]
fn a_notice_reaches_no_client_and_nonsense_is_counted_and_changes_nothing() {
    paused(async {
        let harness = Harness::start().await;
        let alice = harness.connected("alice").await;
        alice.ask("watch_organization_media", r#""O""#).await;
        alice.ask("llm:join", r#"{"organizationId":"O"}"#).await;
        quiet().await;
        let before = alice.heard();
        for payload in [r#"{"session":"S"}"#, "{}", "[", r#"{"session":"+/#"}"#] {
            say(&harness, payload).await;
        }
        assert_eq!(alice.heard(), before);
        let refused = &harness.metrics.organization_events_refused;
        assert_eq!(refused.get_or_create(&Reason { reason: "shape" }).get(), 2);
        all_gone(&harness, [alice]).await;
    });
}

#[test]
fn what_is_asked_for_many_is_to_be_expected_once_before_it_is_asked_for() {
    paused(async {
        let harness = Harness::start().await;
        let mut clients = Vec::new();
        for room in ["S/1", "S/2", "T/1"] {
            let client = harness.connected("alice").await;
            client.join(room).await;
            clients.push(client);
        }
        let idle = harness.connected("alice").await;
        harness.access.deny("T");
        say(&harness, "{}").await;
        let mut expected = harness.access.expected();
        assert_eq!(expected.len(), 1, "{expected:?}");
        expected[0].sort_by_key(|action| format!("{action:?}"));
        let sessions = ["S", "T"].map(|id| Action::JoinSession(id.parse().unwrap()));
        assert_eq!(expected[0], sessions);
        assert_denied(&clients[2]);
        assert_eq!(rechecked(&harness, "kept"), 2);
        clients.push(idle);
        all_gone(&harness, clients).await;
    });
}

#[test]
fn of_a_crowd_many_are_to_be_expected_together() {
    paused(async {
        let harness = Harness::start().await;
        let count = 3 * RECHECKS_AT_ONCE;
        let mut clients = Vec::new();
        for number in 0..count {
            let client = harness.connected("alice").await;
            client.join(&format!("S{number}/1")).await;
            clients.push(client);
        }
        say(&harness, "{}").await;
        eventually(|| rechecked(&harness, "kept"), |kept| *kept == count as u64).await;
        let groups: Vec<usize> = harness.access.expected().iter().map(Vec::len).collect();
        assert_eq!(groups.iter().sum::<usize>(), count);
        let (last, others) = groups.split_last().unwrap();
        assert!(
            *last > 0 && others.iter().all(|size| *size >= RECHECKS_AT_ONCE / 2),
            "{groups:?}"
        );
        all_gone(&harness, clients).await;
    });
}

#[test]
fn so_many_are_asked_for_at_once_each_once_and_all_of_them() {
    paused(async {
        let harness = Harness::start().await;
        let count = RECHECKS_AT_ONCE + 10;
        let mut clients = Vec::new();
        for _ in 0..count {
            let client = harness.connected("alice").await;
            client.join("S/1").await;
            clients.push(client);
        }
        harness.access.hold("S");
        for _ in 0..3 {
            say(&harness, r#"{"session":"S"}"#).await;
        }
        assert_eq!(harness.access.waiting(), RECHECKS_AT_ONCE);
        harness.access.release("S", true);
        // Those that ran when it was said again are asked for again, the others once.
        let expected = (count + RECHECKS_AT_ONCE) as u64;
        eventually(|| rechecked(&harness, "kept"), |kept| *kept == expected).await;
        quiet().await;
        assert_eq!(rechecked(&harness, "kept"), expected);
        all_gone(&harness, clients).await;
    });
}

#[test]
fn what_changes_while_rights_are_asked_is_asked_again() {
    paused(async {
        let harness = Harness::start().await;
        let alice = harness.connected("alice").await;
        alice.join("S/1").await;
        harness.access.hold("S");
        say(&harness, r#"{"session":"S"}"#).await;
        assert_eq!(harness.access.waiting(), 1);
        // What is under way may be answered by what held before.
        say(&harness, r#"{"session":"S"}"#).await;
        assert_eq!(harness.access.waiting(), 2);
        harness.access.release("S", false);
        quiet().await;
        assert_denied(&alice);
        all_gone(&harness, [alice]).await;
    });
}
