//! The vectors of chunks. Their table is not one of the migrations: PostgreSQL needs the extension pgvector for it, which
//! a database without embeddings need not have. Search is exact, over all vectors of a project: SQLite's by sqlite-vec's
//! `vec_distance_cosine` over BLOBs of little-endian f32, PostgreSQL's by `<=>` over pgvector's type, passed as text.

use sqlx::any::AnyArguments;
use sqlx::query::QueryAs;
use sqlx::{Any, AssertSqlSafe, FromRow};
use switchboard_protocol::ids::{DocumentId, ProjectId};

use super::chunks::Row;
use super::engine::Kind;
use super::{Database, commit, stored};
use crate::store::document_model::{ChunkText, FoundChunk};
use crate::store::error::StoreError;

/// One vector for each chunk: another model's takes its place. Vectors of another length, which a model has when its
/// server has changed it, are not compared.
const SQLITE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS chunk_vectors (\
     chunk_id INTEGER NOT NULL PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE, \
     project_id INTEGER NOT NULL, model TEXT NOT NULL, length INTEGER NOT NULL, vector BLOB NOT NULL) STRICT",
    INDEX,
];
const POSTGRES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS chunk_vectors (\
     chunk_id BIGINT NOT NULL PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE, \
     project_id BIGINT NOT NULL, model TEXT NOT NULL, length BIGINT NOT NULL, vector vector NOT NULL)",
    INDEX,
];
const INDEX: &str = "CREATE INDEX IF NOT EXISTS chunk_vectors_by_project ON chunk_vectors (project_id, model, length)";

/// Held while the table is made: several switchboards may start at once, and IF NOT EXISTS looks before it makes.
const LOCK: &str = "SELECT CAST(pg_advisory_xact_lock(7305808869231650162) AS TEXT)";
const EXTENSION: &str = "CREATE EXTENSION IF NOT EXISTS vector";

const WITHOUT: &str = "SELECT c.id, c.content FROM chunks c JOIN documents d ON d.id = c.document_id \
     LEFT JOIN chunk_vectors v ON v.chunk_id = c.id AND v.model = $1 \
     WHERE c.id > $2 AND v.chunk_id IS NULL AND ";

#[derive(FromRow)]
struct Near {
    #[sqlx(flatten)]
    chunk: Row,
    /// SQLite has none where a vector is 0, PostgreSQL none that is a number.
    distance: Option<f64>,
}

impl Database {
    pub(in crate::store) async fn prepare_vectors(&self) -> Result<(), StoreError> {
        let operation = "prepare the table of vectors";
        let query = |error| StoreError::query(operation, error);
        let mut transaction = self.begin(operation).await?;
        let statements = match self.engine.kind() {
            Kind::Sqlite => SQLITE,
            Kind::Postgres => {
                let lock = sqlx::query(LOCK).execute(&mut *transaction).await;
                lock.map_err(query)?;
                let extension = sqlx::query(EXTENSION).execute(&mut *transaction).await;
                extension.map_err(|error| match error.as_database_error() {
                    Some(why) => StoreError::NoVectors(why.message().to_owned()),
                    None => query(error),
                })?;
                POSTGRES
            }
        };
        for statement in statements {
            let made = sqlx::query(statement).execute(&mut *transaction).await;
            made.map_err(query)?;
        }
        commit(transaction, operation).await
    }

    pub(in crate::store) async fn put_vectors(
        &self,
        model: &str,
        vectors: &[(u64, Vec<f32>)],
    ) -> Result<(), StoreError> {
        let operation = "put vectors";
        let kind = self.engine.kind();
        let mut transaction = self.begin(operation).await?;
        for (chunk, vector) in vectors {
            let put = sqlx::query(put(kind))
                .bind(stored(*chunk))
                .bind(model)
                .bind(stored(vector.len() as u64));
            let put = match kind {
                Kind::Sqlite => put.bind(blob(vector)),
                Kind::Postgres => put.bind(text(vector)),
            };
            put.execute(&mut *transaction)
                .await
                .map_err(|error| StoreError::query(operation, error))?;
        }
        commit(transaction, operation).await
    }

