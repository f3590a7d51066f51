//! Projects, chats, messages and documents as they are given out, named as the chat events name things.

use serde::Serialize;
use serde_json::Value;
use switchboard_actors::ports::Speaker;
use switchboard_protocol::ids::{ChatId, DocumentId, MessageId, OrganizationId, ProjectId};
use utoipa::ToSchema;

use crate::store::{Chat, Document, DocumentStatus, Message, Project};

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

/// A document.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct DocumentView<'a> {
    #[schema(value_type = u64)]
    id: DocumentId,
    /// The project's id.
    #[schema(value_type = u64)]
    project: ProjectId,
    filename: &'a str,
    /// `text`, `markdown`, `html` or `pdf`.
    kind: &'static str,
    /// The file's size.
    bytes: u64,
    /// `waiting`, `processing`, `completed` or `failed`.
    #[schema(value_type = String, pattern = "^(waiting|processing|completed|failed)$")]
    status: DocumentStatus,
    /// How far it is, in percent.
    #[schema(maximum = 100)]
    progress: u8,
    /// Why it failed: a sentence for people; absent unless it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// How many chunks of it are searched; 0 until it is completed.
    chunks: u32,
    /// Milliseconds since the epoch.
    created_at: u64,
    /// When its status or progress last changed, in milliseconds since the epoch.
    updated_at: u64,
}

impl<'a> From<&'a Document> for DocumentView<'a> {
    fn from(document: &'a Document) -> Self {
        Self {
            id: document.id,
            project: document.project,
            filename: &document.filename,
            kind: document.kind.as_str(),
            bytes: document.bytes,
            status: document.status,
            progress: document.progress,
            error: document.error.as_deref(),
            chunks: document.chunks,
            created_at: document.created_at_ms,
            updated_at: document.updated_at_ms,
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
