//! Projects, chats and messages as they are given out, named as the chat events name things.

use serde::Serialize;
use serde_json::Value;
use switchboard_actors::ports::Speaker;
use switchboard_protocol::ids::{ChatId, MessageId, OrganizationId, ProjectId};
use utoipa::ToSchema;

use crate::store::{Chat, Message, Project};

/// A project.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct ProjectView<'a> {
    #[schema(value_type = u64)]
    id: ProjectId,
    name: &'a str,
    /// The organization's id.
    #[schema(value_type = String)]
    organization: &'a OrganizationId,
    /// Milliseconds since the epoch.
    created_at: u64,
}

impl<'a> From<&'a Project> for ProjectView<'a> {
    fn from(project: &'a Project) -> Self {
        Self {
            id: project.id,
            name: &project.name,
            organization: &project.organization,
            created_at: project.created_at_ms,
        }
    }
}

/// A chat.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct ChatView<'a> {
    #[schema(value_type = u64)]
    id: ChatId,
    /// The project's id.
    #[schema(value_type = u64)]
    project: ProjectId,
    /// Its own, or the beginning of the first question; null before that.
    title: Option<&'a str>,
    /// Milliseconds since the epoch.
    created_at: u64,
    /// When something was last said, in milliseconds since the epoch.
    updated_at: u64,
}

impl<'a> From<&'a Chat> for ChatView<'a> {
    fn from(chat: &'a Chat) -> Self {
        Self {
            id: chat.id,
            project: chat.project,
            title: chat.title.as_deref(),
            created_at: chat.created_at_ms,
            updated_at: chat.updated_at_ms,
        }
    }
}

/// What was said.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct MessageView<'a> {
    #[schema(value_type = u64)]
    id: MessageId,
    /// `user` or `assistant`.
    #[schema(value_type = String, pattern = "^(user|assistant)$")]
    role: Speaker,
    content: &'a str,
    /// True for an answer that was stopped, else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<bool>,
    /// What an answer is based on, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    sources: Option<&'a Value>,
    /// What else is known of an answer, such as its `model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a Value>,
    /// Milliseconds since the epoch.
    created_at: u64,
}

impl<'a> From<&'a Message> for MessageView<'a> {
    fn from(message: &'a Message) -> Self {
        let said = &message.said;
        Self {
            id: message.id,
            role: said.speaker,
            content: &said.content,
            partial: said.partial.then_some(true),
            sources: said.sources.as_ref(),
            metadata: said.metadata.as_ref(),
            created_at: message.created_at_ms,
        }
    }
}
