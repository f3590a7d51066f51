//! Takes the text out of files.

use std::path::PathBuf;

use bytes::Bytes;

use super::kind::DocumentKind;

/// Takes the text out of files.
#[derive(Clone, Debug)]
pub struct Extractor;

/// A page of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its number, from 1, where there are pages.
    pub number: Option<u32>,
    /// What stands on it.
    pub text: String,
}

/// Why there is no text: a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Nothing is in it.
    #[error("the document is empty")]
    Empty,
    /// No text is in it.
    #[error("the document is not text")]
    NotText,
}

impl ExtractError {
    /// Whether it may go well another time.
    pub fn is_retryable(&self) -> bool {
        false
    }
}

impl Extractor {
    /// One that runs `program`.
    pub fn new(_: PathBuf) -> Self {
        Self
    }

    /// The text of a file.
    pub async fn extract(
        &self,
        _: DocumentKind,
        _: Option<&str>,
        content: Bytes,
    ) -> Result<Vec<Page>, ExtractError> {
        let text = String::from_utf8(content.to_vec()).map_err(|_| ExtractError::NotText)?;
        if text.trim().is_empty() {
            return Err(ExtractError::Empty);
        }
        Ok(vec![Page { number: None, text }])
    }
}
