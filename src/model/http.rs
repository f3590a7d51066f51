//! A language model behind HTTP. What it says when it fails goes to the log, without the key; clients get a [`ModelError`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url};
use switchboard_actors::ports::{
    LanguageModel, ModelError, ModelStage, Prompt, Settled, WishRefused, Wishes,
};
use tokio::time::timeout;

use super::dialect::{Dialect, Dialects};
use super::prompt::Conversation;
use super::said::Fault;
use super::settle::Bounds;
use super::stream::Answering;
use super::{anthropic, openai, refusal};
use crate::config::{Llm, LlmProvider, Secret, mask_url};
use crate::outgoing::{self, describe};

/// Idle connections are closed before the server does so: uvicorn, which many models stand behind, keeps them for 5 s.
const IDLE: Duration = Duration::from_secs(4);
/// Idle connections that are kept.
const MAX_IDLE: usize = 16;

/// See the module's documentation.
pub(super) struct HttpModel {
    bounds: Bounds,
    endpoint: Arc<Endpoint>,
}

impl HttpModel {
    pub(super) fn new(config: &Llm) -> anyhow::Result<Self> {
        let client = outgoing::endless_client();
        let client = client
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE);
        let endpoint = Endpoint {
            client: client.build().context("no HTTP client")?,
            url: address(config)?,
            headers: headers(config)?,
            provider: config.provider,
            max_tokens: config.max_tokens,
            patience: config.timeout,
            key: config.key.clone(),
            dialects: Dialects::default(),
            is_failing: AtomicBool::new(false),
        };
        Ok(Self {
            bounds: Bounds::new(config),
            endpoint: Arc::new(endpoint),
        })
    }
}

/// Where questions go. What follows the path in the base URL stays behind it, as Azure's `?api-version` has to.
fn address(config: &Llm) -> anyhow::Result<Url> {
    let mut url = Url::parse(&config.url).context("llm_url")?;
    let segments = url.path_segments_mut();
    let mut segments = segments.map_err(|()| anyhow::anyhow!("llm_url takes no path"))?;
    segments.pop_if_empty();
    match config.provider {
        LlmProvider::OpenAi => segments.extend(openai::PATH),
        LlmProvider::Anthropic => segments.extend(anthropic::PATH),
    };
    drop(segments);
    Ok(url)
}

fn headers(config: &Llm) -> anyhow::Result<HeaderMap> {
    let key = config.key.as_ref().map(Secret::expose);
    let headers = match config.provider {
        LlmProvider::OpenAi => openai::headers(key),
        LlmProvider::Anthropic => anthropic::headers(key),
    };
    let mut headers = headers.context("llm_key has a character that no header takes")?;
    let json = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, json);
    Ok(headers)
}

impl LanguageModel for HttpModel {
    fn settle(&self, wishes: &Wishes) -> Result<Settled, WishRefused> {
        self.bounds.settle(wishes)
    }

    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<String, ModelError>> {
        let asked = Phase::Asked(Box::new(prompt));
        stream::try_unfold((Arc::clone(&self.endpoint), asked), next_piece).boxed()
    }
}

/// How far a question is. Nothing is sent before the first look at its answer.
enum Phase {
    Asked(Box<Prompt>),
    Answering(Box<Answering>),
}

type Asked = (Arc<Endpoint>, Phase);

async fn next_piece((endpoint, phase): Asked) -> Result<Option<(String, Asked)>, ModelError> {
    match endpoint.next(phase).await {
        Ok(Some((piece, answering))) => {
            let phase = Phase::Answering(answering);
            Ok(Some((piece, (endpoint, phase))))
        }
        Ok(None) => {
            endpoint.answered();
            Ok(None)
        }
        Err(fault) => Err(endpoint.failed(fault)),
    }
}

struct Endpoint {
    client: Client,
    url: Url,
    /// All of a question's, the key's among them.
    headers: HeaderMap,
    provider: LlmProvider,
    max_tokens: u32,
    /// Bounds connecting, the first token, and the time between tokens.
    patience: Duration,
    /// To be kept out of the log.
    key: Option<Secret>,
    dialects: Dialects,
    /// Whether the last answer failed, so that an outage is logged once.
    is_failing: AtomicBool,
}

