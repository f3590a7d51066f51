//! Who may not watch an organization's sessions, and what nobody may see of them.

use serde_json::{Value, json};
use switchboard_actors::ports::{Action, Principal};
use switchboard_actors::testing::{Harness, paused, quiet};

use crate::organization_sessions::{UNWATCH, WATCH, publish, session, updates, watch, watches};
use crate::support::goodbye;

/// Strings that name no organization, but something of another or nothing at all.
const NO_IDS: [&str; 22] = [
    "\"A/1\"",
    "\"O/A\"",
    "\"O/\"",
    "\"/O\"",
    "\"+\"",
    "\"#\"",
    "\"+/+\"",
    "\"O/#\"",
    "\"../O\"",
    "\"..\"",
    "\".\"",
    "\"O O\"",
    "\" O\"",
    "\"O\\n\"",
    "\"O\\u0000\"",
    "\"\\u041e\"",
    "\"\\uff2f\"",
    "\"O\\u200b\"",
    "\"public_session/A\"",
    "\"switchboard/organizations/O\"",
    "\"\"",
    "\"%4f\"",
];
/// What is no string at all.
const NO_STRINGS: [&str; 8] = [
    "null",
    "0",
    "-1.5",
    "true",
    "{}",
    "[\"O\"]",
    r#"{"id":"O"}"#,
    r#"{"organizationId":"O"}"#,
];

