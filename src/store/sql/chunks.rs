//! Chunks: added a batch at a time under a lease, and found by their terms. The two databases index the same terms, and
//! differ in how they are asked for them ([`matches`]).

use std::sync::LazyLock;

use sqlx::{AnyConnection, AssertSqlSafe};
use switchboard_actors::ports::SourceMetadata;
use switchboard_protocol::ids::ProjectId;

use super::batch::{Texts, pieces, places};
use super::engine::Kind;
use super::leases::{failed, operation, remove_chunks};
use super::projects::read_id;
use super::{Database, commit, corrupt, stored};
use crate::documents::terms::Term;
use crate::store::document_model::{FoundChunk, Frequencies, Lease, MAX_PROJECT_CHUNKS, NewChunk};
use crate::store::error::StoreError;

/// Columns of a row.
const COLUMNS: usize = 6;

/// Nothing but numbers goes into the text.
static INSERT: LazyLock<Texts> = LazyLock::new(|| {
    Texts::new(|kind, rows| {
        format!(
            "INSERT INTO chunks (document_id, project_id, chunk_index, page, content, terms) VALUES {}",
            places(kind, rows, COLUMNS)
        )
    })
});

const COUNT: &str = "SELECT CAST(COALESCE(SUM(chunks), 0) AS BIGINT) FROM documents \
     WHERE project_id = $1 AND status = 'completed'";

/// A chunk that was found.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: i64,
    document_id: i64,
    filename: String,
    chunk_index: i64,
    page: Option<i64>,
    content: String,
}

impl Database {
    pub(in crate::store) async fn begin_chunks(
        &self,
        lease: &Lease,
        chunks: usize,
        progress: u8,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin_leased(lease, progress).await?;
        let there: i64 = sqlx::query_scalar(COUNT)
            .bind(stored(lease.project.get()))
            .fetch_one(&mut *transaction)
            .await
            .map_err(|error| failed(lease, error))?;
        if there.saturating_add(stored(chunks as u64)) > stored(MAX_PROJECT_CHUNKS) {
            return Err(StoreError::TooManyChunks(lease.project));
        }
        remove_chunks(&mut transaction, lease).await?;
        commit(transaction, &operation(lease)).await
    }

    pub(in crate::store) async fn add_chunks(
        &self,
        lease: &Lease,
        chunks: &[NewChunk],
        progress: u8,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin_leased(lease, progress).await?;
        for rows in pieces(chunks) {
            insert(&mut transaction, self.engine.kind(), lease, rows)
                .await
                .map_err(|error| failed(lease, error))?;
        }
        commit(transaction, &operation(lease)).await
    }

    pub(in crate::store) async fn frequencies(
        &self,
        project: ProjectId,
        terms: &[Term],
    ) -> Result<Frequencies, StoreError> {
        let operation = format!("count terms in project {project}");
        let query = |error| StoreError::query(&operation, error);
        let chunks: i64 = sqlx::query_scalar(COUNT)
            .bind(stored(project.get()))
            .fetch_one(&self.reader)
            .await
            .map_err(query)?;
        let kind = self.engine.kind();
        // Nothing but numbers goes into the text.
        let count = |place: usize| {
            let from = matches(kind, place + 1);
            format!("SELECT CAST({place} AS BIGINT) AS place, COUNT(*) AS found {from}")
        };
        let counts: Vec<String> = (0..terms.len()).map(count).collect();
        let mut containing = vec![0; terms.len()];
        if !counts.is_empty() {
            let text = counts.join(" UNION ALL ");
            let mut select = sqlx::query_as(AssertSqlSafe(text)).persistent(false);
            for term in terms {
                select = select.bind(asked(kind, project, term));
            }
            let found: Vec<(i64, i64)> = select.fetch_all(&self.reader).await.map_err(query)?;
            for (place, found) in found {
                let place =
                    usize::try_from(place).map_err(|_| corrupt(&operation, "place", place))?;
                containing[place] = u64::try_from(found).unwrap_or_default();
            }
        }
        Ok(Frequencies {
            chunks: u64::try_from(chunks).unwrap_or_default(),
            containing,
        })
    }

