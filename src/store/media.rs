//! The store's conversations: what REST changes, and what media watchers poll.

use switchboard_actors::ports::{BoxFuture, Conversation, Media, Unavailable};
use switchboard_protocol::ids::{ConversationId, OrganizationId};

use super::error::StoreError;
use super::model::ConversationChange;
use super::{Store, unavailable};

/// Unfinished conversations of one organization that a poll looks at.
const MAX_UNFINISHED: u32 = 1_000;

impl Store {
    /// Creates a conversation. Fails with [`StoreError::UnknownOrganization`] or
    /// [`StoreError::ConversationExists`].
    pub async fn create_conversation(&self, new: Conversation) -> Result<Conversation, StoreError> {
        self.database
            .in_time(self.database.create_conversation(new))
            .await
    }

    /// The conversation of this id.
    pub async fn conversation(
        &self,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        self.database.in_time(self.database.conversation(id)).await
    }

    /// Changes a conversation and returns it as it is now, or `None` if there is none of this id.
    pub async fn update_conversation(
        &self,
        id: &ConversationId,
        change: ConversationChange,
    ) -> Result<Option<Conversation>, StoreError> {
        self.database
            .in_time(self.database.update_conversation(id, change))
            .await
    }

    /// Deletes a conversation and returns what it was, or `None` if there was none of this id.
    pub async fn delete_conversation(
        &self,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        self.database
            .in_time(self.database.delete_conversation(id))
            .await
    }
}

/// In the order of their creation; of what is unfinished the oldest 1,000.
impl Media for Store {
    fn poll(
        &self,
        organization: OrganizationId,
        tracked: Vec<ConversationId>,
    ) -> BoxFuture<Result<Vec<Conversation>, Unavailable>> {
        let database = self.database.clone();
        Box::pin(async move {
            let read = database.conversations(&organization, &tracked, MAX_UNFINISHED);
            database.in_time(read).await.map_err(unavailable)
        })
    }
}
