//! A session's clocks: heartbeat, connect deadline, attachments deadline.

use std::net::Shutdown;
use std::time::Duration;

use switchboard_actors::limits::ATTACHMENTS_DEADLINE;
use switchboard_actors::testing::{Harness, pass, paused, quiet};

use crate::script::{THOUGHT, open, scripted};
use crate::support::{closed, counts, ended, goodbye};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_ping_comes_after_each_interval_as_long_as_it_is_answered() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        for pings in 0..5 {
            pass(24 * SECOND).await;
            assert_eq!(client.times("2"), pings);
            pass(2 * SECOND).await;
            assert_eq!(client.times("2"), pings + 1);
            client.say("3");
            quiet().await;
        }
        assert_eq!(goodbye(&client), None);
        ended(&harness, client).await;
    });
}

#[test]
fn a_client_that_does_not_answer_a_ping_in_time_is_cut_and_leaves_its_rooms() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        pass(44 * SECOND).await;
        assert_eq!(client.wire.shutdowns(), []);
        assert_eq!(counts(&harness).await, (1, 1, 1));
        pass(2 * SECOND).await;
        assert_eq!(client.wire.shutdowns(), [Shutdown::Both]);
        assert_eq!(closed(&harness.metrics, "ping_timeout"), 1);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn pongs_that_nobody_asked_for_change_nothing() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        for _ in 0..24 {
            (0..100).for_each(|_| client.say("3"));
            pass(SECOND).await;
        }
        assert_eq!(client.times("2"), 0);
        pass(2 * SECOND).await;
        assert_eq!(client.times("2"), 1, "they do not put the ping off");
        pass(21 * SECOND).await;
        assert_eq!(
            closed(&harness.metrics, "ping_timeout"),
            1,
            "nor do they answer it"
        );
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_client_that_connects_to_no_namespace_in_time_is_closed() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.client();
        pass(9 * SECOND).await;
        assert_eq!(goodbye(&client), None);
        pass(2 * SECOND).await;
        assert_eq!(goodbye(&client).unwrap(), "close 1008 connect_timeout");
        ended(&harness, client).await;
    });
}

#[test]
fn a_connected_client_meets_no_connect_deadline_until_it_leaves_its_last_namespace() {
    paused(async {
        let harness = Harness::start_with(open()).await;
        let client = harness.client();
        pass(9 * SECOND).await;
        client.say("40");
        client.say("40/voice,");
        pass(60 * SECOND).await;
        client.say("41");
        pass(60 * SECOND).await;
        client.say("41/voice,");
        pass(9 * SECOND).await;
        client.say("40");
        pass(60 * SECOND).await;
        assert_eq!(goodbye(&client), None);
        client.say("41");
        pass(11 * SECOND).await;
        assert_eq!(goodbye(&client).unwrap(), "close 1008 connect_timeout");
        ended(&harness, client).await;
    });
}

#[test]
fn leaving_the_last_namespace_grants_the_whole_deadline_anew() {
    paused(async {
        let harness = Harness::start_with(open()).await;
        let client = harness.client();
        client.say("40");
        pass(8 * SECOND).await;
        client.say("41");
        pass(9 * SECOND).await;
        assert_eq!(goodbye(&client), None);
        ended(&harness, client).await;
    });
}

#[test]
fn a_connect_that_is_refused_after_the_deadline_gives_no_endless_stay() {
    paused(async {
        let harness = Harness::start_with(open()).await;
        let client = harness.client();
        client.say("40/no,");
        pass(THOUGHT + SECOND).await;
        client.hears("44/no,").await;
        assert_eq!(goodbye(&client), None);
        pass(11 * SECOND).await;
        assert_eq!(goodbye(&client).unwrap(), "close 1008 connect_timeout");
        ended(&harness, client).await;
    });
}

#[test]
fn attachments_that_do_not_arrive_in_time_close_the_session() {
    paused(async {
        let harness = Harness::start_with(scripted()).await;
        let client = harness.connected("alice").await;
        client.say(r#"451-7["binary",{"_placeholder":true,"num":0}]"#);
        client.say_binary(&[1, 2, 3]);
        quiet().await;
        let (ack, data) = (
            r#"461-7[{"_placeholder":true,"num":0}]"#,
            "binary [1, 2, 3]",
        );
        assert_eq!(client.heard()[2..], [ack, data]);
        pass(ATTACHMENTS_DEADLINE).await;
        assert_eq!(goodbye(&client), None, "all of them came in time");
        client.say(r#"452-["binary",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
        pass(ATTACHMENTS_DEADLINE - SECOND).await;
        client.say_binary(&[1]);
        quiet().await;
        assert_eq!(goodbye(&client), None);
        pass(SECOND).await;
        assert_eq!(goodbye(&client).unwrap(), "close 1008 attachments_timeout");
        ended(&harness, client).await;
    });
}
