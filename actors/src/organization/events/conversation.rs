//! Conversations as they may travel: id, name, and how far the transcription is. Never a whole document.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use switchboard_protocol::events::CONVERSATION_PROCESSING;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::{ConversationId, OrganizationId};

use super::{Refused, check_organization, frame, read};
use crate::ports::{Conversation, TranscriptionState};

/// One conversation of a list: exactly `{_id, name, jobs:{transcription:{state, progress}}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Which conversation.
    #[serde(rename = "_id")]
    pub id: ConversationId,
    name: String,
    jobs: Jobs,
}

impl Item {
    /// Whether its transcription has ended, well or not.
    pub fn is_over(&self) -> bool {
        self.jobs.transcription.state.is_over()
    }

    /// How its transcription stands.
    pub fn state(&self) -> TranscriptionState {
        self.jobs.transcription.state
    }
}

impl From<Conversation> for Item {
    fn from(conversation: Conversation) -> Self {
        let transcription = Transcription {
            state: conversation.state,
            progress: conversation.progress,
        };
        Self {
            id: conversation.id,
            name: conversation.name,
            jobs: Jobs { transcription },
        }
    }
}

/// The event that says what is being processed.
pub fn list(items: &[Item]) -> Frame {
    frame(CONVERSATION_PROCESSING, &items)
}

/// What `conversation_created` may say: exactly `{_id, name, organization, jobs}`.
#[derive(Serialize)]
pub struct Created<'a> {
    #[serde(flatten)]
    item: Item,
    organization: &'a OrganizationId,
}

/// What `conversation_deleted` may say.
#[derive(Serialize, Deserialize)]
pub struct Deleted<'a> {
    pub id: ConversationId,
    #[serde(borrow, default = "word_deleted")]
    status: Cow<'a, str>,
}

fn word_deleted() -> Cow<'static, str> {
    Cow::Borrowed("deleted")
}

#[derive(Deserialize)]
struct Published<'a> {
    _id: ConversationId,
    name: String,
    #[serde(borrow)]
    organization: Option<Cow<'a, str>>,
    #[serde(default)]
    jobs: Jobs,
}

impl Published<'_> {
    fn reduce(self, organization: &OrganizationId) -> Result<Item, Refused> {
        check_organization(organization, self.organization.as_deref())?;
        Ok(Item {
            id: self._id,
            name: self.name,
            jobs: self.jobs,
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Jobs {
    transcription: Transcription,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Transcription {
    /// A word that is none of ours, for example a gateway's `queued`, counts as not begun.
    #[serde(deserialize_with = "state")]
    state: TranscriptionState,
    /// Percent; what is no number counts as 0.
    #[serde(deserialize_with = "progress")]
    progress: u8,
}

impl Default for Transcription {
    fn default() -> Self {
        Self {
            state: TranscriptionState::Pending,
            progress: 0,
        }
    }
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TranscriptionState, D::Error> {
    let published = Value::deserialize(deserializer)?;
    Ok(TranscriptionState::deserialize(published).unwrap_or(TranscriptionState::Pending))
}

fn progress<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let published = Value::deserialize(deserializer)?;
    let percent = published.as_f64().unwrap_or(0.0);
    Ok(percent.round().clamp(0.0, 100.0) as u8)
}

/// Reads `conversation_created`.
pub fn created<'a>(
    organization: &'a OrganizationId,
    payload: &[u8],
) -> Result<(ConversationId, Created<'a>), Refused> {
    let item = read::<Published>(payload)?.reduce(organization)?;
    let id = item.id.clone();
    Ok((id, Created { item, organization }))
}

/// Reads `conversation_deleted`.
pub fn deleted(payload: &[u8]) -> Result<Deleted<'_>, Refused> {
    read(payload)
}

/// Reads `conversation_processing`.
pub fn processing(organization: &OrganizationId, payload: &[u8]) -> Result<Vec<Item>, Refused> {
    let published: Vec<Published> = read(payload)?;
    let items = published.into_iter().map(|c| c.reduce(organization));
    items.collect()
}
