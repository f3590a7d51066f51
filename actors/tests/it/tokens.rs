//! The end of a token: a notice a minute before, then `unauthorized`; and carrying on with a fresh one.

use std::time::Duration;

use serde_json::json;
use switchboard_actors::testing::{Client, Harness, Setup, pass, paused, quiet};

use crate::support::counts;

const SECOND: Duration = Duration::from_secs(1);
const NOTICE: &str = r#"42["token_expiring",{"expires_at":"#;
const END: [&str; 3] = [r#"42["unauthorized"]"#, "41", "close 1000 denied"];

/// A harness whose pings stay out of the way.
async fn harness() -> Harness {
    let setup = Setup {
        ping_interval: 3600 * 24 * SECOND,
        ..Setup::default()
    };
    Harness::start_with(setup).await
}

/// Alice, with a token that ends in so many seconds.
async fn alice(harness: &Harness, seconds: u32) -> Client {
    harness.tokens.add_user("token", "alice", seconds * SECOND);
    let client = harness.client();
    client.connect("token").await;
    client
}

fn is_over(client: &Client) -> bool {
    client.heard().ends_with(&END.map(str::to_owned))
}

#[test]
fn a_socket_is_told_a_minute_before_its_token_ends_and_disconnected_at_the_end() {
    paused(async {
        let harness = harness().await;
        let client = alice(&harness, 300).await;
        client.join("S/1").await;
        pass(238 * SECOND).await;
        assert_eq!(client.times(NOTICE), 0);
        pass(3 * SECOND).await;
        assert_eq!(client.times(NOTICE), 1);
        pass(57 * SECOND).await;
        assert!(!is_over(&client));
        assert_eq!(counts(&harness).await, (1, 1, 1));
        pass(3 * SECOND).await;
        assert!(is_over(&client), "{:?}", client.heard());
        assert_eq!(client.times(NOTICE), 1, "once");
        assert_eq!(counts(&harness).await, (0, 0, 0), "not left in its rooms");
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn the_notice_says_when_the_token_ends_in_epoch_milliseconds() {
    paused(async {
        let harness = harness().await;
        let client = alice(&harness, 30).await;
        let notice = client.hears(NOTICE).await;
        let end: u64 = notice[NOTICE.len()..]
            .trim_end_matches("}]")
            .parse()
            .unwrap();
        let now = std::time::SystemTime::now();
        let now = now
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis() as u64;
        assert!((now..=now + 30_000).contains(&end), "{end}, now {now}");
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_token_that_ends_within_a_minute_is_noticed_at_once_and_one_that_has_ended_lets_nobody_stay() {
    paused(async {
        let harness = harness().await;
        let soon = alice(&harness, 59).await;
        quiet().await;
        assert_eq!(soon.times(NOTICE), 1);
        let over = alice(&harness, 0).await;
        quiet().await;
        assert_eq!((is_over(&over), over.times(NOTICE)), (true, 0));
        [soon, over].iter().for_each(Client::hang_up);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_fresh_token_carries_on_in_the_same_rooms_and_has_an_end_of_its_own() {
    paused(async {
        let harness = harness().await;
        let client = alice(&harness, 100).await;
        client.join("S/1").await;
        pass(60 * SECOND).await;
        assert_eq!(client.times(NOTICE), 1);
        harness.tokens.add_user("fresh", "alice", 200 * SECOND);
        let answer = client.ask("authenticate", r#"{"token":"fresh"}"#).await;
        assert_eq!(answer["ok"], true);
        assert!(answer["expires_at"].is_u64());
        pass(138 * SECOND).await;
        assert_eq!(client.times(NOTICE), 1);
        assert_eq!(
            counts(&harness).await,
            (1, 1, 1),
            "the old token's end is past"
        );
        pass(4 * SECOND).await;
        assert_eq!(client.times(NOTICE), 2);
        pass(60 * SECOND).await;
        assert!(is_over(&client));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_bad_fresh_token_is_refused_and_the_old_one_holds() {
    paused(async {
        let harness = harness().await;
        let client = alice(&harness, 100).await;
        for (args, code) in [
            (r#"{"token":"nonsense"}"#, "INVALID_TOKEN"),
            (r#"{"token":1}"#, "INVALID_TOKEN"),
            ("\"token\"", "INVALID_TOKEN"),
            ("{}", "INVALID_TOKEN"),
            (r#"{"token":"user:bob"}"#, "OTHER_PRINCIPAL"),
            (r#"{"token":"guest:S"}"#, "OTHER_PRINCIPAL"),
        ] {
            let answer = client.ask("authenticate", args).await;
            assert_eq!(
                (&answer["ok"], &answer["code"]),
                (&json!(false), &json!(code))
            );
        }
        client.join("S/1").await;
        pass(101 * SECOND).await;
        assert!(is_over(&client), "they have put nothing off");
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_guest_carries_on_as_guest_of_the_same_session_only() {
    paused(async {
        let harness = harness().await;
        let client = harness.client();
        client.connect("guest:S").await;
        let same = client.ask("authenticate", r#"{"token":"guest:S"}"#).await;
        let other = client.ask("authenticate", r#"{"token":"guest:T"}"#).await;
        assert_eq!((&same["ok"], &other["ok"]), (&json!(true), &json!(false)));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_token_for_many_years_ends_nothing() {
    paused(async {
        let harness = harness().await;
        let client = alice(&harness, u32::MAX).await;
        pass(12 * 3600 * SECOND).await;
        assert_eq!(client.times(NOTICE), 0);
        client.join("S/1").await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}
