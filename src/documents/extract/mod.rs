//! Takes the text out of files. What a stranger uploads may be made to hurt whoever reads it: every file is read in
//! a process of its own, which limits itself ([`worker`]), and which is ended when it takes too long ([`child`]).
//! The server only passes bytes on and gets pages back.

mod charset;
mod child;
mod html;
mod lines;
mod pdf;
mod tidy;
pub(crate) mod worker;

pub use child::Extractor;

use serde::{Deserialize, Serialize};

/// Longest text of a document, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// Most pages of a document.
pub const MAX_PAGES: usize = 10_000;

/// The text of a page, or of a document that has no pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// From 1; `None` in a document without pages.
    pub number: Option<u32>,
    /// Its text; not empty, with `\n` between lines, an empty line between paragraphs, and no other control
    /// character than `\t`. Headings of HTML are written as those of Markdown.
    pub text: String,
}

/// Why there is no text: a sentence for whoever uploaded the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtractError {
    /// Nothing but white space, or pictures.
    #[error("the document has no text; a scanned page is a picture until its text is recognized")]
    Empty,
    /// A PDF with a password.
    #[error("the document is encrypted; save it without a password")]
    Encrypted,
    /// Neither UTF-8 nor the charset that was named.
    #[error("the text is not UTF-8; save it as UTF-8 or name its charset")]
    NotUtf8,
    /// Other data under the name of a text.
    #[error("the file is no text")]
    NotText,
    /// It cannot be read as what it says it is.
    #[error("the file is damaged, or is not what its name says")]
    Damaged,
    /// More text than is taken.
    #[error("the text is longer than 16 MiB or 10000 pages")]
    TooLarge,
    /// Its reader was ended.
    #[error("reading the document took too long")]
    TookTooLong,
    /// Its reader came to an end by itself, without an answer: memory or stack were used up.
    #[error("the document takes too much memory to be read")]
    TooMuchMemory,
    /// It was not read: no fault of the document.
    #[error("the document could not be read just now: {0}")]
    Unavailable(String),
}

impl ExtractError {
    /// Whether the same file may be read later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
