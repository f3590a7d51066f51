//! Sessions with their channels, read by one statement, so that they are one consistent picture.

use sqlx::AnyConnection;
use switchboard_protocol::ids::{OrganizationId, SessionId};

use super::session_rows::{Row, fold};
use super::{Database, commit, finals, now_ms, refers_to_nothing};
use crate::store::error::StoreError;
use crate::store::model::{NewSession, Session, SessionChange};
use crate::store::password::PasswordHash;

/// Selects one session; its twins select a page of an organization's, and of those to be recorded.
const SELECT_ONE: &str = "SELECT s.*, c.channel_index, c.name AS channel_name, c.language \
     FROM sessions s LEFT JOIN channels c ON c.session_id = s.id \
     WHERE s.id = $1 ORDER BY c.channel_index";

const SELECT_PAGE: &str = "SELECT s.*, c.channel_index, c.name AS channel_name, c.language \
     FROM (SELECT * FROM sessions WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3) s \
     LEFT JOIN channels c ON c.session_id = s.id ORDER BY s.id, c.channel_index";

const SELECT_RECORDED: &str = "SELECT s.*, c.channel_index, c.name AS channel_name, c.language \
     FROM (SELECT * FROM sessions WHERE record = 1 AND id > $1 ORDER BY id LIMIT $2) s \
     LEFT JOIN channels c ON c.session_id = s.id ORDER BY s.id, c.channel_index";

impl Database {
    pub(in crate::store) async fn session(
        &self,
        id: &SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let operation = format!("read session {id}");
        let rows: Vec<Row> = sqlx::query_as(SELECT_ONE)
            .bind(id.as_str())
            .fetch_all(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        Ok(fold(rows, &operation)?.pop())
    }

    pub(in crate::store) async fn sessions_of(
        &self,
        organization: &OrganizationId,
        after: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let operation = format!("list the sessions of organization {organization}");
        let rows: Vec<Row> = sqlx::query_as(SELECT_PAGE)
            .bind(organization.as_str())
            // The empty text sorts before every id.
            .bind(after.map_or("", SessionId::as_str))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        fold(rows, &operation)
    }

    pub(in crate::store) async fn recorded_sessions(
        &self,
        after: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let operation = "list the sessions to be recorded";
        let rows: Vec<Row> = sqlx::query_as(SELECT_RECORDED)
            .bind(after.map_or("", SessionId::as_str))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| StoreError::query(operation, error))?;
        fold(rows, operation)
    }

    pub(in crate::store) async fn create_session(
        &self,
        new: NewSession,
    ) -> Result<Session, StoreError> {
        let operation = format!("create session {}", new.id);
        let query = |error| StoreError::query(&operation, error);
        let mut transaction = self.begin(&operation).await?;
        let session = created(new, now_ms());
        match insert(&mut transaction, &session).await {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::SessionExists(session.id)),
            Err(error) if refers_to_nothing(&error) => {
                return Err(StoreError::UnknownOrganization(session.organization));
            }
            Err(error) => return Err(query(error)),
        }
        insert_channels(&mut transaction, &session)
            .await
            .map_err(query)?;
        commit(transaction, &operation).await?;
        Ok(session)
    }

    pub(in crate::store) async fn update_session(
        &self,
        id: &SessionId,
        change: SessionChange,
    ) -> Result<Option<Session>, StoreError> {
        let operation = format!("update session {id}");
        let query = |error| StoreError::query(&operation, error);
        let mut transaction = self.begin(&operation).await?;
        // Written before it is read: that locks the row, and nobody's change is lost between reading and writing.
        sqlx::query("UPDATE sessions SET updated_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(now_ms())
            .execute(&mut *transaction)
            .await
            .map_err(query)?;
        let Some(mut session) = select(&mut transaction, id, &operation).await? else {
            return Ok(None);
        };
        change.apply(&mut session);
        update(&mut transaction, &session).await.map_err(query)?;
        sqlx::query("DELETE FROM channels WHERE session_id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(query)?;
        insert_channels(&mut transaction, &session)
            .await
            .map_err(query)?;
        commit(transaction, &operation).await?;
        Ok(Some(session))
    }

    pub(in crate::store) async fn delete_session(
        &self,
        id: &SessionId,
    ) -> Result<bool, StoreError> {
        let operation = format!("delete session {id}");
        let query = |error| StoreError::query(&operation, error);
        let mut transaction = self.begin(&operation).await?;
        let deleted = sqlx::query("DELETE FROM sessions WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(query)?;
        finals::delete(&mut transaction, id).await.map_err(query)?;
        commit(transaction, &operation).await?;
        Ok(deleted.rows_affected() > 0)
    }
}

async fn select(
    connection: &mut AnyConnection,
    id: &SessionId,
    operation: &str,
) -> Result<Option<Session>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(SELECT_ONE)
        .bind(id.as_str())
        .fetch_all(connection)
        .await
        .map_err(|error| StoreError::query(operation, error))?;
    Ok(fold(rows, operation)?.pop())
}

/// Inserts a session, unless there is one of its id.
async fn insert(connection: &mut AnyConnection, session: &Session) -> Result<bool, sqlx::Error> {
    sqlx::query(
        "INSERT INTO sessions (id, name, organization_id, visibility, owner, password_hash, record, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(session.id.as_str())
    .bind(&session.name)
    .bind(session.organization.as_str())
    .bind(session.visibility.stored())
    .bind(session.owner.as_ref().map(|owner| owner.as_str()))
    .bind(session.password.as_ref().map(PasswordHash::stored))
    .bind(i64::from(session.record))
    .bind(i64::try_from(session.created_at_ms).unwrap_or(i64::MAX))
    .execute(connection)
    .await
    .map(|done| done.rows_affected() > 0)
}

async fn update(connection: &mut AnyConnection, session: &Session) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE sessions SET name = $2, visibility = $3, owner = $4, password_hash = $5, record = $6 \
         WHERE id = $1",
    )
    .bind(session.id.as_str())
    .bind(&session.name)
    .bind(session.visibility.stored())
    .bind(session.owner.as_ref().map(|owner| owner.as_str()))
    .bind(session.password.as_ref().map(PasswordHash::stored))
    .bind(i64::from(session.record))
    .execute(connection)
    .await
    .map(drop)
}

async fn insert_channels(
    connection: &mut AnyConnection,
    session: &Session,
) -> Result<(), sqlx::Error> {
    for channel in &session.channels {
        sqlx::query(
            "INSERT INTO channels (session_id, channel_index, name, language) VALUES ($1, $2, $3, $4)",
        )
        .bind(session.id.as_str())
        .bind(i64::from(channel.index))
        .bind(&channel.name)
        .bind(&channel.language)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn created(new: NewSession, now: i64) -> Session {
    let now = u64::try_from(now).unwrap_or_default();
    let mut channels = new.channels;
    channels.sort_by_key(|channel| channel.index);
    Session {
        id: new.id,
        name: new.name,
        organization: new.organization,
        visibility: new.visibility,
        owner: new.owner,
        password: new.password,
        record: new.record,
        channels,
        created_at_ms: now,
        updated_at_ms: now,
    }
}
