//! Answers: stored before they are told, one at a time in a chat, and stopped when nobody waits for them.

use serde_json::{Value, json};
use switchboard_actors::ports::{Source, SourceMetadata, Speaker};
use switchboard_actors::testing::{Client, Harness, eventually, paused, quiet};

pub const ASK: &str = r#"{"chat_id":7,"message":"Why?"}"#;

/// What `client` has been told of answers, in order: names and data.
pub fn told(client: &Client) -> Vec<(String, Value)> {
    let heard = client.heard();
    let events = heard.iter().filter_map(|h| h.strip_prefix("42"));
    let events = events.map(|e| serde_json::from_str::<(String, Value)>(e).unwrap());
    events
        .filter(|(name, _)| name.starts_with("message_") || name == "error")
        .collect()
}

pub fn names(client: &Client) -> Vec<String> {
    told(client).into_iter().map(|(name, _)| name).collect()
}

fn source() -> Source {
    Source {
        id: "chunk_3".into(),
        content: "Because.".into(),
        metadata: SourceMetadata {
            document_id: 5.try_into().unwrap(),
            filename: "why.txt".into(),
            chunk_index: 0,
            page: None,
        },
        score: 0.85,
    }
}

#[test]
fn an_answer_is_stored_and_told_in_the_seeds_order() {
    paused(async {
        let harness = Harness::start().await;
        let (chats, model) = (&harness.chat.chats, &harness.chat.model);
        harness.chat.retrieval.set(Some(vec![source()]));
        let ann = harness.connected("ann").await;
        let ben = harness.connected("ben").await;
        let answer = ann.ask("send_message", ASK).await;
        assert_eq!(answer, json!({ "ok": true, "chat_id": 7, "message_id": 1 }));
        ann.hears(r#"42["message_sources""#).await;
        assert_eq!(chats.said()[0].content, "Why?");
        eventually(|| model.asked(), |asked| *asked == 1).await;
        for piece in ["Be", "cause", " é"] {
            assert!(model.say(0, Ok(piece)));
        }
        quiet().await;
        assert_eq!(chats.said().len(), 1, "nothing half-said is stored");
        model.end(0);
        ann.hears(r#"42["message_complete""#).await;
        let with = |more: Value| {
            let mut told = json!({ "chat_id": 7, "message_id": 1 });
            let more = more.as_object().unwrap().clone();
            told.as_object_mut().unwrap().extend(more);
            told
        };
        let metadata = json!({ "model": "fake", "sources_count": 1 });
        let expected = [
            ("message_received", with(json!({ "status": "processing" }))),
            ("message_sources", with(json!({ "sources": [source()] }))),
            ("message_token", with(json!({ "token": "Be" }))),
            ("message_token", with(json!({ "token": "cause" }))),
            ("message_token", with(json!({ "token": " é" }))),
            (
                "message_complete",
                with(json!({ "answer_id": 2, "metadata": metadata })),
            ),
        ];
        assert_eq!(
            told(&ann),
            expected.map(|(name, data)| (name.to_owned(), data))
        );
        assert_eq!(told(&ben), []);
        let stored = &chats.said()[1];
        assert_eq!(
            (stored.speaker, stored.content.as_str()),
            (Speaker::Assistant, "Because é")
        );
        assert_eq!(
            (stored.partial, stored.metadata.clone()),
            (false, Some(metadata))
        );
        assert_eq!(stored.sources, Some(json!([source()])));
        for client in [ann, ben] {
            client.hang_up();
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_refused_question_is_not_stored_and_says_why() {
    paused(async {
        let harness = Harness::start().await;
        harness.access.deny("projects:other");
        let ann = harness.connected("ann").await;
        let table = [
            (r#"{"message":"Why?"}"#, "chat_id is required", json!(null)),
            (
                r#"{"chat_id":"7","message":"Why?"}"#,
                "chat_id must be a whole number from 1 to 9007199254740991",
                json!(null),
            ),
            (r#"{"chat_id":7}"#, "message is required", json!(7)),
            (
                r#"{"chat_id":7,"message":"Why?","temperature":3}"#,
                "temperature must be 0 to 2",
                json!(7),
            ),
            (
                r#"{"chat_id":100,"message":"Why?"}"#,
                "there is no such chat",
                json!(100),
            ),
            (
                r#"{"chat_id":1000,"message":"Why?"}"#,
                "there is no such chat",
                json!(1000),
            ),
        ];
        for (asked, message, chat) in table {
            let answer = ann.ask("send_message", asked).await;
            assert_eq!(
                (&answer["error"], &answer["chat_id"]),
                (&json!(message), &chat),
                "{asked}"
            );
        }
        ann.say(r#"42["send_message",{"chat_id":7}]"#);
        ann.hears(r#"42["error""#).await;
        let (_, error) = told(&ann).remove(0);
        assert_eq!(
            (&error["message"], &error["chat_id"]),
            (&json!("message is required"), &json!(7))
        );
        assert_eq!(harness.chat.chats.said(), []);
        harness.chat.chats.fail(1);
        assert_eq!(
            ann.ask("send_message", ASK).await["code"],
            "CHATS_UNAVAILABLE"
        );
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_chat_has_one_answer_at_a_time_and_is_free_when_its_end_is_told() {
    paused(async {
        let harness = Harness::start().await;
        let model = &harness.chat.model;
        let (ann, ben) = (
            harness.connected("ann").await,
            harness.connected("ben").await,
        );
        ann.ask("send_message", ASK).await;
        for client in [&ann, &ben] {
            let busy = client.ask("send_message", ASK).await;
            assert_eq!(
                (&busy["code"], &busy["chat_id"]),
                (&json!("CHAT_BUSY"), &json!(7))
            );
        }
        let other = ben
            .ask("send_message", r#"{"chat_id":8,"message":"And?"}"#)
            .await;
        assert_eq!(other["ok"], true);
        eventually(|| model.asked(), |asked| *asked == 2).await;
        model.say(0, Ok("Because"));
        model.end(0);
        ann.hears(r#"42["message_complete""#).await;
        // The second question's prompt has the first one and its answer.
        assert_eq!(ann.ask("send_message", ASK).await["ok"], true);
        eventually(|| model.asked(), |asked| *asked == 3).await;
        let history: Vec<_> = model
            .prompt(2)
            .history
            .into_iter()
            .map(|t| t.content)
            .collect();
        assert_eq!(history, ["Why?", "Because"]);
        model.end(2);
        eventually(
            || names(&ann),
            |n| n.iter().filter(|n| *n == "message_complete").count() == 2,
        )
        .await;
        let without = r#"{"chat_id":7,"message":"Why?","include_history":false,"model":"own","temperature":0}"#;
        ann.ask("send_message", without).await;
        eventually(|| model.asked(), |asked| *asked == 4).await;
        let prompt = model.prompt(3);
        assert_eq!(prompt.history, []);
        assert_eq!(
            (prompt.settled.model.as_str(), prompt.settled.temperature),
            ("own", 0.0)
        );
        assert_eq!(model.prompt(0).settled.temperature, 0.7);
        for client in [ann, ben] {
            client.hang_up();
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn the_model_is_told_the_last_five_turns_before_its_question() {
    paused(async {
        let harness = Harness::start().await;
        let model = &harness.chat.model;
        let ann = harness.connected("ann").await;
        for n in 0..4 {
            let asked = format!(r#"{{"chat_id":7,"message":"q{n}"}}"#);
            ann.ask("send_message", &asked).await;
            eventually(|| model.asked(), |asked| *asked == n + 1).await;
            model.say(n, Ok(&format!("a{n}")));
            model.end(n);
            eventually(|| ann.times(r#"42["message_complete""#), |t| *t == n + 1).await;
        }
        let prompt = model.prompt(3);
        let history: Vec<_> = prompt.history.into_iter().map(|t| t.content).collect();
        assert_eq!(history, ["a0", "q1", "a1", "q2", "a2"]);
        assert_eq!(prompt.question, "q3");
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_cancelled_answer_stops_the_model_and_keeps_what_was_said() {
    paused(async {
        let harness = Harness::start().await;
        let (chats, model) = (&harness.chat.chats, &harness.chat.model);
        let ann = harness.connected("ann").await;
        ann.ask("send_message", ASK).await;
        eventually(|| model.asked(), |asked| *asked == 1).await;
        model.say(0, Ok("Be"));
        ann.hears(r#"42["message_token""#).await;
        let answer = ann.ask("cancel_message", r#"{"chat_id":7}"#).await;
        assert_eq!(
            answer,
            json!({ "ok": true, "chat_id": 7, "was_running": true })
        );
        ann.hears(r#"42["message_complete""#).await;
        assert!(!model.say(0, Ok("cause")), "nobody listens any more");
        quiet().await;
        let (_, complete) = told(&ann).pop().unwrap();
        assert_eq!(
            complete["metadata"],
            json!({ "model": "fake", "sources_count": 0, "partial": true })
        );
        let stored = &chats.said()[1];
        assert_eq!((stored.content.as_str(), stored.partial), ("Be", true));
        // Nothing runs now; that is no error.
        let again = ann.ask("cancel_message", r#"{"chat_id":7}"#).await;
        assert_eq!(again["was_running"], false);
        // Cancelled before the first word: the question alone is kept.
        ann.ask("send_message", ASK).await;
        ann.ask("cancel_message", r#"{"chat_id":7}"#).await;
        eventually(|| ann.times(r#"42["message_complete""#), |t| *t == 2).await;
        assert_eq!(chats.said().len(), 3);
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_disconnect_stops_the_model_and_keeps_what_was_said() {
    paused(async {
        let harness = Harness::start().await;
        let (chats, model) = (&harness.chat.chats, &harness.chat.model);
        let ann = harness.connected("ann").await;
        ann.ask("send_message", ASK).await;
        eventually(|| model.asked(), |asked| *asked == 1).await;
        model.say(0, Ok("Be"));
        ann.hears(r#"42["message_token""#).await;
        ann.hang_up();
        eventually(|| model.say(0, Ok("cause")), |listens| !listens).await;
        harness.assert_nothing_left().await;
        let stored = &chats.said()[1];
        assert_eq!(
            (stored.content.starts_with("Be"), stored.partial),
            (true, true)
        );
    });
}

#[test]
fn an_answer_of_a_recoverable_socket_goes_on_while_its_client_is_away() {
    paused(async {
        let harness = Harness::start().await;
        let model = &harness.chat.model;
        let ann = harness.client();
        ann.say(r#"40{"token":"user:ann","recovery":true}"#);
        let connected = ann.hears(r#"40{"sid":"#).await;
        let connected: Value = serde_json::from_str(&connected[2..]).unwrap();
        ann.ask("send_message", ASK).await;
        eventually(|| model.asked(), |asked| *asked == 1).await;
        let received = ann.hears(r#"42["message_sources""#).await;
        let offset = received.rsplit('"').nth(1).unwrap().to_owned();
        ann.hang_up();
        quiet().await;
        assert!(model.say(0, Ok("Because")));
        model.end(0);
        quiet().await;
        let back = harness.client();
        let pid = connected["pid"].as_str().unwrap();
        back.say(&format!(
            r#"40{{"token":"user:ann","recovery":true,"pid":"{pid}","offset":"{offset}"}}"#
        ));
        back.hears(r#"42["message_token""#).await;
        back.hears(r#"42["message_complete""#).await;
        back.say("41");
        back.hang_up();
        harness.assert_nothing_left().await;
    });
}