#[test]
fn what_is_no_organizations_id_is_an_error_and_leaks_nothing() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("mallory").await;
        for args in NO_IDS.iter().chain(&NO_STRINGS) {
            for name in [WATCH, UNWATCH] {
                let answer = client.ask(name, args).await;
                assert_eq!(answer["code"], "INVALID_ORGANIZATION", "{args}");
                assert_eq!(answer["ok"], false);
                assert_eq!(answer.get("sessions"), None);
            }
        }
        let long = format!("\"{}\"", "O".repeat(129));
        assert_eq!(
            client.ask(WATCH, &long).await["code"],
            "INVALID_ORGANIZATION"
        );
        assert_eq!(harness.access.asked(), []);
        assert_eq!(watches(&harness).await, (0, 0));
        let before = client.heard();
        publish(&harness, &json!([session("A", "O", "ready")])).await;
        let published = harness
            .broker
            .publish(&[("transcriber/out/A/1/final", "1")]);
        assert!(!published, "nobody has had it subscribed");
        harness.broker.inject(&[("transcriber/out/A/1/final", "1")]);
        quiet().await;
        assert_eq!(client.heard(), before);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_event_without_any_argument_is_an_error_and_the_socket_stays() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("mallory").await;
        for (id, name) in [(7, WATCH), (8, UNWATCH)] {
            client.say(&format!(r#"42{id}["{name}"]"#));
            let answer = client.hears(&format!("43{id}[")).await;
            assert!(answer.contains("INVALID_ORGANIZATION"), "{answer}");
        }
        // Without an acknowledgement, too, and the next event is served.
        client.say(&format!(r#"42["{WATCH}",{{}}]"#));
        client.hears(r#"42["error","#).await;
        assert_eq!(watch(&client, "O").await, json!([]));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

/// What a stranger hears that watches `organization`.
async fn denied(harness: &Harness, organization: &str) -> Vec<String> {
    harness.access.deny(&format!("sessions:{organization}"));
    let client = harness.connected("mallory").await;
    let before = client.heard().len();
    client.emit(WATCH, &format!("\"{organization}\""));
    quiet().await;
    assert!(goodbye(&client).is_some());
    let heard = client.heard()[before..].to_vec();
    client.hang_up();
    heard
}

#[test]
fn a_watch_that_is_denied_is_unauthorized_then_disconnect_whether_the_organization_exists_or_not() {
    paused(async {
        let harness = Harness::start().await;
        publish(&harness, &json!([session("A", "O", "ready")])).await;
        let end = [r#"42["unauthorized"]"#, "41", "close 1000 denied"];
        // The organization, one that there is not, its session, and what looks like it.
        for organization in ["O", "unknown", "A", "o", "0", "O.", "O~", "O:A"] {
            assert_eq!(denied(&harness, organization).await, end, "{organization}");
        }
        assert_eq!(watches(&harness).await, (0, 0));
        harness.assert_nothing_left().await;
    });
}

#[test]
fn look_alikes_of_an_organization_are_other_organizations() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("mallory").await;
        publish(&harness, &json!([session("A", "Acme", "ready")])).await;
        for organization in ["acme", "ACME", "Acme.", "Acme-", "A", "Acme:A", "Acm"] {
            assert_eq!(
                watch(&client, organization).await,
                json!([]),
                "{organization}"
            );
        }
        publish(&harness, &json!([session("A", "Acme", "active")])).await;
        assert_eq!(client.times(r#"42["orga_"#), 0);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn rights_are_asked_for_the_holder_and_the_very_organization() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        watch(&client, "O").await;
        let user = Principal::User {
            id: "alice".parse().unwrap(),
            admin: false,
        };
        let action = Action::WatchSessions("O".parse().unwrap());
        assert_eq!(harness.access.asked(), [(user, action)]);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn rights_that_cannot_be_checked_now_are_an_error_worth_a_retry_and_recover() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        harness.access.set_away(true);
        assert_eq!(
            client.ask(WATCH, r#""O""#).await["code"],
            "ACCESS_UNAVAILABLE"
        );
        assert_eq!(watches(&harness).await, (0, 0));
        harness.access.set_away(false);
        assert_eq!(watch(&client, "O").await, json!([]));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

/// A session full of secrets, each with `hidden` in it.
fn with_secrets(status: &str, secret: &str) -> Value {
    json!({
        "id": "A",
        "organizationId": "O",
        "status": status,
        "password": secret,
        "streamEndpoints": {"srt": secret},
        "channels": [{
            "id": 1,
            "streamStatus": status,
            "streamEndpoints": {"srt": secret, "rtmp": secret, "ws": secret},
            "transcriberProfile": {
                "id": 3,
                "config": {
                    "type": "azure", "name": "N", "key": secret, "endpoint": secret,
                    "languages": [{"candidate": "fr", "endpoint": secret}],
                },
            },
            "meta": {"api_key": secret, "nested": [{"ACCESS-TOKEN": secret}]},
        }],
    })
}

#[test]
fn keys_and_ingest_addresses_never_leave_the_server() {
    paused(async {
        let harness = Harness::start().await;
        let (member, guest) = (harness.connected("alice").await, harness.client());
        guest.connect("guest:A@O").await;
        assert_eq!(
            (watch(&member, "O").await, watch(&guest, "O").await),
            (json!([]), json!([]))
        );
        publish(&harness, &json!([with_secrets("ready", "hidden")])).await;
        publish(&harness, &json!([with_secrets("active", "hidden")])).await;
        for client in [&member, &guest] {
            let picture = watch(client, "O").await;
            let config = &picture[0]["channels"][0]["transcriberProfile"]["config"];
            let expected =
                json!({"type": "azure", "name": "N", "languages": [{"candidate": "fr"}]});
            assert_eq!(*config, expected);
        }
        publish(&harness, &json!([])).await;
        for client in [&member, &guest] {
            assert_eq!(updates(client, "O").len(), 3);
            let heard = client.heard().concat();
            assert!(
                heard.contains("azure") && !heard.contains("hidden"),
                "{heard}"
            );
            client.hang_up();
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_change_of_secrets_only_is_no_event() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        publish(&harness, &json!([with_secrets("ready", "one")])).await;
        watch(&client, "O").await;
        publish(&harness, &json!([with_secrets("ready", "two")])).await;
        assert_eq!(updates(&client, "O"), Vec::<Value>::new());
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}
