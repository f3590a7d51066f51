//! Watching an organization's media: who may, what comes at once, and how each watch ends by itself.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_actors::organization::registry::{GetWatchCounts, WatchCounts};
use switchboard_actors::ports::TranscriptionState::{self, Processing, Started};
use switchboard_actors::testing::{Client, Harness, Setup, eventually, pass, paused, quiet};
use switchboard_protocol::topics::SESSION_STATUSES;

use crate::support::ended;

pub const WATCH: &str = "watch_organization_media";
pub const UNWATCH: &str = "unwatch_organization_media";
/// A day between pings: what a test says is said by its subject.
pub const UNDISTURBED: Duration = Duration::from_secs(24 * 3600);

/// Everything with the broker up, for tests that let much time go by.
pub async fn start() -> Harness {
    let setup = Setup {
        ping_interval: UNDISTURBED,
        ..Setup::default()
    };
    Harness::start_with(setup).await
}

/// Asks for `name` with an organization's id, and waits until everybody has heard of it.
pub async fn ask(client: &Client, name: &str, organization: &str) {
    let answer = client.ask(name, &format!("\"{organization}\"")).await;
    assert_eq!(answer, json!({"ok": true}));
    quiet().await;
}

pub async fn watch(client: &Client, organization: &str) {
    ask(client, WATCH, organization).await;
}

/// A client of `user` that watches `organization`.
pub async fn watcher(harness: &Harness, user: &str, organization: &str) -> Client {
    let client = harness.connected(user).await;
    watch(&client, organization).await;
    client
}

/// Publishes an event of `organization` and waits until everybody has heard of it.
pub async fn publish(harness: &Harness, organization: &str, event: &str, payload: &Value) {
    let topic = format!("switchboard/organizations/{organization}/events/{event}");
    harness.broker.inject(&[(&topic, &payload.to_string())]);
    quiet().await;
}

/// The events that the client was told, but for those about its connection: arrays of name and argument.
pub fn told(client: &Client) -> Vec<Value> {
    let heard = client.heard();
    let events = heard.iter().filter_map(|h| h.strip_prefix("42"));
    events.map(|event| event.parse().unwrap()).collect()
}

/// The conversation as a list has it.
pub fn item(id: &str, state: TranscriptionState, progress: u8) -> Value {
    let transcription = json!({"state": state, "progress": progress});
    json!({"_id": id, "name": id, "jobs": {"transcription": transcription}})
}

/// `conversation_processing` with these.
pub fn list(items: &[Value]) -> Value {
    json!(["conversation_processing", items])
}

async fn counts(harness: &Harness) -> WatchCounts {
    harness.organizations.send(GetWatchCounts).await.unwrap()
}

#[test]
fn a_watcher_gets_what_is_in_processing_at_once_and_only_that_watcher() {
    paused(async {
        let harness = start().await;
        let early = watcher(&harness, "alice", "O").await;
        harness.media.put("O", "a", Processing, 10);
        harness.media.put("O", "b", Started, 0);
        harness.media.put("P", "c", Processing, 0);
        let late = watcher(&harness, "bob", "O").await;
        let both = list(&[item("a", Processing, 10), item("b", Started, 0)]);
        assert_eq!(told(&late), [both]);
        assert_eq!(told(&early), [list(&[])]);
        early.hang_up();
        drop(early);
        ended(&harness, late).await;
    });
}

#[test]
fn a_watcher_that_watches_again_is_told_afresh_and_counted_once() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "O").await;
        harness.media.put("O", "a", Processing, 10);
        watch(&client, "O").await;
        assert_eq!(
            told(&client),
            [list(&[]), list(&[item("a", Processing, 10)])]
        );
        assert_eq!(counts(&harness).await.media, (1, 1));
        ask(&client, UNWATCH, "O").await;
        assert_eq!(counts(&harness).await.media, (0, 0));
        ended(&harness, client).await;
    });
}

