//! The store as the chats' actors know it.

use switchboard_actors::ports::{BoxFuture, ChatPlace, Chats, NewMessage, Turn, Unavailable};
use switchboard_protocol::ids::{ChatId, MessageId, OrganizationId, ProjectId};

use super::error::StoreError;
use super::{Store, unavailable};

impl Chats for Store {
    fn organization_of(
        &self,
        project: ProjectId,
    ) -> BoxFuture<Result<Option<OrganizationId>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let project = store.project(project).await.map_err(unavailable)?;
            Ok(project.map(|project| project.organization))
        })
    }

    fn place_of(&self, chat: ChatId) -> BoxFuture<Result<Option<ChatPlace>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let Some(chat) = store.chat(chat).await.map_err(unavailable)? else {
                return Ok(None);
            };
            let project = store.project(chat.project).await.map_err(unavailable)?;
            Ok(project.map(|project| ChatPlace {
                project: project.id,
                organization: project.organization,
            }))
        })
    }

    fn append(&self, said: NewMessage) -> BoxFuture<Result<Option<MessageId>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            match store.append_message(said).await {
                Ok(stored) => Ok(Some(stored.id)),
                Err(StoreError::UnknownChat(_)) => Ok(None),
                Err(error) => Err(unavailable(error)),
            }
        })
    }

    fn before(
        &self,
        chat: ChatId,
        message: MessageId,
        limit: u32,
    ) -> BoxFuture<Result<Vec<Turn>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let said = store.messages_before(chat, message, limit).await;
            let turns = said.map_err(unavailable)?.into_iter().map(|message| Turn {
                speaker: message.said.speaker,
                content: message.said.content,
            });
            Ok(turns.collect())
        })
    }
}
