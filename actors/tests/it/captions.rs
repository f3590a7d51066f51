//! Live captions as a client sees them: joins, leaves, refusals, answers.

use serde_json::{Value, json};
use switchboard_actors::mqtt_client::LinkRole;
use switchboard_actors::ports::{Action, Principal};
use switchboard_actors::testing::{Client, Harness, Setup, paused, quiet};

use crate::support::counts;

const FINAL: &str = "transcriber/out/S/1/final";

/// The data of the first packet that begins with `start`.
async fn data(client: &Client, start: &str) -> Value {
    let packet = client.hears(start).await;
    packet[start.len()..].parse().unwrap()
}

#[test]
fn a_member_hears_what_is_published_until_it_leaves() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        let before = client.heard().len();
        assert!(harness.broker.publish(&[(FINAL, "1"), (FINAL, "2")]));
        quiet().await;
        let events = [r#"42["final",1]"#, r#"42["final",2]"#];
        assert_eq!(client.heard()[before..], events);
        assert_eq!(
            client.ask("leave_room", r#""S/1""#).await,
            json!({"ok": true})
        );
        harness.broker.inject(&[(FINAL, "3")]);
        quiet().await;
        assert_eq!(client.times(r#"42["final""#), 2);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_event_without_ack_is_served_without_an_answer() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        let before = client.heard();
        client.say(r#"42["join_room","S/1"]"#);
        quiet().await;
        assert_eq!(client.heard(), before);
        assert_eq!(counts(&harness).await, (1, 1, 1));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_malformed_room_is_an_error_and_the_socket_stays() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        for name in ["join_room", "leave_room"] {
            for args in ["\"S\"", "\"S/#\"", "\"\"", "1", "null", "{}", "\"S/1/2\""] {
                let answer = client.ask(name, args).await;
                assert_eq!(answer["ok"], false, "{args}");
                assert_eq!(answer["code"], "INVALID_ROOM");
                assert!(answer["error"].as_str().is_some_and(|e| !e.is_empty()));
            }
        }
        client.join("S/1").await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn without_an_ack_a_failure_is_an_error_event_of_the_one_shape() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.say(r#"42["join_room","no room"]"#);
        let event = data(&client, "42").await;
        assert_eq!(event[0], "error");
        let error = event[1].as_object().unwrap();
        assert_eq!(error["errorCode"], "INVALID_ROOM");
        assert_eq!(error["message"], error["errorMessage"]);
        assert_eq!(
            (&error["recoverable"], &error["retryable"]),
            (&json!(true), &json!(false))
        );
        assert!(error["timestamp"].as_u64().unwrap() > 1_600_000_000_000);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_unknown_event_is_an_error_and_the_socket_stays() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        assert_eq!(
            client.ask("no_such_event", "1").await["code"],
            "UNKNOWN_EVENT"
        );
        client.join("S/1").await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_denied_join_is_unauthorized_then_disconnect_then_close_1000() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        harness.access.deny("secret");
        let before = client.heard().len();
        client.emit("join_room", r#""secret/1""#);
        quiet().await;
        let end = [r#"42["unauthorized"]"#, "41", "close 1000 denied"];
        assert_eq!(client.heard()[before..], end);
        assert_eq!(client.wire.shutdowns(), [std::net::Shutdown::Write]);
        assert_eq!(
            counts(&harness).await,
            (0, 0, 0),
            "it is out of its other rooms, too"
        );
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn rights_that_cannot_be_checked_now_are_an_error_worth_a_retry() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.set_away(true);
        let answer = client.ask("join_room", r#""S/1""#).await;
        assert_eq!(answer["code"], "ACCESS_UNAVAILABLE");
        assert!(
            !answer["error"].as_str().unwrap().contains("told so"),
            "the cause is for logs"
        );
        client.say(r#"42["join_room","S/1"]"#);
        assert_eq!(data(&client, "42").await[1]["retryable"], true);
        harness.access.set_away(false);
        client.join("S/1").await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn access_is_asked_with_the_principal_of_the_token() {
    paused(async {
        let harness = Harness::start().await;
        let user = harness.connected("alice").await;
        user.join("S/1").await;
        let guest = harness.client();
        guest.connect("guest:S").await;
        guest.join("S/2").await;
        let asked = harness.access.asked();
        let session = "S".parse().unwrap();
        let id = "alice".parse().unwrap();
        let joins = Action::JoinSession;
        assert_eq!(
            asked[0],
            (Principal::User { id, admin: false }, joins(session))
        );
        let principal = Principal::Guest {
            session: "S".parse().unwrap(),
            organization: None,
        };
        assert_eq!(asked[1], (principal, joins("S".parse().unwrap())));
        [user, guest].iter().for_each(Client::hang_up);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn the_ack_of_a_join_comes_with_the_grant_and_holds_up_nothing() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.broker.set_answering(false);
        let joined = client.emit("join_room", r#""S/1""#);
        quiet().await;
        assert_eq!(client.times(&joined), 0);
        assert_eq!(
            client.ask("leave_room", r#""other/1""#).await,
            json!({"ok": true})
        );
        assert_eq!(client.times(&joined), 0);
        harness.broker.set_answering(true);
        harness.broker.answer(LinkRole::Delivery, 1);
        assert_eq!(
            client.hears(&joined).await,
            format!(r#"{joined}{{"ok":true}}]"#)
        );
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn the_ack_of_a_join_comes_at_once_while_the_broker_is_down() {
    paused(async {
        let harness = Harness::start_down(Setup::default()).await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        harness.broker.up();
        quiet().await;
        assert!(harness.broker.publish(&[(FINAL, "1")]));
        client.hears(r#"42["final",1]"#).await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_join_that_the_broker_refuses_fails_and_the_socket_stays() {
    paused(async {
        let harness = Harness::start().await;
        harness.broker.refuse(FINAL);
        let client = harness.connected("alice").await;
        for _ in 0..2 {
            let answer = client.ask("join_room", r#""S/1""#).await;
            assert_eq!(answer["code"], "BROKER_REFUSED");
        }
        client.join("other/1").await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_join_that_is_left_before_the_grant_fails() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.broker.set_answering(false);
        let joined = client.emit("join_room", r#""S/1""#);
        let left = client.ask("leave_room", r#""S/1""#).await;
        assert_eq!(left, json!({"ok": true}));
        assert!(client.hears(&joined).await.contains(r#""code":"LEFT""#));
        harness.broker.set_answering(true);
        harness.broker.answer(LinkRole::Delivery, 10);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_member_of_too_many_rooms_is_told_so() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        for channel in 0..100 {
            client.join(&format!("S/{channel}")).await;
        }
        let answer = client.ask("join_room", r#""S/100""#).await;
        assert_eq!(answer["code"], "JOIN_REFUSED");
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}
