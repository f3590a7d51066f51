//! What was said in chats, append only.

use serde_json::Value;
use sqlx::AnyConnection;
use switchboard_actors::ports::{NewMessage, Speaker};
use switchboard_protocol::ids::{ChatId, MessageId};

use super::projects::read_id;
use super::{Database, commit, corrupt, now_ms, stored};
use crate::store::chat_model::{self, Message};
use crate::store::error::StoreError;

const SELECT_AFTER: &str =
    "SELECT * FROM messages WHERE chat_id = $1 AND id > $2 ORDER BY id LIMIT $3";

const SELECT_BEFORE: &str =
    "SELECT * FROM messages WHERE chat_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    role: String,
    content: String,
    partial: i64,
    sources: Option<String>,
    metadata: Option<String>,
    created_at: i64,
}

impl Row {
    fn read(self, chat: ChatId, operation: &str) -> Result<Message, StoreError> {
        let said = NewMessage {
            chat,
            speaker: speaker(&self.role).ok_or_else(|| corrupt(operation, "role", &self.role))?,
            content: self.content,
            partial: self.partial != 0,
            sources: json(self.sources, "sources", operation)?,
            metadata: json(self.metadata, "metadata", operation)?,
        };
        Ok(Message {
            id: read_id(self.id, "id", operation)?,
            created_at_ms: u64::try_from(self.created_at).unwrap_or_default(),
            said,
        })
    }
}

impl Database {
    pub(in crate::store) async fn append_message(
        &self,
        mut said: NewMessage,
    ) -> Result<Message, StoreError> {
        let operation = format!("store a message of chat {}", said.chat);
        let query = |error| StoreError::query(&operation, error);
        // PostgreSQL has no room for it.
        if said.content.contains('\0') {
            said.content = said.content.replace('\0', "\u{fffd}");
        }
        let now = now_ms();
        let mut transaction = self.begin(&operation).await?;
        // First, because it locks the chat: ids of its messages are then in the order in which they are there to be
        // read, and no reader passes one that comes later.
        let known = sqlx::query(
            "UPDATE chats SET updated_at = $2, title = COALESCE(title, $3) WHERE id = $1",
        )
        .bind(stored(said.chat.get()))
        .bind(now)
        .bind(chat_model::title(&said))
        .execute(&mut *transaction)
        .await
        .map_err(query)?;
        if known.rows_affected() == 0 {
            return Err(StoreError::UnknownChat(said.chat));
        }
        let id = insert(&mut transaction, &said, now).await.map_err(query)?;
        commit(transaction, &operation).await?;
        Ok(Message {
            id: read_id(id, "id", &operation)?,
            created_at_ms: u64::try_from(now).unwrap_or_default(),
            said,
        })
    }

    /// The first `limit` messages behind `after`, in order.
    pub(in crate::store) async fn messages_of(
        &self,
        chat: ChatId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let after = after.map_or(0, MessageId::get);
        self.messages(SELECT_AFTER, chat, after, limit).await
    }

    /// The last `limit` messages before this one, in order.
    pub(in crate::store) async fn messages_before(
        &self,
        chat: ChatId,
        before: MessageId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let mut messages = self
            .messages(SELECT_BEFORE, chat, before.get(), limit)
            .await?;
        messages.reverse();
        Ok(messages)
    }

    async fn messages(
        &self,
        select: &'static str,
        chat: ChatId,
        bound: u64,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let operation = format!("read the messages of chat {chat}");
        let rows: Vec<Row> = sqlx::query_as(select)
            .bind(stored(chat.get()))
            .bind(stored(bound))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        rows.into_iter()
            .map(|row| row.read(chat, &operation))
            .collect()
    }
}

/// How a speaker is stored.
fn word(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    }
}

fn speaker(word: &str) -> Option<Speaker> {
    Some(match word {
        "user" => Speaker::User,
        "assistant" => Speaker::Assistant,
        _ => return None,
    })
}

async fn insert(
    connection: &mut AnyConnection,
    said: &NewMessage,
    now: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO messages (chat_id, role, content, partial, sources, metadata, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    )
    .bind(stored(said.chat.get()))
    .bind(word(said.speaker))
    .bind(&said.content)
    .bind(i64::from(said.partial))
    .bind(said.sources.as_ref().map(Value::to_string))
    .bind(said.metadata.as_ref().map(Value::to_string))
    .bind(now)
    .fetch_one(connection)
    .await
}

fn json(
    text: Option<String>,
    column: &'static str,
    operation: &str,
) -> Result<Option<Value>, StoreError> {
    let read =
        |text: String| serde_json::from_str(&text).map_err(|_| corrupt(operation, column, text));
    text.map(read).transpose()
}
