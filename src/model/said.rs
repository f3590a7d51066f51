//! What one event of an answer says, in whatever form it was written.

use sse_stream::Sse;
use switchboard_actors::ports::ModelError;

use super::{anthropic, openai};
use crate::config::LlmProvider;

/// What one event says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The next piece of the answer; empty where the event has none.
    pub(super) text: String,
    /// Whether the model thinks aloud: no piece, but a sign of its work.
    pub(super) is_thought: bool,
    pub(super) end: End,
}

impl Said {
    pub(super) fn text(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }

    pub(super) fn thought(thought: &str) -> Self {
        Self {
            is_thought: !thought.is_empty(),
            ..Self::default()
        }
    }

    pub(super) fn the_end() -> Self {
        Self {
            end: End::Now,
            ..Self::default()
        }
    }
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// More is to come.
    #[default]
    NotYet,
    /// All is said: the stream may end here, though some servers say one thing more.
    May,
    /// Nothing more comes.
    Now,
}

/// Why there is no answer, or no more of it.
#[derive(Debug)]
pub(super) struct Fault {
    /// For who asked.
    pub(super) error: ModelError,
    /// For the log alone: it may be what the other side said.
    pub(super) why: String,
}

impl Fault {
    pub(super) fn new(error: ModelError, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { error, why }
    }

    /// The event is not to be understood. Only where it went wrong is kept: the text itself may be the answer's.
    pub(super) fn garbled(error: &serde_json::Error) -> Self {
        let (kind, column) = (error.classify(), error.column());
        let why = format!("an event is no JSON of an answer: {kind:?} error at byte {column}");
        Self::new(ModelError::Garbled, why)
    }
}

/// Reads an event in the form of this provider. Events without data say nothing.
pub(super) fn read(provider: LlmProvider, event: &Sse) -> Result<Said, Fault> {
    let data = event.data.as_deref().unwrap_or_default().trim();
    match provider {
        _ if data.is_empty() => Ok(Said::default()),
        LlmProvider::OpenAi => openai::read(data),
        LlmProvider::Anthropic => anthropic::read(data),
    }
}
