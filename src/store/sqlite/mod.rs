//! The SQLite database behind the store: one writer (SQLite has no more), a few readers beside it (WAL), and
//! the statements, one file per table family. Nothing outside `store/` sees SQL.

mod organizations;
mod session_rows;
mod sessions;

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{SqliteConnection, Transaction};

use super::error::StoreError;

/// The schema's history, compiled in.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
/// Connections that only read.
const READERS: u32 = 4;
/// How long a statement waits for another process' write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an operation waits for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database file; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Database {
    reader: SqlitePool,
    writer: SqlitePool,
}

impl Database {
    /// Opens the file of a `sqlite://` URL, creating it if need be.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| StoreError::Url(error.to_string()))?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With WAL a power cut may lose the last commits, never the file's integrity.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT);
        let path = options.get_filename().display().to_string();
        let open = |source| StoreError::Open {
            path: path.clone(),
            source: Arc::new(source),
        };
        // The writer first: it creates the file and turns WAL on.
        let writer = pool(1).connect_with(options.clone()).await.map_err(open)?;
        let options = options.pragma("query_only", "ON");
        let reader = pool(READERS).connect_with(options).await.map_err(open)?;
        Ok(Self { reader, writer })
    }

    /// Brings the schema up to date.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        MIGRATIONS
            .run(&self.writer)
            .await
            .map_err(|error| StoreError::Migrate(Arc::new(error)))
    }

    /// Fails unless the schema is up to date.
    pub(super) async fn check_schema(&self) -> Result<(), StoreError> {
        let failed = |error| StoreError::query("read the schema's version", error);
        let query = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
        let tables: i64 = sqlx::query_scalar(query)
            .fetch_one(&self.reader)
            .await
            .map_err(failed)?;
        if tables == 0 {
            return Err(StoreError::SchemaBehind);
        }
        let query = "SELECT version FROM _sqlx_migrations WHERE success";
        let applied: Vec<i64> = sqlx::query_scalar(query)
            .fetch_all(&self.reader)
            .await
            .map_err(failed)?;
        let complete = MIGRATIONS
            .iter()
            .all(|migration| applied.contains(&migration.version));
        complete.then_some(()).ok_or(StoreError::SchemaBehind)
    }

    /// Reads something small.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT count(*) FROM sqlite_schema")
            .execute(&self.reader)
            .await
            .map(drop)
            .map_err(|error| StoreError::query("reach the database", error))
    }

    /// Waits for running statements and closes the file.
    pub(super) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Begins a write. `IMMEDIATE` takes the write lock now: a transaction that reads first and is refused the
    /// lock afterwards cannot wait for it (SQLITE_BUSY at once, whatever the timeout).
    async fn begin(&self, operation: &str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|error| StoreError::query(operation, error))
    }
}

/// Ends a write.
async fn commit(
    transaction: Transaction<'static, Sqlite>,
    operation: &str,
) -> Result<(), StoreError> {
    transaction
        .commit()
        .await
        .map_err(|error| StoreError::query(operation, error))
}

/// Whether a query by these keys finds a row, asked inside a write.
async fn exists(
    connection: &mut SqliteConnection,
    query: &'static str,
    keys: &[&str],
) -> Result<bool, sqlx::Error> {
    let query = keys
        .iter()
        .fold(sqlx::query(query), |query, key| query.bind(*key));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Asks [`exists`] for an organization.
const ORGANIZATION: &str = "SELECT 1 FROM organizations WHERE id = ?1";

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection to a file does not go stale; reopening one costs more than keeping it.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Now, in milliseconds since the epoch.
fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
