//! Who is let in to the live captions, and how others are refused.

use switchboard_actors::root::RefusalMode;
use switchboard_actors::service::Connection;
use switchboard_actors::testing::{Client, Harness, Setup, paused, quiet};

use crate::support::counts;

async fn heard(client: &Client) -> Vec<String> {
    quiet().await;
    // Without the handshake.
    client.heard().split_off(1)
}

#[test]
fn a_socket_with_a_token_is_let_in_and_gets_an_id() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.client();
        client.say(r#"40{"token":"user:alice"}"#);
        let answer = client.hears("40").await;
        let answer: serde_json::Value = answer[2..].parse().unwrap();
        assert_eq!(answer["sid"].as_str().unwrap().len(), 20);
        assert_eq!(counts(&harness).await, (1, 0, 0));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn the_token_is_looked_for_in_four_places_in_their_order() {
    paused(async {
        let harness = Harness::start().await;
        let none = Connection::default();
        let query = Connection {
            query_token: Some("user:q".to_owned()),
            bearer: Some("bad".to_owned()),
        };
        let bearer = Connection {
            query_token: Some(String::new()),
            bearer: Some("user:b".to_owned()),
        };
        for (connection, auth) in [
            (&none, r#"{"token":"user:a","publicToken":"bad"}"#),
            (&none, r#"{"publicToken":"guest:S"}"#),
            (&none, r#"{"token":"","publicToken":"guest:S"}"#),
            (&none, r#"{"token":null,"publicToken":"guest:S"}"#),
            (&query, r#"{"token":"user:a"}"#),
            (&query, ""),
            (&bearer, "{}"),
        ] {
            let client = harness.client_from(connection.clone());
            client.say(&format!("40{auth}"));
            let heard = heard(&client).await;
            assert!(heard[0].starts_with("40"), "{auth}: {heard:?}");
            client.hang_up();
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_bad_handshake_is_refused_by_connect_error() {
    paused(async {
        let harness = Harness::start().await;
        for (auth, message) in [
            ("", "Authentication required"),
            ("{}", "Authentication required"),
            (r#"{"token":""}"#, "Authentication required"),
            (r#"{"token":"nonsense"}"#, "Invalid token"),
            (r#"{"token":1}"#, "Invalid token"),
        ] {
            let client = harness.client();
            client.say(&format!("40{auth}"));
            let expected = format!(r#"44{{"message":"{message}"}}"#);
            assert_eq!(heard(&client).await, [expected], "{auth}");
            client.connect("user:alice").await;
            client.hang_up();
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_bad_handshake_may_be_refused_by_unauthorized_and_a_disconnect() {
    paused(async {
        let setup = Setup {
            refusal: RefusalMode::Unauthorized,
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        for auth in ["", r#"{"token":"nonsense"}"#] {
            let client = harness.client();
            client.say(&format!("40{auth}"));
            let heard = heard(&client).await;
            assert!(heard[0].starts_with(r#"40{"sid":"#), "{heard:?}");
            assert_eq!(
                heard[1..],
                [r#"42["unauthorized"]"#, "41", "close 1000 denied"]
            );
            assert_eq!(counts(&harness).await, (0, 0, 0));
            client.hang_up();
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_socket_that_connects_during_an_outage_is_let_in_first_and_then_told() {
    paused(async {
        let harness = Harness::start_down(Setup::default()).await;
        let client = harness.connected("alice").await;
        let heard = heard(&client).await;
        assert!(heard[0].starts_with(r#"40{"sid":"#), "{heard:?}");
        assert_eq!(heard[1..], [r#"42["broker_ko"]"#]);
        client.hang_up();
        harness.broker.up();
        harness.assert_nothing_left().await;
    });
}
