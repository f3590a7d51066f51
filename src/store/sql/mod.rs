//! The database behind the store, SQLite or PostgreSQL, and the statements, one file per table family. One text
//! of SQL serves both: columns are TEXT and BIGINT, parameters are numbered, and a transaction begins with a
//! write, which takes the lock that the rest needs. Nothing outside `store/` sees SQL.

mod batch;
mod chats;
mod chunks;
mod conversations;
mod documents;
mod engine;
mod finals;
mod leases;
mod messages;
mod migrations;
mod organizations;
mod projects;
mod recoverables;
mod session_rights;
mod session_rows;
mod sessions;
mod trial;
mod vectors;

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::{Any, AnyPool, Transaction};

use super::error::StoreError;
use super::presence::Presence;
use engine::{Engine, Kind};

pub use trial::Trial;

/// An open database; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Database {
    engine: Engine,
    presence: Presence,
    /// For statements that only read.
    reader: AnyPool,
    /// For everything else. PostgreSQL has one pool for both.
    writer: AnyPool,
}

impl Database {
    /// Opens the database of a `sqlite://` or `postgres://` URL, and fails if it cannot be reached now.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let engine = Engine::of(url)?;
        engine.probe().await?;
        let (reader, writer) = engine.pools();
        Ok(Self {
            engine,
            presence: Presence::default(),
            reader,
            writer,
        })
    }

    /// Ends an operation when its time is over. Every operation goes through here.
    pub(super) async fn in_time<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.presence.in_time(operation).await
    }

    /// Whether a SQLite file has yet to be made; a server's database is there or not.
    pub(super) fn is_missing_file(url: &str) -> Result<bool, StoreError> {
        Ok(Engine::of(url)?.is_missing_file())
    }

    /// Whether the last operation found the database there.
    pub(super) fn is_there(&self) -> bool {
        self.presence.is_there()
    }

    /// Reads something small that is not in memory.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query(self.engine.smallest_read())
            .execute(&self.reader)
            .await
            .map(drop)
            .map_err(|error| StoreError::query("reach the database", error))
    }

    /// Waits for running statements and closes the connections.
    pub(super) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Begins a write. In a task of its own, because a `BEGIN` that is dropped before PostgreSQL's answer would stay
    /// open: sqlx 0.9.0 returns its connection to the pool, and what is written through that later is seen by nobody
    /// (<https://github.com/transact-rs/sqlx/issues/4393>). The task waits for the answer, and rolls back what nobody
    /// takes.
    async fn begin(&self, operation: &str) -> Result<Transaction<'static, Any>, StoreError> {
        let (writer, statement) = (self.writer.clone(), self.engine.begin());
        let begun = tokio::spawn(async move { writer.begin_with(statement).await }).await;
        // A task that does not come to its end is the runtime's end.
        begun
            .unwrap_or(Err(sqlx::Error::PoolClosed))
            .map_err(|error| StoreError::query(operation, error))
    }
}

/// Ends a write.
async fn commit(transaction: Transaction<'static, Any>, operation: &str) -> Result<(), StoreError> {
    transaction
        .commit()
        .await
        .map_err(|error| StoreError::query(operation, error))
}

/// Whether a write was refused because what it refers to is not there.
fn refers_to_nothing(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_foreign_key_violation())
}

/// A stored value that this version does not write.
fn corrupt(operation: &str, column: &'static str, value: impl ToString) -> StoreError {
    StoreError::Corrupt {
        operation: operation.to_owned(),
        column,
        value: value.to_string(),
    }
}

/// Now, in milliseconds since the epoch.
fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What is beyond the database's numbers is beyond everything in it, too.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
