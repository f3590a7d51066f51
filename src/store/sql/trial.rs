//! Trying the database out: what `switchboard doctor` wants to know, leaving nothing behind.

use std::time::{Duration, Instant};

use super::{Database, Kind, now_ms};
use crate::store::error::StoreError;

/// What a trial found.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// How long it took to write a row, read it back and take it away again.
    pub took: Duration,
    /// How far the server's clock is from ours, in milliseconds; none where there is no server.
    pub clock_ahead_ms: Option<i64>,
}

impl Database {
    /// Writes a row, reads it back, and rolls it back.
    pub(in crate::store) async fn try_out(&self) -> Result<Trial, StoreError> {
        let operation = "write a row and read it back";
        let query = |error| StoreError::query(operation, error);
        let begun = Instant::now();
        let mut transaction = self.begin(operation).await?;
        let id = format!("doctor-{}", uuid::Uuid::new_v4());
        let now = now_ms();
        sqlx::query(
            "INSERT INTO organizations (id, name, created_at, updated_at) VALUES ($1, $1, $2, $2)",
        )
        .bind(&id)
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(query)?;
        let read: i64 = sqlx::query_scalar("SELECT created_at FROM organizations WHERE id = $1")
            .bind(&id)
            .fetch_one(&mut *transaction)
            .await
            .map_err(query)?;
        transaction.rollback().await.map_err(query)?;
        if read != now {
            return Err(super::corrupt(operation, "created_at", read));
        }
        Ok(Trial {
            took: begun.elapsed(),
            clock_ahead_ms: self.clock_ahead_ms().await?,
        })
    }

    async fn clock_ahead_ms(&self) -> Result<Option<i64>, StoreError> {
        if self.engine.kind() == Kind::Sqlite {
            return Ok(None);
        }
        let query = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
        let theirs: i64 = sqlx::query_scalar(query)
            .fetch_one(&self.reader)
            .await
            .map_err(|error| StoreError::query("ask for the server's clock", error))?;
        Ok(Some(theirs - now_ms()))
    }
}
