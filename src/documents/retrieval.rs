//! Finds what a project's documents say to a question: by its words, or by its meaning where an embeddings server is
//! configured.

use switchboard_actors::ports::{BoxFuture, Retrieval, Source, Unavailable};
use switchboard_protocol::ids::ProjectId;

use super::meaning::{Meaning, MeaningError};
use super::score::Question;
use super::terms;
use crate::store::{FoundChunk, Store, StoreError};

/// Sources of an answer at most.
const SOURCES: usize = 5;
/// Chunks that are looked at closely.
const CANDIDATES: u32 = 200;

/// Full-text search in a store; clones share it.
#[derive(Clone)]
pub struct DocumentSearch {
    store: Store,
    /// Chunks with a lower score are no sources.
    min_score: f64,
    /// By meaning; none: by words.
    meaning: Option<Meaning>,
}

impl DocumentSearch {
    /// Searches `store`, by `meaning` where there is one; `min_score` is from 0 to 1.
    pub fn new(store: Store, min_score: f64, meaning: Option<Meaning>) -> Self {
        Self {
            store,
            min_score,
            meaning,
        }
    }

    async fn by_meaning(
        &self,
        meaning: &Meaning,
        project: ProjectId,
        question: String,
    ) -> Result<Vec<Source>, MeaningError> {
        let mut sources = meaning.sources(project, question, SOURCES as u32).await?;
        sources.retain(|source| source.score >= self.min_score);
        Ok(sources)
    }

    async fn by_words(
        &self,
        project: ProjectId,
        question: &str,
    ) -> Result<Vec<Source>, StoreError> {
        let terms = terms::of_question(question);
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let frequencies = self.store.frequencies(project, &terms).await?;
        let question = Question::new(terms, &frequencies);
        let rarest = question.rarest();
        let found = self.store.best_chunks(project, &rarest, CANDIDATES).await?;
        drop(rarest);
        let min_score = self.min_score;
        let best = move || question.best(found, min_score, SOURCES);
        // Some milliseconds, in which others are served.
        let best = tokio::task::spawn_blocking(best).await?;
        let sources = best.into_iter();
        Ok(sources
            .map(|(fit, chunk)| source(chunk, fit.score))
            .collect())
    }
}

/// A chunk as clients are told of it.
pub(super) fn source(chunk: FoundChunk, score: f64) -> Source {
    Source {
        id: format!("chunk_{}", chunk.id),
        content: chunk.content,
        metadata: chunk.place,
        score,
    }
}

impl Retrieval for DocumentSearch {
    fn search(
        &self,
        project: ProjectId,
        question: String,
    ) -> BoxFuture<Result<Vec<Source>, Unavailable>> {
        let search = self.clone();
        Box::pin(async move {
            let Some(meaning) = &search.meaning else {
                let found = search.by_words(project, &question).await;
                return found.map_err(|error| Unavailable(error.to_string()));
            };
            let found = search.by_meaning(meaning, project, question).await;
            found.map_err(|error| {
                log::warn!(
                    "documents cannot be searched reason={:?}",
                    error.to_string()
                );
                Unavailable(error.to_string())
            })
        })
    }
}
