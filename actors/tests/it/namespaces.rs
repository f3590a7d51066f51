//! Several namespaces over one connection, and refusals.

use switchboard_actors::limits::{NAMESPACES_PER_SESSION, REFUSED_CONNECTS};
use switchboard_actors::testing::{Harness, paused, quiet};

use crate::script::open;

#[test]
fn an_unknown_namespace_is_refused_and_the_known_one_stays() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.say(r#"40/no-such,{"token":"user:alice"}"#);
        let refusal = client.hears("44").await;
        assert_eq!(refusal, r#"44/no-such,{"message":"Invalid namespace"}"#);
        client.join("S/1").await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn so_many_refusals_close_the_connection() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.client();
        for _ in 1..REFUSED_CONNECTS {
            client.say("40");
        }
        quiet().await;
        assert_eq!(client.times("44"), REFUSED_CONNECTS as usize - 1);
        assert_eq!(client.times("close"), 0);
        client.say("40");
        quiet().await;
        assert_eq!(client.times("44"), REFUSED_CONNECTS as usize);
        assert_eq!(
            client.heard().last().unwrap(),
            "close 1008 refused_connects"
        );
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn so_many_namespaces_and_no_more() {
    paused(async {
        let harness = Harness::start_with(open()).await;
        let client = harness.client();
        for n in 0..NAMESPACES_PER_SESSION {
            client.say(&format!("40/n{n},"));
        }
        quiet().await;
        assert_eq!(client.times("40/"), NAMESPACES_PER_SESSION);
        client.say("40/one-more,");
        let refusal = client.hears("44").await;
        assert_eq!(refusal, r#"44/one-more,{"message":"Too many namespaces"}"#);
        client.say("41/n0,");
        client.say("40/one-more,");
        client.hears("40/one-more,").await;
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn events_and_acks_of_one_namespace_are_not_those_of_another() {
    paused(async {
        let harness = Harness::start_with(open()).await;
        let client = harness.client();
        client.say("40");
        client.say("40/voice,");
        client.say(r#"42/voice,1["echo","voice"]"#);
        client.say(r#"421["echo","root"]"#);
        quiet().await;
        assert_eq!(
            client.heard()[3..],
            [r#"43/voice,1["voice"]"#, r#"431["root"]"#]
        );
        client.say("41/voice,");
        client.say(r#"422["echo","root"]"#);
        quiet().await;
        assert_eq!(client.heard()[5..], [r#"432["root"]"#]);
        client.say(r#"42/voice,3["echo","gone"]"#);
        quiet().await;
        assert_eq!(client.heard()[6..], ["close 1002 not_connected"]);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}