    pub(in crate::store) async fn best_chunks(
        &self,
        project: ProjectId,
        terms: &[(&Term, u32)],
        limit: u32,
    ) -> Result<Vec<FoundChunk>, StoreError> {
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let operation = format!("search project {project}");
        let kind = self.engine.kind();
        let mut select = sqlx::query_as(AssertSqlSafe(best(kind, terms)))
            .persistent(false)
            .bind(stored(project.get()))
            .bind(i64::from(limit));
        for (term, _) in terms {
            select = select.bind(asked(kind, project, term));
        }
        let rows: Vec<Row> = select
            .fetch_all(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        rows.into_iter().map(|row| row.read(&operation)).collect()
    }
}

impl Row {
    pub(super) fn read(self, operation: &str) -> Result<FoundChunk, StoreError> {
        let number = |value: i64, column| {
            u32::try_from(value).map_err(|_| corrupt(operation, column, value))
        };
        Ok(FoundChunk {
            id: u64::try_from(self.id).map_err(|_| corrupt(operation, "id", self.id))?,
            place: SourceMetadata {
                document_id: read_id(self.document_id, "document_id", operation)?,
                filename: self.filename,
                chunk_index: number(self.chunk_index, "chunk_index")?,
                page: self.page.map(|page| number(page, "page")).transpose()?,
            },
            content: self.content,
        })
    }
}

async fn insert(
    connection: &mut AnyConnection,
    kind: Kind,
    lease: &Lease,
    rows: &[NewChunk],
) -> Result<(), sqlx::Error> {
    let mut insert = sqlx::query(INSERT.of(kind, rows.len()));
    for row in rows {
        // PostgreSQL has no room for a NUL.
        let content = row.content.replace('\0', "\u{fffd}");
        insert = insert
            .bind(stored(lease.document.get()))
            .bind(stored(lease.project.get()))
            .bind(i64::from(row.index))
            .bind(row.page.map(i64::from))
            .bind(content)
            .bind(format!("{} {}", mark(lease.project), row.terms));
    }
    insert.execute(connection).await.map(drop)
}

/// The statement for the best chunks: `$1` is the project, `$2` the limit, then one parameter for each term. Of all that
/// contain a term no more than numbers are read; the rest is read of the best. Nothing but numbers goes into the text.
fn best(kind: Kind, terms: &[(&Term, u32)]) -> String {
    let id = match kind {
        Kind::Sqlite => "rowid",
        Kind::Postgres => "id",
    };
    let hit = |(place, (_, weight)): (usize, &(&Term, u32))| {
        let from = matches(kind, place + 3);
        format!("SELECT {id} AS id, CAST({weight} AS BIGINT) AS weight {from}")
    };
    let hits: Vec<String> = terms.iter().enumerate().map(hit).collect();
    let hits = hits.join(" UNION ALL ");
    format!(
        "SELECT c.id, c.document_id, d.filename, c.chunk_index, c.page, c.content FROM \
         (SELECT c.id AS id, SUM(hits.weight) AS weight FROM ({hits}) AS hits \
          JOIN chunks c ON c.id = hits.id JOIN documents d ON d.id = c.document_id \
          WHERE c.project_id = $1 AND d.status = 'completed' \
          GROUP BY c.id ORDER BY weight DESC, id LIMIT $2) AS best \
         JOIN chunks c ON c.id = best.id JOIN documents d ON d.id = c.document_id \
         ORDER BY best.weight DESC, best.id"
    )
}

/// The chunks that match the parameter of this number. PostgreSQL finds its index by this very expression.
fn matches(kind: Kind, parameter: usize) -> String {
    match kind {
        Kind::Sqlite => format!("FROM chunk_terms WHERE chunk_terms MATCH ${parameter}"),
        Kind::Postgres => format!(
            "FROM chunks WHERE array_to_tsvector(string_to_array(terms, ' ')) @@ CAST(${parameter} AS tsquery)"
        ),
    }
}

/// The parameter that asks for a project's chunks with a term. A term has no quote in it, nor anything else that means
/// something to either database.
fn asked(kind: Kind, project: ProjectId, term: &Term) -> String {
    let (mark, word) = (mark(project), term.as_str());
    match (kind, term.is_prefix()) {
        (Kind::Sqlite, false) => format!("\"{mark}\" AND \"{word}\""),
        (Kind::Sqlite, true) => format!("\"{mark}\" AND \"{word}\" *"),
        (Kind::Postgres, false) => format!("'{mark}' & '{word}'"),
        (Kind::Postgres, true) => format!("'{mark}' & '{word}':*"),
    }
}

/// What the chunks of a project have among their terms, and no text has.
fn mark(project: ProjectId) -> String {
    format!("#{project}")
}
