//! Conversations as JSON, named as LinTO's clients know them: what is taken, checked, and what is given, over REST
//! and in `conversation_created`.

use serde::{Deserialize, Serialize};
use switchboard_actors::ports::{Conversation, TranscriptionState};
use switchboard_protocol::ids::{ConversationId, OrganizationId};
use utoipa::ToSchema;

use crate::json_object::Object;
use crate::session_body::{Invalid, MAX_NAME, check_text};
use crate::store::ConversationChange;

/// A conversation to create. Without `jobs` its transcription is pending.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateConversation {
    /// Its id; a random one if absent.
    #[serde(rename = "_id")]
    #[schema(value_type = Option<String>, max_length = 128, pattern = "^[A-Za-z0-9._:~-]+$")]
    pub(super) id: Option<ConversationId>,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The organization's id.
    #[schema(value_type = String, max_length = 128, pattern = "^[A-Za-z0-9._:~-]+$")]
    organization: OrganizationId,
    #[schema(value_type = Option<JobsChange>)]
    jobs: Option<Object<JobsChange>>,
}

impl CreateConversation {
    /// The conversation to create under `id`.
    pub(super) fn into_new(self, id: ConversationId) -> Result<Conversation, Invalid> {
        check_text("name", &self.name, MAX_NAME)?;
        let (state, progress) = taken(self.jobs)?;
        Ok(Conversation {
            id,
            name: self.name,
            organization: self.organization,
            state: state.unwrap_or(TranscriptionState::Pending),
            progress: progress.unwrap_or(0),
        })
    }
}

/// What to change: absent fields stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchConversation {
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    #[schema(value_type = Option<JobsChange>)]
    jobs: Option<Object<JobsChange>>,
}

impl PatchConversation {
    /// The change to make.
    pub(super) fn into_change(self) -> Result<ConversationChange, Invalid> {
        if let Some(name) = &self.name {
            check_text("name", name, MAX_NAME)?;
        }
        let (state, progress) = taken(self.jobs)?;
        Ok(ConversationChange {
            name: self.name,
            state,
            progress,
        })
    }
}

/// What is done with a recording, as it is taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct JobsChange {
    #[schema(value_type = TranscriptionChange)]
    transcription: Object<TranscriptionChange>,
}

/// How far a transcription is, as it is taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TranscriptionChange {
    #[schema(value_type = Option<String>, pattern = "^(pending|started|processing|done|error)$")]
    state: Option<TranscriptionState>,
    /// Percent; a fraction is rounded down.
    #[schema(minimum = 0, maximum = 100)]
    progress: Option<f64>,
}

fn taken(
    jobs: Option<Object<JobsChange>>,
) -> Result<(Option<TranscriptionState>, Option<u8>), Invalid> {
    let Some(Object(JobsChange { transcription })) = jobs else {
        return Ok((None, None));
    };
    let Object(transcription) = transcription;
    let progress = match transcription.progress {
        None => None,
        // The cast rounds down, and is exact within these bounds.
        Some(percent) if (0.0..=100.0).contains(&percent) => Some(percent as u8),
        Some(_) => return Err(Invalid("progress must be 0 to 100".to_owned())),
    };
    Ok((transcription.state, progress))
}

/// A conversation as it is given out.
#[derive(Serialize, ToSchema)]
pub(super) struct ConversationView<'a> {
    #[serde(rename = "_id")]
    #[schema(value_type = String)]
    id: &'a ConversationId,
    name: &'a str,
    #[schema(value_type = String)]
    organization: &'a OrganizationId,
    jobs: Jobs,
}

/// What is done with a recording.
#[derive(Serialize, ToSchema)]
struct Jobs {
    transcription: Transcription,
}

/// How far a transcription is.
#[derive(Serialize, ToSchema)]
struct Transcription {
    #[schema(value_type = String, pattern = "^(pending|started|processing|done|error)$")]
    state: TranscriptionState,
    /// Percent.
    #[schema(maximum = 100)]
    progress: u8,
}

impl<'a> From<&'a Conversation> for ConversationView<'a> {
    fn from(conversation: &'a Conversation) -> Self {
        let transcription = Transcription {
            state: conversation.state,
            progress: conversation.progress,
        };
        Self {
            id: &conversation.id,
            name: &conversation.name,
            organization: &conversation.organization,
            jobs: Jobs { transcription },
        }
    }
}
