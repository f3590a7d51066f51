//! What the socket that asked is told of its answer, in this order: `message_received`, `message_sources`, any number of
//! `message_token`, then `message_complete` or `error`. All carry `chat_id`, and as `message_id` the question's.

use serde::Serialize;
use serde_json::{Value, json};
use switchboard_protocol::events;
use switchboard_protocol::ids::{ChatId, MessageId};

use crate::ports::Source;
use crate::service::{Failure, Socket};

/// Tells one socket of one answer.
#[derive(Clone)]
pub(super) struct Telling {
    pub(super) socket: Socket,
    pub(super) chat: ChatId,
    pub(super) message: MessageId,
}

#[derive(Serialize)]
struct Told<T> {
    chat_id: ChatId,
    message_id: MessageId,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
}

#[derive(Serialize)]
struct Sources<'a> {
    sources: &'a [Source],
}

impl Telling {
    fn tell(&self, event: &str, what: impl Serialize) {
        let told = Told {
            chat_id: self.chat,
            message_id: self.message,
            what,
        };
        let json = serde_json::to_vec(&told).expect("names are texts, and no number is infinite");
        self.socket.emit(event, &[&json]);
    }

    pub(super) fn received(&self) {
        self.tell(events::MESSAGE_RECEIVED, json!({ "status": "processing" }));
    }

    pub(super) fn sources(&self, sources: &[Source]) {
        self.tell(events::MESSAGE_SOURCES, Sources { sources });
    }

    pub(super) fn token(&self, token: &str) {
        self.tell(events::MESSAGE_TOKEN, Token { token });
    }

    /// `answer`: the id under which it is stored; none where nothing was said.
    pub(super) fn complete(&self, answer: Option<MessageId>, metadata: &Value) {
        let what = match answer {
            Some(answer) => json!({ "answer_id": answer, "metadata": metadata }),
            None => json!({ "metadata": metadata }),
        };
        self.tell(events::MESSAGE_COMPLETE, what);
    }

    pub(super) fn failed(&self, failure: Failure) {
        self.tell(events::ERROR, failure.event());
    }
}
