//! A session serves its packets one after the other, bounded, and leaves no trace of what it did not serve.

use std::time::Duration;

use switchboard_actors::limits::{Limit, LimitLabel, PENDING_ANSWERS, PENDING_EVENTS};
use switchboard_actors::mqtt_client::LinkRole;
use switchboard_actors::testing::{Client, Harness, Setup, pass, paused, quiet};

use crate::script::scripted;
use crate::support::counts;

/// The numbers of the acks that `client` got, in order.
fn acks(client: &Client) -> Vec<String> {
    let heard = client.heard();
    let acks = heard.iter().filter_map(|h| h.strip_prefix("43"));
    acks.map(|ack| ack[..ack.find('[').unwrap()].to_owned())
        .collect()
}

#[test]
fn events_are_served_in_order_also_when_the_first_is_slow() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.hold("slow");
        client.emit("join_room", r#""slow/1""#);
        client.emit("leave_room", r#""S/1""#);
        client.emit("no_such_event", "1");
        client.emit("join_room", "\"no room\"");
        quiet().await;
        assert_eq!(acks(&client), Vec::<String>::new());
        harness.access.release("slow", true);
        quiet().await;
        // The join's own ack waits for the broker beside the others.
        let others: Vec<_> = acks(&client).into_iter().filter(|a| a != "0").collect();
        assert_eq!(others, ["1", "2", "3"]);
        assert_eq!(counts(&harness).await, (1, 1, 1));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_leave_right_after_a_slow_join_has_the_last_word() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.hold("slow");
        client.emit("join_room", r#""slow/1""#);
        client.emit("leave_room", r#""slow/1""#);
        quiet().await;
        harness.access.release("slow", true);
        quiet().await;
        assert_eq!(counts(&harness).await, (1, 0, 0));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn heartbeat_and_deliveries_go_on_while_an_event_is_being_served() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        harness.access.hold("slow");
        client.emit("join_room", r#""slow/1""#);
        for pings in 1..4 {
            pass(Duration::from_millis(25_010)).await;
            assert_eq!(client.times("2"), pings);
            client.say("3");
        }
        assert!(
            harness
                .broker
                .publish(&[("transcriber/out/S/1/final", "1")])
        );
        client.hears(r#"42["final",1]"#).await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_session_with_too_many_waiting_events_stops_reading_and_loses_none() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.hold("slow");
        client.emit("join_room", r#""slow/1""#);
        for _ in 0..3 * PENDING_EVENTS {
            client.emit("leave_room", r#""S/1""#);
        }
        quiet().await;
        assert_eq!(client.unread(), 2 * PENDING_EVENTS);
        let label = LimitLabel {
            limit: Limit::PendingEvents.name(),
        };
        let reached = harness.metrics.limits_reached.get_or_create(&label).get();
        assert_eq!(reached, 1);
        harness.access.release("slow", true);
        quiet().await;
        assert_eq!(client.unread(), 0);
        let expected = (0..=3 * PENDING_EVENTS).map(|n| n.to_string());
        let mut served = acks(&client);
        // The join's own ack waits for the broker beside the others.
        served.sort_by_key(|ack| ack.parse::<usize>().unwrap());
        assert_eq!(served, expected.collect::<Vec<_>>());
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_session_that_does_not_read_still_ends_when_its_ping_is_not_answered() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.hold("slow");
        for _ in 0..=PENDING_EVENTS {
            client.emit("join_room", r#""slow/1""#);
        }
        client.say("3");
        pass(Duration::from_secs(46)).await;
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_join_whose_socket_is_gone_before_the_access_check_ends_leaves_no_trace() {
    paused(async {
        let harness = Harness::start().await;
        let asked = harness.broker.asked().len();
        for says_goodbye in [true, false] {
            let client = harness.connected("alice").await;
            harness.access.hold("slow");
            client.emit("join_room", r#""slow/1""#);
            quiet().await;
            match says_goodbye {
                true => client.say("1"),
                false => client.hang_up(),
            }
            quiet().await;
            harness.access.release("slow", true);
            quiet().await;
            client.hang_up();
            harness.assert_nothing_left().await;
        }
        assert_eq!(
            harness.broker.asked().len(),
            asked,
            "the broker never heard of it"
        );
    });
}

#[test]
fn a_join_whose_socket_left_its_namespace_before_the_access_check_ends_leaves_no_trace() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.hold("slow");
        client.emit("join_room", r#""slow/1""#);
        client.say("41");
        quiet().await;
        harness.access.release("slow", true);
        quiet().await;
        assert_eq!(counts(&harness).await, (0, 0, 0));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn nothing_that_waits_behind_a_denial_is_served() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.hold("slow");
        client.emit("join_room", r#""slow/1""#);
        client.emit("join_room", r#""S/1""#);
        client.say(r#"40{"token":"user:alice"}"#);
        quiet().await;
        harness.access.release("slow", false);
        quiet().await;
        assert_eq!(harness.access.asked().len(), 1);
        assert_eq!(client.heard().last().unwrap(), "close 1000 denied");
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_answer_that_comes_after_the_socket_has_gone_is_not_sent() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.broker.set_answering(false);
        let join = client.emit("join_room", r#""S/1""#);
        client.say("41");
        quiet().await;
        harness.broker.set_answering(true);
        harness.broker.answer(LinkRole::Delivery, 10);
        quiet().await;
        assert_eq!(client.times(&join), 0);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn so_many_answers_may_be_awaited_and_no_more() {
    paused(async {
        let harness = Harness::start_with(scripted()).await;
        let client = harness.connected("alice").await;
        for _ in 0..PENDING_ANSWERS {
            client.emit("never", "1");
        }
        quiet().await;
        assert_eq!(client.times("close"), 0);
        client.emit("never", "1");
        quiet().await;
        assert_eq!(client.heard().last().unwrap(), "close 1008 pending_acks");
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn answers_that_have_come_count_no_more() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        for _ in 0..PENDING_ANSWERS + 10 {
            client.join("S/1").await;
            client.ask("leave_room", r#""S/1""#).await;
        }
        assert_eq!(client.times("close"), 0);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn rooms_on_other_threads_deliver_in_order_and_leave_nothing() {
    paused(async {
        let arbiters = [actix::Arbiter::new(), actix::Arbiter::new()];
        let setup = Setup {
            threads: arbiters.iter().map(actix::Arbiter::handle).collect(),
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        let client = harness.connected("alice").await;
        for channel in 0..4 {
            client.join(&format!("S/{channel}")).await;
        }
        for n in 0..50 {
            let topics = [0, 1, 2, 3].map(|c| format!("transcriber/out/S/{c}/final"));
            let payload = n.to_string();
            let batch = topics.each_ref().map(|t| (t.as_str(), payload.as_str()));
            assert!(harness.broker.publish(&batch));
            quiet().await;
        }
        let finals = || client.times(r#"42["final""#);
        switchboard_actors::testing::eventually(finals, |count| *count == 200).await;
        let heard = client.heard();
        let mut seen = [0; 50];
        for final_ in heard
            .iter()
            .filter_map(|h| h.strip_prefix(r#"42["final","#))
        {
            let n: usize = final_.trim_end_matches(']').parse().unwrap();
            seen[n] += 1;
            assert!(
                seen[n] <= 4 && (n == 0 || seen[n] <= seen[n - 1]),
                "{heard:?}"
            );
        }
        client.hang_up();
        harness.assert_nothing_left().await;
        for arbiter in arbiters {
            arbiter.stop();
            arbiter.join().unwrap();
        }
    });
}
