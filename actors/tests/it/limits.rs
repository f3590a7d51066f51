//! Each limit on a session is counted by its name, and only the session that meets it suffers.

use std::time::Duration;

use switchboard_actors::limits::{
    ATTACHMENTS_DEADLINE, Limit, LimitLabel, NAMESPACES_PER_SESSION, ORGANIZATIONS_PER_SOCKET,
    PENDING_ANSWERS, REFUSED_CONNECTS, ROOMS_PER_SOCKET,
};
use switchboard_actors::testing::{Harness, Setup, pass, paused, quiet};

use crate::script::{open, scripted};

fn reached(harness: &Harness, limit: Limit) -> u64 {
    let label = LimitLabel {
        limit: limit.name(),
    };
    harness.metrics.limits_reached.get_or_create(&label).get()
}

#[test]
fn refused_connects_and_namespaces_are_counted_once_each() {
    paused(async {
        let harness = Harness::start_with(open()).await;
        let client = harness.client();
        for n in 0..=NAMESPACES_PER_SESSION {
            client.say(&format!("40/n{n},"));
        }
        quiet().await;
        assert_eq!(reached(&harness, Limit::Namespaces), 1);
        for _ in 1..REFUSED_CONNECTS {
            assert_eq!(reached(&harness, Limit::RefusedConnects), 0);
            client.say("40/one-more,");
            quiet().await;
        }
        assert_eq!(reached(&harness, Limit::RefusedConnects), 1);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn answers_and_packets_that_wait_are_counted() {
    paused(async {
        let harness = Harness::start_with(scripted()).await;
        let neighbour = harness.connected("bob").await;
        let client = harness.connected("alice").await;
        for _ in 0..=PENDING_ANSWERS {
            client.emit("never", "1");
            quiet().await;
        }
        assert_eq!(reached(&harness, Limit::PendingAcks), 1);
        assert_eq!(reached(&harness, Limit::PendingEvents), 0);
        client.hang_up();
        neighbour.join("S/1").await;
        neighbour.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn rooms_and_organizations_beyond_the_limit_are_counted_and_the_socket_stays() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        for n in 0..ROOMS_PER_SOCKET {
            client.join(&format!("S/{n}")).await;
        }
        let refused = client.ask("join_room", r#""S/one-more""#).await;
        assert_eq!(refused["error"], "a socket may be in 100 rooms at most");
        assert_eq!(reached(&harness, Limit::RoomsPerSocket), 1);
        for n in 0..ORGANIZATIONS_PER_SOCKET {
            let watch = format!(r#""organization-{n}""#);
            client.ask("watch_organization_session", &watch).await;
        }
        assert_eq!(reached(&harness, Limit::OrganizationsPerSocket), 0);
        let refused = client
            .ask("watch_organization_session", r#""one-more""#)
            .await;
        let message = "a socket may watch 50 organizations at most";
        assert_eq!(refused["error"], message);
        assert_eq!(reached(&harness, Limit::OrganizationsPerSocket), 1);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn attachments_and_a_first_socket_that_do_not_come_in_time_are_counted() {
    paused(async {
        let harness = Harness::start().await;
        let (late, waiting) = (harness.client(), harness.connected("alice").await);
        waiting.say(r#"451-["a",{"_placeholder":true,"num":0}]"#);
        pass(ATTACHMENTS_DEADLINE + Duration::from_secs(1)).await;
        assert_eq!(reached(&harness, Limit::AttachmentTime), 1);
        assert_eq!(reached(&harness, Limit::ConnectTime), 1);
        late.hang_up();
        waiting.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn events_beyond_the_rate_never_reach_their_service_and_a_pause_lets_them_through_again() {
    paused(async {
        let setup = Setup {
            events_per_second: 10,
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        let client = harness.connected("alice").await;
        // The CONNECT was one of the fifty that may come at once.
        for n in 0..49 {
            client.join(&format!("S/{n}")).await;
        }
        let refused = client.ask("join_room", r#""S/49""#).await;
        assert_eq!(refused["code"], "RATE_LIMITED");
        assert_eq!(harness.metrics.rooms.get(), 49);
        assert_eq!(reached(&harness, Limit::EventsPerSecond), 1);
        pass(Duration::from_millis(100)).await;
        client.join("S/49").await;
        let refused = client.ask("join_room", r#""S/50""#).await;
        assert_eq!(refused["code"], "RATE_LIMITED");
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}
