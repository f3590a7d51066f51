//! What the store keeps of documents: the files that are in a project, and the chunks of them that are searched. Parsed
//! when read, trusted after.

use bytes::Bytes;
use serde::Serialize;
use switchboard_actors::ports::SourceMetadata;
use switchboard_protocol::ids::{DocumentId, ProjectId};

use crate::documents::DocumentKind;

/// Documents of a project at most.
pub const MAX_DOCUMENTS: u32 = 1_000;
/// Chunks of a document at most.
pub const MAX_CHUNKS: usize = 20_000;
/// Chunks of a project at most: what one question is looked for in.
pub const MAX_PROJECT_CHUNKS: u64 = 100_000;

/// A file to put into a project.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// The project; must exist.
    pub project: ProjectId,
    /// Its name, without a path.
    pub filename: String,
    /// What it is written in.
    pub kind: DocumentKind,
    /// Its characters' encoding, where its sender said so.
    pub charset: Option<String>,
    /// The file.
    pub content: Bytes,
}

/// How far a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// Nobody has begun with it.
    Waiting,
    /// Somebody works on it.
    Processing,
    /// It is searched.
    Completed,
    /// It could not be read.
    Failed,
}

/// A document of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id, unique over all projects and never given twice.
    pub id: DocumentId,
    /// The project it belongs to; never changes.
    pub project: ProjectId,
    /// See [`NewDocument::filename`].
    pub filename: String,
    /// See [`NewDocument::kind`].
    pub kind: DocumentKind,
    /// The file's size.
    pub bytes: u64,
    /// How far it is.
    pub status: DocumentStatus,
    /// The same from 0 to 100; 0 of one that failed.
    pub progress: u8,
    /// Why it failed: a sentence for people.
    pub error: Option<String>,
    /// How many chunks are searched: none before they all are.
    pub chunks: u32,
    /// When it was put there, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// When its status or progress last changed, in milliseconds since the epoch.
    pub updated_at_ms: u64,
}

/// The right to process a document, until its time is over. Whoever takes it after that ends this one: its operations fail
/// with [`LeaseLost`](super::StoreError::LeaseLost), as they do when the document is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The document.
    pub document: DocumentId,
    /// Its project.
    pub project: ProjectId,
    /// See [`NewDocument::kind`].
    pub kind: DocumentKind,
    /// See [`NewDocument::charset`].
    pub charset: Option<String>,
    /// How often it was tried, this time included.
    pub tries: u32,
    /// Tells this lease from others of the document.
    pub(super) token: String,
}

/// A chunk to add to a document.
#[derive(Clone, Debug)]
pub struct NewChunk {
    /// Its number in the document, from 0.
    pub index: u32,
    /// The page on which it begins, from 1.
    pub page: Option<u32>,
    /// Its words.
    pub content: String,
    /// What it is found by, as [`terms::indexed`](crate::documents::terms::indexed) writes it.
    pub terms: String,
}

/// A chunk that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundChunk {
    /// Its id, unique over all projects.
    pub id: u64,
    /// Its words.
    pub content: String,
    /// Where they stand.
    pub place: SourceMetadata,
}

/// A chunk's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkText {
    /// Its id, unique over all projects.
    pub id: u64,
    /// Its words.
    pub content: String,
}

/// How often a question's terms occur in a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frequencies {
    /// Chunks of the project that are searched.
    pub chunks: u64,
    /// How many chunks contain each term, in the order in which they were asked for. May count some that are not
    /// searched yet.
    pub containing: Vec<u64>,
}

const WORDS: [(DocumentStatus, &str); 4] = [
    (DocumentStatus::Waiting, "waiting"),
    (DocumentStatus::Processing, "processing"),
    (DocumentStatus::Completed, "completed"),
    (DocumentStatus::Failed, "failed"),
];

impl DocumentStatus {
    /// How it is stored and given out.
    pub fn as_str(self) -> &'static str {
        let word = WORDS.iter().find(|(status, _)| *status == self);
        word.expect("every status has a word").1
    }

    /// Reads it back.
    pub(super) fn from_stored(word: &str) -> Option<Self> {
        let status = WORDS.iter().find(|(_, stored)| *stored == word);
        status.map(|(status, _)| *status)
    }
}
