//! Projects' rooms: who is in them, and what they are told.

use serde_json::json;
use switchboard_actors::chat::projects::GetChatting;
use switchboard_actors::testing::{Harness, Setup, paused, quiet};

const CUSTOM_1: &str = "switchboard/projects/1/events/custom_event";
const CUSTOM_2: &str = "switchboard/projects/2/events/custom_event";

#[test]
fn every_client_is_told_its_connection_status_once() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("ann").await;
        quiet().await;
        assert_eq!((client.greeted(), client.heard().len()), (1, 2));
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_member_hears_what_is_published_of_its_project_and_nobody_else_does() {
    paused(async {
        let harness = Harness::start().await;
        let (ann, ben) = (
            harness.connected("ann").await,
            harness.connected("ben").await,
        );
        let answer = ann.ask("join_project", r#"{"project_id":1}"#).await;
        assert_eq!(answer, json!({ "ok": true, "project_id": 1 }));
        ann.hears(r#"42["project_joined",{"project_id":1,"status":"success"}]"#)
            .await;
        harness.broker.inject(&[
            (CUSTOM_1, r#"{"a": 1}"#),
            (CUSTOM_2, "2"),
            (
                "switchboard/projects/1/events/document_status",
                r#"{"document_id":5}"#,
            ),
            ("switchboard/projects/1/events/project_update", ""),
        ]);
        ann.hears(r#"42["custom_event",{"a": 1}]"#).await;
        ann.hears(r#"42["document_status",{"document_id":5}]"#)
            .await;
        ann.hears(r#"42["project_update"]"#).await;
        quiet().await;
        assert_eq!(ann.times(r#"42["custom_event""#), 1);
        assert_eq!(ben.times(r#"42["custom_event""#), 0);
        for client in [ann, ben] {
            client.hang_up();
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn joining_a_second_project_leaves_the_first_and_leaving_another_changes_nothing() {
    paused(async {
        let harness = Harness::start().await;
        let ann = harness.connected("ann").await;
        ann.ask("join_project", r#"{"project_id":1}"#).await;
        ann.ask("join_project", r#"{"project_id":2}"#).await;
        harness.broker.inject(&[(CUSTOM_1, "1"), (CUSTOM_2, "2")]);
        ann.hears(r#"42["custom_event",2]"#).await;
        // It is in project 2, and stays there.
        ann.ask("leave_project", r#"{"project_id":1}"#).await;
        ann.hears(r#"42["project_left",{"project_id":1,"status":"success"}]"#)
            .await;
        harness.broker.inject(&[(CUSTOM_2, "3")]);
        ann.hears(r#"42["custom_event",3]"#).await;
        ann.ask("leave_project", r#"{"project_id":2}"#).await;
        harness.broker.inject(&[(CUSTOM_1, "4"), (CUSTOM_2, "5")]);
        quiet().await;
        assert_eq!(ann.times(r#"42["custom_event""#), 2);
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn projects_of_others_look_like_none_and_the_socket_stays() {
    paused(async {
        let harness = Harness::start().await;
        harness.access.deny("projects:other");
        let ann = harness.connected("ann").await;
        for project in [100, 1000] {
            let answer = ann
                .ask("join_project", &format!(r#"{{"project_id":{project}}}"#))
                .await;
            let expected = json!({ "ok": false, "error": "there is no such project", "code": "UNKNOWN_PROJECT" });
            assert_eq!(answer, expected);
        }
        for id in ["\"1\"", "0", "-1", "1.5", "[]"] {
            let answer = ann
                .ask("join_project", &format!(r#"{{"project_id":{id}}}"#))
                .await;
            assert_eq!(answer["code"], "INVALID_FIELD", "{id}");
        }
        // Without an acknowledgement the same is an event.
        ann.say(r#"42["join_project",{}]"#);
        let error = ann.hears(r#"42["error","#).await;
        assert!(
            error.contains(r#""message":"project_id is required""#),
            "{error}"
        );
        harness.chat.chats.fail(1);
        let answer = ann.ask("join_project", r#"{"project_id":1}"#).await;
        assert_eq!(answer["code"], "CHATS_UNAVAILABLE");
        assert_eq!(
            ann.ask("join_project", r#"{"project_id":1}"#).await["ok"],
            true
        );
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn names_that_are_switchboards_own_never_reach_a_projects_room() {
    paused(async {
        let harness = Harness::start().await;
        let ann = harness.connected("ann").await;
        ann.ask("join_project", r#"{"project_id":1}"#).await;
        harness.broker.inject(&[
            (
                "switchboard/projects/1/events/message_token",
                r#"{"token":"no"}"#,
            ),
            ("switchboard/projects/1/events/unauthorized", ""),
            ("switchboard/projects/1/events/custom_event", "{broken"),
            ("switchboard/projects/x/events/custom_event", "1"),
            (CUSTOM_1, "2"),
        ]);
        ann.hears(r#"42["custom_event",2]"#).await;
        assert_eq!(ann.times(r#"42["message_token""#), 0);
        assert_eq!(ann.times(r#"42["unauthorized""#), 0);
        assert_eq!(ann.times(r#"42["custom_event""#), 1);
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn what_is_known_of_a_socket_in_chats_follows_it_and_ends_with_it() {
    paused(async {
        let harness = Harness::start().await;
        let chatting = async |after, limit| {
            let asked = GetChatting { after, limit };
            harness.chat.projects.send(asked).await.unwrap()
        };
        let ann = harness.connected("ann").await;
        assert_eq!(chatting(None, 10).await.count, 0);
        ann.ask("join_project", r#"{"project_id":1}"#).await;
        ann.ask("send_message", r#"{"chat_id":7,"message":"Why?"}"#)
            .await;
        let all = chatting(None, 10).await;
        let (id, place) = all.page[0].clone();
        assert_eq!(
            (
                place.project_id.map(|p| p.get()),
                place.chat_id.map(|c| c.get())
            ),
            (Some(1), Some(7))
        );
        assert!(place.connected_at > 0);
        assert_eq!(chatting(Some(id), 10).await.page, []);
        for n in 0..1000 {
            let client = harness.connected(&format!("user{n}")).await;
            client.ask("join_project", r#"{"project_id":1}"#).await;
            client.hang_up();
        }
        quiet().await;
        assert_eq!(chatting(None, 10).await.count, 1);
        ann.hang_up();
        harness.chat.model.end(0);
        harness.assert_nothing_left().await;
        assert_eq!(chatting(None, 10).await.count, 0);
    });
}

#[test]
fn a_member_whose_rights_end_is_told_and_disconnected() {
    paused(async {
        let harness = Harness::start().await;
        let ann = harness.connected("ann").await;
        ann.ask("join_project", r#"{"project_id":1}"#).await;
        harness.access.deny("projects:acme ann");
        let topic = "switchboard/organizations/acme/events/access_changed";
        harness.broker.inject(&[(topic, r#"{"user":"ann"}"#)]);
        ann.hears(r#"42["unauthorized"]"#).await;
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_recoverable_socket_is_in_its_project_again_when_it_comes_back() {
    paused(async {
        let harness = Harness::start().await;
        let ann = harness.client();
        ann.say(r#"40{"token":"user:ann","recovery":true}"#);
        let connected = ann.hears(r#"40{"sid":"#).await;
        let connected: serde_json::Value = serde_json::from_str(&connected[2..]).unwrap();
        ann.ask("join_project", r#"{"project_id":1}"#).await;
        harness.broker.inject(&[(CUSTOM_1, "1")]);
        let heard = ann.hears(r#"42["custom_event",1,"#).await;
        let offset = heard.rsplit('"').nth(1).unwrap().to_owned();
        ann.hang_up();
        quiet().await;
        harness.broker.inject(&[(CUSTOM_1, "2")]);
        let back = harness.client();
        let pid = connected["pid"].as_str().unwrap();
        back.say(&format!(
            r#"40{{"token":"user:ann","recovery":true,"pid":"{pid}","offset":"{offset}"}}"#
        ));
        back.hears(r#"42["custom_event",2,"#).await;
        harness.broker.inject(&[(CUSTOM_1, "3")]);
        back.hears(r#"42["custom_event",3,"#).await;
        assert_eq!(back.times(r#"42["custom_event",1"#), 0);
        back.say("41");
        back.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn without_a_token_a_client_may_chat_where_that_is_allowed_and_is_refused_elsewhere() {
    paused(async {
        let closed = Harness::start().await;
        let client = closed.client();
        client.say("40");
        client
            .hears(r#"44{"message":"Authentication required"}"#)
            .await;
        client.hang_up();

        let open = Harness::start_with(Setup {
            anonymous_chat: true,
            ..Setup::default()
        })
        .await;
        for auth in ["40", "40{}"] {
            let client = open.client();
            client.say(auth);
            client.hears(r#"40{"sid":"#).await;
            assert_eq!(
                client.ask("join_project", r#"{"project_id":1}"#).await["ok"],
                true
            );
            client.hang_up();
        }
        // A token that is no good is no better for it.
        let client = open.client();
        client.say(r#"40{"token":"nonsense"}"#);
        client.hears(r#"44{"message":"Invalid token"}"#).await;
        client.hang_up();
        open.assert_nothing_left().await;
    });
}

#[test]
fn ping_is_answered_by_pong_with_the_time_in_milliseconds() {
    paused(async {
        let harness = Harness::start().await;
        let ann = harness.connected("ann").await;
        ann.say(r#"42["ping",{}]"#);
        let pong = ann.hears(r#"42["pong","#).await;
        let pong: serde_json::Value = serde_json::from_str(&pong[2..]).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.unwrap().as_millis() as u64;
        let told = pong[1]["timestamp"].as_u64().unwrap();
        assert!(now - told < 60_000, "{told} is not now, {now}");
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}
