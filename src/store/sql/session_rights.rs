//! What decides who may join sessions: read for many of them by one statement, because it is asked for often and by many.

use std::collections::HashMap;
use std::sync::LazyLock;

use switchboard_protocol::ids::SessionId;

use super::batch::{Texts, pieces, places};
use super::{Database, corrupt};
use crate::store::error::StoreError;
use crate::store::model::{SessionRights, Visibility};

/// Nothing but numbers goes into the text.
static SELECT: LazyLock<Texts> = LazyLock::new(|| {
    Texts::new(|kind, rows| {
        format!(
            "SELECT id, organization_id, visibility, owner, \
             CAST(CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password \
             FROM sessions WHERE id IN {}",
            places(kind, 1, rows)
        )
    })
});

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    organization_id: String,
    visibility: String,
    owner: Option<String>,
    has_password: i64,
}

impl Database {
    /// Those of these sessions, in their order; `None` for unknown ones.
    pub(in crate::store) async fn session_rights(
        &self,
        ids: &[SessionId],
    ) -> Result<Vec<Option<SessionRights>>, StoreError> {
        let operation = match ids {
            [id] => format!("read the rights of session {id}"),
            ids => format!("read the rights of {} sessions", ids.len()),
        };
        let mut found = HashMap::with_capacity(ids.len());
        for piece in pieces(ids) {
            let mut select = sqlx::query_as(SELECT.of(self.engine.kind(), piece.len()));
            for id in piece {
                select = select.bind(id.as_str());
            }
            let rows: Vec<Row> = select
                .fetch_all(&self.reader)
                .await
                .map_err(|error| StoreError::query(&operation, error))?;
            for row in rows {
                let (id, rights) = row.read(&operation)?;
                found.insert(id, rights);
            }
        }
        Ok(ids
            .iter()
            .map(|id| found.get(id.as_str()).cloned())
            .collect())
    }
}

impl Row {
    fn read(self, operation: &str) -> Result<(String, SessionRights), StoreError> {
        let owner = self.owner.map(|owner| {
            let id = owner.as_str().try_into();
            id.map_err(|_| corrupt(operation, "owner", owner))
        });
        let organization = self.organization_id.as_str().try_into();
        let rights = SessionRights {
            organization: organization
                .map_err(|_| corrupt(operation, "organization_id", self.organization_id))?,
            visibility: Visibility::from_stored(&self.visibility)
                .ok_or_else(|| corrupt(operation, "visibility", self.visibility))?,
            owner: owner.transpose()?,
            has_password: self.has_password != 0,
        };
        Ok((self.id, rights))
    }
}
