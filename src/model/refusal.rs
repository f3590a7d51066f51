//! What is read out of an answer that is none, and what of it reaches the log.

use std::time::{Duration, SystemTime};

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use switchboard_actors::ports::ModelError;
use tokio::time::timeout;

use super::said::Fault;
use crate::config::{LlmProvider, Secret};

/// How long a refusal's text is read.
const DEADLINE: Duration = Duration::from_secs(2);
/// How much of a refusal's text is read, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// How much of what the model's side said goes to the log, in characters.
const MAX_LOGGED: usize = 500;
/// Longest time after which a client is told to try again.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Why the question was refused, and what was said to it.
pub(super) async fn read(response: Response, provider: LlmProvider, patience: Duration) -> Fault {
    let status = response.status().as_u16();
    let error = match (status, provider) {
        (429, _) | (529, LlmProvider::Anthropic) => ModelError::RateLimited {
            retry_after: retry_after(response.headers(), SystemTime::now()),
        },
        _ => ModelError::Refused { status },
    };
    let text = timeout(DEADLINE.min(patience), beginning(response)).await;
    let text = text.unwrap_or_default();
    Fault::new(error, format!("HTTP {status}: {text}"))
}

/// How long to wait, by seconds or by a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            date.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The first part of a body; what cannot be read of it is left out.
async fn beginning(mut response: Response) -> String {
    let mut read: Vec<u8> = Vec::new();
    while read.len() < MAX_BYTES {
        let Ok(Some(chunk)) = response.chunk().await else {
            break;
        };
        let room = MAX_BYTES - read.len();
        let chunk = chunk.slice(..chunk.len().min(room));
        read.extend_from_slice(&chunk);
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// The first part of what the other side said, without our key; to be printed escaped.
pub(super) fn loggable(said: &str, key: Option<&Secret>) -> String {
    let said = match key {
        Some(key) if !key.expose().is_empty() => said.replace(key.expose(), "***"),
        _ => said.to_owned(),
    };
    said.chars().take(MAX_LOGGED).collect()
}

#[cfg(test)]
mod tests;
