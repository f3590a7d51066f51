//! Who answers questions: a language model over HTTP, or the extractive responder where none is configured.
//!
//! `settle` says who answers within the configured bounds, `prompt` what the model is told, `openai` and `anthropic` how that
//! and the answer are written, `dialect` what of it a model takes, `gauge` bounds what of an answer is held, `stream` reads it piece by piece, `http` asks, `refusal` reads what is no answer. Nothing
//! here keeps anything between two questions but idle connections.

mod anthropic;
mod dialect;
mod extractive;
mod gauge;
mod http;
mod openai;
mod prompt;
mod refusal;
mod said;
mod settle;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use switchboard_actors::ports::LanguageModel;

use crate::config::Llm;
use extractive::Extractive;
use http::HttpModel;

/// The configured language model, or without one the extractive responder. Nothing is sent yet; an error says
/// which setting cannot be used.
pub fn language_model(config: Option<&Llm>) -> anyhow::Result<Arc<dyn LanguageModel>> {
    Ok(match config {
        Some(config) => Arc::new(HttpModel::new(config)?),
        None => Arc::new(Extractive),
    })
}
