//! OpenAI's chat completions, as OpenAI, Ollama, vLLM, LM Studio and others speak them. Pure.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, InvalidHeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard_actors::ports::{ModelError, Settled};

use super::dialect::Dialect;
use super::prompt::{Conversation, role};
use super::said::{End, Fault, Said};

/// Where answers are asked, behind the base URL.
pub(super) const PATH: [&str; 2] = ["chat", "completions"];

/// The key, where there is one.
pub(super) fn headers(key: Option<&str>) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {key}"))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
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
    let system = json!({ "role": "system", "content": said.system });
    let turns = said.turns.iter();
    let turns = turns.map(|turn| json!({ "role": role(turn.speaker), "content": turn.content }));
    let messages: Vec<Value> = std::iter::once(system).chain(turns).collect();
    let bound = match dialect.renames_bound {
        true => "max_completion_tokens",
        false => "max_tokens",
    };
    let mut body = json!({ "messages": messages, "stream": true, bound: max_tokens });
    if !dialect.leaves_temperature {
        body["temperature"] = settled.temperature.into();
    }
    if !settled.model.is_empty() {
        body["model"] = settled.model.clone().into();
    }
    body
}

/// What an event holds: a part of the answer, or why there is no more of it.
#[derive(Deserialize)]
struct Event {
    choices: Option<Vec<Choice>>,
    error: Option<Value>,
}

/// A part of an answer. There is one choice: no more are asked for. The counts of what was used come without any.
#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
    /// How vLLM and others show that the model thinks.
    #[serde(alias = "reasoning")]
    reasoning_content: Option<String>,
}

/// What the data of an event says.
pub(super) fn read(data: &str) -> Result<Said, Fault> {
    if data == "[DONE]" {
        return Ok(Said::the_end());
    }
    let event: Event = serde_json::from_str(data).map_err(|error| Fault::garbled(&error))?;
    if let Some(error) = event.error {
        return Err(Fault::new(ModelError::Failed, error.to_string()));
    }
    let Some(choices) = event.choices else {
        return Err(Fault::new(ModelError::Garbled, "an event has no choices"));
    };
    let Some(choice) = choices.into_iter().next() else {
        return Ok(Said::default());
    };
    let delta = choice.delta.unwrap_or_default();
    let thought = delta.reasoning_content.unwrap_or_default();
    Ok(Said {
        text: delta.content.unwrap_or_default(),
        end: choice.finish_reason.map_or(End::NotYet, |_| End::May),
        ..Said::thought(&thought)
    })
}
