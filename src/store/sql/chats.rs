//! Chats.

use switchboard_protocol::ids::{ChatId, ProjectId};

use super::projects::read_id;
use super::{Database, now_ms, refers_to_nothing, stored};
use crate::store::chat_model::Chat;
use crate::store::error::StoreError;

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    project_id: i64,
    title: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn read(self, operation: &str) -> Result<Chat, StoreError> {
        Ok(Chat {
            id: read_id(self.id, "id", operation)?,
            project: read_id(self.project_id, "project_id", operation)?,
            title: self.title,
            created_at_ms: u64::try_from(self.created_at).unwrap_or_default(),
            updated_at_ms: u64::try_from(self.updated_at).unwrap_or_default(),
        })
    }
}

impl Database {
    pub(in crate::store) async fn create_chat(
        &self,
        project: ProjectId,
        title: Option<String>,
    ) -> Result<Chat, StoreError> {
        let operation = format!("create a chat of project {project}");
        let inserted: Result<Row, sqlx::Error> = sqlx::query_as(
            "INSERT INTO chats (project_id, title, created_at, updated_at) VALUES ($1, $2, $3, $3) \
             RETURNING *",
        )
        .bind(stored(project.get()))
        .bind(title)
        .bind(now_ms())
        .fetch_one(&self.writer)
        .await;
        match inserted {
            Ok(row) => row.read(&operation),
            Err(error) if refers_to_nothing(&error) => Err(StoreError::UnknownProject(project)),
            Err(error) => Err(StoreError::query(operation, error)),
        }
    }

    pub(in crate::store) async fn chat(&self, id: ChatId) -> Result<Option<Chat>, StoreError> {
        let operation = format!("read chat {id}");
        let row: Option<Row> = sqlx::query_as("SELECT * FROM chats WHERE id = $1")
            .bind(stored(id.get()))
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        row.map(|row| row.read(&operation)).transpose()
    }

    pub(in crate::store) async fn chats_of(
        &self,
        project: ProjectId,
        after: Option<ChatId>,
        limit: u32,
    ) -> Result<Vec<Chat>, StoreError> {
        let operation = format!("list the chats of project {project}");
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM chats WHERE project_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(stored(project.get()))
        .bind(after.map_or(0, |id| stored(id.get())))
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await
        .map_err(|error| StoreError::query(&operation, error))?;
        rows.into_iter().map(|row| row.read(&operation)).collect()
    }

    pub(in crate::store) async fn delete_chat(&self, id: ChatId) -> Result<bool, StoreError> {
        sqlx::query("DELETE FROM chats WHERE id = $1")
            .bind(stored(id.get()))
            .execute(&self.writer)
            .await
            .map(|done| done.rows_affected() > 0)
            .map_err(|error| StoreError::query(format!("delete chat {id}"), error))
    }
}
