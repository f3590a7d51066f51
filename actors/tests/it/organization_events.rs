//! Events that are published about organizations: who hears of them, and what is refused.

use serde_json::{Value, json};
use switchboard_actors::metrics::Reason;
use switchboard_actors::testing::{Client, Harness, paused, quiet};

use crate::organization_media::{publish, start, told, watch, watcher};
use crate::support::{ended, logged, record_log};

/// What the client was told after its first list.
fn news(client: &Client) -> Vec<Value> {
    told(client).split_off(1)
}

fn refused(harness: &Harness, reason: &'static str) -> u64 {
    let refused = &harness.metrics.organization_events_refused;
    refused.get_or_create(&Reason { reason }).get()
}

#[test]
fn watchers_of_an_organization_hear_of_it_and_nobody_else_does() {
    paused(async {
        let harness = start().await;
        let (here, there) = (
            watcher(&harness, "alice", "O").await,
            watcher(&harness, "bob", "P").await,
        );
        let sessions_only = harness.connected("carol").await;
        sessions_only
            .ask("watch_organization_session", "\"O\"")
            .await;
        let in_room = harness.connected("dave").await;
        in_room.join("O/1").await;
        for event in [
            "conversation_created",
            "folder_updated",
            "tag_created",
            "folders_refresh",
        ] {
            publish(&harness, "O", event, &json!({"_id": "x", "name": "x"})).await;
        }
        let names = [
            "conversation_created",
            "folder_updated",
            "tag_created",
            "folders_refresh",
        ];
        let heard = news(&here);
        let heard = heard.iter().map(|event| event[0].as_str().unwrap());
        let heard: Vec<&str> = heard
            .filter(|name| *name != "conversation_processing")
            .collect();
        assert_eq!(heard, names, "in the order of the broker");
        assert_eq!(harness.metrics.organization_events_delivered.get(), 4);
        assert_eq!(news(&there), Vec::<Value>::new());
        assert_eq!(told(&sessions_only), Vec::<Value>::new());
        assert_eq!(told(&in_room), Vec::<Value>::new());
        for client in [&there, &sessions_only, &in_room] {
            client.hang_up();
        }
        drop((there, sessions_only, in_room));
        ended(&harness, here).await;
    });
}

#[test]
fn an_event_reaches_a_socket_once_however_often_it_watches() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "O").await;
        watch(&client, "O").await;
        publish(&harness, "O", "tag_created", &json!(1)).await;
        assert_eq!(client.times(r#"42["tag_created",1]"#), 1);
        ended(&harness, client).await;
    });
}

#[test]
fn topics_that_only_look_like_an_organizations_reach_nobody() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "O").await;
        for topic in [
            "switchboard/organizations/O/events/tag_created/more",
            "switchboard/organizations/O/tag_created",
            "switchboard/organizations//events/tag_created",
            "switchboard/organizations/o/events/tag_created",
            "switchboard/organizations/O /events/tag_created",
            "switchboard/organizations/+/events/tag_created",
        ] {
            harness.broker.inject(&[(topic, "1")]);
        }
        quiet().await;
        assert_eq!(news(&client), Vec::<Value>::new());
        ended(&harness, client).await;
    });
}

#[test]
fn what_is_refused_is_counted_by_reason_logged_once_and_never_delivered() {
    paused(async {
        record_log();
        let harness = start().await;
        let client = watcher(&harness, "alice", "refusing").await;
        for _ in 0..3 {
            for (event, payload) in [
                (
                    "conversation_created",
                    r#"{"_id":"a","name":"a","organization":"other"}"#,
                ),
                ("conversation_created", "[]"),
                ("conversation_created", "{"),
                ("partial", "{}"),
                ("Upper", "{}"),
            ] {
                let topic = format!("switchboard/organizations/refusing/events/{event}");
                harness.broker.inject(&[(&topic, payload)]);
            }
        }
        let large = format!("\"{}\"", "a".repeat(256 * 1024));
        let topic = "switchboard/organizations/refusing/events/tag_created";
        harness.broker.inject(&[(topic, &large)]);
        quiet().await;
        assert_eq!(news(&client), Vec::<Value>::new());
        for reason in [
            "other_organization",
            "shape",
            "not_json",
            "reserved_name",
            "name",
        ] {
            assert_eq!(refused(&harness, reason), 3, "{reason}");
        }
        assert_eq!(refused(&harness, "too_large"), 1);
        assert_eq!(logged("counted organization=refusing reason=").len(), 6);
        publish(&harness, "refusing", "tag_created", &json!(1)).await;
        assert_eq!(news(&client), [json!(["tag_created", 1])]);
        ended(&harness, client).await;
    });
}

#[test]
fn what_nobody_follows_is_not_even_read() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "P").await;
        publish(&harness, "O", "partial", &json!({})).await;
        publish(&harness, "P", "llm:job:update", &json!({})).await;
        assert_eq!(
            (
                refused(&harness, "reserved_name"),
                refused(&harness, "shape")
            ),
            (0, 0)
        );
        ended(&harness, client).await;
    });
}

#[test]
fn a_private_folder_reaches_only_its_owner_and_members() {
    paused(async {
        let harness = start().await;
        let mut clients = Vec::new();
        for user in ["owner", "member", "stranger"] {
            clients.push(watcher(&harness, user, "O").await);
        }
        let guest = harness.client();
        guest.connect("guest:S@O").await;
        watch(&guest, "O").await;
        clients.push(guest);
        let private = json!({"_id": "f", "visibility": "private", "owner": "owner", "members": [{"userId": "member"}]});
        publish(&harness, "O", "folder_updated", &private).await;
        let heard = clients.iter().map(|client| news(client).len());
        assert_eq!(heard.collect::<Vec<_>>(), [1, 1, 0, 0]);
        assert_eq!(news(&clients[0]), [json!(["folder_updated", private])]);
        let open = json!({"_id": "f", "visibility": "organization"});
        publish(&harness, "O", "folder_updated", &open).await;
        let heard = clients.iter().map(|client| news(client).len());
        assert_eq!(heard.collect::<Vec<_>>(), [2, 2, 1, 1]);
        clients.iter().for_each(Client::hang_up);
        drop(clients);
        harness.assert_nothing_left().await;
    });
}
