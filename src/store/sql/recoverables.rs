//! Recoverable sockets: saved and forgotten a batch at a time, found by the private id.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AnyConnection, AssertSqlSafe};
use switchboard_actors::ports::Recoverable;

use super::batch::{pieces, places};
use super::engine::Kind;
use super::{Database, commit, corrupt, now_ms, stored};
use crate::store::error::StoreError;

/// Columns of a row.
const COLUMNS: usize = 6;

/// A socket that was read.
#[derive(sqlx::FromRow)]
struct Row {
    pid: String,
    sid: String,
    principal: String,
    rooms: String,
    is_watching: i64,
}

impl Database {
    /// Adds or replaces `kept` and removes `gone`, in one write.
    pub(in crate::store) async fn save_recoverables(
        &self,
        kept: Vec<Recoverable>,
        gone: Vec<String>,
    ) -> Result<(), StoreError> {
        let operation = format!(
            "save {} recoverable sockets and forget {}",
            kept.len(),
            gone.len()
        );
        let query = |error| StoreError::query(&operation, error);
        let gone: BTreeSet<String> = gone.into_iter().collect();
        // No statement changes a row twice, and two switchboards lock the rows in one order.
        let kept: BTreeMap<String, Recoverable> = kept
            .into_iter()
            .filter(|one| !gone.contains(&one.pid))
            .map(|one| (one.pid.clone(), one))
            .collect();
        let kept: Vec<Recoverable> = kept.into_values().collect();
        let gone: Vec<String> = gone.into_iter().collect();
        let mut transaction = self.begin(&operation).await?;
        let kind = self.engine.kind();
        let now = now_ms();
        for rows in pieces(&kept) {
            upsert(&mut transaction, kind, rows, now)
                .await
                .map_err(query)?;
        }
        for pids in pieces(&gone) {
            delete(&mut transaction, kind, pids).await.map_err(query)?;
        }
        commit(transaction, &operation).await
    }

    pub(in crate::store) async fn recoverable(
        &self,
        pid: &str,
    ) -> Result<Option<Recoverable>, StoreError> {
        // A pid is a secret, so that it is in no message.
        let operation = "read a recoverable socket";
        let row: Option<Row> = sqlx::query_as(
            "SELECT pid, sid, principal, rooms, is_watching FROM recoverables WHERE pid = $1",
        )
        .bind(pid)
        .fetch_optional(&self.reader)
        .await
        .map_err(|error| StoreError::query(operation, error))?;
        row.map(|row| row.read(operation)).transpose()
    }

    /// Removes what was saved before `before_ms`; says how many.
    pub(in crate::store) async fn purge_recoverables(
        &self,
        before_ms: u64,
    ) -> Result<u64, StoreError> {
        sqlx::query("DELETE FROM recoverables WHERE saved_at < $1")
            .bind(stored(before_ms))
            .execute(&self.writer)
            .await
            .map(|done| done.rows_affected())
            .map_err(|error| StoreError::query("forget old recoverable sockets", error))
    }
}

impl Row {
    fn read(self, operation: &str) -> Result<Recoverable, StoreError> {
        let rooms = serde_json::from_str(&self.rooms);
        Ok(Recoverable {
            rooms: rooms.map_err(|_| corrupt(operation, "rooms", self.rooms))?,
            pid: self.pid,
            sid: self.sid,
            principal: self.principal,
            is_watching: self.is_watching != 0,
        })
    }
}

async fn upsert(
    connection: &mut AnyConnection,
    kind: Kind,
    rows: &[Recoverable],
    now: i64,
) -> Result<(), sqlx::Error> {
    // Nothing but numbers goes into the text.
    let statement = format!(
        "INSERT INTO recoverables (pid, sid, principal, rooms, is_watching, saved_at) VALUES {} \
         ON CONFLICT (pid) DO UPDATE SET sid = excluded.sid, principal = excluded.principal, \
         rooms = excluded.rooms, is_watching = excluded.is_watching, saved_at = excluded.saved_at",
        places(kind, rows.len(), COLUMNS)
    );
    let mut upsert = sqlx::query(AssertSqlSafe(statement));
    for row in rows {
        let rooms = serde_json::to_string(&row.rooms).expect("rooms are strings");
        upsert = upsert
            .bind(&row.pid)
            .bind(&row.sid)
            .bind(&row.principal)
            .bind(rooms)
            .bind(i64::from(row.is_watching))
            .bind(now);
    }
    upsert.execute(connection).await.map(drop)
}

async fn delete(
    connection: &mut AnyConnection,
    kind: Kind,
    pids: &[String],
) -> Result<(), sqlx::Error> {
    let statement = format!(
        "DELETE FROM recoverables WHERE pid IN {}",
        places(kind, 1, pids.len())
    );
    let mut delete = sqlx::query(AssertSqlSafe(statement));
    for pid in pids {
        delete = delete.bind(pid);
    }
    delete.execute(connection).await.map(drop)
}
