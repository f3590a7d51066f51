//! What is configured of chats: who answers, how documents are searched, and what of them is taken.

use std::time::Duration;

use super::{ConfigError, Secret, Settings, WebAddress, fault, optional, required, values};

/// A language model's API.
#[derive(Clone, Debug, PartialEq)]
pub struct Llm {
    /// Base URL without a slash at its end.
    pub url: WebAddress,
    /// Default model; none: the provider's choice.
    pub model: Option<String>,
    /// Models that a question may ask for beside the default one; empty: any.
    pub models: Vec<String>,
    /// Highest temperature that a question may ask for.
    pub max_temperature: f64,
    /// Longest answer, in the model's tokens.
    pub max_tokens: u32,
    /// API key.
    pub key: Option<Secret>,
    /// Form of the API.
    pub provider: LlmProvider,
    /// Bounds connecting, the first token, and the time between tokens.
    pub timeout: Duration,
}

/// The form of a language model's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LlmProvider {
    /// OpenAI's chat completions, which many servers speak.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
}

/// An OpenAI-compatible embeddings API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embeddings {
    /// Base URL without a slash at its end.
    pub url: WebAddress,
    /// Model; none: the endpoint's choice.
    pub model: Option<String>,
    /// API key.
    pub key: Option<Secret>,
}

/// What is taken into projects, and what answers are based on.
#[derive(Clone, Debug, PartialEq)]
pub struct Documents {
    /// Largest file, in bytes.
    pub max_bytes: usize,
    /// Chunks with a lower score, of 0 to 1, are no sources.
    pub min_score: f64,
}

pub(super) fn llm(settings: &Settings) -> Result<Option<Llm>, ConfigError> {
    let url = optional(settings, "llm_url", values::http_url)?;
    let model = optional(settings, "llm_model", values::text)?;
    let models = optional(settings, "llm_models", values::names)?.unwrap_or_default();
    let max_temperature = required(settings, "llm_max_temperature", values::up_to::<2>)?;
    let max_tokens = required(settings, "llm_max_tokens", values::tokens)?;
    let key = optional(settings, "llm_key", values::secret)?;
    let provider = required(settings, "llm_provider", |text| {
        let words = [
            ("openai", LlmProvider::OpenAi),
            ("anthropic", LlmProvider::Anthropic),
        ];
        values::choice(text, &words)
    })?;
    let timeout = required(settings, "llm_timeout_ms", values::millis)?;
    if url.is_some() && provider == LlmProvider::Anthropic && model.is_none() {
        let reason = "anthropic needs llm_model: it chooses none itself".to_owned();
        return Err(fault(settings, "llm_provider", reason));
    }
    Ok(url.map(|url| Llm {
        url,
        model,
        models,
        max_temperature,
        max_tokens,
        key,
        provider,
        timeout,
    }))
}

pub(super) fn embeddings(settings: &Settings) -> Result<Option<Embeddings>, ConfigError> {
    let url = optional(settings, "embeddings_url", values::http_url)?;
    let model = optional(settings, "embeddings_model", values::text)?;
    let key = optional(settings, "embeddings_key", values::secret)?;
    Ok(url.map(|url| Embeddings { url, model, key }))
}

pub(super) fn documents(settings: &Settings) -> Result<Documents, ConfigError> {
    Ok(Documents {
        max_bytes: required(settings, "max_document_bytes", values::document_bytes)?,
        min_score: required(settings, "min_score", values::up_to::<1>)?,
    })
}
