//! Leases: which switchboard processes which document, and what it writes meanwhile. Every write begins by looking for its
//! lease, so that whoever has lost it changes nothing.

use std::time::Duration;

use bytes::Bytes;
use sqlx::{Any, AnyConnection, Transaction};
use switchboard_protocol::ids::DocumentId;
use uuid::Uuid;

use super::documents::read_kind;
use super::projects::read_id;
use super::{Database, commit, corrupt, now_ms, stored};
use crate::store::document_model::Lease;
use crate::store::error::StoreError;

const SELECT_NEXT: &str = "SELECT id FROM documents WHERE status IN ('waiting', 'processing') AND lease_until <= $1 \
     ORDER BY id LIMIT 1";

const TAKE: &str = "UPDATE documents SET status = 'processing', progress = 0, tries = tries + 1, lease = $3, \
     lease_until = $4, updated_at = $2 \
     WHERE id = $1 AND status IN ('waiting', 'processing') AND lease_until <= $2 \
     RETURNING project_id, kind, charset, tries";

#[derive(sqlx::FromRow)]
struct Row {
    project_id: i64,
    kind: String,
    charset: Option<String>,
    tries: i64,
}

impl Database {
    pub(in crate::store) async fn take_document(
        &self,
        time: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let operation = "take a document to process";
        let query = |error| StoreError::query(operation, error);
        loop {
            let now = now_ms();
            let next: Option<i64> = sqlx::query_scalar(SELECT_NEXT)
                .bind(now)
                .fetch_optional(&self.reader)
                .await
                .map_err(query)?;
            let Some(id) = next else { return Ok(None) };
            let token = Uuid::new_v4().to_string();
            let taken: Option<Row> = sqlx::query_as(TAKE)
                .bind(id)
                .bind(now)
                .bind(&token)
                .bind(end_of(now, time))
                .fetch_optional(&self.writer)
                .await
                .map_err(query)?;
            // Else somebody was faster: the next one, then.
            if let Some(row) = taken {
                return row.read(id, token, operation).map(Some);
            }
        }
    }

    pub(in crate::store) async fn upload(&self, lease: &Lease) -> Result<Bytes, StoreError> {
        let id = lease.document;
        let content: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT content FROM uploads WHERE document_id = $1")
                .bind(stored(id.get()))
                .fetch_optional(&self.reader)
                .await
                .map_err(|error| StoreError::query(format!("read the file {id}"), error))?;
        content.map(Bytes::from).ok_or(StoreError::LeaseLost(id))
    }

    pub(in crate::store) async fn renew_lease(
        &self,
        lease: &Lease,
        time: Duration,
    ) -> Result<(), StoreError> {
        let until = end_of(now_ms(), time);
        let renewed =
            sqlx::query("UPDATE documents SET lease_until = $3 WHERE id = $1 AND lease = $2")
                .bind(stored(lease.document.get()))
                .bind(&lease.token)
                .bind(until)
                .execute(&self.writer)
                .await;
        held(lease, renewed)
    }

    pub(in crate::store) async fn complete_document(
        &self,
        lease: &Lease,
        chunks: usize,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(&operation(lease)).await?;
        let completed = sqlx::query(
            "UPDATE documents SET status = 'completed', progress = 100, chunks = $3, lease = NULL, updated_at = $4 \
             WHERE id = $1 AND lease = $2",
        )
        .bind(stored(lease.document.get()))
        .bind(&lease.token)
        .bind(stored(chunks as u64))
        .bind(now_ms())
        .execute(&mut *transaction)
        .await;
        held(lease, completed)?;
        forget_upload(&mut transaction, lease).await?;
        commit(transaction, &operation(lease)).await
    }

    pub(in crate::store) async fn fail_document(
        &self,
        lease: &Lease,
        error: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(&operation(lease)).await?;
        let failed = sqlx::query(
            "UPDATE documents SET status = 'failed', progress = 0, error = $3, lease = NULL, updated_at = $4 \
             WHERE id = $1 AND lease = $2",
        )
        .bind(stored(lease.document.get()))
        .bind(&lease.token)
        .bind(error.replace('\0', "\u{fffd}"))
        .bind(now_ms())
        .execute(&mut *transaction)
        .await;
        held(lease, failed)?;
        remove_chunks(&mut transaction, lease).await?;
        forget_upload(&mut transaction, lease).await?;
        commit(transaction, &operation(lease)).await
    }

    pub(in crate::store) async fn release_document(
        &self,
        lease: &Lease,
        pause: Duration,
        is_try: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(&operation(lease)).await?;
        let now = now_ms();
        let released = sqlx::query(
            "UPDATE documents SET status = 'waiting', progress = 0, tries = tries - $3, lease = NULL, \
             lease_until = $4, updated_at = $5 WHERE id = $1 AND lease = $2",
        )
        .bind(stored(lease.document.get()))
        .bind(&lease.token)
        .bind(i64::from(!is_try))
        .bind(end_of(now, pause))
        .bind(now)
        .execute(&mut *transaction)
        .await;
        held(lease, released)?;
        remove_chunks(&mut transaction, lease).await?;
        commit(transaction, &operation(lease)).await
    }

    /// Begins a write of whoever has the lease, which takes note of its progress.
    pub(super) async fn begin_leased(
        &self,
        lease: &Lease,
        progress: u8,
    ) -> Result<Transaction<'static, Any>, StoreError> {
        let mut transaction = self.begin(&operation(lease)).await?;
        let noted = sqlx::query(
            "UPDATE documents SET progress = $3, updated_at = $4 WHERE id = $1 AND lease = $2",
        )
        .bind(stored(lease.document.get()))
        .bind(&lease.token)
        .bind(i64::from(progress))
        .bind(now_ms())
        .execute(&mut *transaction)
        .await;
        held(lease, noted)?;
        Ok(transaction)
    }
}

impl Row {
    fn read(self, id: i64, token: String, operation: &str) -> Result<Lease, StoreError> {
        Ok(Lease {
            document: read_id(id, "id", operation)?,
            project: read_id(self.project_id, "project_id", operation)?,
            kind: read_kind(&self.kind, operation)?,
            charset: self.charset,
            tries: u32::try_from(self.tries)
                .map_err(|_| corrupt(operation, "tries", self.tries))?,
            token,
        })
    }
}

/// What is done under a lease, for messages.
pub(super) fn operation(lease: &Lease) -> String {
    let id: DocumentId = lease.document;
    format!("process document {id}")
}

/// Removes a document's chunks, inside a write.
pub(super) async fn remove_chunks(
    connection: &mut AnyConnection,
    lease: &Lease,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM chunks WHERE document_id = $1")
        .bind(stored(lease.document.get()))
        .execute(connection)
        .await
        .map(drop)
        .map_err(|error| failed(lease, error))
}

async fn forget_upload(connection: &mut AnyConnection, lease: &Lease) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM uploads WHERE document_id = $1")
        .bind(stored(lease.document.get()))
        .execute(connection)
        .await
        .map(drop)
        .map_err(|error| failed(lease, error))
}

/// Whether a write found its lease.
fn held(
    lease: &Lease,
    done: Result<sqlx::any::AnyQueryResult, sqlx::Error>,
) -> Result<(), StoreError> {
    match done.map_err(|error| failed(lease, error))?.rows_affected() {
        0 => Err(StoreError::LeaseLost(lease.document)),
        _ => Ok(()),
    }
}

pub(super) fn failed(lease: &Lease, error: sqlx::Error) -> StoreError {
    StoreError::query(operation(lease), error)
}

fn end_of(now: i64, time: Duration) -> i64 {
    now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
