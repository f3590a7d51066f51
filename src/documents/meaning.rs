//! Search by meaning: vectors of chunks and of questions, made by an embeddings server and compared by the database.

use std::sync::Arc;

use switchboard_actors::ports::Source;
use switchboard_protocol::ids::{DocumentId, ProjectId};

use super::embeddings::{EmbedError, Embedder};
use super::retrieval;
use crate::config::Embeddings;
use crate::store::{ChunkText, Store, StoreError};

/// Chunks that are embedded by one request.
const BATCH: u32 = 64;

/// Vectors in a store; clones share it.
#[derive(Clone)]
pub struct Meaning {
    store: Store,
    embedder: Arc<Embedder>,
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub enum MeaningError {
    /// The embeddings server failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Meaning {
    /// Makes room for vectors in `store`; fails where the database cannot compare them.
    pub async fn prepare(config: &Embeddings, store: &Store) -> anyhow::Result<Self> {
        store.prepare_vectors().await?;
        Ok(Self {
            store: store.clone(),
            embedder: Arc::new(Embedder::new(config)?),
        })
    }

    /// Gives each chunk of a document its vector; `done` is told how many more have theirs.
    pub(super) async fn index(
        &self,
        document: DocumentId,
        mut done: impl FnMut(usize),
    ) -> Result<(), MeaningError> {
        let mut after = 0;
        loop {
            let chunks = self.without(Some(document), after).await?;
            let Some(last) = chunks.last() else {
                return Ok(());
            };
            after = last.id;
            let count = chunks.len();
            self.embed(chunks).await?;
            done(count);
        }
    }

    /// Gives some chunks their vectors that were indexed before there were any, or by another model; false where there
    /// is none.
    pub(super) async fn catch_up(&self) -> Result<bool, MeaningError> {
        let chunks = self.without(None, 0).await?;
        let is_behind = !chunks.is_empty();
        if is_behind {
            self.embed(chunks).await?;
        }
        Ok(is_behind)
    }

    /// The chunks of a project that are nearest to a question, nearest first: `limit` at most. A score is 1 minus the
    /// cosine distance.
    pub(super) async fn sources(
        &self,
        project: ProjectId,
        question: String,
        limit: u32,
    ) -> Result<Vec<Source>, MeaningError> {
        let vectors = self.embedder.embed(vec![question]).await?;
        let model = self.embedder.model_name();
        let found = self
            .store
            .nearest(project, model, &vectors[0], limit)
            .await?;
        let source = |(score, chunk)| retrieval::source(chunk, score);
        Ok(found.into_iter().map(source).collect())
    }

    async fn without(
        &self,
        document: Option<DocumentId>,
        after: u64,
    ) -> Result<Vec<ChunkText>, StoreError> {
        let model = self.embedder.model_name();
        self.store
            .chunks_without_vectors(model, document, after, BATCH)
            .await
    }

    async fn embed(&self, chunks: Vec<ChunkText>) -> Result<(), MeaningError> {
        let (ids, texts): (Vec<_>, Vec<_>) = chunks.into_iter().map(|c| (c.id, c.content)).unzip();
        let vectors = self.embedder.embed(texts).await?;
        let vectors: Vec<_> = ids.into_iter().zip(vectors).collect();
        let model = self.embedder.model_name();
        Ok(self.store.put_vectors(model, &vectors).await?)
    }
}
