//! Anthropic's messages. Pure.

use reqwest::header::{HeaderMap, HeaderValue, InvalidHeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard_actors::ports::{ModelError, Settled};

use super::dialect::Dialect;
use super::prompt::{Conversation, role};
use super::said::{Fault, Said};

/// Where answers are asked, behind the base URL.
pub(super) const PATH: [&str; 1] = ["messages"];
/// The form that is spoken here.
const VERSION: &str = "2023-06-01";

/// The version, and the key where there is one.
pub(super) fn headers(key: Option<&str>) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
    if let Some(key) = key {
        let mut key = HeaderValue::from_str(key)?;
        key.set_sensitive(true);
        headers.insert("x-api-key", key);
    }
    Ok(headers)
}

/// The question's body.
pub(super) fn body(
    said: &Conversation,
    settled: &Settled,
    max_tokens: u32,
    dialect: Dialect,
) -> Value {
    let turns = said.turns.iter();
    let turns = turns.map(|turn| json!({ "role": role(turn.speaker), "content": turn.content }));
    let mut body = json!({
        "model": settled.model, "system": said.system, "messages": turns.collect::<Vec<_>>(),
        "stream": true, "max_tokens": max_tokens,
    });
    if !dialect.leaves_temperature {
        body["temperature"] = settled.temperature.into();
    }
    body
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    ContentBlockDelta {
        delta: Delta,
    },
    MessageStop,
    Error {
        error: Failed,
    },
    /// Pings, what frames the blocks, and what may be added some day.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

/// What the data of an event says.
pub(super) fn read(data: &str) -> Result<Said, Fault> {
    match serde_json::from_str(data).map_err(|error| Fault::garbled(&error))? {
        Event::ContentBlockDelta { delta } => Ok(match delta {
            Delta::Text { text } => Said::text(text),
            Delta::Thinking { thinking } => Said::thought(&thinking),
            Delta::Other => Said::default(),
        }),
        Event::MessageStop => Ok(Said::the_end()),
        Event::Error { error } => Err(failed(&error)),
        Event::Other => Ok(Said::default()),
    }
}

fn failed(Failed { kind, message }: &Failed) -> Fault {
    let error = match &kind[..] {
        "overloaded_error" | "rate_limit_error" => ModelError::RateLimited { retry_after: None },
        _ => ModelError::Failed,
    };
    Fault::new(error, format!("{kind}: {message}"))
}
