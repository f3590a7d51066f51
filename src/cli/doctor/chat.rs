//! The servers of the chat, where there are any: a short question to the language model, and a text for the embeddings
//! server. Either may cost as much as a few of its tokens.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use switchboard_actors::ports::{ModelError, Prompt, Wishes};

use super::super::one_line;
use super::report::{Finding, Report};
use crate::config::{Config, Embeddings, Llm};
use crate::documents::embeddings::{EmbedError, Embedder};
use crate::model::language_model;

/// How long the vector of a text may take; chats wait as long for that of a question.
const VECTOR_DEADLINE: Duration = Duration::from_secs(10);
/// What to do about a server that refuses keys.
const KEY: &str = "see that its key is right, and still good";

pub(super) async fn examine(config: &Config, report: &mut Report) -> anyhow::Result<()> {
    if let Some(llm) = &config.llm {
        let finding = ask(llm).await;
        let finding = finding.unwrap_or_else(|error| unusable(&error));
        report.add("language model", finding)?;
    }
    if let Some(embeddings) = &config.embeddings {
        let finding = embed(embeddings).await;
        let finding = finding.unwrap_or_else(|error| unusable(&error));
        report.add("embeddings", finding)?;
    }
    Ok(())
}

/// Asks, and waits for the answer's first words; the rest is not waited for.
async fn ask(llm: &Llm) -> anyhow::Result<Finding> {
    let model = language_model(Some(llm))?;
    let prompt = Prompt {
        settled: model.settle(&Wishes::default())?,
        sources: Vec::new(),
        history: Vec::new(),
        question: "Reply with the word: here.".to_owned(),
    };
    let begun = Instant::now();
    let first = model.answer(prompt).next().await;
    let ms = begun.elapsed().as_secs_f64() * 1000.0;
    Ok(match first {
        Some(Ok(_)) => {
            Finding::ok(format!("begins to answer in {ms:.0} ms")).with("first_token_ms", ms)
        }
        None => Finding::warning("answers nothing", "see that SWITCHBOARD_LLM_MODEL is right"),
        Some(Err(error @ ModelError::RateLimited { .. })) => busy(error.to_string()),
        Some(Err(error)) => Finding::failed(error.to_string(), advice(&error)),
    })
}

fn advice(error: &ModelError) -> &'static str {
    match error {
        ModelError::Unreachable | ModelError::TimedOut(_) => {
            "see that SWITCHBOARD_LLM_URL is right and its server runs, or raise SWITCHBOARD_LLM_TIMEOUT_MS"
        }
        ModelError::Refused { status: 401 | 403 } => KEY,
        ModelError::Refused { status: 500.. } => "see the log of the model's server",
        _ => {
            "see that SWITCHBOARD_LLM_URL (most end in /v1), SWITCHBOARD_LLM_MODEL and SWITCHBOARD_LLM_PROVIDER are right"
        }
    }
}

/// Has one text made a vector.
async fn embed(embeddings: &Embeddings) -> anyhow::Result<Finding> {
    let embedder = Embedder::new(embeddings)?;
    let begun = Instant::now();
    let vectors = embedder.embed(vec!["Is anybody here?".to_owned()]);
    let Ok(vectors) = tokio::time::timeout(VECTOR_DEADLINE, vectors).await else {
        let detail = format!("no vector within {VECTOR_DEADLINE:?}");
        let advice = "see that SWITCHBOARD_EMBEDDINGS_URL is right and its server runs; documents wait for it";
        return Ok(Finding::failed(detail, advice));
    };
    let ms = begun.elapsed().as_secs_f64() * 1000.0;
    Ok(match vectors {
        Ok(vectors) => {
            let length = vectors[0].len();
            Finding::ok(format!("a vector of {length} numbers in {ms:.0} ms")).with("vector_ms", ms)
        }
        Err(error @ EmbedError::RateLimited) => busy(error.to_string()),
        Err(error @ EmbedError::Refused(401 | 403)) => Finding::failed(error.to_string(), KEY),
        Err(error) => Finding::failed(
            error.to_string(),
            "see that SWITCHBOARD_EMBEDDINGS_URL (most end in /v1) and SWITCHBOARD_EMBEDDINGS_MODEL are right",
        ),
    })
}

fn busy(told: String) -> Finding {
    Finding::warning(told, "ask its provider for more, or ask it less")
}

fn unusable(error: &anyhow::Error) -> Finding {
    Finding::failed(one_line(error), "correct the setting that is named")
}
