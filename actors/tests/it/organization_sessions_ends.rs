//! The end of a watch: by its own event, with the socket, and never by that of another.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_actors::metrics::{Interest, Metrics};
use switchboard_actors::registry::SocketClosed;
use switchboard_actors::testing::{FakeWire, Harness, eventually, pass, paused, quiet};

use crate::organization_sessions::{
    WATCH, ask_registry, publish, session, unwatch, updates, watch, watches,
};
use crate::support::{Socket, counts};

#[test]
fn nothing_follows_the_acknowledgement_of_an_unwatch() {
    paused(async {
        let harness = Harness::start().await;
        let (client, other) = (harness.connected("1").await, harness.connected("2").await);
        watch(&client, "O").await;
        watch(&client, "P").await;
        watch(&other, "O").await;
        unwatch(&client, "O").await;
        let (a, b) = (session("A", "O", "ready"), session("B", "P", "ready"));
        publish(&harness, &json!([a, b])).await;
        assert_eq!(updates(&client, "O"), Vec::<Value>::new());
        assert_eq!(updates(&client, "P").len(), 1, "another watch goes on");
        assert_eq!(updates(&other, "O").len(), 1, "others' watches go on");
        assert_eq!(watch(&client, "O").await, json!([a]));
        publish(&harness, &json!([b])).await;
        assert_eq!(updates(&client, "O").len(), 1);
        client.hang_up();
        other.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn ending_a_watch_that_never_was_harms_nobody() {
    paused(async {
        let harness = Harness::start().await;
        let (client, other) = (harness.connected("1").await, harness.connected("2").await);
        watch(&other, "O").await;
        unwatch(&client, "O").await;
        unwatch(&client, "nowhere").await;
        unwatch(&other, "P").await;
        publish(&harness, &json!([session("A", "O", "ready")])).await;
        assert_eq!(updates(&other, "O").len(), 1);
        assert_eq!(watches(&harness).await, (1, 1));
        client.hang_up();
        other.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn watches_and_rooms_do_not_end_each_other() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("A/1").await;
        watch(&client, "O").await;
        unwatch(&client, "O").await;
        assert!(
            harness
                .broker
                .publish(&[("transcriber/out/A/1/final", "1")])
        );
        quiet().await;
        assert_eq!(client.times(r#"42["final",1]"#), 1);
        watch(&client, "O").await;
        client.ask("leave_room", r#""A/1""#).await;
        assert_eq!(
            (counts(&harness).await, watches(&harness).await),
            ((1, 0, 0), (1, 1))
        );
        publish(&harness, &json!([session("A", "O", "ready")])).await;
        assert_eq!(updates(&client, "O").len(), 1);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_socket_that_goes_ends_all_its_watches_and_nobody_elses() {
    paused(async {
        let harness = Harness::start().await;
        let (client, other) = (harness.connected("1").await, harness.connected("2").await);
        for organization in ["O", "P", "Q"] {
            watch(&client, organization).await;
        }
        watch(&other, "P").await;
        assert_eq!(watches(&harness).await, (3, 4));
        client.hang_up();
        let gauge = |metrics: &Metrics| {
            let sessions = Interest {
                interest: "sessions",
            };
            let organizations = metrics.watched_organizations.get_or_create(&sessions).get();
            (
                organizations,
                metrics.organization_watchers.get_or_create(&sessions).get(),
            )
        };
        eventually(|| gauge(&harness.metrics), |gauge| *gauge == (1, 1)).await;
        publish(&harness, &json!([session("A", "P", "ready")])).await;
        assert_eq!(updates(&other, "P").len(), 1);
        other.hang_up();
        harness.assert_nothing_left().await;
        assert_eq!(gauge(&harness.metrics), (0, 0));
    });
}

#[test]
fn a_disconnect_from_the_namespace_ends_its_watches_too() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        watch(&client, "O").await;
        client.say("41");
        quiet().await;
        assert_eq!(watches(&harness).await, (0, 0));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_socket_that_goes_while_its_rights_are_checked_leaves_no_trace() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.hold("sessions:O");
        client.emit(WATCH, r#""O""#);
        quiet().await;
        assert_eq!(harness.access.waiting(), 1);
        client.hang_up();
        quiet().await;
        harness.access.release("sessions:O", true);
        quiet().await;
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_socket_whose_token_ends_while_its_rights_are_checked_leaves_no_trace() {
    paused(async {
        let harness = Harness::start().await;
        let (second, wire) = (Duration::from_secs(1), FakeWire::new());
        harness.tokens.add_user("token", "alice", 10 * second);
        let client = harness.client_on(wire.clone());
        client.connect("token").await;
        harness.access.hold("sessions:O");
        client.emit(WATCH, r#""O""#);
        quiet().await;
        // It does not read its goodbye, so that its session stays for a while.
        wire.block();
        pass(12 * second).await;
        assert_eq!(
            (counts(&harness).await, harness.access.waiting()),
            ((0, 0, 0), 1)
        );
        harness.access.release("sessions:O", true);
        quiet().await;
        assert_eq!(watches(&harness).await, (0, 0));
        wire.take(None);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_socket_may_watch_so_many_organizations_and_no_more() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        for n in 0..50 {
            watch(&client, &format!("o{n}")).await;
        }
        let answer = client.ask(WATCH, r#""one-more""#).await;
        assert_eq!(
            (&answer["ok"], &answer["code"]),
            (&json!(false), &json!("WATCH_REFUSED"))
        );
        assert_eq!(
            answer["error"],
            "a socket may watch 50 organizations at most"
        );
        watch(&client, "o0").await;
        unwatch(&client, "o0").await;
        watch(&client, "one-more").await;
        assert_eq!(watches(&harness).await, (50, 50));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_organizations_actor_lives_while_somebody_watches() {
    paused(async {
        let harness = Harness::start().await;
        let (first, last) = (harness.connected("1").await, harness.connected("2").await);
        watch(&first, "O").await;
        let probe = Socket::new(1_000);
        let watched = ask_registry(&harness, &probe, "O").await.unwrap();
        // What tells whether it lives, without keeping it alive.
        let watcher = watched.watcher.downgrade();
        drop(watched);
        let closed = SocketClosed(probe.id);
        harness.organizations.send(closed).await.unwrap();
        watch(&last, "O").await;
        first.hang_up();
        quiet().await;
        assert!(watcher.upgrade().is_some());
        unwatch(&last, "O").await;
        quiet().await;
        assert!(watcher.upgrade().is_none());
        last.hang_up();
        harness.assert_nothing_left().await;
    });
}
