//! The store's vectors: of each chunk at most one, by which chunks are found that mean what a question means. Needs
//! [`Store::prepare_vectors`] before everything else.

use switchboard_protocol::ids::{DocumentId, ProjectId};

use super::Store;
use super::document_model::{ChunkText, FoundChunk};
use super::error::StoreError;

impl Store {
    /// Makes the table of vectors, where there is none. Fails with [`StoreError::NoVectors`] on a PostgreSQL server
    /// without the extension pgvector.
    pub async fn prepare_vectors(&self) -> Result<(), StoreError> {
        self.database.in_time(self.database.prepare_vectors()).await
    }

    /// Keeps the vectors of chunks, by their ids, in the place of those that they have. Chunks that are gone are left
    /// out. A vector's numbers are finite, and not all 0.
    pub async fn put_vectors(
        &self,
        model: &str,
        vectors: &[(u64, Vec<f32>)],
    ) -> Result<(), StoreError> {
        self.database
            .in_time(self.database.put_vectors(model, vectors))
            .await
    }

    /// The chunks of a project's completed documents whose vectors of this model are nearest to `vector`, nearest
    /// first; each with 1 minus the cosine distance, from 0 (nothing in common) to 1 (the same direction). Vectors of
    /// another length are not looked at.
    pub async fn nearest(
        &self,
        project: ProjectId,
        model: &str,
        vector: &[f32],
        limit: u32,
    ) -> Result<Vec<(f64, FoundChunk)>, StoreError> {
        self.database
            .in_time(self.database.nearest(project, model, vector, limit))
            .await
    }

    /// Chunks without a vector of this model, by ascending id, those after the id `after`: of one document, whatever
    /// its status, or of all that are completed. An empty list is the end.
    pub async fn chunks_without_vectors(
        &self,
        model: &str,
        document: Option<DocumentId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ChunkText>, StoreError> {
        let chunks = self
            .database
            .chunks_without_vectors(model, document, after, limit);
        self.database.in_time(chunks).await
    }
}
