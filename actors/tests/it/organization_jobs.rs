//! Following an organization's LLM jobs: rooms of organizations and conversations, guests, and denial.

use serde_json::{Value, json};
use switchboard_actors::limits::{CONVERSATIONS_PER_FOLLOWER, Limit, LimitLabel};
use switchboard_actors::organization::registry::GetWatchCounts;
use switchboard_actors::testing::{Client, Harness, paused, quiet};

use crate::organization_media::{publish, start, told};
use crate::support::ended;

/// Followed organizations and followers of jobs.
async fn counts(harness: &Harness) -> (usize, usize) {
    let counts = harness.organizations.send(GetWatchCounts).await;
    counts.unwrap().jobs
}

async fn ask(client: &Client, name: &str, argument: &Value) {
    let answer = client.ask(name, &argument.to_string()).await;
    assert_eq!(answer, json!({"ok": true}), "{name} {argument}");
}

fn organization(id: &str) -> Value {
    json!({"organizationId": id})
}

fn conversation(organization: &str, conversation: &str) -> Value {
    json!({"organizationId": organization, "conversationId": conversation})
}

fn job(conversation: &str, status: &str) -> Value {
    json!({"organizationId": "O", "conversationId": conversation, "jobId": "j", "status": status, "result": "text"})
}

#[test]
fn a_follower_in_both_rooms_hears_each_update_once() {
    paused(async {
        let harness = start().await;
        let client = harness.connected("alice").await;
        ask(&client, "llm:join", &organization("O")).await;
        ask(&client, "llm:join", &conversation("O", "c1")).await;
        ask(&client, "llm:join", &conversation("O", "c1")).await;
        assert_eq!(counts(&harness).await, (1, 1));
        for (conversation, status) in [("c1", "processing"), ("c2", "processing")] {
            publish(&harness, "O", "llm:job:update", &job(conversation, status)).await;
        }
        let expected = ["c1", "c2"].map(|c| json!(["llm:job:update", job(c, "processing")]));
        assert_eq!(told(&client), expected);
        assert_eq!(harness.metrics.organization_events_delivered.get(), 2);
        ended(&harness, client).await;
    });
}

#[test]
fn the_status_names_the_event_whatever_the_topic_says() {
    paused(async {
        let harness = start().await;
        let client = harness.connected("alice").await;
        ask(&client, "llm:join", &organization("O")).await;
        for (topic, status) in [
            ("llm:job:error", "processing"),
            ("llm:job:update", "completed"),
            ("llm:job:complete", "failed"),
            ("llm:job:any", "cancelled"),
        ] {
            publish(&harness, "O", topic, &job("c1", status)).await;
        }
        let told = told(&client);
        let names: Vec<_> = told
            .iter()
            .map(|event| event[0].as_str().unwrap())
            .collect();
        let expected = [
            "llm:job:update",
            "llm:job:complete",
            "llm:job:error",
            "llm:job:update",
        ];
        assert_eq!(names, expected);
        assert!(told.iter().all(|event| event[1]["jobId"] == "j"));
        ended(&harness, client).await;
    });
}

#[test]
fn nothing_follows_a_leave() {
    paused(async {
        let harness = start().await;
        for (join, leave) in [
            (organization("O"), organization("O")),
            (conversation("O", "c1"), conversation("O", "c1")),
            (conversation("O", "c1"), organization("O")),
            (organization("O"), conversation("O", "c9")),
        ] {
            let client = harness.connected("alice").await;
            ask(&client, "llm:join", &join).await;
            ask(&client, "llm:leave", &leave).await;
            publish(&harness, "O", "llm:job:update", &job("c1", "processing")).await;
            assert_eq!(told(&client), Vec::<Value>::new(), "{join} {leave}");
            assert_eq!(counts(&harness).await, (0, 0));
            ended(&harness, client).await;
        }
    });
}

#[test]
fn whoever_leaves_one_conversation_stays_in_another() {
    paused(async {
        let harness = start().await;
        let client = harness.connected("alice").await;
        for id in ["c1", "c2"] {
            ask(&client, "llm:join", &conversation("O", id)).await;
        }
        ask(&client, "llm:leave", &conversation("O", "c1")).await;
        for id in ["c1", "c2", "c3"] {
            publish(&harness, "O", "llm:job:update", &job(id, "processing")).await;
        }
        assert_eq!(
            told(&client),
            [json!(["llm:job:update", job("c2", "processing")])]
        );
        ask(&client, "llm:leave", &conversation("O", "c2")).await;
        assert_eq!(counts(&harness).await, (0, 0));
        ask(&client, "llm:leave", &conversation("O", "c2")).await;
        ended(&harness, client).await;
    });
}

