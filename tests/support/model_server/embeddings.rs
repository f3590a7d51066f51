//! Embeddings that know which words are in a text and nothing else: the same text has the same vector in every run, and texts that
//! share words are close.

use serde_json::{Value, json};

use super::Asked;
use super::script::Script;

/// How many numbers a vector has.
const DIMENSIONS: usize = 64;

/// The answer to a request for embeddings, or to one that nobody knows.
pub(super) fn answer(asked: &Asked, status: u16) -> Script {
    if asked.path != "/v1/embeddings" {
        return refusal(404);
    }
    if status != 200 {
        return refusal(status);
    }
    let texts = match &asked.body["input"] {
        Value::Array(texts) => texts.clone(),
        one => vec![one.clone()],
    };
    let item = |(index, text): (usize, &Value)| {
        let vector = vector(text.as_str().unwrap_or_default());
        json!({ "object": "embedding", "index": index, "embedding": vector })
    };
    let data: Vec<_> = texts.iter().enumerate().map(item).collect();
    let body = json!({ "object": "list", "model": "fake", "data": data });
    Script::status(200, "application/json", &body.to_string())
}

fn refusal(status: u16) -> Script {
    let body = json!({ "error": { "message": "the fake refused", "type": "scripted" } });
    Script::status(status, "application/json", &body.to_string())
}

/// How often each word's number occurs, scaled to the length of 1.
fn vector(text: &str) -> Vec<f64> {
    let mut counts = vec![0.0; DIMENSIONS];
    for word in text.split(|letter: char| !letter.is_alphanumeric()) {
        if !word.is_empty() {
            counts[bucket(&word.to_lowercase())] += 1.0;
        }
    }
    let length = counts.iter().map(|count| count * count).sum::<f64>().sqrt();
    counts.iter().map(|count| count / length.max(1.0)).collect()
}

/// FNV-1a, folded.
fn bucket(word: &str) -> usize {
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash ^ (hash >> 32)) % DIMENSIONS as u64) as usize
}
