//! Documents, as they are seen from outside: the files and how far they are.

use sqlx::AnyConnection;
use switchboard_protocol::ids::{DocumentId, ProjectId};

use super::projects::read_id;
use super::{Database, commit, corrupt, now_ms, stored};
use crate::documents::DocumentKind;
use crate::store::document_model::{Document, DocumentStatus, MAX_DOCUMENTS, NewDocument};
use crate::store::error::StoreError;

const SELECT: &str = "SELECT id, project_id, filename, kind, bytes, status, progress, error, chunks, created_at, \
     updated_at FROM documents WHERE id = $1";

const SELECT_PAGE: &str = "SELECT id, project_id, filename, kind, bytes, status, progress, error, chunks, created_at, \
     updated_at FROM documents WHERE project_id = $1 AND id > $2 ORDER BY id LIMIT $3";

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    project_id: i64,
    filename: String,
    kind: String,
    bytes: i64,
    status: String,
    progress: i64,
    error: Option<String>,
    chunks: i64,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn read(self, operation: &str) -> Result<Document, StoreError> {
        let status = DocumentStatus::from_stored(&self.status);
        Ok(Document {
            id: read_id(self.id, "id", operation)?,
            project: read_id(self.project_id, "project_id", operation)?,
            filename: self.filename,
            kind: read_kind(&self.kind, operation)?,
            bytes: u64::try_from(self.bytes).unwrap_or_default(),
            status: status.ok_or_else(|| corrupt(operation, "status", &self.status))?,
            progress: u8::try_from(self.progress)
                .map_err(|_| corrupt(operation, "progress", self.progress))?,
            error: self.error,
            chunks: u32::try_from(self.chunks).unwrap_or_default(),
            created_at_ms: u64::try_from(self.created_at).unwrap_or_default(),
            updated_at_ms: u64::try_from(self.updated_at).unwrap_or_default(),
        })
    }
}

impl Database {
    pub(in crate::store) async fn create_document(
        &self,
        new: NewDocument,
    ) -> Result<Document, StoreError> {
        let operation = format!("put a document into project {}", new.project);
        let query = |error| StoreError::query(&operation, error);
        let mut transaction = self.begin(&operation).await?;
        // A write that changes nothing locks the project: its documents are counted by one at a time.
        let known = sqlx::query("UPDATE projects SET name = name WHERE id = $1")
            .bind(stored(new.project.get()))
            .execute(&mut *transaction)
            .await
            .map_err(query)?;
        if known.rows_affected() == 0 {
            return Err(StoreError::UnknownProject(new.project));
        }
        let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM documents WHERE project_id = $1")
            .bind(stored(new.project.get()))
            .fetch_one(&mut *transaction)
            .await
            .map_err(query)?;
        if there >= i64::from(MAX_DOCUMENTS) {
            return Err(StoreError::TooManyDocuments(new.project));
        }
        let row = insert(&mut transaction, &new).await.map_err(query)?;
        commit(transaction, &operation).await?;
        row.read(&operation)
    }

    pub(in crate::store) async fn document(
        &self,
        id: DocumentId,
    ) -> Result<Option<Document>, StoreError> {
        let operation = format!("read document {id}");
        let row: Option<Row> = sqlx::query_as(SELECT)
            .bind(stored(id.get()))
            .fetch_optional(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        row.map(|row| row.read(&operation)).transpose()
    }

    pub(in crate::store) async fn documents_of(
        &self,
        project: ProjectId,
        after: Option<DocumentId>,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let operation = format!("list the documents of project {project}");
        let rows: Vec<Row> = sqlx::query_as(SELECT_PAGE)
            .bind(stored(project.get()))
            .bind(after.map_or(0, |id| stored(id.get())))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        rows.into_iter().map(|row| row.read(&operation)).collect()
    }

    pub(in crate::store) async fn delete_document(
        &self,
        id: DocumentId,
    ) -> Result<bool, StoreError> {
        sqlx::query("DELETE FROM documents WHERE id = $1")
            .bind(stored(id.get()))
            .execute(&self.writer)
            .await
            .map(|done| done.rows_affected() > 0)
            .map_err(|error| StoreError::query(format!("delete document {id}"), error))
    }

    /// Deletes one document of a project with its chunks; `false` if there is none left.
    pub(in crate::store) async fn delete_a_document_of(
        &self,
        project: ProjectId,
    ) -> Result<bool, StoreError> {
        sqlx::query(
            "DELETE FROM documents WHERE id = \
             (SELECT id FROM documents WHERE project_id = $1 ORDER BY id LIMIT 1)",
        )
        .bind(stored(project.get()))
        .execute(&self.writer)
        .await
        .map(|done| done.rows_affected() > 0)
        .map_err(|error| StoreError::query(format!("empty project {project}"), error))
    }
}

pub(super) fn read_kind(word: &str, operation: &str) -> Result<DocumentKind, StoreError> {
    DocumentKind::from_stored(word).ok_or_else(|| corrupt(operation, "kind", word))
}

async fn insert(connection: &mut AnyConnection, new: &NewDocument) -> Result<Row, sqlx::Error> {
    let row: Row = sqlx::query_as(
        "INSERT INTO documents (project_id, filename, kind, charset, bytes, status, progress, chunks, tries, \
         lease_until, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, 0, 0, 0, $6, $6) \
         RETURNING id, project_id, filename, kind, bytes, status, progress, error, chunks, created_at, updated_at",
    )
    .bind(stored(new.project.get()))
    .bind(&new.filename)
    .bind(new.kind.as_str())
    .bind(new.charset.as_deref())
    .bind(stored(new.content.len() as u64))
    .bind(now_ms())
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO uploads (document_id, content) VALUES ($1, $2)")
        .bind(row.id)
        .bind(&*new.content)
        .execute(connection)
        .await?;
    Ok(row)
}
