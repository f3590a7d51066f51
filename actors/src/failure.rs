//! Why an event is refused, or what it set going failed: the error acknowledgement, or the `error` event.

use std::time::SystemTime;

use serde_json::{Value, json};
use switchboard_protocol::ids::ChatId;

use crate::limits::Limit;
use crate::stamp::epoch_millis;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable word for programs and metrics, for example `INVALID_ROOM`.
    pub code: &'static str,
    /// One sentence for developers.
    pub message: String,
    /// Whether the same event may succeed later.
    pub retryable: bool,
    /// The limit that was met, if it was one.
    pub limit: Option<Limit>,
    /// The chat that it is about.
    pub chat: Option<ChatId>,
}

impl Failure {
    /// The client's mistake: trying again does not help.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retryable: false,
            limit: None,
            chat: None,
        }
    }

    /// Something is away just now.
    pub fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            retryable: true,
            ..Self::invalid(code, message)
        }
    }

    /// The same, because a limit was met: it is counted.
    pub fn at(self, limit: Limit) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// The same, about this chat.
    pub fn about(self, chat: ChatId) -> Self {
        Self {
            chat: Some(chat),
            ..self
        }
    }

    /// The acknowledgement: `{ok: false, error, code, chat_id?}`.
    pub fn acknowledgement(&self) -> Value {
        let answer = json!({ "ok": false, "error": self.message, "code": self.code });
        self.with_chat(answer)
    }

    /// The `error` event (contract, section 2).
    pub fn event(&self) -> Value {
        let error = json!({
            "message": self.message,
            "errorCode": self.code,
            "errorMessage": self.message,
            "recoverable": true,
            "retryable": self.retryable,
            "timestamp": epoch_millis(SystemTime::now()),
        });
        self.with_chat(error)
    }

    fn with_chat(&self, mut value: Value) -> Value {
        if let Some(chat) = self.chat {
            value["chat_id"] = chat.get().into();
        }
        value
    }
}
