//! Conversations: what has been uploaded, and how far its transcription is.

use switchboard_actors::ports::Conversation;
use switchboard_protocol::ids::{ConversationId, OrganizationId};

use super::{Database, corrupt, now_ms, refers_to_nothing};
use crate::store::error::StoreError;
use crate::store::model::{ConversationChange, state_from_stored, state_stored};

/// Ids that one statement asks for.
const IDS_AT_ONCE: usize = 16;

const SELECT_UNFINISHED: &str = "SELECT * FROM conversations \
     WHERE organization_id = $1 AND state IN ('pending', 'started', 'processing') \
     ORDER BY created_at, id LIMIT $2";

const SELECT_THESE: &str = "SELECT * FROM conversations WHERE organization_id = $1 AND id IN \
     ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// A conversation, and what orders it.
#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organization_id: String,
    name: String,
    state: String,
    progress: i64,
    created_at: i64,
}

impl Row {
    fn read(self, operation: &str) -> Result<Conversation, StoreError> {
        let id = self.id.as_str().try_into();
        let organization = self.organization_id.as_str().try_into();
        Ok(Conversation {
            id: id.map_err(|_| corrupt(operation, "id", &self.id))?,
            name: self.name,
            organization: organization
                .map_err(|_| corrupt(operation, "organization_id", &self.organization_id))?,
            state: state_from_stored(&self.state)
                .ok_or_else(|| corrupt(operation, "state", &self.state))?,
            progress: u8::try_from(self.progress)
                .map_err(|_| corrupt(operation, "progress", self.progress))?,
        })
    }
}

impl Database {
    pub(in crate::store) async fn create_conversation(
        &self,
        new: Conversation,
    ) -> Result<Conversation, StoreError> {
        let operation = format!("create conversation {}", new.id);
        let inserted = sqlx::query(
            "INSERT INTO conversations (id, organization_id, name, state, progress, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(new.id.as_str())
        .bind(new.organization.as_str())
        .bind(&new.name)
        .bind(state_stored(new.state))
        .bind(i64::from(new.progress))
        .bind(now_ms())
        .execute(&self.writer)
        .await;
        match inserted {
            Ok(done) if done.rows_affected() == 0 => Err(StoreError::ConversationExists(new.id)),
            Ok(_) => Ok(new),
            Err(error) if refers_to_nothing(&error) => {
                Err(StoreError::UnknownOrganization(new.organization))
            }
            Err(error) => Err(StoreError::query(operation, error)),
        }
    }

    pub(in crate::store) async fn conversation(
        &self,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let operation = format!("read conversation {id}");
        let row: Option<Row> = sqlx::query_as("SELECT * FROM conversations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        row.map(|row| row.read(&operation)).transpose()
    }

    pub(in crate::store) async fn update_conversation(
        &self,
        id: &ConversationId,
        change: ConversationChange,
    ) -> Result<Option<Conversation>, StoreError> {
        let operation = format!("update conversation {id}");
        let row: Option<Row> = sqlx::query_as(
            "UPDATE conversations SET name = COALESCE($2, name), state = COALESCE($3, state), \
             progress = COALESCE($4, progress), updated_at = $5 WHERE id = $1 RETURNING *",
        )
        .bind(id.as_str())
        .bind(change.name)
        .bind(change.state.map(state_stored))
        .bind(change.progress.map(i64::from))
        .bind(now_ms())
        .fetch_optional(&self.writer)
        .await
        .map_err(|error| StoreError::query(&operation, error))?;
        row.map(|row| row.read(&operation)).transpose()
    }

    pub(in crate::store) async fn delete_conversation(
        &self,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let operation = format!("delete conversation {id}");
        let row: Option<Row> =
            sqlx::query_as("DELETE FROM conversations WHERE id = $1 RETURNING *")
                .bind(id.as_str())
                .fetch_optional(&self.writer)
                .await
                .map_err(|error| StoreError::query(&operation, error))?;
        row.map(|row| row.read(&operation)).transpose()
    }

    /// The oldest `limit` unfinished conversations of an organization and those of `tracked`, oldest first.
    pub(in crate::store) async fn conversations(
        &self,
        organization: &OrganizationId,
        tracked: &[ConversationId],
        limit: u32,
    ) -> Result<Vec<Conversation>, StoreError> {
        let operation = format!("list the conversations of organization {organization}");
        let query = |error| StoreError::query(&operation, error);
        let mut rows: Vec<Row> = sqlx::query_as(SELECT_UNFINISHED)
            .bind(organization.as_str())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await
            .map_err(query)?;
        for ids in tracked.chunks(IDS_AT_ONCE) {
            let mut select = sqlx::query_as(SELECT_THESE).bind(organization.as_str());
            for place in 0..IDS_AT_ONCE {
                // No conversation has the empty id.
                select = select.bind(ids.get(place).map_or("", ConversationId::as_str));
            }
            rows.extend(select.fetch_all(&self.reader).await.map_err(query)?);
        }
        rows.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        // Read a little later, the second of two wins: it is on the same place or not there at all.
        rows.dedup_by(|later, first| {
            let same = later.id == first.id;
            if same {
                std::mem::swap(later, first);
            }
            same
        });
        rows.into_iter().map(|row| row.read(&operation)).collect()
    }
}
