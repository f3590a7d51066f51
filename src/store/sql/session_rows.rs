//! From rows to sessions: one row per channel comes in, one session goes out.

use super::corrupt;
use crate::store::error::StoreError;
use crate::store::model::{Channel, Session, Visibility};
use crate::store::password::PasswordHash;

/// A session's columns, and one of its channels' if it has any.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    name: String,
    organization_id: String,
    visibility: String,
    owner: Option<String>,
    password_hash: Option<String>,
    record: i64,
    created_at: i64,
    updated_at: i64,
    channel_index: Option<i64>,
    channel_name: Option<String>,
    language: Option<String>,
}

/// Joins neighbouring rows of one session.
pub(super) fn fold(rows: Vec<Row>, operation: &str) -> Result<Vec<Session>, StoreError> {
    let mut sessions: Vec<Session> = Vec::new();
    for mut row in rows {
        let channel = channel(&mut row, operation)?;
        if sessions
            .last()
            .is_none_or(|session| session.id.as_str() != row.id)
        {
            sessions.push(session(row, operation)?);
        }
        if let (Some(session), Some(channel)) = (sessions.last_mut(), channel) {
            session.channels.push(channel);
        }
    }
    Ok(sessions)
}

fn channel(row: &mut Row, operation: &str) -> Result<Option<Channel>, StoreError> {
    let (Some(index), Some(name), Some(language)) = (
        row.channel_index,
        row.channel_name.take(),
        row.language.take(),
    ) else {
        return Ok(None);
    };
    let index = u16::try_from(index).map_err(|_| corrupt(operation, "channel_index", index))?;
    Ok(Some(Channel {
        index,
        name,
        language,
    }))
}

fn session(row: Row, operation: &str) -> Result<Session, StoreError> {
    let owner = match row.owner {
        Some(owner) => Some(
            owner
                .as_str()
                .try_into()
                .map_err(|_| corrupt(operation, "owner", owner))?,
        ),
        None => None,
    };
    Ok(Session {
        id: row
            .id
            .as_str()
            .try_into()
            .map_err(|_| corrupt(operation, "id", row.id))?,
        name: row.name,
        organization: row
            .organization_id
            .as_str()
            .try_into()
            .map_err(|_| corrupt(operation, "organization_id", row.organization_id))?,
        visibility: Visibility::from_stored(&row.visibility)
            .ok_or_else(|| corrupt(operation, "visibility", row.visibility))?,
        owner,
        password: row.password_hash.map(PasswordHash::from_stored),
        record: row.record != 0,
        channels: Vec::new(),
        created_at_ms: u64::try_from(row.created_at).unwrap_or_default(),
        updated_at_ms: u64::try_from(row.updated_at).unwrap_or_default(),
    })
}
