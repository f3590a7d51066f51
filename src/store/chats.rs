//! The store's projects and chats: what REST changes, and where questions and answers are kept.

use switchboard_actors::ports::NewMessage;
use switchboard_protocol::ids::{ChatId, MessageId, OrganizationId, ProjectId};

use super::chat_model::{Chat, Message, NewProject, Project};
use super::error::StoreError;
use super::{MAX_PAGE, Store};

impl Store {
    /// Creates a project. Fails with [`StoreError::UnknownOrganization`] or [`StoreError::ProjectExists`].
    pub async fn create_project(&self, new: NewProject) -> Result<Project, StoreError> {
        self.database
            .in_time(self.database.create_project(new))
            .await
    }

    /// The project of this id.
    pub async fn project(&self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        self.database.in_time(self.database.project(id)).await
    }

    /// A page of an organization's projects by ascending id, those after the id `after`: at most `limit`, and never
    /// more than 500. An empty page is the end.
    pub async fn projects_of(
        &self,
        organization: &OrganizationId,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Vec<Project>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.database
            .in_time(self.database.projects_of(organization, after, limit))
            .await
    }

    /// Deletes a project with its documents, its chats and their messages; `false` if there was none. When it fails, some
    /// of the documents may be deleted.
    pub async fn delete_project(&self, id: ProjectId) -> Result<bool, StoreError> {
        // One at a time: many chunks take a while, in which nobody else writes.
        while self
            .database
            .in_time(self.database.delete_a_document_of(id))
            .await?
        {}
        self.database
            .in_time(self.database.delete_project(id))
            .await
    }

    /// Creates a chat. Fails with [`StoreError::UnknownProject`].
    pub async fn create_chat(
        &self,
        project: ProjectId,
        title: Option<String>,
    ) -> Result<Chat, StoreError> {
        self.database
            .in_time(self.database.create_chat(project, title))
            .await
    }

    /// The chat of this id, in whatever project.
    pub async fn chat(&self, id: ChatId) -> Result<Option<Chat>, StoreError> {
        self.database.in_time(self.database.chat(id)).await
    }

    /// A page of a project's chats, as [`projects_of`](Self::projects_of).
    pub async fn chats_of(
        &self,
        project: ProjectId,
        after: Option<ChatId>,
        limit: u32,
    ) -> Result<Vec<Chat>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.database
            .in_time(self.database.chats_of(project, after, limit))
            .await
    }

    /// Deletes a chat with its messages; `false` if there was none.
    pub async fn delete_chat(&self, id: ChatId) -> Result<bool, StoreError> {
        self.database.in_time(self.database.delete_chat(id)).await
    }

    /// Stores what was said, behind everything that was said in the chat before; the first question names a chat
    /// without a title. Fails with [`StoreError::UnknownChat`].
    pub async fn append_message(&self, said: NewMessage) -> Result<Message, StoreError> {
        self.database
            .in_time(self.database.append_message(said))
            .await
    }

    /// A page of a chat's messages in the order they were said, those after the message `after`: at most `limit`, and
    /// never more than 500. An empty page is the end.
    pub async fn messages_of(
        &self,
        chat: ChatId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.database
            .in_time(self.database.messages_of(chat, after, limit))
            .await
    }

    /// The last `limit` messages of a chat before this one in the order they were said, never more than 500.
    pub async fn messages_before(
        &self,
        chat: ChatId,
        before: MessageId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.database
            .in_time(self.database.messages_before(chat, before, limit))
            .await
    }
}
