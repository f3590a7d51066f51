//! The client of an OpenAI-compatible embeddings API: texts become vectors, near to each other where the texts mean the
//! same. Answers are distrusted: bounded, and checked number by number. No address and no key is in an error.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use serde::{Deserialize, Serialize};

use crate::config::{Embeddings, Secret};
use crate::outgoing::{self, describe};

/// Texts of one request.
const BATCH: usize = 64;
/// Longest vector; the longest of known models has 4,096 numbers.
pub const MAX_DIMENSIONS: usize = 8_192;
/// Longest answer: a batch of the longest vectors takes 12 MiB.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// How long connecting may take, and a whole exchange: models on a CPU need their time for a batch.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a batch is sent before it is given up.
const TRIES: u32 = 4;
/// The pause before the second try, which doubles with each; one that the server asks for counts, within a bound.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Why there are no vectors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// No answer, or none in time.
    #[error("the embeddings server cannot be reached: {0}")]
    Unreachable(String),
    /// It asks to be asked less often (HTTP 429).
    #[error("the embeddings server is asked too often just now")]
    RateLimited,
    /// It refused the request, by this HTTP status.
    #[error("the embeddings server refused the request (HTTP {0})")]
    Refused(u16),
    /// What it sent are no vectors, one for each text and all of one length.
    #[error("the embeddings server's answer cannot be read: {0}")]
    Garbled(String),
    /// What it sent is longer than vectors are.
    #[error("the embeddings server's answer is too long")]
    TooLong,
}

impl EmbedError {
    /// Whether the same texts may be embedded later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::RateLimited => true,
            Self::Refused(status) => *status >= 500,
            Self::Garbled(_) | Self::TooLong => false,
        }
    }
}

/// What is asked.
#[derive(Serialize)]
struct Question<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    input: &'a [String],
}

/// What is answered; the rest of it is not looked at.
#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedded>,
}

#[derive(Deserialize)]
struct Embedded {
    /// The text's place in the question; that of the vector in the answer if absent.
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// A fault, and how long its server asks to be left alone.
struct Fault(EmbedError, Option<Duration>);

impl From<EmbedError> for Fault {
    fn from(error: EmbedError) -> Self {
        Self(error, None)
    }
}

/// Makes vectors; clones share their connections.
#[derive(Clone, Debug)]
pub struct Embedder {
    client: Client,
    url: Url,
    model: Option<String>,
    key: Option<Secret>,
}

impl Embedder {
    /// Asks the server of `config`. Nothing is sent yet.
    pub fn new(config: &Embeddings) -> anyhow::Result<Self> {
        let client = outgoing::client(TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        Ok(Self {
            client: client.build().context("no HTTP client")?,
            url: Url::parse(&format!("{}/embeddings", &*config.url)).context("embeddings_url")?,
            model: config.model.clone(),
            key: config.key.clone(),
        })
    }

    /// The model's name, which vectors are stored under: those of two models have nothing to do with each other.
    /// `default` where the server chooses.
    pub fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or("default")
    }

    /// A vector for each text, in their order, all of one length of 1 to 8,192 finite numbers that are not all 0.
    /// Tries four times, so a minute or more may pass: whoever cannot wait so long sets a deadline.
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.embed_batch(batch).await?);
        }
        let length = vectors.first().map_or(0, Vec::len);
        if vectors.iter().any(|vector| vector.len() != length) {
            return Err(garbled("vectors differ in length"));
        }
        Ok(vectors)
    }

    async fn embed_batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.exchange(texts).await {
                Err(Fault(error, asked)) if error.is_retryable() => {
                    log::debug!("embeddings are tried again reason={error}");
                    tokio::time::sleep(asked.unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause *= 2;
                }
                done => return done.map_err(|Fault(error, _)| error),
            }
        }
        let last = self.exchange(texts).await;
        last.map_err(|Fault(error, _)| error)
    }

    async fn exchange(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Fault> {
        let question = Question {
            model: self.model.as_deref(),
            input: texts,
        };
        let json = serde_json::to_vec(&question).expect("texts are JSON");
        let mut request = self.client.post(self.url.clone()).body(json);
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        let response = request.send().await.map_err(unreachable)?;
        match response.status().as_u16() {
            200 => Ok(check(&read(response).await?, texts.len())?),
            429 => Err(Fault(EmbedError::RateLimited, retry_after(&response))),
            status => Err(Fault(EmbedError::Refused(status), retry_after(&response))),
        }
    }
}

/// Reads the body, as far as it is not too long.
async fn read(mut response: Response) -> Result<Vec<u8>, EmbedError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(EmbedError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The vectors of an answer, in the order of `count` texts.
fn check(body: &[u8], count: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        // Its kind and place, without what stands there.
        garbled(&format!("{:?} at {}", error.classify(), error.column()))
    })?;
    let mut vectors = vec![Vec::new(); count];
    if answer.data.len() != count {
        return Err(garbled("not one vector for each text"));
    }
    for (place, embedded) in answer.data.into_iter().enumerate() {
        let vector = embedded.embedding;
        if !(1..=MAX_DIMENSIONS).contains(&vector.len()) {
            return Err(garbled("a vector's length is not 1 to 8192"));
        }
        if !vector.iter().all(|number| number.is_finite()) || vector.iter().all(|n| *n == 0.0) {
            return Err(garbled("a vector is infinite, or 0"));
        }
        let slot = vectors.get_mut(embedded.index.unwrap_or(place));
        match slot.filter(|slot| slot.is_empty()) {
            Some(slot) => *slot = vector,
            None => return Err(garbled("not one vector for each text")),
        }
    }
    Ok(vectors)
}

/// How many seconds the server asks for; dates are for browsers.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

fn unreachable(error: reqwest::Error) -> EmbedError {
    EmbedError::Unreachable(describe(error))
}

fn garbled(why: &str) -> EmbedError {
    EmbedError::Garbled(why.to_owned())
}

#[cfg(test)]
mod tests;
