//! Where a JWKS comes from: a file, or an http(s) URL that is asked politely and distrusted: no redirects, a
//! deadline, a size limit. What a token's own header points to (`jku`, `x5u`) is never fetched.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Url};
use tokio::task::spawn_blocking;

use super::TokenError;
use super::jwks::KeySet;
use crate::outgoing::{self, describe};

/// A key set larger than this is refused, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// How long a server may take for the whole answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where keys are read from.
pub(super) enum Source {
    /// A file, read again at each refresh.
    File(PathBuf),
    /// A server.
    Url { url: Url, client: Client },
}

impl Source {
    /// Takes an http(s) URL or a file name.
    pub(super) fn parse(text: &str) -> Result<Self, TokenError> {
        let invalid = |why: String| TokenError::Jwks(why);
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(
                "it must be a file name or an http(s) URL".to_owned(),
            ));
        }
        let client = outgoing::client(TIMEOUT)
            .build()
            .map_err(|error| invalid(format!("no HTTP client: {error}")))?;
        Ok(Self::Url { url, client })
    }

    /// Reads the keys as they are now. The error is one line.
    pub(super) async fn load(&self) -> Result<KeySet, String> {
        let json = match self {
            Self::File(path) => {
                let path = path.clone();
                spawn_blocking(move || read(path))
                    .await
                    .map_err(|error| error.to_string())?
            }
            Self::Url { url, client } => fetch(client, url.clone()).await,
        };
        KeySet::parse(&json?)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            // Neither user and password nor a query, which may hold a key.
            Self::Url { url, .. } => {
                let host = url.host_str().unwrap_or_default();
                write!(f, "{}://{host}{}", url.scheme(), url.path())
            }
        }
    }
}

fn read(path: PathBuf) -> Result<Vec<u8>, String> {
    let mut json = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut json))
        .map_err(|error| error.to_string())?;
    match json.len() {
        0..=MAX_BYTES => Ok(json),
        _ => Err(too_large()),
    }
}

async fn fetch(client: &Client, url: Url) -> Result<Vec<u8>, String> {
    let mut response = client.get(url).send().await.map_err(describe)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("the server answered {}", response.status()));
    }
    let mut json = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(describe)? {
        if json.len() + chunk.len() > MAX_BYTES {
            return Err(too_large());
        }
        json.extend_from_slice(&chunk);
    }
    Ok(json)
}

fn too_large() -> String {
    format!("it is larger than {MAX_BYTES} bytes")
}