impl Endpoint {
    async fn next(&self, phase: Phase) -> Result<Option<(String, Box<Answering>)>, Fault> {
        let mut answering = match phase {
            Phase::Asked(prompt) => Box::new(self.ask(&prompt).await?),
            Phase::Answering(answering) => answering,
        };
        let piece = answering.piece().await?;
        Ok(piece.map(|piece| (piece, answering)))
    }

    /// Asks, and again where the model takes something otherwise. Waits for the head of the answer.
    async fn ask(&self, prompt: &Prompt) -> Result<Answering, Fault> {
        let said = Conversation::of(prompt);
        let model = &prompt.settled.model;
        let known = self.dialects.of(model);
        let mut dialect = known;
        loop {
            match self.ask_in(dialect, &said, &prompt.settled).await {
                Ok(answering) => {
                    if dialect != known {
                        self.dialects.learn(model, dialect);
                    }
                    return Ok(answering);
                }
                Err(fault) => dialect = self.instead(dialect, &fault).ok_or(fault)?,
            }
        }
    }

    /// How to ask after this fault, if that may help.
    fn instead(&self, dialect: Dialect, fault: &Fault) -> Option<Dialect> {
        match fault.error {
            ModelError::Refused { status: 400 } => dialect.instead(self.provider, &fault.why),
            _ => None,
        }
    }

    async fn ask_in(
        &self,
        dialect: Dialect,
        said: &Conversation,
        settled: &Settled,
    ) -> Result<Answering, Fault> {
        let body = match self.provider {
            LlmProvider::OpenAi => openai::body(said, settled, self.max_tokens, dialect),
            LlmProvider::Anthropic => anthropic::body(said, settled, self.max_tokens, dialect),
        };
        let request = self.client.post(self.url.clone());
        let request = request.headers(self.headers.clone()).body(body.to_string());
        let response = match timeout(self.patience, request.send()).await {
            Ok(sent) => sent.map_err(|e| Fault::new(ModelError::Unreachable, describe(e)))?,
            Err(_) => {
                let why = format!("no answer within {:?}", self.patience);
                return Err(Fault::new(ModelError::TimedOut(ModelStage::Connect), why));
            }
        };
        if response.status().as_u16() != 200 {
            return Err(refusal::read(response, self.provider, self.patience).await);
        }
        expect_events(&response)?;
        let bytes = response.bytes_stream().map_err(describe);
        Ok(Answering::new(self.provider, bytes, self.patience))
    }

    /// Tells the log when the model begins to fail; what follows is for who looks closer.
    fn failed(&self, Fault { error, why }: Fault) -> ModelError {
        let level = match self.is_failing.swap(true, Ordering::Relaxed) {
            false => log::Level::Warn,
            true => log::Level::Debug,
        };
        log::log!(level, "{}", self.report(&error, &why));
        error
    }

    /// The line for the log: one line whatever the other side said, and without the key.
    fn report(&self, error: &ModelError, why: &str) -> String {
        let (url, error) = (mask_url(self.url.as_str()), error.to_string());
        let said = refusal::loggable(why, self.key.as_ref());
        format!("language model fails url={url:?} error={error:?} reason={said:?}")
    }

    fn answered(&self) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            log::info!("language model answers again");
        }
    }
}

/// What is no stream of events is no answer, whatever its status says.
fn expect_events(response: &Response) -> Result<(), Fault> {
    let Some(kind) = response.headers().get(CONTENT_TYPE) else {
        return Ok(());
    };
    let kind = String::from_utf8_lossy(kind.as_bytes());
    let essence = kind.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case("text/event-stream") {
        true => Ok(()),
        false => Err(Fault::new(
            ModelError::Garbled,
            format!("the answer is of type {kind}"),
        )),
    }
}

#[cfg(test)]
mod tests;
