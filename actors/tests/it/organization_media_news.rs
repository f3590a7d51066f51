//! What is published about an organization's conversations, together with what polls find: each told once.

use serde_json::{Value, json};
use std::time::Duration;
use switchboard_actors::ports::TranscriptionState::{Done, Processing};
use switchboard_actors::testing::{pass, paused, quiet};

use crate::organization_media::{item, list, publish, start, told, watcher};
use crate::support::ended;

const NEXT: Duration = Duration::from_secs(11);

fn created(id: &str) -> Value {
    json!({"_id": id, "name": id, "jobs": {"transcription": {"state": "pending", "progress": 0}}})
}

fn created_event(id: &str) -> Value {
    let mut conversation = created(id);
    conversation["organization"] = json!("O");
    json!(["conversation_created", conversation])
}

#[test]
fn a_created_conversation_is_told_polled_at_once_and_followed_to_its_end() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "O").await;
        harness.media.put("O", "a", Processing, 0);
        let polls = harness.media.polls().len();
        publish(&harness, "O", "conversation_created", &created("a")).await;
        assert_eq!(harness.media.polls().len(), polls + 1);
        harness.media.put("O", "a", Done, 100);
        pass(NEXT).await;
        let expected = [
            created_event("a"),
            list(&[item("a", Processing, 0)]),
            json!(["conversation_processing_done", "a"]),
            list(&[]),
        ];
        assert_eq!(told(&client)[1..], expected);
        ended(&harness, client).await;
    });
}

#[test]
fn a_conversation_created_already_done_is_told_done_once() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "O").await;
        harness.media.put("O", "a", Done, 100);
        publish(&harness, "O", "conversation_created", &created("a")).await;
        pass(3 * NEXT).await;
        let end = json!(["conversation_processing_done", "a"]);
        assert_eq!(told(&client)[1..], [created_event("a"), end, list(&[])]);
        ended(&harness, client).await;
    });
}

#[test]
fn a_conversation_created_while_a_poll_is_under_way_is_polled_right_after_it() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "O").await;
        harness.media.hold();
        pass(NEXT).await;
        let polls = harness.media.polls().len();
        harness.media.put("O", "a", Processing, 0);
        for id in ["a", "b"] {
            publish(&harness, "O", "conversation_created", &created(id)).await;
        }
        assert_eq!(harness.media.polls().len(), polls, "one poll at a time");
        harness.media.release();
        quiet().await;
        assert_eq!(harness.media.polls().len(), polls + 1);
        assert_eq!(
            told(&client).last(),
            Some(&list(&[item("a", Processing, 0)]))
        );
        ended(&harness, client).await;
    });
}

#[test]
fn a_deleted_conversation_is_told_and_not_mentioned_again() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let client = watcher(&harness, "alice", "O").await;
        harness.media.hold();
        pass(NEXT).await;
        publish(&harness, "O", "conversation_deleted", &json!({"id": "a"})).await;
        harness.media.release();
        quiet().await;
        // The source has yet to forget it; then it ends there.
        pass(NEXT).await;
        harness.media.put("O", "a", Done, 100);
        pass(NEXT).await;
        publish(
            &harness,
            "O",
            "conversation_processing",
            &json!([created("a")]),
        )
        .await;
        publish(&harness, "O", "conversation_processing_done", &json!("a")).await;
        let deleted = json!(["conversation_deleted", {"id": "a", "status": "deleted"}]);
        assert_eq!(told(&client)[1..], [deleted, list(&[])]);
        ended(&harness, client).await;
    });
}

#[test]
fn an_end_told_by_an_event_is_told_once() {
    for event in [
        "conversation_processing_done",
        "conversation_processing_error",
    ] {
        paused(async {
            let harness = start().await;
            harness.media.put("O", "a", Processing, 10);
            let client = watcher(&harness, "alice", "O").await;
            publish(&harness, "O", event, &json!("a")).await;
            publish(&harness, "O", event, &json!("a")).await;
            pass(NEXT).await;
            harness.media.put("O", "a", Done, 100);
            pass(3 * NEXT).await;
            publish(&harness, "O", event, &json!("a")).await;
            assert_eq!(told(&client)[1..], [json!([event, "a"]), list(&[])]);
            ended(&harness, client).await;
        });
    }
}

#[test]
fn an_end_told_by_a_poll_is_not_told_again_by_an_event() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let client = watcher(&harness, "alice", "O").await;
        harness.media.put("O", "a", Done, 100);
        pass(NEXT).await;
        publish(&harness, "O", "conversation_processing_done", &json!("a")).await;
        let end = json!(["conversation_processing_done", "a"]);
        assert_eq!(told(&client)[1..], [end, list(&[])]);
        ended(&harness, client).await;
    });
}

#[test]
fn what_others_list_is_told_reduced_and_followed_to_its_end() {
    paused(async {
        let harness = start().await;
        let client = watcher(&harness, "alice", "O").await;
        let listed = json!([{"_id": "a", "name": "a", "text": "secret",
            "jobs": {"transcription": {"state": "processing", "progress": 7}}}]);
        publish(&harness, "O", "conversation_processing", &listed).await;
        harness.media.put("O", "a", Done, 100);
        pass(NEXT).await;
        let end = json!(["conversation_processing_done", "a"]);
        let shown = list(&[item("a", Processing, 7)]);
        assert_eq!(told(&client)[1..], [shown, end, list(&[])]);
        ended(&harness, client).await;
    });
}
