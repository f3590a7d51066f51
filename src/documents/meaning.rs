//! Search by meaning: vectors of chunks and of questions, made by an embeddings server and compared by the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use switchboard_actors::ports::Source;
use switchboard_protocol::ids::{DocumentId, ProjectId};

use super::embeddings::{EmbedError, Embedder};
use super::retrieval;
use crate::config::Embeddings;
use crate::store::{ChunkText, Store, StoreError};

/// Chunks that are embedded by one request.
const BATCH: u32 = 64;

/// Characters of a question that are embedded: many models take 512 tokens, and refuse longer texts.
const MAX_QUESTION: usize = 1_500;
/// How long a question's vector may take. Somebody waits for the answer.
const QUESTION_DEADLINE: Duration = Duration::from_secs(10);

/// Vectors in a store; clones share it.
#[derive(Clone)]
pub struct Meaning {
    store: Store,
    embedder: Arc<Embedder>,
    /// The last chunk, by its id, that was looked at when catching up.
    caught_up: Arc<AtomicU64>,
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
    /// The embeddings server took too long.
    #[error("the embeddings server did not answer within {0:?}")]
    TooLate(Duration),
}

impl Meaning {
    /// Makes room for vectors in `store`; fails where the database cannot compare them.
    pub async fn prepare(config: &Embeddings, store: &Store) -> anyhow::Result<Self> {
        store.prepare_vectors().await?;
        Ok(Self {
            store: store.clone(),
            embedder: Arc::new(Embedder::new(config)?),
            caught_up: Arc::default(),
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
    /// is none. What the embeddings server refuses stays without until the next start, so that it is not asked for ever.
    pub(crate) async fn catch_up(&self) -> Result<bool, MeaningError> {
        let after = self.caught_up.load(Ordering::Relaxed);
        let chunks = self.without(None, after).await?;
        let Some(last) = chunks.last().map(|chunk| chunk.id) else {
            return Ok(false);
        };
        match self.embed(chunks).await {
            Err(MeaningError::Embed(error)) if !error.is_retryable() => {
                let why = error.to_string();
                log::error!("chunks stay without vectors last={last} reason={why:?}");
            }
            done => done?,
        }
        self.caught_up.fetch_max(last, Ordering::Relaxed);
        Ok(true)
    }

    /// The chunks of a project that are nearest to a question, nearest first: `limit` at most. A score is 1 minus the
    /// cosine distance.
    pub(super) async fn sources(
        &self,
        project: ProjectId,
        question: String,
        limit: u32,
    ) -> Result<Vec<Source>, MeaningError> {
        let question = question.chars().take(MAX_QUESTION).collect();
        let vectors = self.embedder.embed(vec![question]);
        let vectors = tokio::time::timeout(QUESTION_DEADLINE, vectors).await;
        let vectors = vectors.map_err(|_| MeaningError::TooLate(QUESTION_DEADLINE))??;
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