    pub(in crate::store) async fn nearest(
        &self,
        project: ProjectId,
        model: &str,
        vector: &[f32],
        limit: u32,
    ) -> Result<Vec<(f64, FoundChunk)>, StoreError> {
        let operation = format!("search the vectors of project {project}");
        let kind = self.engine.kind();
        let select: QueryAs<'_, Any, Near, AnyArguments> =
            sqlx::query_as(AssertSqlSafe(nearest(kind)))
                .bind(stored(project.get()))
                .bind(model)
                .bind(stored(vector.len() as u64))
                .bind(i64::from(limit));
        let select = match kind {
            Kind::Sqlite => select.bind(blob(vector)),
            Kind::Postgres => select.bind(text(vector)),
        };
        let near = select.fetch_all(&self.reader).await;
        let near = near.map_err(|error| StoreError::query(&operation, error))?;
        let scored = near.into_iter().filter_map(|near| {
            let score = 1.0 - near.distance.filter(|distance| distance.is_finite())?;
            Some((score.clamp(0.0, 1.0), near.chunk))
        });
        scored
            .map(|(score, chunk)| Ok((score, chunk.read(&operation)?)))
            .collect()
    }

    pub(in crate::store) async fn chunks_without_vectors(
        &self,
        model: &str,
        document: Option<DocumentId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ChunkText>, StoreError> {
        let which = match document {
            Some(_) => "c.document_id = $3",
            None => "d.status = 'completed' AND $3 = 0",
        };
        let statement = format!("{WITHOUT}{which} ORDER BY c.id LIMIT $4");
        let rows: Vec<(i64, String)> = sqlx::query_as(AssertSqlSafe(statement))
            .bind(model)
            .bind(stored(after))
            .bind(document.map_or(0, |document| stored(document.get())))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| StoreError::query("look for chunks without vectors", error))?;
        let chunk = |(id, content)| ChunkText {
            id: u64::try_from(id).unwrap_or_default(),
            content,
        };
        Ok(rows.into_iter().map(chunk).collect())
    }
}

/// Nothing is put for a chunk that is gone meanwhile. PostgreSQL keeps it from going in between.
fn put(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "INSERT INTO chunk_vectors (chunk_id, project_id, model, length, vector) \
             SELECT id, project_id, $2, $3, $4 FROM chunks WHERE id = $1 \
             ON CONFLICT (chunk_id) DO UPDATE SET \
             model = excluded.model, length = excluded.length, vector = excluded.vector"
        }
        Kind::Postgres => {
            "INSERT INTO chunk_vectors (chunk_id, project_id, model, length, vector) \
             SELECT id, project_id, $2, $3, CAST($4 AS vector) FROM chunks WHERE id = $1 FOR KEY SHARE \
             ON CONFLICT (chunk_id) DO UPDATE SET \
             model = excluded.model, length = excluded.length, vector = excluded.vector"
        }
    }
}

/// The statement for the nearest chunks, nearest first. Words are read of those alone.
fn nearest(kind: Kind) -> String {
    let distance = match kind {
        Kind::Sqlite => "vec_distance_cosine(v.vector, $5)",
        Kind::Postgres => "v.vector <=> CAST($5 AS vector)",
    };
    format!(
        "SELECT c.id, c.document_id, d.filename, c.chunk_index, c.page, c.content, near.distance FROM \
         (SELECT v.chunk_id AS id, {distance} AS distance FROM chunk_vectors v \
          JOIN chunks c ON c.id = v.chunk_id JOIN documents d ON d.id = c.document_id \
          WHERE v.project_id = $1 AND v.model = $2 AND v.length = $3 AND d.status = 'completed' \
          ORDER BY distance, v.chunk_id LIMIT $4) AS near \
         JOIN chunks c ON c.id = near.id JOIN documents d ON d.id = c.document_id \
         ORDER BY near.distance, c.id"
    )
}

/// A vector as sqlite-vec reads it.
fn blob(vector: &[f32]) -> Vec<u8> {
    vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// A vector as pgvector reads it.
fn text(vector: &[f32]) -> String {
    let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}
