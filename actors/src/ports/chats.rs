//! Where chats are kept, what the documents of a project say, and who answers.

use std::fmt;
use std::time::Duration;

use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard_protocol::ids::{ChatId, DocumentId, MessageId, OrganizationId, ProjectId};

use super::{BoxFuture, Unavailable};

/// Who said something in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// A person.
    User,
    /// The language model, or what answers in its place.
    Assistant,
}

/// Where a chat belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatPlace {
    /// Its project.
    pub project: ProjectId,
    /// That project's organization.
    pub organization: OrganizationId,
}

/// A message to store.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// The chat it is said in; must exist.
    pub chat: ChatId,
    /// Who says it.
    pub speaker: Speaker,
    /// The words. A NUL, which no database takes, is stored as U+FFFD.
    pub content: String,
    /// Whether it is an answer that was stopped.
    pub partial: bool,
    /// What an answer is based on.
    pub sources: Option<Value>,
    /// What else is known of it, such as the model.
    pub metadata: Option<Value>,
}

/// What was said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub speaker: Speaker,
    /// The words.
    pub content: String,
}

/// Keeps projects, chats and what is said in them.
pub trait Chats: Send + Sync + 'static {
    /// The organization of a project; `None` for an unknown one.
    fn organization_of(
        &self,
        project: ProjectId,
    ) -> BoxFuture<Result<Option<OrganizationId>, Unavailable>>;

    /// Where a chat belongs; `None` for an unknown one.
    fn place_of(&self, chat: ChatId) -> BoxFuture<Result<Option<ChatPlace>, Unavailable>>;

    /// Stores a message behind all others of its chat; `None` where the chat is gone.
    fn append(&self, said: NewMessage) -> BoxFuture<Result<Option<MessageId>, Unavailable>>;

    /// The last `limit` turns of a chat before this message, in the order they were said.
    fn before(
        &self,
        chat: ChatId,
        message: MessageId,
        limit: u32,
    ) -> BoxFuture<Result<Vec<Turn>, Unavailable>>;
}

/// A chunk of a document that an answer is based on, as clients are told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// `chunk_` and a number.
    pub id: String,
    /// The chunk's words.
    pub content: String,
    /// Where they stand.
    pub metadata: SourceMetadata,
    /// From 0 to 1; what it means is the retrieval's, docs/chat.md says it.
    pub score: f64,
}

/// Where a chunk stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceMetadata {
    /// The document.
    pub document_id: DocumentId,
    /// The name of its file.
    pub filename: String,
    /// The chunk's number in the document, from 0.
    pub chunk_index: u32,
    /// The page on which it begins, from 1, where the document has pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

/// Finds what a project's documents say.
pub trait Retrieval: Send + Sync + 'static {
    /// The chunks that fit the question best, best first: at most five, and none below the least score.
    fn search(
        &self,
        project: ProjectId,
        question: String,
    ) -> BoxFuture<Result<Vec<Source>, Unavailable>>;
}

/// What a question wishes of who answers it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// A model's name; the configured one if absent.
    pub model: Option<String>,
    /// How freely it may choose its words; 0.7 if absent.
    pub temperature: Option<f64>,
}

/// Who answers, within the configured bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The model's name, as `metadata.model` says it; empty where the provider chooses.
    pub model: String,
    /// See [`Wishes::temperature`].
    pub temperature: f64,
}

/// A question, and all that is known for its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Who answers.
    pub settled: Settled,
    /// What the documents say, best first.
    pub sources: Vec<Source>,
    /// What was said before, in order.
    pub history: Vec<Turn>,
    /// The question.
    pub question: String,
}

/// Why a wish is refused: a sentence for who wished it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WishRefused(pub String);

/// Which part of an answer took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelStage {
    /// Reaching the model.
    Connect,
    /// Its first word.
    FirstToken,
    /// From one word to the next.
    NextToken,
}

impl fmt::Display for ModelStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "could not be reached in time",
            Self::FirstToken => "did not begin to answer in time",
            Self::NextToken => "stopped in the middle of its answer",
        })
    }
}

/// Why there is no answer, or no more of it. Told to whoever asked: no address and no key is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// It cannot be reached.
    #[error("the model cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("the model {0}")]
    TimedOut(ModelStage),
    /// It asks to be asked less often (HTTP 429).
    #[error("the model is asked too often just now")]
    RateLimited {
        /// When to try again, where it says so.
        retry_after: Option<Duration>,
    },
    /// It refused the request, by this HTTP status.
    #[error("the model refused the request (HTTP {status})")]
    Refused {
        /// The status.
        status: u16,
    },
    /// It said in the middle of its answer that it failed.
    #[error("the model failed in the middle of its answer")]
    Failed,
    /// Its answer ended without its end.
    #[error("the model's answer broke off")]
    BrokeOff,
    /// What it sent is no answer.
    #[error("the model's answer cannot be read")]
    Garbled,
    /// A line of its answer, or all of it, is longer than the bound.
    #[error("the model's answer is too long")]
    TooLong,
}

impl ModelError {
    /// Stable word for programs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "MODEL_UNREACHABLE",
            Self::TimedOut(_) => "MODEL_TIMED_OUT",
            Self::RateLimited { .. } => "MODEL_RATE_LIMITED",
            Self::Refused { .. } => "MODEL_REFUSED",
            Self::Failed => "MODEL_FAILED",
            Self::BrokeOff => "MODEL_BROKE_OFF",
            Self::Garbled => "MODEL_GARBLED",
            Self::TooLong => "ANSWER_TOO_LONG",
        }
    }

    /// Whether the same question may be answered later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { status } => *status >= 500,
            Self::Garbled | Self::TooLong => false,
            _ => true,
        }
    }
}

/// Answers questions.
pub trait LanguageModel: Send + Sync + 'static {
    /// What comes of wishes within the configured bounds.
    fn settle(&self, wishes: &Wishes) -> Result<Settled, WishRefused>;

    /// The answer, piece by piece, as it comes; none is empty. It ends after its last piece, or after an error. Dropping it stops the
    /// model's work.
    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<String, ModelError>>;
}