#[test]
fn a_crowd_of_newcomers_costs_two_polls() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        harness.media.hold();
        let mut clients = Vec::new();
        for n in 0..20 {
            clients.push(watcher(&harness, &format!("u{n}"), "O").await);
        }
        assert!(harness.media.release());
        quiet().await;
        for client in &clients {
            assert_eq!(told(client), [list(&[item("a", Processing, 10)])]);
        }
        assert_eq!(harness.media.polls().len(), 2);
        clients.iter().for_each(Client::hang_up);
        drop(clients);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_denied_watch_is_unauthorized_then_disconnect_and_asks_nothing() {
    paused(async {
        let harness = start().await;
        harness.access.deny("media:O");
        for token in ["user:alice", "guest:S@O"] {
            let client = harness.client();
            client.connect(token).await;
            let before = client.heard().len();
            client.emit(WATCH, "\"O\"");
            quiet().await;
            let end = [r#"42["unauthorized"]"#, "41", "close 1000 denied"];
            assert_eq!(client.heard()[before..], end);
            client.hang_up();
        }
        assert_eq!(harness.media.polls(), []);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn what_is_no_organization_is_an_error_and_the_socket_stays() {
    paused(async {
        let harness = start().await;
        let client = harness.connected("alice").await;
        for name in [WATCH, UNWATCH] {
            for argument in [
                "\"\"", "1", "null", "{}", "[\"O\"]", "\"O/1\"", "\"+\"", "\"#\"", "\"a b\"",
            ] {
                let answer = client.ask(name, argument).await;
                assert_eq!(answer["code"], "INVALID_ORGANIZATION", "{argument}");
            }
            client.say(&format!("42[\"{name}\"]"));
        }
        quiet().await;
        assert_eq!(
            client.times(r#"42["error""#),
            2,
            "without an argument and an ack"
        );
        assert_eq!(harness.access.asked(), []);
        watch(&client, "O").await;
        ended(&harness, client).await;
    });
}

#[test]
fn an_unwatch_of_what_is_not_watched_is_no_error() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "O").await;
        ask(&client, UNWATCH, "P").await;
        assert_eq!(counts(&harness).await.media, (1, 1));
        ended(&harness, client).await;
    });
}

#[test]
fn a_socket_that_goes_while_its_right_is_checked_leaves_nothing() {
    paused(async {
        let harness = start().await;
        for (event, argument, resource) in [
            (WATCH, "\"O\"", "media:O"),
            ("llm:join", r#"{"organizationId":"O"}"#, "jobs:O"),
        ] {
            let client = harness.connected("alice").await;
            harness.access.hold(resource);
            client.emit(event, argument);
            eventually(|| harness.access.waiting(), |waiting| *waiting == 1).await;
            client.hang_up();
            quiet().await;
            harness.access.release(resource, true);
            quiet().await;
            assert_eq!(counts(&harness).await, WatchCounts::default(), "{event}");
        }
        assert_eq!(harness.media.polls(), []);
        harness.assert_nothing_left().await;
    });
}

/// The four things to follow: how to begin, how to end, what brings an event, and how that begins.
const INTERESTS: [[&str; 7]; 4] = [
    [
        WATCH,
        UNWATCH,
        "\"O\"",
        "switchboard/organizations/O/events/tag_created",
        "1",
        r#"42["tag_created""#,
        "media",
    ],
    [
        "watch_organization_session",
        "unwatch_organization_session",
        "\"O\"",
        SESSION_STATUSES,
        "",
        r#"42["orga_O_session_update""#,
        "sessions",
    ],
    [
        "llm:join",
        "llm:leave",
        r#"{"organizationId":"O"}"#,
        "switchboard/organizations/O/events/llm:job:update",
        r#"{"organizationId":"O","jobId":"j"}"#,
        r#"42["llm:job:update""#,
        "jobs",
    ],
    [
        "join_room",
        "leave_room",
        "\"S/1\"",
        "transcriber/out/S/1/final",
        "1",
        r#"42["final""#,
        "rooms",
    ],
];

#[test]
fn every_watch_outlives_an_outage_of_the_broker() {
    paused(async {
        let harness = start().await;
        let client = harness.connected("alice").await;
        for [watch, _, argument, ..] in INTERESTS {
            assert_eq!(client.ask(watch, argument).await["ok"], true);
        }
        harness.broker.down();
        pass(Duration::from_secs(60)).await;
        harness.broker.up();
        pass(Duration::from_secs(1)).await;
        for [.., topic, payload, start, interest] in INTERESTS {
            let changed = r#"[{"id":"new","organizationId":"O"}]"#;
            let payload = if payload.is_empty() { changed } else { payload };
            harness.broker.inject(&[(topic, payload)]);
            quiet().await;
            assert_eq!(client.times(start), 1, "{interest}");
        }
        ended(&harness, client).await;
    });
}

#[test]
fn each_watch_is_counted_apart_and_the_end_of_one_ends_no_other() {
    paused(async {
        let harness = start().await;
        for [_, unwatch, argument, .., ending] in INTERESTS {
            let client = harness.connected("alice").await;
            for [watch, _, argument, ..] in INTERESTS {
                assert_eq!(client.ask(watch, argument).await["ok"], true);
            }
            assert_eq!(client.ask(unwatch, argument).await["ok"], true);
            quiet().await;
            for [.., topic, payload, start, interest] in INTERESTS {
                let changed = format!(r#"[{{"id":"{ending}","organizationId":"O"}}]"#);
                let payload = if payload.is_empty() {
                    &changed
                } else {
                    payload
                };
                let before = client.times(start);
                harness.broker.inject(&[(topic, payload)]);
                quiet().await;
                let expected = usize::from(interest != ending);
                let heard = client.times(start) - before;
                assert_eq!(heard, expected, "{interest} after the end of {ending}");
            }
            ended(&harness, client).await;
        }
    });
}
