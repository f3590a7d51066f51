//! Answers that go wrong: the model, the documents or storage fail, or nothing ends.

use std::time::Duration;

use serde_json::json;
use switchboard_actors::chat::answers::StopAll;
use switchboard_actors::limits::{ANSWER_BYTES, ANSWERS_PER_SOCKET};
use switchboard_actors::ports::{ModelError, ModelStage};
use switchboard_actors::testing::{Harness, eventually, pass, paused, quiet};

use crate::chat_answers::{ASK, names, told};

#[test]
fn a_models_failure_is_told_once_and_keeps_what_was_said() {
    paused(async {
        let harness = Harness::start().await;
        let (chats, model) = (&harness.chat.chats, &harness.chat.model);
        let ann = harness.connected("ann").await;
        let faults = [
            (ModelError::Unreachable, "MODEL_UNREACHABLE", true),
            (
                ModelError::TimedOut(ModelStage::NextToken),
                "MODEL_TIMED_OUT",
                true,
            ),
            (ModelError::Garbled, "MODEL_GARBLED", false),
        ];
        for (n, (fault, code, retryable)) in faults.into_iter().enumerate() {
            ann.ask("send_message", ASK).await;
            eventually(|| model.asked(), |asked| *asked == n + 1).await;
            model.say(n, Ok("Be"));
            model.say(n, Err(fault.clone()));
            eventually(|| ann.times(r#"42["error""#), |t| *t == n + 1).await;
            let (_, error) = told(&ann).pop().unwrap();
            assert_eq!(error["message"], format!("Chat error: {fault}"));
            assert_eq!(
                (
                    &error["errorCode"],
                    &error["retryable"],
                    &error["chat_id"],
                    &error["message_id"]
                ),
                (
                    &json!(code),
                    &json!(retryable),
                    &json!(7),
                    &json!(2 * n + 1)
                )
            );
            assert_eq!(chats.said().len(), 2 * (n + 1));
            assert!(chats.said().last().unwrap().partial);
        }
        assert_eq!(ann.times(r#"42["message_complete""#), 0);
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn documents_that_cannot_be_searched_are_an_error_and_no_answer() {
    paused(async {
        let harness = Harness::start().await;
        harness.chat.retrieval.set(None);
        let ann = harness.connected("ann").await;
        ann.ask("send_message", ASK).await;
        ann.hears(r#"42["error""#).await;
        assert_eq!(names(&ann), ["message_received", "error"]);
        assert_eq!(harness.chat.model.asked(), 0);
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_answer_that_cannot_be_stored_at_once_is_stored_a_moment_later() {
    paused(async {
        let harness = Harness::start().await;
        let (chats, model) = (&harness.chat.chats, &harness.chat.model);
        let ann = harness.connected("ann").await;
        ann.ask("send_message", ASK).await;
        eventually(|| model.asked(), |asked| *asked == 1).await;
        model.say(0, Ok("Because"));
        quiet().await;
        chats.fail(2);
        model.end(0);
        quiet().await;
        assert_eq!(ann.times(r#"42["message_complete""#), 0);
        pass(Duration::from_secs(5)).await;
        ann.hears(r#"42["message_complete""#).await;
        assert_eq!(chats.said()[1].content, "Because");
        // And where it stays away, that is told.
        ann.ask("send_message", ASK).await;
        eventually(|| model.asked(), |asked| *asked == 2).await;
        chats.fail(100);
        model.end(1);
        pass(Duration::from_secs(5)).await;
        let error = ann.hears(r#"42["error""#).await;
        assert!(error.contains("cannot be stored"), "{error}");
        chats.fail(0);
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_answer_that_does_not_end_is_cut_off_and_a_socket_waits_for_so_many_only() {
    paused(async {
        let harness = Harness::start().await;
        let model = &harness.chat.model;
        let ann = harness.connected("ann").await;
        ann.ask("send_message", ASK).await;
        eventually(|| model.asked(), |asked| *asked == 1).await;
        model.say(0, Ok(&"a".repeat(ANSWER_BYTES)));
        model.say(0, Ok("b"));
        let error = ann.hears(r#"42["error""#).await;
        assert!(error.contains("ANSWER_TOO_LONG"), "{error}");
        for n in 0..ANSWERS_PER_SOCKET {
            let asked = format!(r#"{{"chat_id":{},"message":"Why?"}}"#, 20 + n);
            assert_eq!(ann.ask("send_message", &asked).await["ok"], true);
        }
        let more = ann
            .ask("send_message", r#"{"chat_id":50,"message":"Why?"}"#)
            .await;
        assert_eq!(more["code"], "TOO_MANY_ANSWERS");
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_server_that_stops_keeps_what_was_said_and_takes_no_question() {
    paused(async {
        let harness = Harness::start().await;
        let (chats, model) = (&harness.chat.chats, &harness.chat.model);
        let ann = harness.connected("ann").await;
        ann.ask("send_message", ASK).await;
        eventually(|| model.asked(), |asked| *asked == 1).await;
        model.say(0, Ok("Be"));
        ann.hears(r#"42["message_token""#).await;
        let stopped = harness.chat.answers.send(StopAll).await.unwrap();
        stopped.await.unwrap();
        assert_eq!(
            (chats.said()[1].content.as_str(), chats.said()[1].partial),
            ("Be", true)
        );
        assert_eq!(ann.ask("send_message", ASK).await["code"], "STOPPING");
        ann.hang_up();
        harness.assert_nothing_left().await;
    });
}