#[test]
fn guests_are_told_no_result_and_are_in_the_organizations_room_alone() {
    paused(async {
        let harness = start().await;
        let client = harness.client();
        client.connect("guest:S@O").await;
        ask(&client, "llm:join", &conversation("O", "c1")).await;
        publish(&harness, "O", "llm:job:update", &job("c1", "completed")).await;
        let mut expected = job("c1", "completed");
        expected.as_object_mut().unwrap().remove("result");
        assert_eq!(told(&client), [json!(["llm:job:complete", expected])]);
        ask(&client, "llm:leave", &conversation("O", "c2")).await;
        publish(&harness, "O", "llm:job:update", &job("c1", "processing")).await;
        assert_eq!(
            told(&client).len(),
            1,
            "there is no room of c1 for it to be in"
        );
        assert_eq!(counts(&harness).await, (0, 0));
        ended(&harness, client).await;
    });
}

#[test]
fn who_may_not_is_told_by_a_job_error_and_stays() {
    paused(async {
        let harness = start().await;
        harness.access.deny("jobs:O");
        let client = harness.connected("alice").await;
        let answer = client.ask("llm:join", &organization("O").to_string()).await;
        assert_eq!(answer["ok"], false);
        assert!(answer["error"].is_string());
        let expected = json!(["llm:job:error", {"error": "access denied"}]);
        assert_eq!(told(&client), std::slice::from_ref(&expected));
        client.say(r#"42["llm:join",{"organizationId":"O","conversationId":"c1"}]"#);
        publish(&harness, "O", "llm:job:update", &job("c1", "processing")).await;
        assert_eq!(
            told(&client),
            [expected.clone(), expected],
            "no ack, no room"
        );
        assert_eq!(counts(&harness).await, (0, 0));
        client.join("S/1").await;
        ended(&harness, client).await;
    });
}

#[test]
fn rights_that_cannot_be_checked_are_an_error_worth_a_retry() {
    paused(async {
        let harness = start().await;
        harness.access.set_away(true);
        let client = harness.connected("alice").await;
        let answer = client.ask("llm:join", &organization("O").to_string()).await;
        assert_eq!(answer["code"], "ACCESS_UNAVAILABLE");
        assert_eq!(told(&client), Vec::<Value>::new());
        harness.access.set_away(false);
        ask(&client, "llm:join", &organization("O")).await;
        ended(&harness, client).await;
    });
}

#[test]
fn malformed_arguments_are_errors_and_the_socket_stays() {
    paused(async {
        let harness = start().await;
        let client = harness.connected("alice").await;
        for name in ["llm:join", "llm:leave"] {
            for argument in [
                "null",
                "1",
                "\"O\"",
                "[]",
                "{}",
                r#"{"organizationId":1}"#,
                r#"{"organizationId":null}"#,
                r#"{"organizationId":""}"#,
                r#"{"organizationId":"O/c1"}"#,
                r##"{"organizationId":"#"}"##,
                r#"{"organizationId":["O"]}"#,
            ] {
                let answer = client.ask(name, argument).await;
                assert_eq!(answer["code"], "INVALID_ORGANIZATION", "{name} {argument}");
            }
            for conversation in ["1", "\"\"", "\"a/b\"", "{}"] {
                let argument =
                    format!(r#"{{"organizationId":"O","conversationId":{conversation}}}"#);
                let answer = client.ask(name, &argument).await;
                assert_eq!(answer["code"], "INVALID_CONVERSATION", "{name} {argument}");
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
        let none = json!({"organizationId": "O", "conversationId": null});
        ask(&client, "llm:join", &none).await;
        ended(&harness, client).await;
    });
}

#[test]
fn a_job_of_another_organization_or_without_its_ids_is_told_to_nobody() {
    paused(async {
        let harness = start().await;
        let (here, there) = (
            harness.connected("alice").await,
            harness.connected("bob").await,
        );
        ask(&here, "llm:join", &conversation("O", "c1")).await;
        ask(&there, "llm:join", &conversation("P", "c1")).await;
        let foreign = json!({"organizationId": "P", "jobId": "j", "conversationId": "c1"});
        publish(&harness, "O", "llm:job:update", &foreign).await;
        publish(&harness, "O", "llm:job:update", &organization("O")).await;
        publish(&harness, "O", "llm:job:update", &job("c1", "processing")).await;
        assert_eq!(told(&here).len(), 1);
        assert_eq!(told(&there), Vec::<Value>::new());
        there.hang_up();
        drop(there);
        ended(&harness, here).await;
    });
}

#[test]
fn a_follower_may_be_in_so_many_conversations_and_no_more() {
    paused(async {
        let harness = start().await;
        let client = harness.connected("alice").await;
        for n in 0..CONVERSATIONS_PER_FOLLOWER {
            ask(&client, "llm:join", &conversation("O", &format!("c{n}"))).await;
        }
        ask(&client, "llm:join", &conversation("O", "c0")).await;
        let more = conversation("O", "more").to_string();
        assert_eq!(client.ask("llm:join", &more).await["code"], "WATCH_REFUSED");
        let label = LimitLabel {
            limit: Limit::ConversationsPerFollower.name(),
        };
        let reached = harness.metrics.limits_reached.get_or_create(&label).get();
        assert_eq!(reached, 1);
        ask(&client, "llm:join", &conversation("P", "more")).await;
        ended(&harness, client).await;
    });
}
