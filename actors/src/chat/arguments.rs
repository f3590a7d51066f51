//! What clients send of chats, checked before anything is done: `{project_id}`, `{chat_id, message, …}`.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use switchboard_protocol::ids::{ChatId, MAX_NUMBER};
use switchboard_protocol::socketio::Event;

use crate::limits::{Limit, QUESTION_BYTES};
use crate::ports::Wishes;
use crate::service::Failure;

/// A question as it was asked.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    pub(super) chat: ChatId,
    pub(super) message: String,
    pub(super) wishes: Wishes,
    /// Whether what was said before is told to the model.
    pub(super) with_history: bool,
}

/// The fields of an event's first argument; `null` is as good as none.
pub(super) struct Fields<'a> {
    event: &'a Event,
    fields: HashMap<String, &'a RawValue>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(event: &'a Event) -> Result<Self, Failure> {
        let object = event.args.first();
        let fields = object.map_or(Ok(HashMap::new()), |o| serde_json::from_str(o.get()));
        let mut fields: HashMap<String, &RawValue> =
            fields.map_err(|_| invalid(format!("{} takes an object", event.name)))?;
        fields.retain(|_, value| value.get() != "null");
        Ok(Self { event, fields })
    }

    fn optional<T: DeserializeOwned>(&self, name: &str, what: &str) -> Result<Option<T>, Failure> {
        let read = |value: &&RawValue| serde_json::from_str(value.get());
        let read = self.fields.get(name).map(read).transpose();
        read.map_err(|_| invalid(format!("{name} must be {what}")))
    }

    fn required<T: DeserializeOwned>(&self, name: &str, what: &str) -> Result<T, Failure> {
        let value = self.optional(name, what)?;
        value.ok_or_else(|| Failure::invalid("MISSING_FIELD", format!("{name} is required")))
    }

    /// A project's or a chat's id.
    pub(super) fn id<T: DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        self.required(name, &format!("a whole number from 1 to {MAX_NUMBER}"))
    }

    /// A question: all of `send_message`.
    pub(super) fn question(&self) -> Result<Question, Failure> {
        debug_assert_eq!(self.event.name, switchboard_protocol::events::SEND_MESSAGE);
        let chat = self.id("chat_id")?;
        self.question_in(chat)
            .map_err(|failure| failure.about(chat))
    }

    fn question_in(&self, chat: ChatId) -> Result<Question, Failure> {
        let message: String = self.required("message", "a text")?;
        if message.trim().is_empty() {
            return Err(Failure::invalid("MISSING_FIELD", "message is required"));
        }
        if message.len() > QUESTION_BYTES {
            let message = format!("message may have {QUESTION_BYTES} bytes at most");
            return Err(invalid(message).at(Limit::QuestionBytes));
        }
        Ok(Question {
            chat,
            message,
            wishes: Wishes {
                model: self.optional("model", "a text")?,
                temperature: self.optional("temperature", "a number")?,
            },
            with_history: self
                .optional("include_history", "true or false")?
                .unwrap_or(true),
        })
    }
}

fn invalid(message: String) -> Failure {
    Failure::invalid("INVALID_FIELD", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(args: &[&str]) -> Event {
        let raw = |arg: &&str| RawValue::from_string((*arg).to_owned()).unwrap();
        Event {
            name: "send_message".into(),
            args: args.iter().map(raw).collect(),
            attachments: Vec::new(),
        }
    }

    fn refusal(args: &[&str]) -> (String, Option<u64>) {
        let event = event(args);
        let question = Fields::of(&event).and_then(|fields| fields.question());
        let failure = question.unwrap_err();
        (failure.message, failure.chat.map(ChatId::get))
    }

    #[test]
    fn a_question_has_the_seeds_defaults() {
        let event = event(&[r#"{"chat_id":7,"message":" Why? ","model":null,"own":[]}"#]);
        let question = Fields::of(&event).unwrap().question().unwrap();
        let expected = Question {
            chat: 7.try_into().unwrap(),
            message: " Why? ".into(),
            wishes: Wishes::default(),
            with_history: true,
        };
        assert_eq!(question, expected);
    }

    #[test]
    fn what_is_wrong_is_said_in_words_and_names_the_chat_where_it_is_known() {
        let ids = "chat_id must be a whole number from 1 to 9007199254740991";
        for id in [
            "0",
            "-1",
            "1.0",
            "1e2",
            "\"1\"",
            "true",
            "[1]",
            "9007199254740992",
        ] {
            let asked = format!(r#"{{"chat_id":{id},"message":"Why?"}}"#);
            assert_eq!(refusal(&[&asked]), (ids.to_owned(), None), "{id}");
        }
        let table = [
            ("{}", "chat_id is required", None),
            (r#"{"chat_id":null}"#, "chat_id is required", None),
            (r#"{"chat_id":1}"#, "message is required", Some(1)),
            (
                r#"{"chat_id":1,"message":" \n"}"#,
                "message is required",
                Some(1),
            ),
            (
                r#"{"chat_id":1,"message":5}"#,
                "message must be a text",
                Some(1),
            ),
            (
                r#"{"chat_id":1,"message":"a","temperature":"0.7"}"#,
                "temperature must be a number",
                Some(1),
            ),
            (
                r#"{"chat_id":1,"message":"a","include_history":1}"#,
                "include_history must be true or false",
                Some(1),
            ),
            ("7", "send_message takes an object", None),
        ];
        for (asked, message, chat) in table {
            assert_eq!(refusal(&[asked]), (message.to_owned(), chat), "{asked}");
        }
        assert_eq!(refusal(&[]).0, "chat_id is required");
        let long = format!(
            r#"{{"chat_id":1,"message":"{}"}}"#,
            "a".repeat(QUESTION_BYTES + 1)
        );
        assert!(refusal(&[&long]).0.contains("32768 bytes"));
    }
}
